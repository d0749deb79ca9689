"""The two layers of the demo: a bank of eight filters, and the transform that codes a picture.

The convolution turns RGB into luminance, two colour differences and five filtered luminances. The
first three then go through an 8x8 discrete cosine transform: a matrix product of blocks of pixels
with the 64 two-dimensional cosines, whose requantization divides every frequency by its own step.
Together that is the arithmetic of a JPEG encoder up to its entropy coder.

All maps are u8 with zero point 128: mid-grey is 0 for edges and colour differences, and a
luminance keeps its own value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.conv2d import Conv2d
from hls.gemm import Gemm
from hls.parameters import scale_to_multiplier

__all__ = [
    "BANK",
    "BLOCK",
    "ZERO",
    "Filter",
    "bank",
    "convolution",
    "decode",
    "operands",
    "planes_to_rgb",
    "transform",
]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

ZERO = 128
"""Zero point of the feature maps."""
BLOCK = 8
"""Pixels along the side of a transformed block."""

_SAME = ((0, 0, 0), (0, 1, 0), (0, 0, 0))
_LUMINANCE = (2, 5, 1)
"""Eighths of R, G and B: the weights of BT.601 (0.299, 0.587, 0.114) as small integers, so that
the product with every filter below fits into int8 exactly."""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """One output channel: output = sum(taps x colour x pixels) / divisor (+ 128 if centred).

    A channel that is not centred keeps the level of the picture; its bias takes 128 off first.
    """

    caption: str
    taps: tuple[tuple[int, int, int], ...]
    colour: tuple[int, int, int] = _LUMINANCE
    divisor: int
    centred: bool = True


BANK = (
    Filter(caption="luminance Y", taps=_SAME, divisor=8, centred=False),
    Filter(caption="blue - Y", taps=_SAME, colour=(-2, -5, 7), divisor=14),
    Filter(caption="red - Y", taps=_SAME, colour=(6, -5, -1), divisor=12),
    Filter(
        caption="sharpened", taps=((0, -1, 0), (-1, 5, -1), (0, -1, 0)), divisor=8, centred=False
    ),
    Filter(
        caption="edges, vertical (Sobel)", taps=((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)), divisor=16
    ),
    Filter(
        caption="edges, horizontal (Sobel)", taps=((-1, -2, -1), (0, 0, 0), (1, 2, 1)), divisor=16
    ),
    Filter(caption="Laplacian", taps=((-1, -1, -1), (-1, 8, -1), (-1, -1, -1)), divisor=16),
    Filter(caption="embossed", taps=((-2, -1, 0), (-1, 1, 1), (0, 1, 2)), divisor=8, centred=False),
)
"""The eight channels of the convolution; the first three are transformed further."""


def convolution(height: int, width: int) -> Conv2d:
    """The filter bank over an RGB picture: a pixel a cycle on 216 multipliers."""
    return Conv2d(
        name="filters",
        height=height,
        width=width,
        in_channels=3,
        out_channels=len(BANK),
        kernel=3,
        padding="same",
        input="u8",
        output="u8",
        output_zero_point=ZERO,
        requantize="channel",
        simd=3,
        pe=len(BANK),
    )


def bank(conv: Conv2d) -> dict[str, Ints]:
    """BANK as the parameters of `conv`."""
    pairs = [scale_to_multiplier(1 / f.divisor, conv.multiplier_bits, conv.max_shift) for f in BANK]
    multiplier, shift = np.array(pairs, np.int64).T
    return {
        "weights": np.array([np.multiply.outer(f.taps, f.colour) for f in BANK], np.int64),
        "bias": np.array([0 if f.centred else -ZERO * f.divisor for f in BANK], np.int64),
        "multiplier": multiplier,
        "shift": shift,
    }


# ---------------------------------------------------------------------- the transform


def transform(blocks: int) -> Gemm:
    """The transform of up to `blocks` blocks, one a row of A: 64 pixels in, 64 codes out."""
    return Gemm(
        name="cosines",
        max_m=blocks,
        max_k=BLOCK * BLOCK,
        max_n=BLOCK * BLOCK,
        rows=8,
        cols=8,
        input="u8",
        input_zero_point=ZERO,
        bias="s16",
        output="s8",
        requantize="channel",
    )


def _cosines() -> Floats:
    """[pixel, frequency], both row by row: the orthonormal two-dimensional DCT-II (ITU-T T.81)."""
    place, frequency = np.mgrid[:BLOCK, :BLOCK]
    line = np.cos((2 * place + 1) * frequency * np.pi / (2 * BLOCK)) * np.sqrt(2 / BLOCK)
    line[:, 0] /= np.sqrt(2)
    return np.asarray(np.kron(line, line), np.float64)


def _steps(colour: bool) -> Floats:
    """What one code of each frequency is worth: coarser for high ones, coarser still for colour."""
    rows, cols = np.mgrid[:BLOCK, :BLOCK]
    return np.asarray((10 + (12 if colour else 6) * (rows + cols)).reshape(-1), np.float64)


def operands(gemm: Gemm, colour: bool) -> dict[str, Any]:
    """B, multiplier and shift that transform, and divide each frequency by its step."""
    cosines = _cosines()
    largest = np.abs(cosines).max(axis=0)
    scales = largest / (gemm.weight_format.maximum * _steps(colour))
    pairs = [scale_to_multiplier(s, gemm.multiplier_bits, gemm.max_shift) for s in scales]
    multiplier, shift = np.array(pairs, np.int64).T
    return {
        "b": np.rint(cosines / largest * gemm.weight_format.maximum).astype(np.int8),
        "multiplier": multiplier,
        "shift": shift,
    }


def decode(codes: npt.ArrayLike, colour: bool) -> Floats:
    """[blocks, 64] codes -> [blocks, 64] pixels around 0: the inverse transform, in floats."""
    return np.asarray((np.asarray(codes, np.float64) * _steps(colour)) @ _cosines().T, np.float64)


def planes_to_rgb(planes: Floats) -> npt.NDArray[np.uint8]:
    """[3, H, W] of Y - 128, blue - Y and red - Y as the bank scales them -> [H, W, 3] RGB."""
    luminance = planes[0] + ZERO
    blue = luminance + planes[1] * BANK[1].divisor / 8
    red = luminance + planes[2] * BANK[2].divisor / 8
    green = (8 * luminance - 2 * red - blue) / 5
    rgb = np.stack([red, green, blue], axis=-1)
    return np.asarray(np.rint(rgb).clip(0, 255), np.uint8)
