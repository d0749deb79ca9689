"""FIFOs of networks in dataflow style: deep enough not to hang, no deeper than is of use."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import networks
import numpy as np
import pytest
from conftest import Lineloom
from dataflow_networks import random_designs, small_residual
from hanging import check_no_hang, stuck
from hypothesis import given, settings
from hypothesis import strategies as st

from hls.errors import CheckFailed
from hls.network.dataflow import DataflowNetwork
from hls.network.engines import Process
from hls.network.fifos import safe_depths
from hls.network.generation import generate_dataflow
from hls.network.schedule import pileups
from hls.project import Project
from sim.cosim import cosim
from sim.measuring import measure_fifos

MODELS = Path(__file__).parent.parent / "models"


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


def test_fifos_that_are_measured_are_smaller_and_as_fast(tmp_path):
    b = networks.Builder((4, 4, 2))
    first = b.conv("x", 2)
    network = b.network(b.add_up(b.conv(first, 2, relu=False), first))
    design = DataflowNetwork(network=network)
    made = generate_dataflow(design, tmp_path / "net")
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
