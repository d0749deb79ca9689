"""lineloom report: figures of a network out of its Verilog, and a page that shows just these."""

from __future__ import annotations

import json
import re
import shlex
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import networks
import pytest
from conftest import Lineloom

import sim.network_report
from hls import Project
from hls.boards import board
from hls.commands import report
from hls.estimate import Depth, Usage
from hls.network import Network
from hls.network.dataflow import DataflowNetwork
from hls.network.engines import Lanes
from hls.network.generation import generate_dataflow
from hls.network.page import page
from sim.cosim import cosim
from sim.network_report import network_report
from sim.timeline import timeline


def residual() -> Network:
    """A sum of a path of two convolutions and of one of none, as small as it can be."""
    b = networks.Builder((4, 4, 2))
    first = b.conv("x", 4)
    met = b.add_up(b.conv(first, 4, 1, relu=False), first)
    return b.network(b.dense(b.pool(met, "average", (4, 4), (1, 1)), 3))


RESIDUAL = residual()


class Page(HTMLParser):
    """Elements that are opened and not closed, tables as texts, and the data."""

    EMPTY = ("meta", "path", "rect", "circle", "polyline", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.titles: list[str] = []
        self.data = ""
        self._table: list[list[str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag not in self.EMPTY:
            self.open.append(tag)
        elif tag == "br":
            self._table[-1][-1] += " "
        if tag == "table":
            self._table = self.tables[named["id"] or ""] = []
        elif tag == "tr":
            self._table.append([])
        elif tag in ("td", "th"):
            self._table[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.EMPTY:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "script" in self.open:
            self.data += data
        elif "td" in self.open or "th" in self.open:
            self._table[-1][-1] += data
        elif self.open[-1:] == ["title"]:
            self.titles.append(data)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lanes = {layer.name: Lanes(simd=2) for layer in RESIDUAL.convolutions}
    design = DataflowNetwork(network=RESIDUAL, lanes=lanes)
    return generate_dataflow(design, tmp_path_factory.mktemp("reports") / "build" / "net").path


def test_the_verb_and_its_page(
    project: Path, lineloom: Lineloom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The example of its help."""
    monkeypatch.chdir(project.parent.parent)
    done = lineloom(*shlex.split(report.EXAMPLE)[1:], "--json")
    assert (done.code, done.err) == (0, "")
    found = done.json
    text = Path(found.pop("page")).read_text()
    assert not re.search(r"https?:|src=|href=|@import|url\(", text)
    read = Page(text)
    assert read.open == []
    assert json.loads(read.data) == found
    head, *rows, total = read.tables["layers"]
    for layer, row in zip(found["layers"], rows, strict=True):
        cells = dict(zip(head, row, strict=True))
        assert cells["layer"] == layer["name"]
        assert cells["cycles model"] == f"{layer['cycles']['value']:,}"
        assert cells["first to last word rtl"] == f"{layer['span_cycles']['value']:,}"
        assert cells["MACs"] == (f"{layer['macs']:,}" if layer["macs"] else "")
        assert cells["share of a frame"] == f"{layer['share']:.1%}"
    assert total[2] == f"{RESIDUAL.macs:,}"
    used = [row[1] for row in read.tables["resources"]]
    assert used == [f"{n:,g}" for n in found["resources"]["used"].values() if n is not None]
    assert f">{found['frames_per_second']:,.0f}</b>" in text
    boxes = [title for title in read.titles if ": cycles " in title]
    assert len(boxes) == sum(len(row["spans"]) for row in found["timeline"])
    assert lineloom("report", "build/net").code == 0
    assert Path("build/net/reports/network.html").read_text() == text


def test_figures_are_those_of_cosimulation(project: Path) -> None:
    opened = Project.open(project)
    found = network_report(opened, board("pynq-z2"))
    run = cosim(opened, frames=6, engine="fast")
    interval = run.cycles_per_frame
    assert found["match"]
    assert found["cycles_per_frame"] == {"value": interval, "from": "rtl"}
    assert found["ratio"] == round(interval / run.bound_cycles, 4)
    assert found["frames_per_second"] == round(1e8 / interval, 1)
    assert found["efficiency"] == round(RESIDUAL.macs / (found["multipliers"] * interval), 4)
    assert sum(layer["macs"] for layer in found["layers"]) == RESIDUAL.macs
    assert sum(layer["multipliers"] for layer in found["layers"]) == found["multipliers"]
    bits = 8 * sum(layer.parameters.weights.size for layer in RESIDUAL.convolutions)
    assert sum(layer["weight_bits"] for layer in found["layers"]) == bits
    for layer in found["layers"]:
        assert layer["share"] <= 1.001
        assert layer["span_cycles"]["value"] <= 1.05 * interval


def test_words_of_a_layer_come_behind_those_it_is_made_of(project: Path) -> None:
    rows = {row.name: row.spans for row in timeline(Project.open(project), frames=4).rows}
    last = {"x": "input"} | {layer.output: layer.name for layer in RESIDUAL.layers}
    for layer in RESIDUAL.layers:
        spans = rows[layer.name]
        assert len(spans) == 4
        for frame, (begin, end) in enumerate(spans):
            assert begin <= end
            for name in layer.inputs:
                source = rows[last[name]][frame]
                assert source[0] < begin
                assert source[1] < end
        assert all(a[1] < b[0] for a, b in pairwise(spans))
    assert rows["output"][-1] > rows[last[RESIDUAL.output]][-1]


def test_resources_say_where_they_come_from(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, target = Project.open(project), board("pynq-z2")
    modelled = network_report(opened, target)["resources"]
    assert modelled["from"] == "model"
    assert modelled["used"]["ff"] is None
    usage = Usage(
        lut=7, lut_logic=7, lut_ram=0, lut_shift=0, ff=9, dsp=3, bram36=1.5, cells={},
        depth=Depth(levels=1, start="", through=(), logic_ns=None), yosys="0", seconds=1.0,
    )  # fmt: skip
    monkeypatch.setattr(sim.network_report, "kept", lambda rtl, family: usage)
    found = network_report(opened, target)
    assert found["resources"]["from"] == "yosys"
    assert found["resources"]["used"] == {"lut": 7, "ff": 9, "dsp": 3, "bram36": 1.5}
    assert found["macs_per_dsp_cycle"] == round(
        RESIDUAL.macs / (3 * found["cycles_per_frame"]["value"]), 4
    )
    assert "Estimated from sizes" not in page(found)
    rows = Page(page(found)).tables["resources"]
    assert rows[2][:4] == ["DSP", "3", "of 220", "1.4 %"]


def test_no_text_of_a_model_becomes_markup(project: Path) -> None:
    found = network_report(Project.open(project), board("pynq-z2"))
    found |= {"name": "<script>&", "summary": "</script><b>"}
    text = page(found)
    read = Page(text)
    assert read.open == []
    assert json.loads(read.data) == found
    assert "<b>" not in text.split("<div")[0]


def test_projects_that_are_refused(lineloom: Lineloom, project: Path, tmp_path: Path) -> None:
    conv = tmp_path / "conv"
    lineloom("conv2d", "--input", "4x4x1", "--filters", 1, "--kernel", 3, "-o", conv)
    done = lineloom("report", conv)
    assert (done.code, "is no network; make one with lineloom net" in done.err) == (2, True)
    done = lineloom("report", project, "-o", tmp_path)
    assert (done.code, "cannot be written" in done.err) == (2, True)


def test_a_network_without_multipliers_has_a_report(lineloom: Lineloom, tmp_path: Path) -> None:
    """What is divided by multipliers, or drawn by its MACs, is left out."""
    b = networks.Builder((4, 4, 2))
    network = b.network(b.rescale(b.pool("x", "max", (2, 2), (2, 2))))
    project = generate_dataflow(DataflowNetwork(network=network), tmp_path / "net")
    done = lineloom("report", project.path, "--json")
    assert done.code == 0, done.err
    assert (done.json["macs"], done.json["efficiency"], done.json["roofline"]) == (0, None, None)
    assert "Roofline" not in (project.path / "reports" / "network.html").read_text()
    assert "no multipliers" in lineloom("report", project.path).out
    assert lineloom("estimate", project.path, "--json").json["dsp_per_mac"] is None
