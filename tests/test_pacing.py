"""Predicted cycles and FIFO depths, against a simulation of the pipeline cycle by cycle."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_geometry import axes, axis, emits

from hls import Conv2d, Pool
from hls.geometry import WindowGeometry
from hls.pacing import MAX_FIFO_WORDS, fifo_words, frame_cycles

FRAMES = 6


def simulated_cycles(g: WindowGeometry, busy: int, depth: int) -> float:
    """Cycles a frame in the middle of a long run, from a simulation of every beat.

    Each cycle the line buffer makes a step, which writes a word of a window at some steps and
    waits while the FIFO is full. The multipliers take the words of a window, one a cycle, and work
    on it until `busy` cycles have passed.
    """
    writing = [flag for flag in emits(g) for _ in range(g.beats)]
    queue: deque[None] = deque()
    step = cycle = taken = rest = 0
    ends = []
    while len(ends) < FRAMES:
        cycle += 1
        takes = bool(queue) and rest == 0
        writes = writing[step % len(writing)]
        if not writes or len(queue) < depth:
            step += 1
            if writes:
                queue.append(None)
        if takes:
            queue.popleft()
            taken += 1
            if taken % g.beats == 0:
                rest = busy - g.beats
            if taken % (g.beats * g.positions) == 0:
                ends.append(cycle)
        elif rest:
            rest -= 1
    return (ends[-1] - ends[FRAMES // 2]) / (FRAMES - 1 - FRAMES // 2)


windows = st.builds(WindowGeometry, rows=axes(), cols=axes(), beats=st.integers(1, 4))
depths = st.sampled_from([2, 4, 8, 16, 32, 64, 256])


@settings(max_examples=150)
@given(windows, st.integers(1, 8), depths)
@example(WindowGeometry(rows=axis(6, 3, 0, 0), cols=axis(6, 3, 0, 0), beats=1), 4, 2)
@example(WindowGeometry(rows=axis(6, 3, 1, 1), cols=axis(6, 3, 1, 1, stride=2), beats=4), 2, 2)
# A FIFO of half a window lets the line buffer run ahead by two words, not by half the time.
@example(WindowGeometry(rows=axis(6, 1, 1, 2, stride=2), cols=axis(6, 2, 0, 3), beats=4), 8, 2)
def test_predicted_cycles_are_those_of_a_simulation(
    g: WindowGeometry, folds: int, depth: int
) -> None:
    busy = g.beats * folds
    assert frame_cycles(g, busy, depth) == pytest.approx(simulated_cycles(g, busy, depth), abs=0.5)


@settings(max_examples=100)
@given(windows, st.integers(1, 8))
def test_a_frame_costs_at_least_what_either_side_needs(g: WindowGeometry, folds: int) -> None:
    busy = g.beats * folds
    scan, compute = g.frame_steps * g.beats, g.positions * busy
    cycles = [frame_cycles(g, busy, depth) for depth in (2, 4, 8, 64, 4096)]
    assert cycles == sorted(cycles, reverse=True), "a deeper FIFO must not cost cycles"
    assert cycles[-1] >= max(scan, compute)
    assert cycles[0] <= scan + compute


@settings(max_examples=60)
@given(windows, st.integers(1, 8))
def test_the_chosen_fifo_loses_no_more_than_one_percent(g: WindowGeometry, folds: int) -> None:
    busy = g.beats * folds
    words = fifo_words(g, busy)
    assert 2 <= words <= MAX_FIFO_WORDS
    assert words.bit_count() == 1
    best = frame_cycles(g, busy, MAX_FIFO_WORDS)
    assert frame_cycles(g, busy, words) <= 1.01 * best
    assert simulated_cycles(g, busy, words) <= 1.01 * simulated_cycles(g, busy, MAX_FIFO_WORDS) + 1
    if words > 2:  # and is the smallest that does
        assert frame_cycles(g, busy, words // 2) > 1.01 * best


@pytest.mark.parametrize(
    ("conv", "cycles"),
    [
        # 14x14 positions of 8 beats for each of 8 filter folds
        (Conv2d(height=14, width=14, in_channels=64, out_channels=64, padding="same", simd=8,
                pe=8), 14 * 14 * 64),
        # one cycle a position: the input stream decides
        (Conv2d(height=28, width=28, in_channels=1, out_channels=8, kernel=5, pe=8), 28 * 28),
        # more outputs than pixels: these decide
        (Conv2d(height=4, width=4, in_channels=1, out_channels=1, padding=2), 6 * 6),
        # pooling keeps up
        (Conv2d(height=8, width=8, in_channels=1, out_channels=1, kernel=1,
                pooling=Pool(size=2)), 64),
    ],
)  # fmt: skip
def test_layers_whose_frames_cost_what_can_be_worked_out(conv: Conv2d, cycles: int) -> None:
    assert conv.predicted_cycles == cycles
    assert conv.lower_bound_cycles <= cycles
