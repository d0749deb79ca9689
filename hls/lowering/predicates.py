"""What can be seen of conditions without solving anything: negations and conjunctions."""

from __future__ import annotations

from hls.lowering.ir import Const, Op, Value

__all__ = ["contradict", "exclusive", "implies", "negated", "opposite"]

Literal = tuple[object, bool]
"""A condition and whether it holds. A comparison is known by its operands: it may be made twice."""


def exclusive(first: Op, second: Op) -> bool:
    """Whether the predicates of two operations can be seen never to hold both."""
    return contradict(first.predicate, second.predicate)


def contradict(first: Value | None, second: Value | None) -> bool:
    """Whether two conditions can be seen never to hold both."""
    theirs = _conjunction(second)
    return any((what, not holds) in theirs for what, holds in _conjunction(first))


def implies(first: Value, second: Value) -> bool:
    """Whether `second` can be seen to hold whenever `first` does."""
    wanted = _conjunction(second)
    return bool(wanted) and wanted <= _conjunction(first)


def opposite(first: Value, second: Value) -> bool:
    """Whether two conditions can be seen to be each other's negation."""
    what, holds = _literal(first)
    return _literal(second) == (what, not holds)


def negated(value: Value) -> Value | None:
    """What a bit is the negation of, or None; the exclusive or of two conditions is neither's."""
    if isinstance(value, Op) and value.kind == "xor" and value.width == 1:
        for inner, by in (value.args, value.args[::-1]):
            if isinstance(by, Const) and by.value:
                return inner
    return None


def _conjunction(condition: Value | None) -> set[Literal]:
    """Literals that all hold where `condition` does, and only there; for what is true, none."""
    if condition is None or (isinstance(condition, Const) and condition.value):
        return set()
    if isinstance(condition, Op) and condition.kind == "and" and condition.width == 1:
        return _conjunction(condition.args[0]) | _conjunction(condition.args[1])
    return {_literal(condition)}


def _literal(condition: Value) -> Literal:
    holds = True
    while (inner := negated(condition)) is not None:
        condition, holds = inner, not holds
    if isinstance(condition, Op) and condition.kind in ("eq", "ne"):
        return tuple(map(_operand, condition.args)), holds == (condition.kind == "eq")
    return id(condition), holds


def _operand(value: Value) -> tuple[str, int]:
    return ("constant", value.value) if isinstance(value, Const) else ("value", id(value))
