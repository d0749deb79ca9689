"""One operation as a Verilog expression, given how its operands are spelled."""

from __future__ import annotations

from collections.abc import Callable

from hls.lowering.ir import Const, Op, Value
from hls.lowering.predicates import negated

__all__ = ["expression", "is_wiring", "literal"]

_INFIX = {"add": "+", "sub": "-", "and": "&", "or": "|", "xor": "^", "eq": "==", "ne": "!=",
          "ult": "<", "ule": "<=", "mul": "*", "udiv": "/", "urem": "%"}  # fmt: skip
_SIGNED = {"slt": "<", "sle": "<=", "sdiv": "/", "srem": "%"}


def is_wiring(op: Op) -> bool:
    """Whether an operation takes no logic: bits of its operands in another order, or constants."""
    if op.kind in ("shl", "lshr", "ashr"):
        return isinstance(op.args[1], Const)
    return op.kind in ("zext", "sext", "trunc", "slice", "concat")


def literal(value: int, width: int) -> str:
    """A sized constant; small ones in decimal."""
    return f"{width}'d{value}" if value < 1024 else f"{width}'h{value:x}"


def expression(op: Op, spell: Callable[[Value], str]) -> str:
    """The right-hand side for `op`; operands are names or constants, so that bits can be taken."""
    args = [spell(value) for value in op.args]
    a, b = args[0], args[1] if len(args) > 1 else ""
    match op.kind:
        case "xor" if op.width == 1 and negated(op) is not None:
            return f"!{b if isinstance(op.args[0], Const) else a}"
        case "add" | "sub" | "and" | "or" | "xor" | "eq" | "ne" | "ult" | "ule" | "udiv" | "urem":
            return f"{a} {_INFIX[op.kind]} {b}"
        case "mul":
            return f"{a} * {b}"
        case "smul":
            # The product of narrow signed operands, as a DSP block has it
            return f"$signed({a}) * $signed({b})"
        case "slt" | "sle" | "sdiv" | "srem":
            return f"$signed({a}) {_SIGNED[op.kind]} $signed({b})"
        case "select":
            return f"{a} ? {b} : {args[2]}"
        case "zext":
            return f"{{{op.width - op.args[0].width}'d0, {a}}}"
        case "sext":
            top = _bit(op.args[0], a, op.args[0].width - 1)
            return f"{{{{{op.width - op.args[0].width}{{{top}}}}}, {a}}}"
        case "trunc":
            return _bits(op.args[0], a, op.width - 1, 0)
        case "slice":
            low = op.args[1]
            assert isinstance(low, Const)
            return _bits(op.args[0], a, low.value + op.width - 1, low.value)
        case "concat":
            return f"{{{', '.join(args)}}}"
        case "shl" | "lshr" | "ashr":
            return _shift(op, a, b)
        case "umin":
            return f"({a} < {b}) ? {a} : {b}"
        case "umax":
            return f"({a} < {b}) ? {b} : {a}"
        case "smin":
            return f"($signed({a}) < $signed({b})) ? {a} : {b}"
        case "smax":
            return f"($signed({a}) < $signed({b})) ? {b} : {a}"
    raise AssertionError(op.kind)


def _bit(value: Value, name: str, bit: int) -> str:
    return name if value.width == 1 else f"{name}[{bit}]"


def _bits(value: Value, name: str, high: int, low: int) -> str:
    if value.width == 1:
        return name
    return f"{name}[{high}]" if high == low else f"{name}[{high}:{low}]"


def _shift(op: Op, a: str, b: str) -> str:
    amount = op.args[1]
    width = op.width
    if not isinstance(amount, Const) or isinstance(op.args[0], Const):
        operator = {"shl": "<<", "lshr": ">>", "ashr": ">>>"}[op.kind]
        return f"$signed({a}) >>> {b}" if op.kind == "ashr" else f"{a} {operator} {b}"
    by = amount.value
    if by >= width and op.kind != "ashr":
        return literal(0, width)
    by = min(by, width - 1)
    if op.kind == "shl":
        return f"{{{_bits(op.args[0], a, width - 1 - by, 0)}, {by}'d0}}"
    kept = _bits(op.args[0], a, width - 1, by)
    if op.kind == "lshr":
        return f"{{{by}'d0, {kept}}}"
    return f"{{{{{by}{{{_bit(op.args[0], a, width - 1)}}}}}, {kept}}}"
