"""What the generated test benches feed a design: contents of frames, sizes, ranges of parameters.

The benches must be quick even where C++ is built for debugging, so large designs get less to do.
"""

from __future__ import annotations

import math
from typing import Any

from hls.conv2d import Conv2d
from hls.fixed import Fixed
from hls.gemm import Gemm
from hls.parameters import scale_to_multiplier

__all__ = ["conv2d", "gemm"]

QUICK_MACS = 2_000_000
"""Multiply-accumulates that a debug build of the vendor's headers simulates in a second or so."""


def conv2d(conv: Conv2d) -> dict[str, Any]:
    """The two calls of a convolution's bench, each a list of contents of frames.

    With run-time parameters also `bias` (low, high) and `scale`; see `_scale`.
    """
    if conv.macs <= QUICK_MACS:
        calls = [["kRandom"] * 3, ["kMinimum", "kMaximum", "kRandom"]]
    elif conv.macs <= 16 * QUICK_MACS:
        calls = [["kRandom", "kMinimum"], ["kMaximum"]]
    else:
        calls = [["kRandom"], ["kRandom"]]
    return {
        "calls": calls,
        "bias": _bias(conv),
        "scale": _scale(conv, conv.taps_per_output) if conv.epilogue.requantized else None,
    }


def gemm(gemm: Gemm) -> dict[str, Any]:
    """The sizes of a GEMM's bench as `cases` of m, k, n and `scale`, and `bias` (low, high)."""
    top = (gemm.max_m, gemm.max_k, gemm.max_n)
    array = (gemm.rows, gemm.rows, gemm.cols)
    beyond_array = (gemm.rows + 1, gemm.rows + 1, gemm.cols + 1)
    beyond_tile = (gemm.tile_rows + 1, gemm.tile_depth + 1, gemm.tile_cols + 1)
    # All maxima at once if that is quick; else, and anyhow, one by one.
    maxima = [top] + [
        tuple(top[i] if i == axis else array[i] for i in range(3)) for axis in range(3)
    ]
    cases: list[tuple[int, ...]] = []
    for wanted in [(1, 1, 1), beyond_array, beyond_tile, *maxima, array]:
        sizes = tuple(min(size, most) for size, most in zip(wanted, top, strict=True))
        if sizes not in cases and math.prod(sizes) <= QUICK_MACS:
            cases.append(sizes)
    return {
        "cases": [
            {
                "m": m,
                "k": k,
                "n": n,
                "scale": _scale(gemm, k) if gemm.epilogue.requantized else None,
            }
            for m, k, n in cases
        ],
        "bias": _bias(gemm),
    }


def _bias(design: Conv2d | Gemm) -> tuple[int, int] | None:
    """Biases that take part of the accumulator's range, so that sums still matter."""
    if design.bias_format is None:
        return None
    room = Fixed(bits=max(2, min(design.bias_format.bits, design.worst_case.bits - 3)))
    low, high = design.bias_format.minimum, design.bias_format.maximum
    return max(room.minimum, low), min(room.maximum, high)


def _scale(design: Conv2d | Gemm, products: int) -> dict[str, int]:
    """Multipliers and the shift with which sums of `products` random products fill the output.

    `low` to `high` are ordinary multipliers; `tie` is a power of two, whose products often lie
    halfway between two outputs.
    """
    product_bits = design.input_format.bits + design.weight_format.bits
    spread = math.sqrt(products * 4.0 ** (product_bits - 2) / 9)
    wanted = 2.0 ** (design.epilogue.output.bits - 1) / (3 * spread)
    multiplier, shift = scale_to_multiplier(wanted, design.multiplier_bits, design.max_shift)
    high = max(1, multiplier)
    return {"low": (high + 1) // 2, "high": high, "tie": 1 << (high.bit_length() - 1),
            "shift": shift}  # fmt: skip
