"""Networks in dataflow style: C-sim, RTL and golden model agree; FIFOs, lanes and refusals."""

from __future__ import annotations

import dataclasses
import random
import re
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

import hypothesis
import networks
import numpy as np
import pytest
from conftest import Lineloom
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from hls import tools
from hls.boards import board
from hls.checks import divisors
from hls.errors import CheckFailed, DesignError
from hls.network import Network
from hls.network.balancing import Budget, balance
from hls.network.dataflow import DataflowNetwork
from hls.network.engines import Lanes, Process, lane_limit
from hls.network.fifos import safe_depths
from hls.network.generation import generate_dataflow
from hls.network.layers import Convolution, Flattening
from hls.network.resources import of_network
from hls.network.schedule import pileups
from hls.project import Project
from hls.rendering import INCLUDE
from sim import network as golden
from sim import vectors
from sim.cosim import cosim
from sim.measuring import measure_fifos

MODELS = Path(__file__).parent.parent / "models"


def expected(design: DataflowNetwork, x: np.ndarray) -> np.ndarray:
    return golden.tensors(design.network, x)[design.network.output]


def small_residual(seed: int = 0) -> Network:
    """The least network in which paths meet: a convolution, and beside it nothing."""
    b = networks.Builder((4, 4, 2), seed)
    first = b.conv("x", 2, 1)
    met = b.add_up(b.conv(first, 2, relu=False), first)
    return b.network(b.dense(b.flatten(met), 3))


def taken_apart(seed: int = 0) -> Network:
    """The input is read by three layers, one of them twice, and the output by another layer.

    A mean of the pixels alone, padding of its own, a window with gaps, wide weights, a difference.
    """
    b = networks.Builder((5, 4, 6), seed)
    pooled = b.pool("x", "average", (3, 3), (1, 1), (1, 1, 1, 1), counts_padding=False)
    framed = b.conv(pooled, 6, 1, padding=(1, 0, 0, 1), groups=6, weight="s9")
    spread = b.pool(framed, "max", (2, 2), (1, 1), (1, 0, 0, 0), dilation=(2, 1))
    largest = b.pool("x", "max", (5, 4), (1, 1))
    twice = b.add_up("x", "x", subtracts=True)
    joined = b.concatenate(spread, twice, b.rescale(twice))
    assert largest in b.tensors
    mean = b.pool(joined, "average", (5, 4), (1, 1))
    b.rescale(mean)  # which nobody reads
    return b.network(b.concatenate(mean, largest))


LANES: dict[str, dict[str, Lanes]] = {
    "chain": {},
    # Words of 4 to words of 2 and back, packed weights, taps one by one.
    "residual": {
        "conv0": Lanes(simd=4, pe=4), "conv1": Lanes(simd=2, pe=8, taps="one"),
        "conv2": Lanes(simd=8, pe=2, taps="row"), "add3": Lanes(simd=4, pe=4),
        "pool4": Lanes(simd=8, pe=8), "conv5": Lanes(simd=2, pe=4),
    },
    # Words of 4 to words of 3: by way of single channels.
    "every_kind": {
        "conv0": Lanes(simd=3, pe=8), "conv1": Lanes(simd=8, pe=8),
        "conv2": Lanes(simd=8, pe=4), "add3": Lanes(simd=2, pe=2),
        "pool4": Lanes(simd=4, pe=4), "conv5": Lanes(simd=4, pe=4),
        "concat7": Lanes(simd=4, pe=4), "pool8": Lanes(simd=3, pe=3),
        "conv10": Lanes(simd=8, pe=5),
    },
    "taken_apart": {
        "pool0": Lanes(simd=3, pe=3), "pool2": Lanes(simd=2, pe=2), "pool3": Lanes(simd=2, pe=2)
    },
}  # fmt: skip
MADE = {"taken_apart": taken_apart}


def design_of(name: str) -> DataflowNetwork:
    made = MADE.get(name) or getattr(networks, name)
    return DataflowNetwork(network=made(), lanes=LANES[name])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory):
    """A project by the name of its network, generated once."""
    made: dict[str, Project] = {}

    def get(name: str) -> Project:
        if name not in made:
            made[name] = generate_dataflow(design_of(name), tmp_path_factory.mktemp("d") / name)
        return made[name]

    return get


# ---------------------------------------------------------------------- C-sim


@pytest.mark.parametrize("name", LANES)
def test_csim_is_the_golden_model(name, project):
    design = project(name).design
    x = vectors.frames(design, 7, seed=3)
    got = project(name).csim(x)
    np.testing.assert_array_equal(got.output, expected(design, x))
    one = project(name).csim(x[0])
    np.testing.assert_array_equal(one.output, got.output[0])


@st.composite
def random_designs(draw: st.DrawFn) -> DataflowNetwork:
    """A random network, each layer with lanes of its own."""
    network = draw(networks.random_networks())
    lanes = {}
    for layer in network.layers:
        if isinstance(layer, Convolution):
            conv = layer.conv
            if conv.groups > 1:
                simd = pe = draw(st.sampled_from(divisors(conv.groups)))
            else:
                simd = draw(st.sampled_from(divisors(conv.in_channels)))
                pe = draw(st.sampled_from(divisors(conv.out_channels)))
            taps = draw(st.sampled_from(["all", "row", "one"]))
            lanes[layer.name] = Lanes(simd=simd, pe=pe, taps=taps)
        elif not isinstance(layer, Flattening):
            count = draw(st.sampled_from(divisors(lane_limit(network, layer))))
            lanes[layer.name] = Lanes(simd=count, pe=count)
    return DataflowNetwork(network=network, lanes=lanes)


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


# ---------------------------------------------------------------------- RTL


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


def change_a_weight(project: Project, layer: str) -> None:
    """Another sign for the first large weight in a table."""
    table = project.path / "src" / f"{project.design.name}_{layer}_weights.hpp"
    text = table.read_text()
    at = text.index("kWeights[")
    changed = re.sub(r"(?<![\d-])(-?)(1\d\d|[6-9]\d)\b",
                     lambda found: f"{'' if found[1] else '-'}{min(int(found[2]), 127)}",
                     text[at:], count=1)  # fmt: skip
    assert changed != text[at:]
    table.write_text(text[:at] + changed)


# ---------------------------------------------------------------------- FIFOs


def stuck(design: DataflowNetwork, depths: Mapping[str, int], frames: int) -> bool:
    """Whether the processes, each reading as late as it can, get stuck with FIFOs so deep."""
    first, last = design.processes[0], design.processes[-1]
    written = {put: 0 for process in design.processes for put in process.puts}
    read = {take: 0 for process in design.processes for take in process.takes}
    beats = len(first.orders[0])
    written["in"] = beats * frames
    done = {id(process): 0 for process in design.processes}

    def take_up_to(take: str, need: int) -> bool:
        """Read what is there of what is needed; an input is read when those before it are."""
        read[take] = min(max(need, read[take]), written[take])
        return read[take] >= need

    moved = True
    while moved:
        before = dict(read), dict(done)
        for process in design.processes:
            own = len(process.orders[0])
            while done[id(process)] < own * frames:
                frame, inner = divmod(done[id(process)], own)
                needs = {
                    take: min(order[inner] + frame * order_words(design, take), frames
                              * order_words(design, take))
                    for take, order in zip(process.takes, process.orders, strict=True)
                }  # fmt: skip
                if not all(take_up_to(take, need) for take, need in needs.items()):
                    break
                full = [put for put in process.puts
                        if put != "out" and written[put] - read[put] >= depths[put]]  # fmt: skip
                if full:
                    break
                for put in process.puts:
                    written[put] += 1
                done[id(process)] += 1
            if done[id(process)] == own * frames:
                # What it makes may not need the last words of its inputs, but it reads them.
                for take in process.takes:
                    take_up_to(take, order_words(design, take) * frames)
        moved = before != (read, done)
    return done[id(last)] < len(last.orders[0]) * frames


def order_words(design: DataflowNetwork, stream: str) -> int:
    """Words a frame of a stream."""
    if stream == "in":
        return len(design.processes[0].orders[0])
    return next(len(p.orders[0]) for p in design.processes if stream in p.puts)


def check_no_hang(design: DataflowNetwork, frames: int) -> None:
    least = safe_depths(design.processes)
    depths = {stream.name: least.get(stream.name, 1) for stream in design.streams}
    assert not stuck(design, depths, frames)
    chosen = {stream.name: stream.depth for stream in design.streams}
    assert all(chosen[stream] >= depth for stream, depth in depths.items())


@settings(max_examples=60)
@given(random_designs(), st.integers(1, 4))
def test_no_network_hangs_with_the_depths_that_are_safe(design, frames):
    check_no_hang(design, frames)


def test_a_word_less_than_what_is_safe_is_too_little():
    # Where the path beside is a FIFO and nothing else, which has room of its own.
    for network in (small_residual(), networks.residual()):
        design = DataflowNetwork(network=network)
        least = safe_depths(design.processes)
        depths = {stream.name: least.get(stream.name, 1) for stream in design.streams}
        skip = max(least, key=lambda stream: least[stream])
        assert least[skip] > 2
        assert not stuck(design, depths, 3)
        assert stuck(design, depths | {skip: least[skip] - 1}, 3)


def test_a_fifo_that_is_too_small_hangs_and_is_named(tmp_path):
    network = small_residual()
    least = safe_depths(DataflowNetwork(network=network).processes)
    design = DataflowNetwork(network=network, depths={"conv0_to_add2": least["conv0_to_add2"] - 6})
    made = generate_dataflow(design, tmp_path / "net")
    with pytest.raises(CheckFailed, match="conv0_fork runs while stream conv0_to_add2 is full"):
        cosim(made, engine="fast", frames=2)


def test_words_pile_up_before_a_process_that_is_busy_with_each():
    # Every 160 cycles 16 words come, one a cycle; each is read 9 cycles after the one before.
    bursts = Process(namespace="", function="burst", takes=("in",), puts=("words",),
                     orders=(np.ones(16, np.int64),))  # fmt: skip
    sums = Process(namespace="", function="sum", takes=("words",), puts=("sums",),
                   orders=(np.array([8, 16]),), cycles=72, take_cycles=9)  # fmt: skip
    # When the third one is read, 18 cycles after the first, all 16 are there, or were.
    assert pileups([bursts, sums], 160, {})["words"] == 14
    # Had all of a sum been read at once, only those of the second one would wait.
    hasty = dataclasses.replace(sums, take_cycles=1)
    assert pileups([bursts, hasty], 160, {})["words"] == 8


def test_fifos_that_are_measured_are_smaller_and_as_fast(project, tmp_path):
    design = project("residual").design
    made = Project.open(shutil.copytree(project("residual").path, tmp_path / "net"))
    found = measure_fifos(made, design)
    assert found.cycles <= 1.03 * design.lower_bound_cycles
    opened = Project.open(made.path).design
    assert isinstance(opened, DataflowNetwork)
    before = {stream.name: stream.depth for stream in design.streams}
    after = {stream.name: stream.depth for stream in opened.streams}
    assert all(after[name] <= depth for name, depth in before.items())
    assert all(after[name] >= least for name, least in safe_depths(design.processes).items())
    saved = sum(stream.bits * (before[stream.name] - after[stream.name])
                for stream in design.streams)  # fmt: skip
    assert found.bits_before - found.bits == saved > 0


def test_measured_fifos_are_refused_where_there_are_none(tmp_path, lineloom: Lineloom):
    told = lineloom("net", MODELS / "digits_mlp.onnx", "--style", "overlay", "--fifos", "measured",
                    "-o", tmp_path / "net")  # fmt: skip
    assert told.code == 2
    assert "--fifos measured does not apply to style overlay" in told.err


# ---------------------------------------------------------------------- lanes for a board


def test_balanced_networks_stay_within_their_budget():
    b = networks.Builder((16, 16, 3))
    first = b.conv("x", 16)
    met = b.add_up(b.conv(b.conv(first, 16), 16), first)
    network = b.network(b.dense(b.pool(met, "average", (16, 16), (1, 1)), 10))
    before = None
    for share in (0.06, 0.15, 0.4, 0.9):
        shares = {"dsp": share, "bram18": share, "lut": max(0.2, share)}
        design = balance(network, board("pynq-z2"), shares=shares)
        assert Budget.of(board("pynq-z2"), shares).holds(of_network(design))
        assert before is None or design.predicted_cycles < before
        assert all(stage.cycles <= design.predicted_cycles for stage in design.stages)
        before = design.predicted_cycles
    with pytest.raises(
        DesignError, match=r"needs .* dsp of 2 .*; use --style overlay, or a larger"
    ):
        balance(network, board("pynq-z2"), shares={"dsp": 0.01, "bram18": 1, "lut": 1})


# ---------------------------------------------------------------------- projects and refusals


def test_a_project_opens_again_with_its_design(project, lineloom: Lineloom):
    made = project("every_kind")
    opened = Project.open(made.path).design
    assert isinstance(opened, DataflowNetwork)
    assert opened.data() == made.design.data()
    assert opened.streams == made.design.streams
    shown = lineloom("show", str(made.path), "--json").json
    assert shown["engine"] == "network"
    assert shown["network"]["output"]["steps"] == ["argmax"]
    assert shown["network"]["input"]["zero_point"] == 3
    assert "simd 3, pe 8" in lineloom("show", str(made.path)).out
    (made.path / "network.npz").unlink()
    told = lineloom("csim", str(made.path))
    assert told.code == 2
    assert "network.npz" in told.err


@pytest.mark.parametrize(
    ("lanes", "depths", "text"),
    [
        ({"conv9": Lanes()}, {}, "lanes of 'conv9' are of none of its layers"),
        ({"flatten3": Lanes()}, {}, "lanes of 'flatten3' are of none of its layers"),
        ({"pool1": Lanes(simd=2, pe=1)}, {}, "layer pool1: pe=1 differs from simd=2"),
        ({"pool1": Lanes(simd=3, pe=3)}, {}, "layer pool1: simd=3 does not divide channels=4"),
        ({"conv2": Lanes(simd=3)}, {}, "layer conv2: Conv2d: simd=3 does not divide"),
        ({"pool1": Lanes(taps="row")}, {}, "layer pool1: taps='row'"),
        ({}, {"words2": 4}, "depth of 'words2' is of none of its streams"),
        ({}, {"words": 0}, "depth of words=0"),
    ],
)
def test_lanes_and_depths_that_do_not_suit_are_refused(lanes, depths, text):
    with pytest.raises(DesignError, match=re.escape(text)):
        DataflowNetwork(network=networks.chain(), lanes=lanes, depths=depths)


def test_names_that_would_clash_are_refused():
    network = networks.chain()
    with pytest.raises(DesignError, match="has the network's own name"):
        DataflowNetwork(network=dataclasses.replace(network, name="conv0"))


def test_nothing_but_a_flattening_is_a_network_too(tmp_path: Path):
    b = networks.Builder((2, 3, 2))
    made = generate_dataflow(DataflowNetwork(network=b.network(b.flatten("x"))), tmp_path / "net")
    x = vectors.frames(made.design, 3, seed=0)
    np.testing.assert_array_equal(made.csim(x).output, x.reshape(3, 1, 1, 12))
