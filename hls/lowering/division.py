"""Division: quotients and remainders become steps that fit into clock cycles.

By a constant it is a multiplication by the rounded-up reciprocal and a shift (Granlund, Montgomery,
PLDI'94); by a variable it is one subtraction and one choice for each bit of the quotient (restoring
division), which the scheduler spreads over as many cycles as the clock asks for.
"""

from __future__ import annotations

from hls.errors import InputError
from hls.lowering.ir import Const, Op, Process, Value

__all__ = ["expand_divisions"]

_DIVISIONS = {"udiv", "urem", "sdiv", "srem"}
_LONGEST_BITS = 256


def expand_divisions(process: Process) -> Process:
    """Expand in place.

    Raises:
        InputError: a division by a variable is too wide.
    """
    for block in process.blocks.values():
        ops: list[Op] = []
        for op in block.ops:
            if op.kind in _DIVISIONS:
                _Expansion(op, ops, process.place(op.line)).run()
            ops.append(op)
        block.ops = ops
    return process


class _Expansion:
    """The steps of one division, put before it; it becomes a copy of the last one."""

    def __init__(self, op: Op, ops: list[Op], place: str) -> None:
        self._op, self._ops, self._width, self._place = op, ops, op.width, place

    def run(self) -> None:
        dividend, divisor = self._op.args
        width = self._width
        if self._op.kind in ("udiv", "urem"):
            result = self._unsigned(dividend, divisor, remainder=self._op.kind == "urem")
        else:
            negative, opposite = self._negative(dividend), self._negative(divisor)
            magnitude = self._unsigned(
                self._negated(dividend, negative),
                self._negated(divisor, opposite),
                remainder=self._op.kind == "srem",
            )
            if self._op.kind == "sdiv":
                negative = self._make("xor", 1, negative, opposite)
            result = self._negated(magnitude, negative)
        self._op.kind, self._op.args = "or", [result, Const(0, width)]

    def _make(self, kind: str, width: int, *args: Value) -> Value:
        op = Op(kind, width, list(args), f"{self._op.name}_step", self._op.line)
        self._ops.append(op)
        return op

    def _negative(self, value: Value) -> Value:
        if isinstance(value, Const):
            return Const(int(value.signed < 0), 1)
        return self._make("slt", 1, value, Const(0, value.width))

    def _negated(self, value: Value, when: Value) -> Value:
        if isinstance(value, Const) and isinstance(when, Const):
            return Const(-value.value % (1 << value.width), value.width) if when.value else value
        opposite = self._make("sub", value.width, Const(0, value.width), value)
        return self._make("select", value.width, when, opposite, value)

    def _unsigned(self, dividend: Value, divisor: Value, *, remainder: bool) -> Value:
        width = self._width
        if not isinstance(divisor, Const):
            return self._by_variable(dividend, divisor, remainder=remainder)
        quotient = self._by_constant(dividend, max(1, divisor.value))
        if not remainder:
            return quotient
        whole = self._make("mul", width, quotient, divisor)
        return self._make("sub", width, dividend, whole)

    def _by_constant(self, dividend: Value, divisor: int) -> Value:
        width = self._width
        shift = width + (divisor - 1).bit_length()
        reciprocal = (1 << shift) // divisor + 1
        if divisor & (divisor - 1) == 0:
            amount = Const(divisor.bit_length() - 1, width)
            return self._make("lshr", width, dividend, amount)
        wide = width + reciprocal.bit_length()
        product = self._make("mul", wide, self._make("zext", wide, dividend),
                             Const(reciprocal, wide))  # fmt: skip
        return self._make("trunc", width, self._make("lshr", wide, product, Const(shift, wide)))

    def _by_variable(self, dividend: Value, divisor: Value, *, remainder: bool) -> Value:
        width = self._width
        if width > _LONGEST_BITS:
            raise InputError(
                f"{self._place}: a division of {width} bits by a variable is not supported; "
                f"the widest has {_LONGEST_BITS} bits: divide narrower numbers"
            )
        # One bit more, in which the difference of two numbers shows its sign
        wide = width + 1
        subtrahend = self._make("zext", wide, divisor)
        rest: Value = Const(0, wide)
        quotient: Value = Const(0, width)
        for bit in reversed(range(width)):
            moved = self._make("lshr", width, dividend, Const(bit, width))
            digit = self._make("zext", wide, self._make("trunc", 1, moved))
            rest = self._make("or", wide, self._make("shl", wide, rest, Const(1, wide)), digit)
            less = self._make("sub", wide, rest, subtrahend)
            sign = self._make("trunc", 1, self._make("lshr", wide, less, Const(width, wide)))
            rest = self._make("select", wide, sign, rest, less)
            fits = self._make("zext", width, self._make("xor", 1, sign, Const(1, 1)))
            higher = self._make("shl", width, quotient, Const(1, width))
            quotient = self._make("or", width, higher, fits)
        return self._make("trunc", width, rest) if remainder else quotient
