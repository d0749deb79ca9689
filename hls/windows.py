"""The sliding windows of a Conv2d, worked out and checked: padding, convolution, pooling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hls.checks import one_of, pair, reject, whole
from hls.geometry import Axis, WindowGeometry

if TYPE_CHECKING:
    from hls.conv2d import Conv2d

__all__ = ["Padding", "Pair", "Pool", "pads_of", "pool_window_of", "window_of"]

Pair = int | tuple[int, int]
"""A size for both axes, or (rows, columns)."""

_SIDES = ("top", "bottom", "left", "right")


@dataclass(frozen=True, kw_only=True)
class Padding:
    """Rows and columns of the input zero point around the image."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Pooling fused behind the activation: no padding, partial windows at the edge are dropped.

    `average` rounds half to even, as the requantization does. `stride` is `size` unless given.
    """

    kind: str = "max"
    size: Pair = 2
    stride: Pair | None = None


def pads_of(conv: Conv2d) -> Padding:
    """The padding, resolved ("same" as ONNX SAME_UPPER: the odd row or column at the end).

    Raises:
        DesignError: it is none of the forms, or outside its limits.
    """
    given = conv.padding
    if isinstance(given, str):
        one_of("Conv2d", "padding", given, ("valid", "same"))
        if given == "valid":
            return Padding()
        pads: tuple[int, ...] = (*_same(conv, conv.height, 0), *_same(conv, conv.width, 1))
    elif isinstance(given, Padding):
        pads = (given.top, given.bottom, given.left, given.right)
    elif isinstance(given, tuple | list):
        if len(given) != len(_SIDES):
            raise reject(
                "Conv2d", f"padding={given!r}", f"has {len(given)} entries",
                "use (top, bottom, left, right)",
            )  # fmt: skip
        pads = given
    else:
        pads = (given,) * len(_SIDES)
    return Padding(**{
        side: whole("Conv2d", f"padding {side}", pad, 0, 1024)
        for side, pad in zip(_SIDES, pads, strict=True)
    })  # fmt: skip


def window_of(conv: Conv2d) -> WindowGeometry:
    """The sliding window of the convolution."""
    kernel, stride, dilation = _walk(conv)
    sizes, pads = (conv.height, conv.width), conv.pads
    around = ((pads.top, pads.bottom), (pads.left, pads.right))
    rows, cols = (
        Axis(
            size=sizes[i], kernel=kernel[i], stride=stride[i], dilation=dilation[i],
            pad_before=around[i][0], pad_after=around[i][1],
        )
        for i in (0, 1)
    )  # fmt: skip
    return WindowGeometry(rows=rows, cols=cols, beats=-(-conv.in_channels // conv.simd))


def pool_window_of(conv: Conv2d) -> WindowGeometry | None:
    """The sliding window of the pooling over the convolution's output, if there is one.

    Raises:
        DesignError: a field of the pooling is outside its limits.
    """
    if conv.pooling is None:
        return None
    given: object = conv.pooling  # a configuration file may hold anything
    if not isinstance(given, Pool):
        rule = "is neither None nor a Pool"
        raise reject("Conv2d", f"pooling={given!r}", rule, "use one like Pool(size=2)")
    one_of("Conv2d", "pooling kind", given.kind, ("max", "average"))
    size = pair("Conv2d", "pooling size", given.size, 1, 64)
    chosen = size if given.stride is None else given.stride
    stride = pair("Conv2d", "pooling stride", chosen, 1, 64)
    rows, cols = (
        Axis(
            size=axis.outputs, kernel=size[i], stride=stride[i], dilation=1,
            pad_before=0, pad_after=0,
        )
        for i, axis in enumerate((conv.window.rows, conv.window.cols))
    )  # fmt: skip
    return WindowGeometry(rows=rows, cols=cols, beats=conv.out_channels // conv.pe)


def _same(conv: Conv2d, size: int, axis: int) -> tuple[int, int]:
    kernel, stride, dilation = (each[axis] for each in _walk(conv))
    outputs = -(-size // stride)
    total = max(0, (outputs - 1) * stride + dilation * (kernel - 1) + 1 - size)
    return total // 2, total - total // 2


def _walk(conv: Conv2d) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Kernel, stride and dilation, each as (rows, columns)."""
    return (
        pair("Conv2d", "kernel", conv.kernel, 1, 11),
        pair("Conv2d", "stride", conv.stride, 1, 64),
        pair("Conv2d", "dilation", conv.dilation, 1, 64),
    )
