"""Cycles and traffic on the systolic array: im2col, implicit and kn2row under a memory's limits.

Without limits `Gemm.cycles` tells the time. With a memory that all ports share, a step takes as
long as its computation or as moving what it needs, whichever is longer:

- before the first product: rows of the image (or words of A) come in, beside the table and the
  words of B that the FIFOs hold;
- each tile: its rows of B (and of A) come in, and the results of the tile before go out, while it
  is computed; if there is time left, some words of B for the next one;
- each row of tiles: new rows of the image come in during all of it, as there is room for them;
- after the last product: its results go out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from hls import gemm_pacing
from hls.algorithms.cost import Cost, Traffic, dsp_blocks, shortages, traffic
from hls.boards import Board
from hls.gemm import MEMORY_LATENCY_CYCLES, Gemm
from hls.matrix_conv2d import MatrixConv2d
from hls.memory import Memory

__all__ = ["array_cost", "array_cycles", "engine_cost", "product_cycles", "product_traffic"]

_LONG_RUN = 65536
"""Words that lie behind one another for as long as it matters: a convolution's weights do, as they
lie tile by tile."""
_STREAM_WORDS = 72
"""Words of B that come in before the array takes any: its feeder waits with the rest."""
_ROOM_WORDS = 68
"""Words of results that find room behind the array: in a stream, and in the FIFO of their port."""


def array_cost(engine: MatrixConv2d, board: Board, memory: Memory) -> Cost:
    """What `batch` frames cost on the array."""
    return engine_cost(engine, board, memory, array_cycles(engine, memory), _traffic(engine))


def engine_cost(
    engine: MatrixConv2d, board: Board, memory: Memory, cycles: int, moved: Iterable[Traffic]
) -> Cost:
    """The cost of an engine that takes `cycles` for `batch` frames and moves `moved`."""
    dsps = dsp_blocks(engine)
    return Cost(
        algorithm=engine.algorithm,
        batch=engine.conv.batch,
        macs=engine.macs * engine.conv.batch,
        cycles=cycles,
        traffic=tuple(moved),
        memory=memory,
        on_chip_bits=engine.on_chip_bits,
        multipliers=engine.multipliers,
        dsps=dsps,
        problems=tuple(shortages(board, engine.on_chip_bits, dsps)),
        design=engine,
    )


def array_cycles(engine: MatrixConv2d, memory: Memory) -> int:
    """Start to done for `batch` frames."""
    gemm = engine.gemm
    m, k, n = gemm.max_m, engine.k, engine.conv.out_channels
    slower = memory.latency_cycles - MEMORY_LATENCY_CYCLES
    if engine.transforms:
        waits = (
            _product_waits(gemm, m, k, n, memory, b_run=_LONG_RUN)
            + _patch_waits(engine, memory)
            + 2 * slower
        )
    else:
        first = engine.first_rows * engine.line_words
        begin = memory.cycles_beside(first, _word_bytes(gemm), _beside(gemm, k, n))
        # A port asks for twice as much each time until its first word comes, which takes another
        # latency; the other ports' words can come in it.
        waits = max(slower, begin - first)
        waits += sum(_tile_waits(gemm, m, k, n, memory, _LONG_RUN, _new_words(engine), first))
    return math.ceil(engine.predicted_cycles + 2 * slower + waits)


def product_cycles(
    gemm: Gemm, m: int, k: int, n: int, memory: Memory, *, b_by_tiles: bool = False
) -> int:
    """Start to done of a matrix product, whose B may lie tile by tile."""
    unlimited = gemm.cycles(m, k, n, memory_latency=memory.latency_cycles)
    b_run = _LONG_RUN if b_by_tiles else _run_of_b(gemm, n)
    return math.ceil(unlimited + _product_waits(gemm, m, k, n, memory, b_run=b_run))


# ---------------------------------------------------------------------- waiting


@dataclass(frozen=True)
class _Row:
    """A row of tiles."""

    rows: int
    widths: tuple[int, ...]


def _rows(gemm: Gemm, m: int, n: int) -> Iterator[_Row]:
    found: dict[int, list[int]] = {}
    for first in range(0, m, gemm.tile_rows):
        rows = min(m - first, gemm.tile_rows)
        if rows not in found:
            arrays = -(-n // gemm.cols)
            found[rows] = [min(gemm.sub_cols, arrays - at)
                           for at in range(0, arrays, gemm.sub_cols)]  # fmt: skip
        yield _Row(rows, tuple(found[rows]))


def _product_waits(gemm: Gemm, m: int, k: int, n: int, memory: Memory, *, b_run: int) -> float:
    """How much longer the memory makes a product that reads A."""
    first, *others = _tile_waits(gemm, m, k, n, memory, b_run)
    return max(first, _start_wait(gemm, m, k, n, memory)) + sum(others)


def _start_wait(gemm: Gemm, m: int, k: int, n: int, memory: Memory) -> float:
    """How much longer the array waits for A in the first tile; see `hls.gemm_pacing`."""
    rows, wide = min(m, gemm.tile_rows), min(gemm.sub_cols, -(-n // gemm.cols))
    one_pass = max(-(-rows // gemm.rows) * wide, gemm.min_pass)
    word = _word_bytes(gemm)
    (ahead, b_bytes), *table = _beside(gemm, k, n)
    loaded, used = 0, 0  # words of A, columns
    arrived = waited = 0.0
    for size in gemm_pacing.first_blocks(gemm, k):
        words = rows * size
        loaded += words
        arrived += words * memory.word_cycles(size, word)
        beside = [(ahead + used * wide, b_bytes), *table]
        ready = max(arrived, memory.cycles_beside(loaded, word, beside))
        waited = max(waited, ready - used * one_pass)
        used += size * gemm.rows
    return waited - gemm_pacing.first_tile_wait(gemm, k, rows, one_pass)


def _tile_waits(
    gemm: Gemm,
    m: int,
    k: int,
    n: int,
    memory: Memory,
    b_run: int,
    new_words: list[int] | None = None,
    first: int = 0,
) -> Iterator[float]:
    """Cycles that each row of tiles takes longer for the memory's sake, and the last results.

    Args:
        gemm: the product.
        m, k, n: its sizes.
        memory: that all ports share.
        b_run: words of B that lie behind one another as they are read.
        new_words: words of the image that come in during each row of tiles; None where A is read.
        first: those that came before the first tile, as did words of B and of the table.
    """
    word = _word_bytes(gemm)
    b_bytes = gemm.cols * gemm.weight_format.container_bits // 8
    c_bytes = gemm.cols * gemm.epilogue.output.container_bits // 8
    row_words = -(-k // gemm.rows)
    b_pace = memory.word_cycles(b_run, b_bytes)
    block = min(gemm.tile_words, row_words)
    # A block of A comes in as soon as it has places: at the start of a tile if that frees as many.
    fits = row_words % block == 0 and gemm.a_places % block == 0
    block_bytes = block * word if new_words is None and fits else 0  # a row
    a_pace = memory.word_cycles(block, word)
    results = 0  # words of the tile before
    (ahead, _), *table = _beside(gemm, k, n)
    early: float = min(first, ahead)  # words of B
    others = sum((words - min(first, words)) * width for words, width in table)
    for index, row in enumerate(_rows(gemm, m, n)):
        spans = waits = moved = 0.0
        high = -(-row.rows // gemm.rows)
        for wide in row.widths:
            span = max(
                k * max(high * wide, gemm.min_pass),
                gemm.drain_wait + 1 + row.rows * wide * gemm.drain_interval,
            )
            a_words = row.rows * row_words if new_words is None else 0
            b_words = k * wide - early
            bytes_ = b_words * b_bytes + results * c_bytes + a_words * word + others
            # The array stands still while a row of results that leaves finds no room.
            draining = results * gemm.drain_interval
            beside = draining * b_bytes / high + row.rows * block_bytes
            leaving = max(0, results - _ROOM_WORDS) * c_bytes
            held_up = max(0.0, memory.cycles(leaving + beside) - draining) if leaving else 0.0
            moving = max(memory.cycles(bytes_), b_words * b_pace, a_words * a_pace)
            wait = moving - span - held_up
            # Where A is slower than the array at its best, Gemm.cycles knows it.
            waits += held_up + max(0.0, wait - max(0, a_words - span))
            # In what time is left, rows of B of the next tile come.
            ahead_of_next = min(ahead, max(0.0, -wait) / b_pace)
            spans, moved = spans + span, moved + bytes_
            results, early, others = row.rows * wide, ahead_of_next, 0
        if new_words is not None:
            words = new_words[index]
            waits = max(waits, memory.cycles(moved + words * word) - spans, words - spans)
        yield waits
    drain = results * gemm.drain_interval
    yield max(0.0, memory.cycles(results * c_bytes) - drain)


def _new_words(engine: MatrixConv2d) -> list[int]:
    """Words of the image that come in during each row of tiles: what the next one needs first."""
    gemm = engine.gemm
    last = gemm.max_m - 1
    ends = [min(start + gemm.tile_rows - 1, last) for start in range(0, last + 1, gemm.tile_rows)]
    bottoms = [engine.bottom_row(end) for end in ends]
    bottoms.append(bottoms[-1])
    rows = [after - before for before, after in pairwise(bottoms)]
    rows[0] += bottoms[0] + 1 - engine.first_rows
    return [count * engine.line_words for count in rows]


def _beside(gemm: Gemm, k: int, n: int) -> list[tuple[int, int]]:
    """Words and bytes a word that come in beside the first ones of the image."""
    table = [(n, 16)] if gemm.has_parameters else []
    ahead = min(_STREAM_WORDS, k * -(-n // gemm.cols))
    return [(ahead, gemm.cols * gemm.weight_format.container_bits // 8), *table]


def _patch_waits(engine: MatrixConv2d, memory: Memory) -> float:
    """How much longer the memory makes the phase that writes the patches."""
    gemm = engine.gemm
    word = _word_bytes(gemm)
    patches, image = engine.patch_words, engine.image_words
    first = engine.first_rows * engine.line_words
    begin = memory.cycles_beside(first, word, [])
    rest = max(patches, image - first, memory.cycles((patches + image - first) * word))
    return begin - first + rest - max(patches, image - first)


# ---------------------------------------------------------------------- traffic


def _word_bytes(gemm: Gemm) -> int:
    return gemm.rows * gemm.input_format.container_bits // 8


def _run_of_b(gemm: Gemm, n: int) -> int:
    """Words of B that lie behind one another as they are read."""
    arrays = -(-n // gemm.cols)
    return gemm.sub_cols if gemm.sub_cols < arrays else _LONG_RUN


def product_traffic(
    gemm: Gemm, m: int, k: int, n: int, *, reads_a: bool = True, b_by_tiles: bool = False
) -> list[Traffic]:
    """Of the ports of a product; without A where a feeder makes it, B perhaps tile by tile."""
    arrays, row_words = -(-n // gemm.cols), -(-k // gemm.rows)
    across, down = -(-arrays // gemm.sub_cols), -(-m // gemm.tile_rows)
    b_bytes = gemm.cols * gemm.weight_format.container_bits // 8
    c_bytes = gemm.cols * gemm.epilogue.output.container_bits // 8
    block = None if row_words <= gemm.tile_words else gemm.tile_words
    b_run = gemm.sub_cols if across > 1 and not b_by_tiles else k * arrays
    c_run = gemm.sub_cols if across > 1 else None
    return [
        *([traffic("a", m * row_words * across, _word_bytes(gemm), run=block)] if reads_a else []),
        traffic("b", k * arrays * down, b_bytes, run=b_run),
        *([traffic("p", n, 16)] if gemm.has_parameters else []),
        traffic("c", m * arrays, c_bytes, run=c_run, writes=True),
    ]


def _traffic(engine: MatrixConv2d) -> Iterator[Traffic]:
    gemm = engine.gemm
    word = _word_bytes(gemm)
    yield traffic("x", engine.image_words, word)
    if engine.transforms:
        yield traffic("u", engine.patch_words, word, writes=True)
    yield from product_traffic(
        gemm,
        gemm.max_m,
        engine.k,
        engine.conv.out_channels,
        reads_a=engine.transforms,
        b_by_tiles=True,
    )
