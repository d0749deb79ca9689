"""Exact division in the overlay engine: a multiplier and a shift for a quotient, and its ties.

The engine only multiplies and shifts. v * multiplier / (divisor * 2^shift) with a divisor that is
no power of two becomes v * m / 2^s with a rounded m. For the few v that can come, s is chosen so
large that the error cannot carry a value over one half, nor one half away from it by more than
what is taken for a tie, while all that is no tie stays further away. Where a rule wants the product
rounded to float32, what that takes for a tie grows with the quotient.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, gcd

from hls.network.layers import SINGLE_SHIFT, Requantization

__all__ = ["Quotient", "quotient"]


@dataclass(frozen=True)
class Quotient:
    """v * multiplier / 2^shift; remainders within slack / 2 of one half (in 2^-shift) are ties.

    With `grows` the slack doubles with each power of two that the quotient passes, from 1 on.
    """

    multiplier: int
    shift: int
    slack: int
    grows: bool = False


def quotient(
    finish: Requantization, most: int, multiplier_bits: int, max_shift: int
) -> Quotient | None:
    """What rounds every v with |v| <= `most` as `finish` does; None if there is none so narrow."""
    if finish.single:
        return Quotient(finish.multiplier, finish.shift, 2 << finish.shift - SINGLE_SHIFT, True)
    common = gcd(finish.multiplier, finish.divisor)
    factor, divisor = finish.multiplier // common, finish.divisor // common
    twos = (divisor & -divisor).bit_length() - 1
    divisor >>= twos
    for more in range(max_shift + 1):
        exact = Fraction(factor << more, divisor)
        multiplier, shift = round(exact), finish.shift + twos + more
        if multiplier >= 1 << multiplier_bits or shift > max_shift:
            return None
        slack = ceil(2 * most * abs(multiplier - exact))
        # What is no tie is further from one half than 1 / (2 * divisor * 2^(finish.shift + twos)).
        if slack < Fraction(1 << more, divisor) - slack or not slack:
            return Quotient(multiplier, shift, slack)
    return None
