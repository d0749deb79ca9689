"""Scales -> multipliers and shifts, exact wherever the scales' ratio is a power of two."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hls.network.importing.values import Quantization
from hls.network.layers import Requantization
from hls.parameters import scale_to_multiplier

__all__ = ["MAX_SHIFT", "MULTIPLIER_BITS", "averaging", "factor", "finish", "shared_factors"]

MULTIPLIER_BITS = 24
"""As precise as the float32 that models compute their scales in."""

MAX_SHIFT = 47


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


def averaging(ratio: float, count: int, target: Quantization) -> Requantization:
    """Value * ratio / count, brought to `target`.

    The division stays one where that makes it exact.
    """
    mantissa, _ = math.frexp(ratio)
    if mantissa != 0.5 or count & (count - 1) == 0:
        return finish(ratio / count, target)
    multiplier, shift = factor(ratio)
    return Requantization(
        multiplier=multiplier, shift=shift, divisor=count, zero_point=target.zero_point,
        ties=target.ties, low=target.low, high=target.high,
    )  # fmt: skip
