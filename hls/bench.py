"""What the generated test benches feed a design: contents of frames, sizes, ranges of parameters.

The benches must be quick even where C++ is built for debugging, so large designs get less to do.
"""

from __future__ import annotations

import math
from typing import Any

from hls.conv2d import Conv2d
from hls.gemm import Gemm
from hls.matrix_conv2d import MatrixConv2d
from hls.parameters import scale_to_multiplier

__all__ = ["calls", "conv2d", "gemm", "matrix_conv2d"]

QUICK_MACS = 2_000_000
"""Multiply-accumulates that a debug build of the vendor's headers simulates in a second or so."""


def conv2d(conv: Conv2d) -> dict[str, Any]:
    """The two calls of a convolution's bench, each a list of contents of frames.

    For run-time parameters also `bias`, `scale` and `tie_unit`; see below.
    """
    products = conv.taps_per_output
    return {
        "calls": calls(conv.macs),
        "bias": _bias(conv, products),
        "scale": _scale(conv, products),
        "tie_unit": _tie_unit(conv),
    }


def calls(macs: int) -> list[list[str]]:
    """Contents of the frames of two calls, of a design with so many operations a frame."""
    if macs <= QUICK_MACS:
        return [["kRandom"] * 3, ["kMinimum", "kMaximum", "kRandom"]]
    if macs <= 16 * QUICK_MACS:
        return [["kRandom", "kMinimum"], ["kMaximum"]]
    return [["kRandom"], ["kRandom"]]


def matrix_conv2d(engine: MatrixConv2d) -> dict[str, Any]:
    """Numbers of frames of the calls of a bench: few where a call is long."""
    conv = engine.conv
    most = max(1, min(conv.batch, QUICK_MACS // conv.macs))
    return {
        "calls": [most, 1],
        "bias": _bias(conv, conv.taps_per_output),
        "scale": _scale(conv, conv.taps_per_output),
        "tie_unit": _tie_unit(conv),
    }


def gemm(gemm: Gemm) -> dict[str, Any]:
    """The sizes of a GEMM's bench as `cases` of m, k, n, with `bias` and `scale`; `tie_unit`."""
    top = (gemm.max_m, gemm.max_k, gemm.max_n)
    array = (gemm.rows, gemm.rows, gemm.cols)
    beyond_array = (gemm.rows + 1, gemm.rows + 1, gemm.cols + 1)
    beyond_tile = (gemm.tile_rows + 1, gemm.tile_depth + 1, gemm.tile_cols + 1)
    # All maxima at once if that is quick; else, and anyhow, one by one.
    maxima = [top] + [
        tuple(top[i] if i == axis else array[i] for i in range(3)) for axis in range(3)
    ]
    cases: list[dict[str, Any]] = []
    for wanted in [(1, 1, 1), beyond_array, beyond_tile, *maxima, array]:
        m, k, n = (min(size, most) for size, most in zip(wanted, top, strict=True))
        case = {"m": m, "k": k, "n": n, "bias": _bias(gemm, k), "scale": _scale(gemm, k)}
        if case not in cases and m * k * n <= QUICK_MACS:
            cases.append(case)
    return {"cases": cases, "tie_unit": _tie_unit(gemm)}


def _spread(design: Conv2d | Gemm, products: int) -> float:
    """The standard deviation of a sum of products of independent uniform operands."""
    product_bits = design.input_format.bits + design.weight_format.bits
    return math.sqrt(products * 4.0 ** (product_bits - 2) / 9)


def _bias(design: Conv2d | Gemm, products: int) -> tuple[int, int] | None:
    """The least and the largest bias: all of the format, or what does not clamp the outputs."""
    if design.bias_format is None:
        return None
    low, high = design.bias_format.minimum, design.bias_format.maximum
    if not design.epilogue.requantized:
        return low, high
    limit = round(_spread(design, products)) << design.epilogue.bias_fraction
    return max(-limit, low), min(limit, high)


def _scale(design: Conv2d | Gemm, products: int) -> dict[str, int] | None:
    """Multipliers and the shift with which sums of `products` random products fill the output.

    `low` to `high` are ordinary multipliers; `tie` is a power of two, whose products can lie
    halfway between two outputs.
    """
    if not design.epilogue.requantized:
        return None
    steps = design.epilogue.output.bits - 1 - design.epilogue.bias_fraction
    wanted = 2.0**steps / (3 * _spread(design, products))
    multiplier, shift = scale_to_multiplier(wanted, design.multiplier_bits, design.max_shift)
    high = max(1, multiplier)
    tie = 1 << (high.bit_length() - 1)
    return {"low": (high + 1) // 2, "high": high, "tie": tie, "shift": shift}


def _tie_unit(design: Conv2d | Gemm) -> int:
    """Weights and biases that are multiples of this bring products with `tie` to ties quickly."""
    return 1 << (design.weight_format.bits - 2)
