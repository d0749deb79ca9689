"""Images a second through the C-simulation of a small convolutional network, layer by layer.

The network is a digit classifier for 32x32 RGB pictures: three 3x3 convolutions (16, 16 and 24
channels, no padding) with ReLU and 2x2 maximum pooling, then dense layers of 42, 64 and 10, all
int8 with random weights. Convolutions run as Conv2d, dense layers as Gemm with a row per image.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.tables import Benchmark, Table
from hls.conv2d import Conv2d, Pool
from hls.design import Operator
from hls.errors import CheckFailed
from hls.gemm import Gemm
from hls.generator import generate
from hls.project import Project
from sim import reference, vectors
from sim.csim import library

__all__ = ["CSIM_SPEED", "Layer", "compile_network", "measure"]

FOLDER = Path("build/bench/csim_speed")
BATCH = 512
RUNS = 7
CLASSES = 10
PEER_IMAGES_PER_SECOND = 25
"""About what another open HLS generator reports for its C-simulation of such a network."""
GOAL = 10

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Layer:
    """A generated and compiled layer, with the operands of a product besides A."""

    project: Project
    operands: dict[str, Array]

    @property
    def macs(self) -> int:
        """Multiply-accumulates an image."""
        design = self.project.design
        return design.max_k * design.max_n if isinstance(design, Gemm) else design.macs

    def csim(self, x: Array) -> Array:
        """Batch in, batch out, by the generated C++."""
        if isinstance(self.project.design, Gemm):
            return self.project.csim(a=x.reshape(len(x), -1), **self.operands).output
        return self.project.csim(x).output

    def golden(self, x: Array) -> Array:
        """Batch in, batch out, by NumPy."""
        design, parameters = self.project.design, self.project.parameters
        if isinstance(design, Gemm):
            return reference.gemm_output(design, a=x.reshape(len(x), -1), **self.operands)
        assert parameters is not None
        assert isinstance(design, Conv2d)
        return reference.conv2d_output(design, parameters, x)


def network(batch: int) -> list[Operator]:
    """The layers; a product takes `batch` images at once."""
    convs: list[Conv2d] = []
    size, channels = 32, 3
    for number, filters in enumerate((16, 16, 24), start=1):
        conv = Conv2d(
            name=f"conv{number}",
            height=size,
            width=size,
            in_channels=channels,
            out_channels=filters,
            activation="relu",
            pooling=Pool(),
            simd=channels,
            pe=filters,
        )
        convs.append(conv)
        size, _, channels = conv.output_shape
    dense: list[Gemm] = []
    inputs = size * size * channels
    for number, outputs in enumerate((42, 64, CLASSES), start=1):
        hidden = outputs != CLASSES
        gemm = Gemm(
            name=f"dense{number}",
            max_m=batch,
            max_k=inputs,
            max_n=outputs,
            bias="s16",
            requantize="tensor" if hidden else "none",
            activation="relu" if hidden else "none",
        )
        dense.append(gemm)
        inputs = outputs
    return [*convs, *dense]


def compile_network(folder: Path, batch: int) -> list[Layer]:
    """Generate all layers under `folder` and compile them (or find them compiled)."""
    layers = []
    for seed, design in enumerate(network(batch)):
        project = generate(design, folder / design.name, seed=seed)
        library(project)
        operands = {}
        if isinstance(design, Gemm):
            operands = vectors.gemm_operands(design, 1, design.max_k, design.max_n, seed)
            del operands["a"]
        layers.append(Layer(project, operands))
    return layers


def measure(layers: Sequence[Layer], x: Array, *, runs: int) -> list[Table]:
    """Push `x` through the layers `runs` times; medians count.

    Raises:
        CheckFailed: a layer's output differs from NumPy's.
    """
    seconds: list[list[float]] = [[] for _ in layers]
    inputs: list[Array] = []
    outputs: list[Array] = []
    for run in range(1 + runs):  # the first one warms up
        inputs, outputs = [x], []
        for layer, taken in zip(layers, seconds, strict=True):
            start = time.perf_counter()
            outputs.append(layer.csim(inputs[-1]))
            if run:
                taken.append(time.perf_counter() - start)
            inputs.append(outputs[-1])
    start = time.perf_counter()
    for layer, given, output in zip(layers, inputs, outputs, strict=False):
        if not np.array_equal(layer.golden(given), output):
            raise CheckFailed(f"{layer.project.design.name}: C-sim differs from NumPy")
    check = time.perf_counter() - start
    alone = statistics.median(sum(run) for run in zip(*seconds, strict=True))
    return [_speed(len(x), alone, check), _layers(layers, len(x), seconds)]


def _speed(images: int, alone: float, check: float) -> Table:
    rows = [
        (what, images / taken, images / taken / PEER_IMAGES_PER_SECOND)
        for what, taken in (("C-sim", alone), ("C-sim, checked by NumPy", alone + check))
    ]
    return Table(
        title="C-simulation of a small network",
        caption=(
            f"conv 16, 16, 24 (3x3, maximum pooling) and dense 42, 64, 10 on 32x32x3, int8; "
            f"{images} images a batch, Python included, compiled before. Peer: about "
            f"{PEER_IMAGES_PER_SECOND} images/s, a figure given for such a machine and not "
            f"measured here. Goal: {GOAL}x."
        ),
        columns=("run", "images/s", "times peer"),
        rows=rows,
    )


def _layers(layers: Sequence[Layer], images: int, seconds: Sequence[Sequence[float]]) -> Table:
    rows = []
    for layer, taken in zip(layers, map(statistics.median, seconds), strict=True):
        design = layer.project.design
        kind = "conv2d" if isinstance(design, Conv2d) else "gemm"
        rate = images * layer.macs / taken / 1e6
        rows.append((design.name, kind, layer.macs, taken * 1e3, images / taken, rate))
    return Table(
        title="The same by layer",
        caption=f"Medians of {len(seconds[0])} runs.",
        columns=("layer", "kind", "MACs/image", "ms/batch", "images/s", "million MACs/s"),
        rows=rows,
    )


def _run(progress: Callable[[str], None]) -> list[Table]:
    progress("compiling the network")
    layers = compile_network(FOLDER, BATCH)
    first = layers[0].project.design
    assert isinstance(first, Conv2d)
    progress(f"simulating {BATCH} images, {RUNS} times")
    return measure(layers, vectors.frames(first, BATCH, seed=0), runs=RUNS)


CSIM_SPEED = Benchmark("csim_speed", "images a second of C-simulation", _run)
