"""Networks in dataflow style that several tests run, given ones and random ones."""

from __future__ import annotations

import re

import networks
import numpy as np
from hypothesis import strategies as st

from hls.checks import divisors
from hls.network import Network
from hls.network.dataflow import DataflowNetwork
from hls.network.engines import Lanes, lane_limit
from hls.network.layers import Convolution, Flattening
from hls.project import Project
from sim import network as golden

__all__ = [
    "LANES", "change_a_weight", "design_of", "expected", "random_designs", "small_residual",
]  # fmt: skip


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
