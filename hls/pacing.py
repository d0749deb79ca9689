"""How long a frame takes when a line buffer feeds multipliers through a FIFO.

The line buffer steps through its grid, `beats` cycles a step, and puts out a window at some of
the steps. The multipliers keep a window for `busy` cycles. Where the grid has steps without a
window (the first rows of a "valid" convolution, the rows a stride skips), the line buffer must
run ahead, or the multipliers starve; how far it can is the depth of the FIFO.

This is a timed event graph with two machines and a buffer, so the period is its largest cycle
mean (Baccelli et al., "Synchronization and Linearity", ch. 2). Let window k leave the line buffer
at grid step g(k) of the periodic scan and a(k) = g(k)*beats - k*busy: how much later the line
buffer is ready than the multipliers. A critical cycle follows the line buffer from window i to
window j and goes back through the FIFO, which gains the time `lead` by which the line buffer may be
ahead; so the period is

    positions*busy + max over disjoint [i, j) of sum( a(j) - a(i) - lead )

which is the best profit of a trader on the price a() with a fee of `lead` a trade: one pass. Along
a row of windows the price rises or falls evenly, so trades at its first and last window are enough.

A whole window in the FIFO is a lead of `busy`. The multipliers take the words of a window one after
the other when they begin it, so the words of an incomplete one are a lead of a cycle each. Two
cycles are lost on the way: a word can be read a cycle after it was written, and its place be filled
a cycle after it was read.
"""

from __future__ import annotations

from hls.geometry import WindowGeometry

__all__ = ["fifo_words", "frame_cycles"]

MAX_FIFO_WORDS = 4096
GOOD_ENOUGH = 1.01
"""A deeper FIFO that wins less than this is not worth its memory."""


def frame_cycles(window: WindowGeometry, busy: int, fifo_words: int) -> int:
    """Cycles a frame in steady state, with a FIFO of 2 or more words (`beats` a window)."""
    whole_windows, other_words = divmod(fifo_words, window.beats)
    lead = whole_windows * busy + other_words - 2
    drift = window.frame_steps * window.beats - window.positions * busy
    turns = _turns(window)
    _, first = turns[0]
    cash, hold = 0.0, float("-inf")
    wealth = [0.0]
    for frame in range(3):  # the first frames fill the pipeline; the third is periodic
        for k, step in turns:
            price = frame * drift + step * window.beats - k * busy
            cash = max(cash, hold + price - lead)
            hold = max(hold, cash - price)
        wealth.append(max(cash, hold + (frame + 1) * drift + first * window.beats))
    gained = wealth[-1] - wealth[-2]
    compute, scan = window.positions * busy, window.frame_steps * window.beats
    return max(compute, scan, round(compute + gained))


def _turns(window: WindowGeometry) -> list[tuple[int, int]]:
    """Number and grid step of the first and last window of each row, in a frame's order.

    A row that a frame's end cuts in two, as windows leave later than their pixels came, is two.
    """
    rows, cols, frame = window.rows, window.cols, window.frame_steps
    runs = []
    for row in range(rows.outputs):
        start = (row * rows.stride * cols.grid + window.lag_steps) % frame
        before = min(cols.outputs, -(-(frame - start) // cols.stride))
        runs.append((start, before))
        if before < cols.outputs:
            runs.append((start + before * cols.stride - frame, cols.outputs - before))
    turns, number = [], 0
    for start, count in sorted(runs):
        turns.append((number, start))
        turns.append((number + count - 1, start + (count - 1) * cols.stride))
        number += count
    return turns


def fifo_words(window: WindowGeometry, busy: int) -> int:
    """The smallest power of two at which deeper no longer helps."""
    best = frame_cycles(window, busy, MAX_FIFO_WORDS) * GOOD_ENOUGH
    words = 2
    while words < MAX_FIFO_WORDS and frame_cycles(window, busy, words) > best:
        words *= 2
    return words
