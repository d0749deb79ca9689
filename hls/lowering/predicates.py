"""What can be seen of conditions without solving anything: conjunctions, and how they relate."""

from __future__ import annotations

from hls.lowering.ir import Op, Value

__all__ = ["contradict", "exclusive", "implies", "literals"]


def exclusive(first: Op, second: Op) -> bool:
    """Whether the predicates of two operations can be seen never to hold both."""
    return contradict(first.predicate, second.predicate)


def contradict(first: Value | None, second: Value | None) -> bool:
    """Whether two conditions can be seen never to hold both."""
    theirs = literals(second)
    return any((key, not sign) in theirs for key, sign in literals(first))


def implies(first: Value, second: Value) -> bool:
    """Whether `second` can be seen to hold whenever `first` does."""
    return literals(second) <= literals(first) and bool(literals(second))


def literals(value: Value | None) -> set[tuple[object, bool]]:
    """A conjunction as literals (what, sign); `x == 3` and `x == 4` exclude each other, too."""
    if not isinstance(value, Op):
        return set()
    if value.kind == "and" and value.width == 1:
        return literals(value.args[0]) | literals(value.args[1])
    if value.kind == "xor" and value.width == 1:
        return {(id(value.args[0]), False)}
    if value.kind == "ne":
        return {(_comparison(value), False), (id(value), True)}
    if value.kind == "eq":
        return {(_comparison(value), True), (id(value), True)}
    return {(id(value), True)}


def _comparison(value: Op) -> tuple[object, ...]:
    return tuple(getattr(a, "value", id(a)) for a in value.args)
