"""Verbs of the command line on a network in overlay style, whose engine is lowered already."""

from __future__ import annotations

import json
from pathlib import Path

import networks
import pytest
from conftest import Lineloom
from test_estimate import Stub

from hls import Project, estimate
from hls.network.generation import generate_network


@pytest.fixture
def project(hardware: Path, tmp_path: Path) -> Project:
    return generate_network(networks.chain(2), tmp_path / "net", engine=hardware)[0]


def test_show(project: Project, lineloom: Lineloom) -> None:
    told = lineloom("show", project.path, "--json").json
    assert {**told, "path": None} == {**project.manifest, "path": None}
    words = " ".join(lineloom("show", project.path).out.replace("│", " ").split())
    assert "network of 5 layers, 8x8x1 -> 1x1x10, in 4 passes of one engine of 8x8 PEs" in words
    for layer, cycles in told["network"]["layers"].items():
        assert f"{layer} {cycles:,} cycles" in words


def test_lower_finds_nothing_to_do(project: Project, lineloom: Lineloom) -> None:
    report = project.path / "reports" / "lowering.json"
    before = report.stat().st_mtime_ns
    done = lineloom("lower", project.path, "--json")
    assert done.code == 0, done.err
    processes = {process["name"] for process in done.json["processes"]}
    assert {"fetch", "load_image", "cut_image", "multiply", "reduce", "store_c"} <= processes
    assert report.stat().st_mtime_ns == before


def test_estimate(
    project: Project, lineloom: Lineloom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    estimate.yosys.cache_clear()
    stub = Stub(tmp_path, monkeypatch)
    stub.finds(DSP48E1=300, LUT6=18_000)
    done = lineloom("estimate", project.path, "--board", "pynq-z2", "--json")
    assert done.code == 0, done.err
    assert "engine needs 300 DSP, pynq-z2 has 220; make it with lineloom net for" in done.err
    assert done.json["fits"] is False
    assert "-top engine" in stub.calls
    estimate.yosys.cache_clear()


def test_bitstream(
    project: Project, lineloom: Lineloom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.delenv("LINELOOM_VIVADO", raising=False)
    folder = tmp_path / "vivado"
    done = lineloom("bitstream", project.path, "--board", "pynq-z2", "-o", folder, "--json")
    assert done.code == done.json["exit_code"] == 3
    told = json.loads((folder / "manifest.json").read_text())
    assert told["program"]["file"] == "engine.npz"
    program = (folder / "programs" / "engine.npz").read_bytes()
    assert program == (project.path / "program.npz").read_bytes()
    script = (folder / "build.tcl").read_text()
    assert "file copy $root/programs/engine.npz $root/overlay.part/engine.npz" in script
    for port in project.manifest["ports"]:
        assert port["name"] in script
