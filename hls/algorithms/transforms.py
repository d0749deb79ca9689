"""Fast algorithms, as counts of multiplications only: Winograd F(2,3), F(4,3) and the FFT."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hls.conv2d import Conv2d

__all__ = ["Multiplications", "fft", "multiplications", "winograd"]


@dataclass(frozen=True, kw_only=True)
class Multiplications:
    """Of a frame.

    Attributes:
        count: real multiplications, those of the data's transforms included where they are some.
        tile: outputs along an axis of a tile.
        useful: share of the computed outputs that are wanted: tiles stick out at the edges, and a
            stride throws away all but one in stride^2.
    """

    count: int
    tile: int
    useful: float


def multiplications(conv: Conv2d) -> dict[str, Multiplications | None]:
    """Of the direct way and of each fast one; None where one does not apply."""
    direct = Multiplications(count=conv.macs, tile=1, useful=1.0)
    return {"direct": direct, "winograd_f2": winograd(conv, 2), "winograd_f4": winograd(conv, 4),
            "fft": fft(conv)}  # fmt: skip


def winograd(conv: Conv2d, outputs: int) -> Multiplications | None:
    """F(outputs x outputs, 3 x 3) (Lavin and Gray, arXiv:1509.09308), for 3x3 at stride 1.

    (outputs + 2)^2 products a tile, input and output channel; transforms are shifts and additions,
    those of the filters are done beforehand.
    """
    axes = conv.window.rows, conv.window.cols
    if any((axis.kernel, axis.stride, axis.dilation) != (3, 1, 1) for axis in axes):
        return None
    tiles = math.prod(-(-axis.outputs // outputs) for axis in axes)
    products = (outputs + 2) ** 2 * conv.group_in_channels * conv.out_channels
    return Multiplications(count=tiles * products, tile=outputs,
                           useful=conv.window.positions / (tiles * outputs**2))  # fmt: skip


def fft(conv: Conv2d) -> Multiplications:
    """Overlap-save with the tile of 2^i x 2^i points that needs the fewest multiplications.

    A complex product is three real ones. A tile has T^2/2 + 2 different complex points, as its data
    is real; its transform, and that back, take T^2/4 * log2(T^2) complex products. Strides only
    choose among outputs that are computed all the same.
    """
    axes = conv.window.rows, conv.window.cols
    best: Multiplications | None = None
    for log in range(2, 9):
        size = 1 << log
        steps = [size - axis.reach for axis in axes]
        if min(steps) < 1:
            continue
        tiles = math.prod(
            -(-axis.unstrided // step) for axis, step in zip(axes, steps, strict=True)
        )
        transforms = (conv.in_channels + conv.out_channels) * size * size // 4 * 2 * log
        products = (size * size // 2 + 2) * conv.group_in_channels * conv.out_channels
        count = 3 * tiles * (transforms + products)
        if best is None or count < best.count:
            best = Multiplications(
                count=count,
                tile=min(steps),
                useful=conv.window.positions / (tiles * math.prod(steps)),
            )
    assert best is not None  # a window of dilation 64 and kernel 11 has no tile of 256 points
    return best
