"""The wording of legality rules: every message names value, rule and remedy."""

from __future__ import annotations

from collections.abc import Sequence

from hls.errors import DesignError
from hls.fixed import Fixed

__all__ = [
    "divisors",
    "nearest",
    "one_of",
    "pair",
    "reject",
    "require_divides",
    "require_format",
    "whole",
]


def reject(owner: str, value: str, rule: str, remedy: str) -> DesignError:
    """`Conv2d: simd=2 does not divide in_channels=5; use 1 or 5`, as an error to raise."""
    return DesignError(f"{owner}: {value} {rule}; {remedy}")


def whole(owner: str, name: str, value: object, low: int, high: int) -> int:
    """`value` as an integer within `low`..`high`, or a DesignError."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise reject(owner, f"{name}={value!r}", "is not an integer", f"use {low} to {high}")
    number = int(value.__index__())
    if not low <= number <= high:
        legal = min(max(number, low), high)
        rule = f"is outside {low}..{high}"
        raise reject(owner, f"{name}={number}", rule, f"the nearest legal value is {legal}")
    return number


def pair(owner: str, name: str, value: object, low: int, high: int) -> tuple[int, int]:
    """An integer or a (vertical, horizontal) pair of them -> the pair."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) != 2:
            remedy = "use one integer or (vertical, horizontal)"
            raise reject(owner, f"{name}={value!r}", f"has {len(value)} entries", remedy)
        vertical, horizontal = value
    else:
        vertical = horizontal = value
    return whole(owner, name, vertical, low, high), whole(owner, name, horizontal, low, high)


def one_of(owner: str, name: str, value: object, choices: Sequence[str]) -> None:
    """Reject a `value` that is none of `choices`."""
    if value not in choices:
        raise reject(owner, f"{name}={value!r}", "is unknown", f"use {_listed(choices)}")


def divisors(number: int) -> list[int]:
    """All divisors of `number`, ascending."""
    return [d for d in range(1, number + 1) if number % d == 0]


def require_divides(
    owner: str, name: str, value: int, of: str, number: int, common: int | None = None
) -> None:
    """Reject a lane count that leaves a remainder, naming the nearest legal ones.

    Those divide `number`, or `common` if that is given because more rules hold.
    """
    if number % value:
        remedy = nearest(value, divisors(number if common is None else common))
        raise reject(owner, f"{name}={value}", f"does not divide {of}={number}", remedy)


def nearest(value: int, legal: Sequence[int]) -> str:
    """The remedy that names the one or two `legal` values next to `value`."""
    two = sorted(sorted(legal, key=lambda number: abs(number - value))[:2])
    return f"use {_listed([str(number) for number in two])}"


def require_format(
    owner: str, name: str, spelling: str | Fixed, low: int, high: int, *, symmetric: bool = False
) -> Fixed:
    """A format of `low`..`high` bits from its spelling, or a DesignError.

    `symmetric` says whether one without its least value may be asked for.
    """
    try:
        number_format = Fixed.parse(spelling)
    except DesignError as error:
        raise DesignError(f"{owner}: {name}: {error}") from None
    if number_format.symmetric and not symmetric:
        rule = "is symmetric, which only weights are"
        raise reject(owner, f"{name}={number_format}", rule, f"use s{number_format.bits}")
    if not low <= number_format.bits <= high:
        legal = Fixed(bits=min(max(number_format.bits, low), high), signed=number_format.signed)
        rule = f"has a width outside {low}..{high} bits"
        raise reject(owner, f"{name}={number_format}", rule, f"the nearest is {legal}")
    return number_format


def _listed(choices: Sequence[str]) -> str:
    return " or ".join([", ".join(choices[:-1]), choices[-1]] if len(choices) > 1 else choices)
