"""The widths that a requantization needs, from the range of what goes in."""

from __future__ import annotations

from dataclasses import dataclass

from hls.fixed import Fixed
from hls.network.layers import (
    ACTIVATION,
    Addition,
    Concatenation,
    Pooling,
    Requantization,
    Rescaling,
)

__all__ = ["Rounding", "roundings"]


@dataclass(frozen=True, kw_only=True)
class Rounding:
    """A requantization of values in `low` to `high`, both included."""

    rule: Requantization
    low: int
    high: int

    @property
    def divisor(self) -> int:
        """What products are divided by."""
        return self.rule.divisor << self.rule.shift

    @property
    def shifts(self) -> bool:
        """Whether the divisor is a power of two."""
        return self.rule.divisor & (self.rule.divisor - 1) == 0

    @property
    def shift(self) -> int:
        """log2 of such a divisor."""
        return self.divisor.bit_length() - 1

    @property
    def value(self) -> Fixed:
        """Format of what goes in."""
        return Fixed.holding(self.low, self.high)

    @property
    def factor(self) -> Fixed:
        """Format of the multiplier, signed."""
        return Fixed.holding(0, self.rule.multiplier)

    @property
    def product(self) -> Fixed:
        """Format of a product."""
        low, high = self._products
        return Fixed.holding(low, high)

    @property
    def offset(self) -> int:
        """An even number that makes every quotient positive, and moves no tie."""
        floor = self._products[0] // self.divisor
        return -floor + floor % 2

    @property
    def moved(self) -> Fixed:
        """Format of a product that `offset` divisors were added to, and of twice a remainder."""
        high = self._products[1] + self.offset * self.divisor
        return Fixed(bits=max(high, 2 * self.divisor).bit_length(), signed=False)

    @property
    def whole_bits(self) -> int:
        """Bits of a quotient's magnitude without its fraction."""
        return max(1, *(abs(product) // self.divisor for product in self._products)).bit_length()

    @property
    def result(self) -> Fixed:
        """Format of a rounded quotient plus zero point, before the limits."""
        low, high = (product // self.divisor for product in self._products)
        zero = self.rule.zero_point
        return Fixed.holding(low + zero, high + 1 + zero)

    @property
    def clamps_low(self) -> bool:
        """Whether a result can be under the low limit."""
        return self._products[0] // self.divisor + self.rule.zero_point < self.rule.low

    @property
    def clamps_high(self) -> bool:
        """Whether a result can be over the high limit."""
        return -(-self._products[1] // self.divisor) + self.rule.zero_point > self.rule.high

    @property
    def _products(self) -> tuple[int, int]:
        return self.low * self.rule.multiplier, self.high * self.rule.multiplier


def roundings(layer: Addition | Pooling | Rescaling | Concatenation) -> tuple[Rounding, ...]:
    """What a layer requantizes, in the order of its requantizations."""
    if isinstance(layer, Addition):
        terms = zip(layer.zero_points, layer.multipliers, strict=True)
        spans = [sorted(factor * end for end in _span(zero)) for zero, factor in terms]
        low, high = (sum(ends) for ends in zip(*spans, strict=True))
        return (Rounding(rule=layer.finish, low=low, high=high),)
    if isinstance(layer, Concatenation):
        pairs = zip(layer.finishes, layer.input_zero_points, strict=True)
        return tuple(_rounding(rule, *_span(zero)) for rule, zero in pairs)
    low, high = _span(layer.input_zero_point)
    total = layer.total if isinstance(layer, Pooling) and layer.kind == "average" else 1
    return (_rounding(layer.finish, total * low, total * high),)


def _rounding(rule: Requantization, low: int, high: int) -> Rounding:
    return Rounding(rule=rule, low=low, high=high)


def _span(zero_point: int) -> tuple[int, int]:
    return ACTIVATION.minimum - zero_point, ACTIVATION.maximum - zero_point
