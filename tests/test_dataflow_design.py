"""Designs of networks in dataflow style: lanes for a board, projects, what is refused."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import networks
import pytest
from conftest import Lineloom
from dataflow_networks import design_of

from hls.boards import board
from hls.errors import DesignError
from hls.network.balancing import Budget, balance
from hls.network.dataflow import DataflowNetwork
from hls.network.engines import Lanes
from hls.network.generation import generate_dataflow
from hls.network.resources import of_network
from hls.project import Project


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


def test_a_project_opens_again_with_its_design(tmp_path: Path, lineloom: Lineloom):
    made = generate_dataflow(design_of("every_kind"), tmp_path / "net")
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
