"""What a program costs on the overlay engine, pass by pass: cycles and bytes.

Passes do not overlap, so a pass costs what fills the pipeline, what its slowest process takes, and
what is left in it at the end. RTL confirms it: see the tests.
"""

from __future__ import annotations

from collections import Counter

from hls.gemm import MEMORY_LATENCY_CYCLES
from hls.network.compiling import Program
from hls.network.instructions import RECORD_WORDS, WORD_BITS
from hls.network.overlay import OverlayEngine
from hls.network.passes import Pass, Reducing

__all__ = ["cycles", "layer_cycles", "pass_cycles", "traffic_bytes"]

_ARRAY_CYCLES = 34
"""Registers from the start of a pass over instruction and image to the last answer of memory."""
_REDUCER_CYCLES = 55
"""The same through the reducer."""


def cycles(program: Program, memory_latency: int = MEMORY_LATENCY_CYCLES) -> int:
    """Start to done for a frame, without stalls.

    Args:
        program: what is run.
        memory_latency: from an address to its first word, and from a last word to its answer.
    """
    return sum(pass_cycles(program.engine, one, memory_latency) for one in program.passes)


def layer_cycles(program: Program, memory_latency: int = MEMORY_LATENCY_CYCLES) -> dict[str, int]:
    """Layer -> cycles of its passes."""
    found: Counter[str] = Counter()
    for one in program.passes:
        found[one.layer] += pass_cycles(program.engine, one, memory_latency)
    return dict(found)


def pass_cycles(
    engine: OverlayEngine, one: Pass, memory_latency: int = MEMORY_LATENCY_CYCLES
) -> int:
    """Start to done of one pass."""
    return (
        _reducing(engine, one, memory_latency)
        if isinstance(one.weights, Reducing)
        else _multiplying(engine, one, memory_latency)
    )


def _first_rows(engine: OverlayEngine, one: Pass) -> int:
    """Rows of the image that come before the first window of the last row of the first tile."""
    feed = one.feed
    last = min(engine.tile_m, feed.positions) - 1
    row = last // feed.cols.outputs * feed.rows.stride - feed.rows.pad_before
    return min(max(row, 0), feed.image_rows - 1) + 1


def _multiplying(engine: OverlayEngine, one: Pass, memory_latency: int) -> int:
    """The product as `Gemm` predicts it, behind the rows that its first block sees."""
    feed = one.feed
    product = engine.gemm.cycles(feed.positions, one.k, one.n,
                                 memory_latency=memory_latency)  # fmt: skip
    last = min(engine.tile_m, feed.positions) - 1
    image = _first_rows(engine, one) * feed.line_words
    image += last % feed.cols.outputs + 1
    return product + max(0, image - last - 1) + _ARRAY_CYCLES + 2 * memory_latency


def _reducing(engine: OverlayEngine, one: Pass, memory_latency: int) -> int:
    """A tap a cycle, or a result in as many as the requantizers take, as soon as rows are there.

    Tile by tile and, in a tile, words of channels by words of channels: the first ones wait for
    the rows of the image, a word of which comes in a cycle.
    """
    feed = one.feed
    work = max(feed.taps, engine.gemm.drain_interval)  # of a result
    words = one.n // engine.lanes
    done = 0
    for first in range(0, feed.positions, engine.tile_m):
        behind = min(first + engine.tile_m, feed.positions)
        for word in range(0, words, engine.tile_words):
            wide = min(engine.tile_words, words - word)
            at = first
            while at < behind:
                row, col = divmod(at, feed.cols.outputs)
                count = min(feed.cols.outputs - col, behind - at)
                done = max(done, _ready(one, row)) + count * wide * work
                at += count
    return done + _REDUCER_CYCLES + 4 * memory_latency


def _ready(one: Pass, row: int) -> int:
    """When the first window of a row of them may begin, so that it does not wait for its taps."""
    rows, cols = one.feed.rows, one.feed.cols
    top = row * rows.stride - rows.pad_before
    lines = [top + tap * rows.dilation + 1 for tap in range(rows.kernel)]
    return max(min(line, one.feed.image_rows) * one.feed.line_words - tap * cols.kernel
               for tap, line in enumerate(lines))  # fmt: skip


def traffic_bytes(program: Program) -> dict[str, int]:
    """Port -> bytes that it moves for a frame; exact."""
    engine = program.engine
    moved: Counter[str] = Counter()
    for one in program.passes:
        feed = one.feed
        moved["program"] += RECORD_WORDS * WORD_BITS // 8
        moved["x"] += feed.image_rows * feed.line_words * engine.word_bytes
        moved["p"] += one.n * 16
        moved["y"] += feed.positions * one.n
        if not isinstance(one.weights, Reducing):
            moved["b"] += one.weights.size * -(-feed.positions // engine.tile_m)
    return dict(moved)
