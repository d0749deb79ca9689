"""The overlay engine's C++ test bench: passes on what is generated, fails on what is broken."""

from __future__ import annotations

from pathlib import Path

import networks
import pytest
from overlay_engine import ENGINE
from test_testbench import compiled, linked, outcome

from hls.network.engine_bench import Bench, calls
from hls.network.instructions import places
from hls.network.overlay_generation import generate_overlay
from hls.network.overlay_network import OverlayNetwork
from hls.project import Project

BROKEN = {
    "multipliers in turn": ("odd ? reduction.odd : reduction.even", "reduction.even"),
    "maximum": ("before > value ? before : value", "before < value ? before : value"),
    "padding": ("col >= 0 && col < window.width", "col >= 0"),
    "stride": ("col + window.stride_cols", "col + 1"),
    "ring": ("wrapped >= 0 ? wrapped", "wrapped > 0 ? wrapped"),
    "next tile": ("if (tiles_over) {\n      a_first = a_position;",
                  "if (false) {\n      a_first = a_position;"),
    "next instruction": ("index * kRecordWords + i", "i"),
}  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    design = OverlayNetwork(network=networks.chain(0), engine=ENGINE)
    return generate_overlay(design, tmp_path_factory.mktemp("bench") / "chain")


@pytest.fixture(scope="module")
def bench(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The object file of the bench."""
    return compiled(project.source("_tb.cpp"), project, tmp_path_factory.mktemp("object"))


def test_passes(project: Project, bench: Path, tmp_path: Path) -> None:
    kernel = compiled(project.source(".cpp"), project, tmp_path)
    code, output = outcome(linked([kernel, bench], tmp_path / "bench"))
    assert code == 0, output
    assert "engine: PASS, 0 of" in output


@pytest.mark.parametrize("what", BROKEN)
def test_fails_on_a_broken_engine(what: str, project: Project, bench: Path, tmp_path: Path) -> None:
    right, wrong = BROKEN[what]
    text = project.source(".cpp").read_text()
    assert right in text, "the kernel's text has changed; bring this list in line"
    broken = tmp_path / "engine.cpp"
    broken.write_text(text.replace(right, wrong))
    kernel = compiled(broken, project, tmp_path, warnings=["-w"])
    code, output = outcome(linked([kernel, bench], tmp_path / "bench"))
    assert code == 1, output
    assert "engine: FAIL" in output


def test_no_call_reads_what_it_writes() -> None:
    """Else co-simulation, whose ports do not see one another's memory, would differ."""
    program = Bench(engine=ENGINE).program
    steps = [range(first, first + count) for first, count in calls(program)]
    assert [step for call in steps for step in call] == [*range(len(program.passes))]
    assert max(len(call) for call in steps) > 1
    for call in steps:
        written = {program.stored[program.passes[step].writes].first for step in call}
        read = {program.stored[name].first for step in call
                for name in program.passes[step].feed.reads}  # fmt: skip
        assert not written & read


def test_all_networks_have_the_same_bench(project: Project, tmp_path: Path) -> None:
    other = OverlayNetwork(network=networks.residual(1), engine=ENGINE)
    sources = generate_overlay(other, tmp_path / "other").path / "src"
    for file in (project.path / "src").iterdir():
        assert (sources / file.name).read_text() == file.read_text()


def test_readme_tells_the_manifests_facts(project: Project) -> None:
    text = (project.path / "README.md").read_text()
    for port in project.manifest["ports"]:
        assert f"| {port['name']} | {port['direction']} | {port['width_bits']} |" in text
    for argument, register in project.manifest["registers"]["arguments"].items():
        assert f"| {argument} | {register['offset']:#04x} | {register['bits']} |" in text
    for cost in project.manifest["costs"].values():
        assert f"| {cost:,} |" in text
    for place in places():
        where = f"{place.word} | {place.high}..{place.low}"
        assert f"| {place.part} | `{place.field}` | {where} |" in text
