"""Multiplexers: nested choices that share a value become one choice with a joint condition.

If-conversion makes a choice for every level of nested branches. Where an inner and an outer choice
keep the same old value, the conditions can be joined, and the value passes one multiplexer only.
"""

from __future__ import annotations

from hls.lowering.ir import Block, Const, Op, Process, Value
from hls.lowering.predicates import negated

__all__ = ["flatten_muxes"]


def flatten_muxes(process: Process) -> Process:
    """Flatten in place; conditions become ands and ors of one bit."""
    for block in process.blocks.values():
        _Flattening(block).run()
    return process


class _Flattening:
    def __init__(self, block: Block) -> None:
        self._block = block
        self._ops: list[Op] = []

    def run(self) -> None:
        for op in self._block.ops:
            if op.kind == "select":
                self._flatten(op)
            self._ops.append(op)
        self._block.ops = self._ops

    def _flatten(self, op: Op) -> None:
        a, then, other = op.args
        if _is_select(then):
            b, inner_then, inner_other = then.args  # type: ignore[attr-defined]
            if _same(inner_other, other):
                op.args = [self._bit("and", a, b), inner_then, other]
            elif _same(inner_then, other):
                op.args = [self._bit("and", a, self._not(b)), inner_other, other]
        elif _is_select(other):
            b, inner_then, inner_other = other.args  # type: ignore[attr-defined]
            if _same(inner_other, then):
                op.args = [self._bit("and", self._not(a), b), inner_then, then]
            elif _same(inner_then, then):
                op.args = [self._bit("or", a, b), then, inner_other]

    def _not(self, value: Value) -> Value:
        return negated(value) or self._bit("xor", value, Const(1, 1))

    def _bit(self, kind: str, a: Value, b: Value) -> Op:
        op = Op(kind, 1, [a, b], f"either_{len(self._ops)}")
        self._ops.append(op)
        return op


def _is_select(value: Value) -> bool:
    return isinstance(value, Op) and value.kind == "select"


def _same(a: Value, b: Value) -> bool:
    if isinstance(a, Const) and isinstance(b, Const):
        return a.value == b.value
    return a is b
