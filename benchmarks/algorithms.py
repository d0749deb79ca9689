"""The models of the convolution algorithms beside RTL, and what they say of whole networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.projects import lowered, prepared
from benchmarks.tables import Benchmark, Table
from hls.algorithms import (
    ACCURACY,
    Cost,
    array_cost,
    direct_cost,
    direct_lanes,
    partials_cost,
)
from hls.boards import Board, board
from hls.comparison import compare
from hls.conv2d import Conv2d
from hls.design import engine
from hls.errors import CheckFailed
from hls.layers import read_layers
from hls.matrix_conv2d import MatrixConv2d
from hls.memory import Memory
from hls.partials_conv2d import PartialsConv2d
from sim.cosim import cosim

__all__ = ["ALGORITHM_BENCHMARK", "LAYERS", "MEMORIES", "RUNS", "model_table", "predicted"]

LAYERS: Mapping[str, dict[str, Any]] = {
    "14x14x32_32k3": {"height": 14, "width": 14, "in_channels": 32, "out_channels": 32,
                      "padding": "same", "simd": 8, "pe": 8},
    "7x7x96_64k1": {"height": 7, "width": 7, "in_channels": 96, "out_channels": 64, "kernel": 1,
                    "simd": 8, "pe": 8},
    "14x14x16_32k5": {"height": 14, "width": 14, "in_channels": 16, "out_channels": 32,
                      "kernel": 5, "padding": "same", "simd": 8, "pe": 8},
    "15x15x24_40k3_s2": {"height": 15, "width": 15, "in_channels": 24, "out_channels": 40,
                              "stride": 2, "padding": "same", "simd": 8, "pe": 8},
    "12x12x64_24k1_s2": {"height": 12, "width": 12, "in_channels": 64, "out_channels": 24,
                              "kernel": 1, "stride": 2, "simd": 8, "pe": 4},
    # Channels and filters that do not fill their words, frames that share a tile.
    "9x9x20_36k3_batch2": {"height": 9, "width": 9, "in_channels": 20, "out_channels": 36,
                           "padding": "same", "simd": 8, "pe": 8, "batch": 2},
    "1x1x512_64_batch4": {"height": 1, "width": 1, "in_channels": 512, "out_channels": 64,
                          "kernel": 1, "simd": 8, "pe": 8, "batch": 4},
    "28x28x8_16k3": {"height": 28, "width": 28, "in_channels": 8, "out_channels": 16,
                     "padding": "same", "simd": 8, "pe": 8},
    "10x10x32_64k3_16x16": {"height": 10, "width": 10, "in_channels": 32, "out_channels": 64,
                            "simd": 16, "pe": 16},
}  # fmt: skip
"""Small layers of several kinds; simd and pe are the array."""

RUNS: Sequence[tuple[str, str]] = (
    ("14x14x32_32k3", "direct"), ("14x14x32_32k3", "im2col"), ("14x14x32_32k3", "implicit"),
    ("7x7x96_64k1", "direct"), ("7x7x96_64k1", "im2col"), ("7x7x96_64k1", "kn2row"),
    ("14x14x16_32k5", "kn2row"),
    ("15x15x24_40k3_s2", "direct"), ("15x15x24_40k3_s2", "implicit"),
    ("12x12x64_24k1_s2", "direct"), ("12x12x64_24k1_s2", "implicit"),
    ("9x9x20_36k3_batch2", "im2col"), ("9x9x20_36k3_batch2", "kn2row"),
    ("1x1x512_64_batch4", "kn2row"),
    ("28x28x8_16k3", "direct"), ("28x28x8_16k3", "implicit"),
    ("10x10x32_64k3_16x16", "kn2row"),
    ("14x14x32_32k3", "kn2row_partials"), ("7x7x96_64k1", "kn2row_partials"),
    ("15x15x24_40k3_s2", "kn2row_partials"), ("9x9x20_36k3_batch2", "kn2row_partials"),
    ("28x28x8_16k3", "kn2row_partials"),
)  # fmt: skip
"""What is built and simulated."""

MEMORIES = (
    Memory(),
    Memory(latency_cycles=30, bytes_per_cycle=21),
    Memory(latency_cycles=30, bytes_per_cycle=8),
    Memory(latency_cycles=60, bytes_per_cycle=4),
)
"""The second is a PYNQ-Z2's; behind the last ones most layers wait for memory."""

NETWORK_LAYERS = Path(__file__).with_name("layers.csv")


def design_of(name: str, algorithm: str) -> Conv2d:
    """A layer of LAYERS by an algorithm; a line buffer has as many multipliers as the array."""
    layer = Conv2d(name=f"l{name}_{algorithm}", algorithm="auto", **LAYERS[name])
    if algorithm == "direct":
        return direct_lanes(layer, layer.simd * layer.pe)
    return replace(layer, algorithm=algorithm)


def predicted(conv: Conv2d, frames: int, target: Board, memory: Memory) -> Cost:
    """What the model says."""
    made = engine(conv)
    if isinstance(made, PartialsConv2d):
        return partials_cost(made, target, memory)
    if isinstance(made, MatrixConv2d):
        return array_cost(made, target, memory)
    return direct_cost(conv, frames, target, memory)


def model_table(
    runs: Sequence[tuple[str, str]],
    memories: Sequence[Memory],
    progress: Callable[[str], None],
) -> Table:
    """Cycles and bytes of the model beside those of RTL.

    Raises:
        CheckFailed: an output is wrong, or a rule of a protocol was broken.
    """
    target = board("pynq-z2")
    rows, misses = [], []
    for number, (name, algorithm) in enumerate(runs, start=1):
        progress(f"{number}/{len(runs)} {name} {algorithm}: lower, build, simulate")
        conv = design_of(name, algorithm)
        frames = LAYERS[name].get("batch", 1)
        project = prepared(conv, "algorithms")
        lowered(project)
        for memory in memories:
            limit = None if memory == Memory() else memory.bytes_per_cycle
            result = cosim(project, engine="fast", frames=frames, memory_bandwidth=limit,
                           memory_latency=memory.latency_cycles)  # fmt: skip
            if not result.match:
                raise CheckFailed(f"{conv.name}: RTL differs from NumPy in {result.mismatches} of "
                                  f"{result.outputs} outputs")  # fmt: skip
            cost = predicted(conv, frames, target, memory)
            moved = sum(sum(counts.values()) for counts in result.memory_bytes.values())
            error = cost.cycles / result.cycles - 1
            reached = abs(error) <= ACCURACY and moved == cost.dram_bytes
            pace = f"{memory.latency_cycles} / {'any' if limit is None else f'{limit:g}'}"
            rows.append((name, algorithm, pace, result.cycles, cost.cycles, f"{100 * error:+.2f}",
                         moved, "pass" if reached else "FAIL"))  # fmt: skip
            if not reached:
                misses.append(
                    f"{conv.name}, memory {pace}: {cost.cycles:,} cycles and "
                    f"{cost.dram_bytes:,} bytes predicted, {result.cycles:,} and {moved:,} in RTL"
                )
    return Table(
        title="Algorithms: the model beside RTL",
        caption=(
            "Start to done, fast engine, every output compared. Memory: latency in cycles / bytes "
            f"a cycle for all ports together. Marks: cycles within {100 * ACCURACY:g} %, bytes "
            "exact."
        ),
        columns=("layer", "by", "memory", "RTL cycles", "model cycles", "error %", "bytes", ""),
        rows=rows,
        misses=misses,
    )


def network_table(found: Mapping[str, Any]) -> Table:
    """Sums over the layers of each network by each algorithm and baseline, by the model."""
    rows: list[tuple[str | int | float, ...]] = []
    for network in found["networks"].values():
        best = network["best"]
        ways = {**network["algorithms"], **network["baselines"], "best of those that fit": best}
        for way, sums in ways.items():
            missing = sums.get("unfit", 0) + sums.get("refused", 0)
            rows.append((network["name"], way, round(sums["cycles"] / 1e6, 2),
                         round(sums["dram_bytes"] / 1e6, 2),
                         f"{missing} of {network['layers']}" if missing else ""))  # fmt: skip
    return Table(
        title=f"Networks on {found['board']}, model",
        caption=(
            "Distinct stride-1 layers, a frame each, 64 multipliers (naive: 8); direct loads its "
            "weights once a layer. The last column counts layers that do not fit the board."
        ),
        columns=("network", "by", "Mcycles", "DRAM MB", "do not fit"),
        rows=rows,
    )


def _run(progress: Callable[[str], None]) -> list[Table]:
    tables = [model_table(RUNS, MEMORIES, progress)]
    progress("97 layers by the model")
    found = compare(read_layers(NETWORK_LAYERS), board("pynq-z2"))
    return [*tables, network_table(found)]


ALGORITHM_BENCHMARK = Benchmark(
    "algorithms",
    "direct, im2col, implicit, kn2row, its partials: the model beside RTL, networks",
    _run,
)
