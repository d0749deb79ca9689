"""Countdown: a counter that only tells when a loop ends counts down to one, not up to a bound.

Neither the bound has to be kept then, nor compared with: the last iteration is the one in which at
most one is left, which a register tells without an adder before it.
"""

from __future__ import annotations

from collections import Counter

from hls.lowering.ir import Block, Const, Op, Process, Value

__all__ = ["count_down"]


def count_down(process: Process) -> Process:
    """Turn the counters around, in place: `i = 0; do ... while (++i < bound)` and no more of i."""
    uses = Counter(id(value) for op in process.ops() for value in op.inputs())
    for block in process.blocks.values():
        found = _counter(block, uses)
        if found is not None:
            _turn(block, *found)
    return process


def _counter(block: Block, uses: Counter[int]) -> tuple[Op, Value] | None:
    """The counter of a loop of one block and its bound, if it is one that can be turned around."""
    test = block.condition
    if not block.loops or block.targets[0] != block.name or not isinstance(test, Op):
        return None
    mine = {id(op) for op in [*block.phis, *block.ops]}
    back = block.predecessors.index(block.name)
    if test.kind != "ult" or uses[id(test)]:
        return None
    after, bound = test.args
    for phi in block.phis:
        begins = [arg for i, arg in enumerate(phi.args) if i != back]
        if (
            phi.args[back] is after
            and isinstance(after, Op)
            and after.kind == "add"
            and after.args[0] is phi
            and _is(after.args[1], 1)
            and all(_is(arg, 0) for arg in begins)
            and uses[id(phi)] == 1
            and uses[id(after)] == 2
            and id(bound) not in mine
        ):
            return phi, bound
    return None


def _turn(block: Block, phi: Op, bound: Value) -> None:
    """The first iteration has `bound` left; if that is 0 it is the last all the same."""
    test = block.condition
    assert isinstance(test, Op)
    after = test.args[0]
    assert isinstance(after, Op)
    phi.name, after.name = f"{phi.name}_left", f"{after.name}_left"
    phi.args = [arg if arg is after else bound for arg in phi.args]
    after.kind = "sub"
    test.args = [Const(1, phi.width), phi]


def _is(value: Value, number: int) -> bool:
    return isinstance(value, Const) and value.value == number
