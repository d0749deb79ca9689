"""Intervals of integers modulo 2^width: what a value may be, without a sign decided.

An `Interval` of a value of `width` bits holds every integer that it may be congruent to, once:
-2^(width-1) <= low <= high < 2^width and high - low < 2^width. So -1 to 1 and 200 to 255 (at eight
bits) can both be said, and the unsigned and the signed reading are views of the same thing.

The representation is that of Navas et al., "Signedness-agnostic program analysis", APLAS 2012, with
a seam: an interval never crosses both ends.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Interval", "fitted", "full", "hull", "nearest", "overlap", "signed", "unsigned"]


class Interval(NamedTuple):
    """All integers from `low` to `high`, both included."""

    low: int
    high: int

    @property
    def span(self) -> int:
        """How many integers it holds, less one."""
        return self.high - self.low

    @property
    def signed_bits(self) -> int:
        """Bits of the shortest two's complement that holds all of it."""
        return max(self.high.bit_length(), (~self.low).bit_length() if self.low < 0 else 0) + 1


def full(width: int) -> Interval:
    """Everything."""
    return Interval(0, (1 << width) - 1)


def fitted(low: int, high: int, width: int) -> Interval:
    """The integers from `low` to `high`, modulo 2^width."""
    size = 1 << width
    if high - low >= size:
        return full(width)
    base = low // size * size
    low, high = low - base, high - base
    if high < size:
        return Interval(low, high)
    low, high = low - size, high - size
    return Interval(low, high) if low >= -(size >> 1) else full(width)


def unsigned(interval: Interval, width: int) -> Interval:
    """The interval of the unsigned reading."""
    low, high = interval
    if low >= 0:
        return interval
    return Interval(low + (1 << width), high + (1 << width)) if high < 0 else full(width)


def signed(interval: Interval, width: int) -> Interval:
    """The interval of the reading as two's complement."""
    half = 1 << (width - 1)
    low, high = interval
    if high < half:
        return interval
    return Interval(low - 2 * half, high - 2 * half) if low >= half else Interval(-half, half - 1)


def nearest(interval: Interval, width: int) -> Interval:
    """The reading with the smaller magnitudes, if one is known to be tighter than everything."""
    half = 1 << (width - 1)
    low, high = interval
    return Interval(low - 2 * half, high - 2 * half) if low >= half else interval


def hull(first: Interval, second: Interval, width: int) -> Interval:
    """The smallest interval that holds both."""
    best = full(width)
    for a in _readings(first, width):
        for b in _readings(second, width):
            both = fitted(min(a.low, b.low), max(a.high, b.high), width)
            if both.span < best.span:
                best = both
    return best


def overlap(first: Interval, second: Interval, width: int) -> Interval:
    """An interval that holds all that both hold, given that they hold something together."""
    best = first if first.span <= second.span else second
    for a in _readings(first, width):
        for b in _readings(second, width):
            low, high = max(a.low, b.low), min(a.high, b.high)
            others = sum(
                max(a.low, b.low + s) <= min(a.high, b.high + s)
                for s in (-(1 << width), 1 << width)
            )
            if low <= high and not others and high - low < best.span:
                best = fitted(low, high, width)
    return best


def _readings(interval: Interval, width: int) -> list[Interval]:
    low, high = interval
    size = 1 << width
    found = [interval]
    if low >= size >> 1:
        found.append(Interval(low - size, high - size))
    if high < 0:
        found.append(Interval(low + size, high + size))
    return found
