"""Products with constants become shifts and additions, by the digits of the constant.

Written with the digits 1, 0 and -1, no two neighbours of which are both not 0 (canonical signed
digits, Avizienis 1961), a third of a constant's digits count; each costs an adder in LUTs, and
multipliers are left to what varies. The digits are joined pairwise, neighbours first, so that sums
stay short and equal parts can be shared.
"""

from __future__ import annotations

from hls.lowering.ir import Const, Op, Process, Value

__all__ = ["multiply_by_constants", "signed_digits"]

_MOST_DIGITS = 16
"""Constants of more digits than this are left to multipliers."""


def signed_digits(number: int) -> list[tuple[int, int]]:
    """The canonical signed digits of a positive number that are not 0: (position, 1 or -1)."""
    digits = []
    position = 0
    while number:
        if number & 1:
            digit = 2 - (number & 3)
            digits.append((position, digit))
            number -= digit
        number >>= 1
        position += 1
    return digits


def multiply_by_constants(process: Process) -> Process:
    """Take the products with constants apart, in place."""
    for block in process.blocks.values():
        ops: list[Op] = []
        for op in block.ops:
            if op.kind in ("mul", "smul"):
                _take_apart(op, ops)
            ops.append(op)
        block.ops = ops
    return process


def _take_apart(op: Op, ops: list[Op]) -> None:
    value, factor = op.args
    if isinstance(value, Const):
        value, factor = factor, value
    if not isinstance(factor, Const) or isinstance(value, Const) or not factor.value:
        return
    digits = signed_digits(abs(factor.signed))
    if len(digits) > _MOST_DIGITS:
        return
    wide = value
    if value.width < op.width:
        wide = _new(ops, "sext", op.width, [value], op)
    elif value.width > op.width:
        wide = _new(ops, "trunc", op.width, [value], op)
    product, position, _ = _sum(digits, wide, op, ops)
    product = _shifted(product, position, op, ops)
    if factor.signed < 0:
        op.kind, op.args = "sub", [Const(0, op.width), product]
    else:
        op.kind, op.args = "add", [product, Const(0, op.width)]


def _sum(
    digits: list[tuple[int, int]], value: Value, like: Op, ops: list[Op]
) -> tuple[Value, int, int]:
    """The sum of `value` at some digits as (what, position, sign): sign * (what << position)."""
    if len(digits) == 1:
        return value, *digits[0]
    half = len(digits) // 2
    low, low_position, low_sign = _sum(digits[:half], value, like, ops)
    high, high_position, high_sign = _sum(digits[half:], value, like, ops)
    high = _shifted(high, high_position - low_position, like, ops)
    kind = "add" if low_sign == high_sign else "sub"
    return _new(ops, kind, like.width, [high, low], like), low_position, high_sign


def _shifted(value: Value, by: int, like: Op, ops: list[Op]) -> Value:
    amount = Const(by, max(1, by.bit_length()))
    return _new(ops, "shl", like.width, [value, amount], like) if by else value


def _new(ops: list[Op], kind: str, width: int, args: list[Value], like: Op) -> Op:
    op = Op(kind, width, args, like.name, like.line)
    ops.append(op)
    return op
