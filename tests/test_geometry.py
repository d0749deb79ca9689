"""The line buffer's arithmetic, against a walk over one delay line in plain Python."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from hls.geometry import Axis, WindowGeometry

FRAMES = 3


@st.composite
def axes(draw: DrawFn) -> Axis:
    """Any legal axis, tiny images and padding beyond the kernel's reach included."""
    kernel, stride = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    dilation = draw(st.integers(1, 3))
    reach = dilation * (kernel - 1)
    before, after = draw(st.integers(0, reach + 3)), draw(st.integers(0, reach + 3))
    least = max(1, reach + 1 - before - after)
    return Axis(size=draw(st.integers(least, least + 7)), kernel=kernel, stride=stride,
                dilation=dilation, pad_before=before, pad_after=after)  # fmt: skip


windows = st.builds(WindowGeometry, rows=axes(), cols=axes(), beats=st.just(1))


def axis(size: int, kernel: int, before: int, after: int, stride: int = 1) -> Axis:
    return Axis(size=size, kernel=kernel, stride=stride, dilation=1, pad_before=before,
                pad_after=after)  # fmt: skip


def emits(g: WindowGeometry) -> list[bool]:
    """For each grid step of a frame in steady state: is a window put out?"""
    flags = [False] * g.frame_steps
    for oy, ox in product(range(g.rows.outputs), range(g.cols.outputs)):
        step = oy * g.rows.stride * g.cols.grid + ox * g.cols.stride + g.lag_steps
        flags[step % g.frame_steps] = True
    return flags


# A whole map smaller than the kernel, so that windows of one frame wait for the next two.
TINY = WindowGeometry(rows=axis(1, 3, 1, 1), cols=axis(1, 3, 1, 1), beats=1)
WIDE_PADS = WindowGeometry(rows=axis(2, 2, 4, 3), cols=axis(1, 1, 2, 0), beats=1)


@settings(max_examples=300)
@given(windows)
@example(TINY)
@example(WIDE_PADS)
def test_a_delay_line_holds_every_tap_where_the_geometry_looks_for_it(g: WindowGeometry) -> None:
    rows, cols = g.rows, g.cols
    pixels = iter([(f, y, x) for f in range(FRAMES) for y in range(rows.size)
                   for x in range(cols.size)])  # fmt: skip
    line: list[tuple[int, int, int] | None] = []  # what entered at each step; None: nothing did
    found = []
    for step in range(FRAMES * g.frame_steps + g.flush_steps):
        frame, place = divmod(step, g.frame_steps)
        grid_row, grid_col = divmod(place, cols.grid)
        y, x = grid_row - rows.entry, grid_col - cols.entry
        reads = frame < FRAMES and 0 <= y < rows.size and 0 <= x < cols.size
        line.append(next(pixels) if reads else None)
        if reads:
            assert line[-1] == (frame, y, x)

        # The window that is complete now: the position in the grid, seen `lag_steps` later.
        out_frame, out_place = divmod(step - g.lag_steps, g.frame_steps)
        out_row, out_col = divmod(out_place, cols.grid)
        if out_frame < 0 or out_row >= rows.unstrided or out_col >= cols.unstrided:
            continue
        if out_row % rows.stride or out_col % cols.stride:
            continue
        found.append((out_frame, out_row // rows.stride, out_col // cols.stride))
        for kh, kw in product(range(rows.kernel), range(cols.kernel)):
            source_row = out_row - rows.pad_before + kh * rows.dilation
            source_col = out_col - cols.pad_before + kw * cols.dilation
            if 0 <= source_row < rows.size and 0 <= source_col < cols.size:
                above = rows.reach - kh * rows.dilation
                left = cols.reach - kw * cols.dilation
                back = above * cols.grid + left
                assert line[step - back] == (out_frame, source_row, source_col)
    assert next(pixels, None) is None, "a pixel was never read"
    assert found == [(f, y, x) for f in range(FRAMES) for y in range(rows.outputs)
                     for x in range(cols.outputs)]  # fmt: skip


@settings(max_examples=300)
@given(axes())
def test_outputs_are_those_of_a_kernel_laid_on_the_padded_image(a: Axis) -> None:
    padded = a.pad_before + a.size + a.pad_after
    starts = [p for p in range(0, padded, a.stride) if p + a.dilation * (a.kernel - 1) < padded]
    assert a.outputs == len(starts)
    assert a.last_output == starts[-1]
    assert a.unstrided == padded - a.dilation * (a.kernel - 1)


@settings(max_examples=300)
@given(axes())
def test_the_grid_makes_neither_side_wait(a: Axis) -> None:
    assert a.grid == max(a.size + a.entry, a.unstrided)
    assert a.lag - a.entry == a.reach - a.pad_before
    assert min(a.lag, a.entry) == 0
    if a.pad_before <= a.reach:  # pixels enter at once; only outputs can need a larger grid
        assert a.grid == max(a.size, a.unstrided)


@settings(max_examples=200)
@given(windows)
@example(TINY)
@example(WIDE_PADS)
def test_the_counters_start_a_whole_lag_before_the_first_window(g: WindowGeometry) -> None:
    start = g.first_out_row * g.cols.grid + g.first_out_col
    assert 0 <= g.first_out_row < g.rows.grid
    assert 0 <= g.first_out_col < g.cols.grid
    assert start + g.lag_steps == g.lag_frames * g.frame_steps
    assert (g.lag_frames - 1) * g.frame_steps < g.lag_steps or g.lag_frames == 0


@settings(max_examples=200)
@given(windows)
def test_flushing_ends_with_the_last_window(g: WindowGeometry) -> None:
    last = g.rows.last_output * g.cols.grid + g.cols.last_output
    assert g.flush_steps == max(0, g.lag_steps + last - (g.frame_steps - 1))
    # Some step of the last frame or of the flush puts out the last window.
    assert g.lag_steps + last < g.frame_steps + g.flush_steps


@settings(max_examples=200)
@given(windows)
def test_a_frame_in_steady_state_puts_out_all_its_windows(g: WindowGeometry) -> None:
    assert len(emits(g)) == g.frame_steps
    assert sum(emits(g)) == g.positions == g.rows.outputs * g.cols.outputs


@pytest.mark.parametrize(
    ("axis", "outputs", "entry", "lag", "grid"),
    [
        (axis(28, 5, 0, 0), 24, 0, 4, 28),
        (axis(28, 5, 2, 2), 28, 0, 2, 28),
        (axis(28, 5, 4, 4), 32, 0, 0, 32),
        (axis(28, 5, 6, 4), 34, 2, 0, 34),
        (axis(28, 5, 0, 9), 33, 0, 4, 33),
        (axis(32, 3, 0, 1, stride=2), 16, 0, 2, 32),
        (axis(1, 3, 1, 1), 1, 0, 1, 1),
        (axis(7, 1, 0, 0), 7, 0, 0, 7),
    ],
)
def test_axes_of_common_layers(axis: Axis, outputs: int, entry: int, lag: int, grid: int) -> None:
    assert (axis.outputs, axis.entry, axis.lag, axis.grid) == (outputs, entry, lag, grid)


def test_padding_is_not_read_and_costs_only_what_more_outputs_do() -> None:
    same = WindowGeometry(rows=axis(14, 3, 1, 1), cols=axis(14, 3, 1, 1), beats=4)
    assert same.frame_steps == 14 * 14
    assert same.input_beats == 14 * 14 * 4
    assert same.padded
    assert same.taps == 9
    valid = WindowGeometry(rows=axis(14, 3, 0, 0), cols=axis(14, 3, 0, 0), beats=4)
    assert not valid.padded
    assert valid.lag_steps == 2 * 14 + 2
    assert valid.flush_steps == 0
