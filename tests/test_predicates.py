"""What is said of conditions holds, whatever they are made of."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hls.lowering.cleanup import evaluate
from hls.lowering.ir import Const, Input, Op, Value
from hls.lowering.predicates import contradict, implies, negated, opposite

NUMBER, FLAG, OTHER = Input("number", 2), Input("flag", 1), Input("other", 1)
CASES = [
    {id(NUMBER): number, id(FLAG): flag, id(OTHER): other}
    for number, flag, other in itertools.product(range(4), range(2), range(2))
]


def holds(condition: Value, case: dict[int, int]) -> bool:
    def of(value: Value) -> int:
        if isinstance(value, Const):
            return value.value
        if not isinstance(value, Op):
            return case[id(value)]
        return evaluate(value, [of(arg) for arg in value.args])

    return bool(of(condition))


@st.composite
def conditions(draw: st.DrawFn) -> list[Value]:
    """Conditions made of one another; the same comparison may be made twice."""
    found: list[Value] = [FLAG, OTHER, Const(0, 1), Const(1, 1)]
    for _ in range(draw(st.integers(1, 8))):
        kind = draw(st.sampled_from(["and", "or", "xor", "not", "eq", "ne", "ult"]))
        if kind in ("eq", "ne", "ult"):
            args: list[Value] = [NUMBER, Const(draw(st.integers(0, 3)), 2)]
        elif kind == "not":
            args = draw(st.permutations([draw(st.sampled_from(found)), Const(1, 1)]))
            kind = "xor"
        else:
            args = [draw(st.sampled_from(found)), draw(st.sampled_from(found))]
        found.append(Op(kind, 1, args))
    return found


@settings(max_examples=300, deadline=None)
@given(made=conditions())
def test_how_conditions_relate_is_true_in_every_case(made: list[Value]) -> None:
    truth = [[holds(condition, case) for case in CASES] for condition in made]
    claims: dict[Callable[[Value, Value], bool], Callable[[bool, bool], bool]] = {
        contradict: lambda one, two: not (one and two),
        implies: lambda one, two: two or not one,
        opposite: lambda one, two: one != two,
    }
    for (first, ones), (second, twos) in itertools.product(zip(made, truth, strict=True), repeat=2):
        for claim, must in claims.items():
            assert not claim(first, second) or all(map(must, ones, twos)), claim
    for condition, here in zip(made, truth, strict=True):
        inner = negated(condition)
        assert inner is None or here == [not holds(inner, case) for case in CASES]


def test_an_exclusive_or_of_two_conditions_is_the_negation_of_neither() -> None:
    differ = Op("xor", 1, [FLAG, OTHER])
    assert negated(differ) is None
    assert not contradict(differ, FLAG)
    assert not implies(Op("xor", 1, [FLAG, Const(1, 1)]), differ)


@pytest.mark.parametrize("swapped", [False, True])
def test_what_excludes_each_other_is_seen(swapped: bool) -> None:
    """Wherever the constant stands, and if a comparison is made again."""
    args: list[Value] = [FLAG, Const(1, 1)]
    neither = Op("xor", 1, args[::-1] if swapped else args)
    here, again = Op("eq", 1, [NUMBER, Const(2, 2)]), Op("ne", 1, [NUMBER, Const(2, 2)])
    assert contradict(neither, FLAG)
    assert opposite(here, again)
    assert contradict(Op("and", 1, [FLAG, here]), Op("and", 1, [OTHER, again]))
    assert implies(Op("and", 1, [FLAG, here]), FLAG)
