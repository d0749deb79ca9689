"""Networks in dataflow style: C-sim, test bench, RTL and golden model agree; a fault is found."""

from __future__ import annotations

import random
import time
from pathlib import Path

import hypothesis
import networks
import numpy as np
import pytest
from conftest import Lineloom
from dataflow_networks import (
    LANES,
    change_a_weight,
    design_of,
    expected,
    random_designs,
    small_residual,
)
from hanging import check_no_hang
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from hls import tools
from hls.network.dataflow import DataflowNetwork
from hls.network.fifos import safe_depths
from hls.network.generation import generate_dataflow
from hls.project import Project
from hls.rendering import INCLUDE
from sim import vectors
from sim.cosim import cosim


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory):
    """A project by the name of its network, generated once."""
    made: dict[str, Project] = {}

    def get(name: str) -> Project:
        if name not in made:
            made[name] = generate_dataflow(design_of(name), tmp_path_factory.mktemp("d") / name)
        return made[name]

    return get


@pytest.mark.parametrize("name", LANES)
def test_csim_is_the_golden_model(name, project):
    design = project(name).design
    x = vectors.frames(design, 7, seed=3)
    got = project(name).csim(x)
    np.testing.assert_array_equal(got.output, expected(design, x))
    one = project(name).csim(x[0])
    np.testing.assert_array_equal(one.output, got.output[0])


def check_csim(design: DataflowNetwork, seed: int, folder: Path) -> None:
    made = generate_dataflow(design, folder / "net")
    x = vectors.frames(design, 4, seed)
    np.testing.assert_array_equal(made.csim(x).output, expected(design, x))


@settings(max_examples=2, phases=[Phase.generate])  # each is compiled, so none is shrunk
@given(random_designs(), st.integers(0, 99))
def test_csim_of_random_networks_is_the_golden_model(tmp_path_factory, design, seed):
    check_csim(design, seed, tmp_path_factory.mktemp("random"))


@pytest.mark.soak
def test_random_networks_for_a_long_time(tmp_path, empty_cache, soak_seconds, capsys):
    @settings(max_examples=5)
    @given(random_designs(), st.integers(0, 99), st.integers(1, 4))
    def judge(design: DataflowNetwork, seed: int, frames: int) -> None:
        check_no_hang(design, frames)
        check_csim(design, seed, tmp_path)

    end, rounds = time.monotonic() + soak_seconds, 0
    while time.monotonic() < end or not rounds:
        seed = random.SystemRandom().getrandbits(32)
        with capsys.disabled():
            print(f"\nnetworks of engines, hypothesis.seed({seed})", end="", flush=True)
        hypothesis.seed(seed)(judge)()
        rounds += 1


def test_the_test_bench_passes_and_finds_a_fault(tmp_path):
    for name, fault in (("every_kind", ""), ("taken_apart", ""), ("chain", "conv2")):
        made = generate_dataflow(design_of(name), tmp_path / name)
        if fault:
            change_a_weight(made, fault)
        program = tmp_path / f"{name}.bench"
        sources = [made.source(".cpp"), made.source("_tb.cpp")]
        tools.run([*tools.cxx(), "-std=c++17", "-O0", "-Wall", "-Wextra", "-Werror",
                   "-Wno-unknown-pragmas", "-Wno-unused-label", f"-I{INCLUDE}", *sources,
                   "-o", program], what="the bench")  # fmt: skip
        if fault:
            with pytest.raises(tools.ToolFailed, match="call 1, frame 0, value"):
                tools.run([program], what="the bench")
        else:
            assert "net: PASS, 0 of" in tools.run([program], what="the bench")


@pytest.mark.parametrize(
    ("name", "runs"),
    [
        ("residual", [("fast", 0.0), ("cocotb", 0.3)]),
        ("every_kind", [("fast", 0.3)]),
        ("taken_apart", [("fast", 0.3)]),
    ],
)
def test_rtl_is_the_golden_model(name, runs, project):
    for engine, stalls in runs:  # which share what is compiled
        frames = 5 if engine == "fast" else 2
        result = cosim(project(name), frames=frames, stalls=stalls, seed=5, engine=engine)
        assert result.match
        assert result.first_layer is None
        # A pipeline with a longer interval would hold words back when its input runs dry; the
        # FIFOs' depths rest on that none does.
        assert set(result.ii.values()) == {1}
        if not stalls:
            assert 0.99 < result.ratio < 1.03
            for stream, depth in safe_depths(project(name).design.processes).items():
                assert result.fifos[stream]["depth"] >= depth


def test_a_fault_is_found_in_its_layer(tmp_path, lineloom: Lineloom):
    made = generate_dataflow(DataflowNetwork(network=small_residual()), tmp_path / "net")
    change_a_weight(made, "conv1")
    told = lineloom("csim", str(made.path), "--json")
    assert told.code == 1
    assert told.json["first_layer"]["layer"] == "conv1"
    told_rtl = lineloom("cosim", str(made.path), "--engine", "fast", "--json")
    assert told_rtl.code == 1
    assert told_rtl.json["first_layer"] == told.json["first_layer"]


def test_nothing_but_a_flattening_is_a_network_too(tmp_path: Path):
    b = networks.Builder((2, 3, 2))
    made = generate_dataflow(DataflowNetwork(network=b.network(b.flatten("x"))), tmp_path / "net")
    x = vectors.frames(made.design, 3, seed=0)
    np.testing.assert_array_equal(made.csim(x).output, x.reshape(3, 1, 1, 12))
