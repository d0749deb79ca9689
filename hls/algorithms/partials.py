"""Cycles and traffic of kn2row with its partial sums in memory, under a memory's limits.

The product is one as any other (`hls.algorithms.array`), whose C are the partials. The sums take a
word of partials a cycle, or as long as all that they move.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from hls.algorithms.array import engine_cost, product_cycles, product_traffic
from hls.algorithms.cost import Cost, Traffic, traffic
from hls.boards import Board
from hls.gemm import MEMORY_LATENCY_CYCLES
from hls.memory import Memory
from hls.partials_conv2d import PartialsConv2d

__all__ = ["partials_cost", "partials_cycles"]


def partials_cost(engine: PartialsConv2d, board: Board, memory: Memory) -> Cost:
    """What `batch` frames cost."""
    return engine_cost(engine, board, memory, partials_cycles(engine, memory), _traffic(engine))


def partials_cycles(engine: PartialsConv2d, memory: Memory) -> int:
    """Start to done for `batch` frames, both phases."""
    gemm = engine.gemm
    product = product_cycles(gemm, gemm.max_m, engine.k, gemm.max_n, memory, b_by_tiles=True)
    slower = memory.latency_cycles - MEMORY_LATENCY_CYCLES
    moved = sum(t.bytes for t in _sum_traffic(engine))
    partials = next(t for t in _sum_traffic(engine) if t.port == "a")
    pace = memory.word_cycles(engine.filter_words, partials.beat_bytes)
    waits = max(memory.cycles(moved), partials.beats * pace) - engine.sum_words
    return math.ceil(product + engine.sum_cycles + 2 * slower + max(0.0, waits))


def _traffic(engine: PartialsConv2d) -> Iterator[Traffic]:
    gemm = engine.gemm
    names = {"a": "x", "c": "u"}
    for found in product_traffic(gemm, gemm.max_m, engine.k, gemm.max_n, b_by_tiles=True):
        # The padding's pixel is made on chip.
        made = engine.padding_pixels * engine.k // gemm.rows * -(-gemm.max_n // gemm.tile_cols)
        beats = found.beats - made if found.port == "a" else found.beats
        yield replace(found, port=names.get(found.port, found.port), beats=beats)
    yield from _sum_traffic(engine)


def _sum_traffic(engine: PartialsConv2d) -> Iterator[Traffic]:
    """Of the second phase."""
    conv, gemm = engine.conv, engine.gemm
    word = gemm.cols * gemm.epilogue.output.container_bits // 8
    yield traffic("a", engine.read_words, word, run=engine.filter_words)
    if engine.has_parameters:
        yield traffic("p", conv.out_channels, 16)
    result = gemm.cols * engine.epilogue.output.container_bits // 8
    words = conv.batch * engine.positions * engine.filter_words
    yield traffic("c", words, result, writes=True)
