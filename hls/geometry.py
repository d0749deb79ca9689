"""Where a sliding window reads and when it is ready: the line buffer's arithmetic.

The line buffer is one delay line over the raw pixel stream. Padding is never stored: the window
walks over the *unpadded* stream, and a tap that lies outside the image is masked to the padding
value by control. This is how a frame costs exactly its pixels (or its output positions, if the
padding makes those more), and why the windows at the bottom and right edges overlap the arrival
of the next frame.

A step of the line buffer is a position of a `grid_rows` x `grid_cols` grid that is scanned in
raster order, frame after frame. Per axis, with e = dilation * (kernel - 1) the reach of the
window and u = size + pads - e the number of unstrided output positions:

- pixel p enters at grid position p + `entry`, where entry = max(0, pad_before - e);
- output position q leaves at grid position q + `lag`, where lag = max(0, e - pad_before);
- the grid has max(size + entry, u) positions, so neither side ever waits for the other.

Because lag - entry = e - pad_before, a tap that is d positions above (left of) the newest tap is
found d * grid_cols (d) steps back in the delay line, for every padding, stride and dilation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

__all__ = ["Axis", "WindowGeometry"]


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One axis (rows or columns) of a sliding window."""

    size: int
    kernel: int
    stride: int
    dilation: int
    pad_before: int
    pad_after: int

    @property
    def reach(self) -> int:
        """Distance from the first to the last tap, in pixels."""
        return self.dilation * (self.kernel - 1)

    @property
    def unstrided(self) -> int:
        """Window positions at stride 1; below 1 the kernel does not fit the padded image."""
        return self.size + self.pad_before + self.pad_after - self.reach

    @cached_property
    def outputs(self) -> int:
        """Output positions."""
        return (self.unstrided - 1) // self.stride + 1

    @property
    def entry(self) -> int:
        """Grid position at which pixel 0 is read."""
        return max(0, self.pad_before - self.reach)

    @property
    def lag(self) -> int:
        """Grid position at which window 0 is complete."""
        return max(0, self.reach - self.pad_before)

    @property
    def grid(self) -> int:
        """Grid positions a frame."""
        return max(self.size + self.entry, self.unstrided)

    @cached_property
    def taps_inside(self) -> tuple[int, ...]:
        """Of each output position the taps that lie in the image, not in the padding."""
        starts = range(-self.pad_before, self.last_output + 1 - self.pad_before, self.stride)
        steps = range(0, self.reach + 1, self.dilation)
        return tuple(sum(0 <= start + step < self.size for step in steps) for start in starts)

    @property
    def last_output(self) -> int:
        """Unstrided position of the last window that is put out."""
        return (self.outputs - 1) * self.stride


@dataclass(frozen=True, kw_only=True)
class WindowGeometry:
    """A sliding window over frames of rows.size x cols.size pixels of `beats` words each."""

    rows: Axis
    cols: Axis
    beats: int

    @property
    def taps(self) -> int:
        """Taps of the window."""
        return self.rows.kernel * self.cols.kernel

    @property
    def padded(self) -> bool:
        """Whether any tap can lie outside the image."""
        axes = (self.rows, self.cols)
        return any(axis.pad_before or axis.pad_after for axis in axes)

    @property
    def frame_steps(self) -> int:
        """Grid positions from one frame to the next."""
        return self.rows.grid * self.cols.grid

    @property
    def lag_steps(self) -> int:
        """Grid positions from the start until the first window is complete."""
        return self.rows.lag * self.cols.grid + self.cols.lag

    @property
    def lag_frames(self) -> int:
        """Frames that the output's counters begin ahead of frame 0 (one, but for tiny maps)."""
        return -(-self.lag_steps // self.frame_steps)

    @property
    def first_out_row(self) -> int:
        """Row of the output's position in the grid at step 0."""
        return (self.lag_frames * self.frame_steps - self.lag_steps) // self.cols.grid

    @property
    def first_out_col(self) -> int:
        """Column of the output's position in the grid at step 0."""
        return (self.lag_frames * self.frame_steps - self.lag_steps) % self.cols.grid

    @property
    def flush_steps(self) -> int:
        """Grid positions after the last frame's until its last window is out."""
        last = self.rows.last_output * self.cols.grid + self.cols.last_output
        return max(0, self.lag_steps + last + 1 - self.frame_steps)

    @property
    def input_beats(self) -> int:
        """Words read a frame."""
        return self.rows.size * self.cols.size * self.beats

    @cached_property
    def positions(self) -> int:
        """Windows put out a frame (of `beats` words each)."""
        return self.rows.outputs * self.cols.outputs
