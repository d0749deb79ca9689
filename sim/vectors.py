"""Seeded stimuli with corner values: every run can be repeated from its seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hls.conv2d import Conv2d
from hls.design import DataflowNetwork, OverlayNetwork
from hls.fixed import Fixed
from hls.gemm import Gemm
from hls.parameters import scale_to_multiplier

__all__ = ["frames", "gemm_operands", "values"]


def values(fmt: Fixed, shape: tuple[int, ...], rng: np.random.Generator) -> npt.NDArray[Any]:
    """Uniform values of a format, every eighth a corner (minimum, maximum, 0, -1 or 1)."""
    corners = [v for v in (fmt.minimum, fmt.maximum, 0, -1, 1) if fmt.minimum <= v <= fmt.maximum]
    uniform = rng.integers(fmt.minimum, fmt.maximum, shape, np.int64, endpoint=True)
    chosen = np.where(rng.random(shape) < 0.125, rng.choice(np.array(corners), shape), uniform)
    return chosen.astype(fmt.dtype)


def frames(
    design: Conv2d | DataflowNetwork | OverlayNetwork, count: int, seed: int
) -> npt.NDArray[Any]:
    """[count, H, W, C] pixels; the second and third frame are all minimum and all maximum."""
    fmt = design.input_format
    pixels = values(fmt, (count, *design.input_shape), np.random.default_rng(seed))
    for index, level in ((1, fmt.minimum), (2, fmt.maximum)):
        if index < count:
            pixels[index] = level
    return pixels


def gemm_operands(gemm: Gemm, m: int, k: int, n: int, seed: int) -> dict[str, npt.NDArray[Any]]:
    """Operands a, b and, as the design takes them, bias, multiplier and shift [n]."""
    rng = np.random.default_rng(seed)
    operands = {
        "a": values(gemm.input_format, (m, k), rng),
        "b": values(gemm.weight_format, (k, n), rng),
    }
    if gemm.bias_format is not None:
        room = Fixed(bits=max(2, min(gemm.bias_format.bits, gemm.worst_case.bits - 3)))
        bias = values(room, (n,), rng).astype(np.int64)
        operands["bias"] = bias.clip(gemm.bias_format.minimum, gemm.bias_format.maximum)
    if gemm.epilogue.requantized:
        spread = np.sqrt(k * 4.0 ** (gemm.input_format.bits + gemm.weight_format.bits - 2) / 9)
        scale = 2.0 ** (gemm.epilogue.output.bits - 1) / (3 * spread)
        factors = np.ones(n) if gemm.requantize == "tensor" else rng.uniform(0.5, 2.0, n)
        pairs = [
            scale_to_multiplier(scale * f, gemm.multiplier_bits, gemm.max_shift) for f in factors
        ]
        operands["multiplier"], operands["shift"] = np.array(pairs, np.int64).T
    return operands
