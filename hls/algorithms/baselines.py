"""What the algorithms are measured against: models of designs that nobody should build.

- im2col_host: NumPy makes the patches on the host, then the array multiplies them. Its cycles are
  those of the product alone; the processors' time is not counted.
- naive: the loop nest as it stands in a textbook, see `hls.naive_conv2d`: a word for each operand
  of each product. It can be generated, as can kn2row with partial sums in memory, whose model is
  in `hls.algorithms.partials`.
"""

from __future__ import annotations

import math
from dataclasses import replace

from hls.algorithms.array import product_cycles, product_traffic
from hls.algorithms.cost import Cost, Traffic, requantizer_dsps, shortages, traffic
from hls.boards import Board
from hls.gemm import MEMORY_LATENCY_CYCLES, Gemm
from hls.matrix_conv2d import MatrixConv2d
from hls.memory import Memory
from hls.naive_conv2d import NaiveConv2d
from hls.tiling import best_tile

__all__ = ["im2col_on_host", "naive"]

_TILE_SUMS = 64


def _product(name: str, m: int, k: int, n: int, like: Gemm, *, raw: bool = False) -> Gemm:
    """A product on an array as that of `like`, with the tile that moves least."""
    high, wide = -(-m // like.rows), -(-n // like.cols)
    tile = best_tile(high, wide, _TILE_SUMS, like.rows * k, like.cols * k)
    return Gemm(
        name=name, max_m=m, max_k=k, max_n=n, rows=like.rows, cols=like.cols,
        tile_m=tile.high * like.rows, tile_n=tile.wide * like.cols, tile_k=4 * like.rows,
        input=like.input, weight=like.weight, packing=like.packing,
        bias=None if raw else like.bias,
        output=None if raw else like.output,
        requantize="none" if raw else like.requantize,
        multiplier_bits=like.multiplier_bits, max_shift=like.max_shift,
        input_zero_point=0 if raw else like.input_zero_point,
        output_zero_point=0 if raw else like.output_zero_point,
        activation="none" if raw else like.activation,
    )  # fmt: skip


def im2col_on_host(engine: MatrixConv2d, board: Board, memory: Memory) -> Cost:
    """Patches by the host; channels need no padding there, only rows of patches do."""
    conv = engine.conv
    m, n, k = engine.gemm.max_m, conv.out_channels, conv.taps_per_output
    gemm = _product("host", m, k, n, engine.gemm)
    element = conv.input_format.container_bits // 8
    image = conv.batch * conv.height * conv.width * conv.in_channels * element
    patches = m * -(-k // gemm.rows)
    dsps = gemm.multiplications + requantizer_dsps(gemm.epilogue, gemm.finish_lanes)
    return _cost("im2col_host", engine, gemm, product_cycles(gemm, m, k, n, memory), (
        # A processor reads and writes lines of its caches.
        traffic("host_reads", -(-image // 32), 32),
        traffic("host_writes", -(-patches * gemm.rows * element // 32), 32, writes=True),
        *product_traffic(gemm, m, k, n),
    ), board, memory, dsps)  # fmt: skip


def naive(engine: MatrixConv2d, board: Board, memory: Memory) -> Cost:
    """A word for each operand of each product, waited for."""
    design = NaiveConv2d(replace(engine.conv, algorithm="naive", packing="off"))
    conv, gemm = design.conv, design.gemm
    products = conv.batch * conv.macs
    outputs = engine.gemm.max_m * conv.out_channels
    x, b = (gemm.rows * conv.input_format.container_bits // 8,
            gemm.cols * conv.weight_format.container_bits // 8)  # fmt: skip
    c = gemm.cols * conv.epilogue.output.container_bits // 8
    moved = (
        traffic("x", products, x, run=1),
        traffic("b", products, b, run=1),
        *([traffic("p", outputs, 16, run=1)] if design.has_parameters else []),
        traffic("c", engine.gemm.max_m * -(-conv.out_channels // gemm.cols), c, run=1,
                writes=True),
    )  # fmt: skip
    slower = (products + outputs) * (memory.latency_cycles - MEMORY_LATENCY_CYCLES)
    cycles = max(design.predicted_cycles + slower, memory.cycles(sum(t.bytes for t in moved)))
    dsps = design.multiplications + requantizer_dsps(conv.epilogue, 1)
    return Cost(
        algorithm="naive", batch=conv.batch, macs=products, cycles=math.ceil(cycles),
        traffic=moved, memory=memory, on_chip_bits=design.on_chip_bits,
        multipliers=design.multipliers, dsps=dsps,
        problems=tuple(shortages(board, design.on_chip_bits, dsps)), design=design,
    )  # fmt: skip


def _cost(
    name: str, engine: MatrixConv2d, gemm: Gemm, cycles: int, moved: tuple[Traffic, ...],
    board: Board, memory: Memory, dsps: int,
) -> Cost:  # fmt: skip
    conv = engine.conv
    return Cost(
        algorithm=name, batch=conv.batch, macs=conv.macs * conv.batch, cycles=cycles,
        traffic=moved, memory=memory, on_chip_bits=gemm.on_chip_bits,
        multipliers=gemm.multipliers, dsps=dsps,
        problems=tuple(shortages(board, gemm.on_chip_bits, dsps)),
    )  # fmt: skip
