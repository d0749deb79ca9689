"""How long a product takes on the systolic array of Gemm, start to done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hls.gemm import Gemm

__all__ = ["cycles", "first_blocks", "first_tile_wait"]


def cycles(gemm: Gemm, m: int, k: int, n: int, memory_latency: int) -> int:
    """Start to done, as cosimulation counts them without stalls.

    The array takes a pass over the sums of a tile for each of the k columns of A, tile after
    tile without a gap, but for: the wait for the first words of A, and for later ones where
    its port is slower than the array; a last pass that waits until the results of the tile
    before have left; the results of the last tile.

    Args:
        memory_latency: from an address to its first word, and from a last word to its answer.
    """
    row_words = -(-k // gemm.rows)
    last_columns = k - (row_words - 1) // gemm.tile_words * gemm.tile_words * gemm.rows
    starts = loaded = 0  # of a tile: its last pass begins, all of its words of A are there
    passed = drained = 0  # from its start: until the pass is over, until its results are out
    for count, rows, wide in _tile_runs(gemm, m, n):
        one_pass = max(-(-rows // gemm.rows) * wide, gemm.min_pass)
        drain = gemm.drain_wait + 1 + rows * wide * gemm.drain_interval
        if not passed:
            starts = first_tile_wait(gemm, k, rows, one_pass) + (k - 1) * one_pass
            if gemm.has_parameters:  # until the table is read, a stream holds four results
                tiles, others = divmod(4, rows * wide)
                held = tiles * max(k * one_pass, drain) + others * gemm.drain_interval
                starts = max(starts, n - gemm.drain_wait - held)
            loaded, passed, drained, count = rows * row_words, one_pass, drain, count - 1
        if count:
            loaded = max(loaded, starts - gemm.a_places * gemm.tile_rows)
            before = loaded + (count - 1) * rows * row_words  # the last of these tiles
            loaded = before + rows * row_words
            starts += max(passed + (k - 1) * one_pass, drained)
            starts += (count - 1) * max(k * one_pass, drain)
            starts = max(
                starts,
                before + rows * min(row_words, gemm.tile_words) + (k - 1) * one_pass,
                loaded + (last_columns - 1) * one_pass,
            )
            passed, drained = one_pass, drain
    finished = starts + drained
    if gemm.has_parameters:
        finished = max(finished, n + m * -(-n // gemm.cols) * gemm.drain_interval)
    return finished + _pipeline_cycles(gemm) + 2 * memory_latency


def _tile_runs(gemm: Gemm, m: int, n: int) -> Iterator[tuple[int, int, int]]:
    """The tiles of C in order, as (equal ones in a run, rows, width in arrays)."""
    across, rest = divmod(-(-n // gemm.cols), gemm.sub_cols)
    for first in range(0, m, gemm.tile_rows):
        rows = min(m - first, gemm.tile_rows)
        if across:
            yield across, rows, gemm.sub_cols
        if rest:
            yield 1, rows, rest


def first_blocks(gemm: Gemm, k: int) -> Iterator[int]:
    """Words a row of the first tile's blocks, as they grow, up to the first of full length."""
    left, size = -(-k // gemm.rows), 1
    while left:
        size = min(size, left)
        yield size
        if size == gemm.tile_words:
            return
        left -= size
        size = min(2 * size, gemm.tile_words)


def first_tile_wait(gemm: Gemm, k: int, rows: int, one_pass: int) -> int:
    """Cycles that the array waits for A in the first tile, as its blocks grow.

    From the first block of full length on, one arrives while the one before is used.
    """
    loaded = used = waited = 0
    for size in first_blocks(gemm, k):
        loaded += rows * size
        waited = max(waited, loaded - used)
        used += size * gemm.rows * one_pass
    return waited


def _pipeline_cycles(gemm: Gemm) -> int:
    """Registers from the start to the first address, and from words of A to words of C."""
    return 24 if gemm.epilogue.requantized else 19
