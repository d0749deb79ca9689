"""The order of a process's words: how many it has read when it writes each of its own.

An order is an int64 array with an entry for each word that a process writes of a frame: how many
words of an input it has read by then, counted from the frame's beginning. It goes on the same way
frame after frame; an entry may reach into the next frame, as a line buffer does at an image's end.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hls.conv2d import Conv2d
from hls.geometry import Axis, WindowGeometry

__all__ = ["Order", "one_by_one", "regrouping", "sums", "windows"]

Order = npt.NDArray[np.int64]


def one_by_one(words: int) -> Order:
    """A word in, a word out."""
    return np.arange(1, words + 1)


def regrouping(lanes_in: int, lanes_out: int, elements: int) -> Order:
    """The same elements in words of another width."""
    return -(-one_by_one(elements // lanes_out) * lanes_out // lanes_in)


def windows(window: WindowGeometry) -> Order:
    """Words of windows from words of pixels, as a line buffer puts them out."""
    rows, cols = window.rows, window.cols
    row = np.arange(rows.outputs)[:, None] * rows.stride
    col = np.arange(cols.outputs)[None, :] * cols.stride
    step = (window.lag_steps + row * cols.grid + col).reshape(-1)
    frames, inner = np.divmod(step, window.frame_steps)
    grid_row, grid_col = np.divmod(inner, cols.grid)
    # Pixels that the steps before have read, and whether this step reads one.
    lines = np.clip(grid_row - rows.entry, 0, rows.size)
    here = np.clip(grid_col - cols.entry, 0, cols.size)
    before = (frames * rows.size + lines) * cols.size + np.where(_inside(grid_row, rows), here, 0)
    reads = _inside(grid_row, rows) & _inside(grid_col, cols)
    beat = np.arange(window.beats)
    words: Order = before[:, None] * window.beats + reads[:, None] * (beat + 1)
    return words.reshape(-1)


def _inside(grid: Order, axis: Axis) -> npt.NDArray[np.bool_]:
    return (grid >= axis.entry) & (grid < axis.entry + axis.size)


def sums(conv: Conv2d) -> Order:
    """Words of outputs from words of windows: a group's words are read for its first filters."""
    position = np.arange(conv.window.positions)[:, None, None] * conv.window.beats
    group = np.arange(1, conv.group_folds + 1)[None, :, None] * conv.channel_folds
    return np.broadcast_to(
        position + group, (conv.window.positions, conv.group_folds, conv.filter_folds)
    ).reshape(-1)
