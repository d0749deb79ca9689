"""The GEMM in RTL: right for any sizes under stalls, and as fast as the array allows.

Without stalls a run is deterministic, so cycles are asserted; no margin hides a lost one.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Lineloom

from hls import Gemm, InputError, Project, generate
from hls.rtl import lower_project
from sim.cosim import CosimResult, cosim

Build = Callable[[str], Project]

DESIGNS: dict[str, Gemm] = {
    design.name: design
    for design in (
        Gemm(name="plain", max_m=70, max_k=90, max_n=70, rows=4, cols=4),
        Gemm(
            name="tall", max_m=50, max_k=40, max_n=20, rows=8, cols=2, tile_m=24, tile_n=6,
            tile_k=24, input="u4", weight="s4", bias="s16", input_zero_point=3,
        ),
        Gemm(
            name="flat", max_m=21, max_k=150, max_n=70, rows=2, cols=8, tile_k=20, input="s16",
            requantize="channel", bias="s32", output="u8", output_zero_point=5, activation="relu",
        ),
        Gemm(
            name="single", max_m=4, max_k=33, max_n=40, rows=4, cols=4, tile_n=4, input="s12",
            weight="s9", requantize="tensor", output="s16",
        ),
        Gemm(name="one_column", max_m=9, max_k=1, max_n=9, rows=2, cols=2, activation="relu"),
    )
}  # fmt: skip
"""Formats, shapes of array and tile, and epilogues that differ; tiles that divide nothing."""


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """The project of one of DESIGNS, generated once."""
    made: dict[str, Project] = {}

    def project(name: str) -> Project:
        if name not in made:
            folder = tmp_path_factory.mktemp("gemms") / name
            made[name] = generate(DESIGNS[name], folder)
        return made[name]

    return project


def run(project: Project, sizes: tuple[int, int, int], **options: Any) -> CosimResult:
    """A run in the fast engine that is right; a call of half the sizes follows the measured one."""
    result = cosim(project, sizes=sizes, engine="fast", **options)
    assert result.match, (sizes, options, result.first_mismatch, result.violations)
    assert result.calls == 2
    assert set(result.ii.values()) == {1}
    return result


def some_sizes(design: Gemm, count: int, seed: int) -> list[tuple[int, int, int]]:
    """The corners of the range, and sizes between them."""
    maxima = design.max_m, design.max_k, design.max_n
    corners = [(1, 1, 1), maxima]
    corners += [tuple(1 if i == axis else most for i, most in enumerate(maxima))
                for axis in range(3)]  # fmt: skip
    draw = random.Random(seed)
    between = [tuple(draw.choice((draw.randint(1, most), most, 1)) for most in maxima)
               for _ in range(count)]  # fmt: skip
    return [(m, k, n) for m, k, n in (*corners, *between)]


# ---------------------------------------------------------------------- right


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("stalls", [0.0, 0.3])
def test_any_sizes_are_right(build: Build, name: str, stalls: float) -> None:
    for seed, sizes in enumerate(some_sizes(DESIGNS[name], 20, seed=7)):
        run(build(name), sizes, stalls=stalls, seed=seed)


@pytest.mark.parametrize("latency", [1, 7, 60, 300])
def test_any_latency_of_the_memory_is_right(build: Build, latency: int) -> None:
    for sizes in ((70, 90, 70), (1, 33, 21), (17, 5, 1)):
        run(build("plain"), sizes, memory_latency=latency)


def test_both_engines_agree(build: Build) -> None:
    for stalls in (0.0, 0.3):
        slow = cosim(build("flat"), sizes=(5, 21, 19), stalls=stalls)
        assert slow.match
        assert (run(build("flat"), (5, 21, 19), stalls=stalls).output == slow.output).all()


@pytest.mark.parametrize(("rows", "cols"), [(4, 8)])
def test_arrays_of_any_shape_lower(rows: int, cols: int, tmp_path: Path) -> None:
    """LLVM's NewGVN aborted the process on 4 x 8 PEs."""
    design = Gemm(max_m=4000, max_k=70, max_n=70, rows=rows, cols=cols)
    report = lower_project(generate(design, tmp_path / "gemm")).report
    loops = [loop for process in report["processes"] for loop in process["loops"]]
    assert {loop["ii"] for loop in loops} == {1}


# ---------------------------------------------------------------------- as fast as predicted


@pytest.mark.parametrize("name", DESIGNS)
def test_cycles_are_those_that_the_model_predicts(build: Build, name: str) -> None:
    design = DESIGNS[name]
    for sizes in some_sizes(design, 40, seed=3):
        cycles = run(build(name), sizes).cycles
        assert cycles >= design.bound_cycles(*sizes)
        # Some cycles of a short product go to the ends of bursts, which the model leaves out.
        assert abs(design.cycles(*sizes) - cycles) <= max(0.03 * cycles, 16), (sizes, cycles)


def test_latency_costs_its_cycles_once(build: Build) -> None:
    design = DESIGNS["plain"]
    for latency in (1, 10, 40):
        cycles = run(build("plain"), (70, 90, 70), memory_latency=latency).cycles
        predicted = design.cycles(70, 90, 70, memory_latency=latency)
        assert predicted == pytest.approx(cycles, rel=0.01)


@pytest.mark.parametrize(
    ("array", "shares"), [(4, {64: 0.99}), (8, {64: 0.95, 128: 0.99}), (16, {128: 0.95})]
)
def test_the_array_is_busy(
    tmp_path_factory: pytest.TempPathFactory, array: int, shares: dict[int, float]
) -> None:
    """MACs a cycle and PE from start to done; the rest is the first words and the last results."""
    most = max(shares)
    design = Gemm(max_m=most, max_k=most, max_n=most, rows=array, cols=array)
    project = generate(design, tmp_path_factory.mktemp("busy") / "gemm")
    for size, share in shares.items():
        cycles = run(project, (size, size, size)).cycles
        assert size**3 / array**2 / cycles >= share
        assert abs(design.cycles(size, size, size) - cycles) <= 8


def test_one_row_is_as_fast_as_its_port(build: Build) -> None:
    """A fully connected layer at batch 1: B's port is the limit, a word a cycle."""
    design = DESIGNS["plain"]
    result = run(build("plain"), (1, 90, 70))
    assert design.bound_cycles(1, 90, 70) == 90 * 18
    assert result.cycles <= 1.03 * 90 * 18


# ---------------------------------------------------------------------- the option


def test_a_latency_needs_the_fast_engine(build: Build, lineloom: Lineloom) -> None:
    outcome = lineloom("cosim", build("plain").path, "--memory-latency", 9)
    assert outcome.code == 2
    assert "memories of cocotb have a pace of their own; use engine fast" in outcome.err
    with pytest.raises(InputError, match=r"memory_latency=0 is outside 1\.\.1000"):
        cosim(build("plain"), engine="fast", memory_latency=0)


def test_the_command_takes_a_latency(build: Build, lineloom: Lineloom) -> None:
    options = ("--engine", "fast", "--m", 9, "--k", 9, "--n", 9, "--json")
    cycles = [lineloom("cosim", build("plain").path, "--memory-latency", latency, *options)
              .json["cycles"] for latency in (2, 12)]  # fmt: skip
    assert cycles[1] - cycles[0] == 20


@pytest.mark.parametrize("width", [0.7, 5, 8, 100])
def test_ports_share_the_bandwidth_of_the_memory(build: Build, width: float) -> None:
    design, sizes = DESIGNS["plain"], (33, 40, 21)
    free = run(build("plain"), sizes)
    held = run(build("plain"), sizes, memory_bandwidth=width)
    assert held.memory_bytes == free.memory_bytes
    least = design.traffic_bytes(*sizes) / width
    assert held.cycles >= least - 32 / width  # the last words may still be owed
    assert held.cycles <= free.cycles + 1.02 * least
    if width == 100:  # more than all ports can take
        assert held.cycles == free.cycles


def test_a_bandwidth_is_right_under_stalls_too(build: Build) -> None:
    run(build("plain"), (33, 40, 21), memory_bandwidth=3.3, stalls=0.3, seed=5)


def test_the_command_takes_a_bandwidth(build: Build, lineloom: Lineloom) -> None:
    options = ("--engine", "fast", "--m", 9, "--k", 9, "--n", 9, "--json")
    cycles = [lineloom("cosim", build("plain").path, "--memory-bandwidth", width, *options)
              .json["cycles"] for width in (100, 1)]  # fmt: skip
    assert cycles[0] < cycles[1]
    outcome = lineloom("cosim", build("plain").path, "--memory-bandwidth", 8)
    assert outcome.code == 2
    assert "memories of cocotb have a pace of their own; use engine fast" in outcome.err
    for width in (0, -1, float("nan")):
        outcome = lineloom("cosim", build("plain").path, "--memory-bandwidth", width, *options)
        assert outcome.code == 2
        assert "is outside 0.01..1e6 bytes a cycle" in outcome.err
