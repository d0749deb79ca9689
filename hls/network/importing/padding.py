"""The attributes of operators with windows: kernel, strides, dilations, pads, auto_pad."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hls.geometry import Axis
from hls.network.importing.call import Call
from hls.network.importing.values import Padded
from hls.network.importing.views import View

__all__ = ["axes_of", "of_inner"]


def axes_of(call: Call, view: View, kernel: Sequence[int]) -> tuple[Axis, Axis]:
    """Rows and columns of a window `kernel` (height, width) over an image [C, H, W] or [C, W]."""
    given = len(view.shape) - 1
    ones = (1,) * (2 - given)  # the rows that [C, W] does not have
    strides = ones + call.whole(call.attribute("strides", [1] * given))
    dilations = ones + call.whole(call.attribute("dilations", [1] * given))
    pads = call.whole(call.attribute("pads", [0] * 2 * given))
    before, after = ((0,) * (2 - given) + pads[i * given : (i + 1) * given] for i in (0, 1))
    if min(pads) < 0:
        raise call.refuse("crops its input (negative pads)", "use pads of 0 and more")
    axes = []
    for i, size in enumerate(view.tensor[:2]):
        axis = Axis(
            size=size, kernel=int(kernel[i]), stride=strides[i], dilation=dilations[i],
            pad_before=before[i], pad_after=after[i],
        )  # fmt: skip
        axis = _auto_padded(call, axis)
        if axis.unstrided < 1:
            raise call.refuse(
                f"has a window of {axis.reach + 1} over {axis.size} pixels", "use a smaller one"
            )
        axes.append(axis)
    return axes[0], axes[1]


def of_inner(padded: Padded, axes: tuple[Axis, Axis]) -> tuple[Axis, Axis]:
    """The axes of a window over what is padded, as those of one that sees the same without it."""
    top, bottom, left, right = padded.pads
    rows, cols = (
        replace(
            axis, size=axis.size - before - after, pad_before=axis.pad_before + before,
            pad_after=axis.pad_after + after,
        )
        for axis, before, after in zip(axes, (top, left), (bottom, right), strict=True)
    )  # fmt: skip
    return rows, cols


def _auto_padded(call: Call, axis: Axis) -> Axis:
    """With the padding that auto_pad asks for: SAME gives ceil(size / stride) windows."""
    mode = call.attribute("auto_pad", "NOTSET")
    if mode == "NOTSET":
        return axis
    total = 0
    if mode != "VALID":
        windows = -(-axis.size // axis.stride)
        total = (windows - 1) * axis.stride + axis.reach + 1 - axis.size
        if total < -1:
            raise call.refuse("skips pixels at both ends", "use pads, not auto_pad")
        total = max(0, total)
    less, more = total // 2, total - total // 2
    before, after = (more, less) if mode == "SAME_LOWER" else (less, more)
    return replace(axis, pad_before=before, pad_after=after)
