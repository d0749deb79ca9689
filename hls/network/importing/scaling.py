"""Scales -> multipliers and shifts, exact wherever the scales' ratio is a power of two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hls.network.importing.values import Quantization
from hls.network.layers import ACTIVATION, SINGLE_SHIFT, Requantization
from hls.parameters import scale_to_multiplier

__all__ = ["MAX_SHIFT", "MULTIPLIER_BITS", "averaging", "factor", "finish", "shared_factors"]

MULTIPLIER_BITS = 24
"""As precise as the float32 that models compute their scales in."""

MAX_SHIFT = 47

_SINGLE_BITS = 24
"""Of a float32, one of which is not stored; products of no more are exact."""

_SPAN = ACTIVATION.maximum - ACTIVATION.minimum
"""The most that a value is away from a zero point."""


def factor(ratio: float) -> tuple[int, int]:
    """(multiplier, shift) with multiplier / 2^shift closest to `ratio`, in lowest terms.

    The relative error is at most 2^-24, and none where the ratio is a power of two.
    """
    multiplier, shift = scale_to_multiplier(ratio, MULTIPLIER_BITS, MAX_SHIFT)
    spare = _spare_twos([multiplier], shift)
    return multiplier >> spare, shift - spare


def shared_factors(ratios: Sequence[float]) -> tuple[tuple[int, ...], int]:
    """One multiplier for each ratio and the shift of all of them, in lowest terms.

    No multiplier is off by more than half of 2^-shift, which for the largest of them is 2^-24 of
    it: for two values of 8 bits, 2^-15 of what the larger ratio makes of one step.
    """
    _, shift = scale_to_multiplier(max(ratios), MULTIPLIER_BITS, MAX_SHIFT)
    multipliers = [min(round(math.ldexp(ratio, shift)), (1 << MULTIPLIER_BITS) - 1)
                   for ratio in ratios]  # fmt: skip
    spare = _spare_twos(multipliers, shift)
    return tuple(multiplier >> spare for multiplier in multipliers), shift - spare


def _spare_twos(multipliers: Sequence[int], shift: int) -> int:
    """How often all `multipliers` can be halved and the shift be one less."""
    common = math.gcd(*multipliers)
    twos = (common & -common).bit_length() - 1 if common else shift
    return min(twos, shift)


def finish(ratio: float, target: Quantization) -> Requantization:
    """Value * ratio, brought to `target`."""
    multiplier, shift = factor(ratio)
    return Requantization(
        multiplier=multiplier, shift=shift, zero_point=target.zero_point, ties=target.ties,
        low=target.low, high=target.high,
    )  # fmt: skip


def averaging(scale: float, count: int, target: Quantization) -> Requantization:
    """Sums of `count` values of `scale`, brought to `target` as their mean.

    The division stays one where that makes it exact. A model's operator on integers multiplies in
    float32 instead, which rounds the product.
    """
    ratio = float(target.ratio(np.array(scale), count))
    whole = finish(ratio, target)
    if target.single:
        multiplier, shift = scale_to_multiplier(ratio, MULTIPLIER_BITS, MAX_SHIFT)
        largest = count * _SPAN
        exact = (largest * whole.multiplier).bit_length() <= _SINGLE_BITS
        if exact or shift < SINGLE_SHIFT or largest.bit_length() > _SINGLE_BITS:
            return whole
        return replace(whole, multiplier=multiplier, shift=shift, single=True)
    mantissa, _ = math.frexp(scale / target.scale)
    if mantissa != 0.5 or count & (count - 1) == 0:
        return whole
    multiplier, shift = factor(scale / target.scale)
    return replace(whole, multiplier=multiplier, shift=shift, divisor=count)
