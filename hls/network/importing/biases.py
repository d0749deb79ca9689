"""Biases that are real numbers -> integers with binary places, as few as make no difference.

    value = (sum << places) + bias,    result = round(value * multiplier / 2^(shift + places))

A bias is rounded down, and its last place set if something is left. Where a step of the output is
2^n steps of the accumulator, that is exact: ties lie at whole numbers of the place before the last,
and a value stays on the side of each where it is. Elsewhere a result is another one where value and
tie lie closer together than the bias is off.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hls.errors import InputError
from hls.fixed import Fixed

__all__ = ["fixed", "floor"]

Ints = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

_PRECISION = 18
"""A bias is off by less than 2^-18 of an output's step, which changes one in 2^19 results."""

_BIAS = Fixed(bits=32)
"""What a bias may be, its places included."""

_VALUE = Fixed(bits=36)
"""What an accumulator with the places of its bias may be; the overlay engine has no more."""


def floor(steps: Reals) -> Ints:
    """Biases [M] in steps of the accumulator, rounded down.

    Raises:
        InputError: one takes over 32 bits.
    """
    whole = np.floor(_snapped(steps))
    if np.abs(whole).max(initial=0) > _BIAS.maximum:
        raise InputError(
            f"a bias of {np.abs(steps).max():.4g} steps of input scale x weight scale takes over "
            "32 bits; use a larger weight scale, or a smaller bias"
        )
    return whole.astype(np.int64)


def fixed(steps: Reals, ratio: float, sums: Fixed) -> tuple[int, Ints]:
    """Binary places, and the biases [M] with them; none if all biases are whole.

    Args:
        steps: the biases, in steps of the accumulator.
        ratio: the largest of the accumulator's steps, in steps of the output.
        sums: format of the accumulator.
    """
    exact, whole = _snapped(steps), floor(steps)
    if (exact == whole).all():
        return 0, whole
    wanted = max(1, _PRECISION + math.frexp(ratio)[1])
    held = Fixed.holding(int(whole.min()), int(whole.max()))
    places = max(0, min(wanted, _VALUE.bits - sums.bits, _BIAS.bits - held.bits))
    scaled = np.ldexp(exact, places)
    bias = np.floor(scaled).astype(np.int64)
    return places, np.where(bias == scaled, bias, bias | 1)


def _snapped(steps: Reals) -> Reals:
    """`steps`, whole ones where nothing but float64's own error is left of a fraction."""
    nearest = np.rint(steps)
    found: Reals = np.where(np.isclose(steps, nearest, rtol=1e-12, atol=0), nearest, steps)
    return found
