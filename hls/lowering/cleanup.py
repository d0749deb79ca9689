"""Clean-up: constants folded, equal operations merged, unused ones dropped.

LLVM has done this for what it saw; if-conversion and addresses have left some more.
"""

from __future__ import annotations

from typing import TypeGuard

from hls.lowering.ir import ARITHMETIC, Const, Op, Process, Value
from hls.lowering.predicates import contradict, implies, negated

__all__ = ["clean", "evaluate"]


def clean(process: Process) -> Process:
    """Fold, merge and drop, in place."""
    replaced: dict[int, Value] = {}

    def final(value: Value) -> Value:
        while id(value) in replaced:
            value = replaced[id(value)]
        return value

    for block in process.blocks.values():
        known: dict[tuple[object, ...], Op] = {}
        for op in block.ops:
            op.args = [final(value) for value in op.args]
            _as_logic(op)
            if op.predicate is not None:
                op.predicate = final(op.predicate)
                if isinstance(op.predicate, Const) and op.predicate.value:
                    op.predicate = None
            if op.kind not in ARITHMETIC:
                continue
            simpler = _simplified(op)
            if simpler is not None:
                replaced[id(op)] = simpler
                continue
            key = (op.kind, op.width, *map(_key, op.args))
            if key in known:
                replaced[id(op)] = known[key]
            else:
                known[key] = op
    for block in process.blocks.values():
        for op in [*block.phis, *block.ops]:
            op.args = [final(value) for value in op.args]
            if op.predicate is not None:
                op.predicate = final(op.predicate)
        if block.condition is not None:
            block.condition = final(block.condition)
        block.ops = [op for op in block.ops if id(op) not in replaced]
        block.ops = [op for op in block.ops if not _never(op)]
    return _drop_unused(process)


def _as_logic(op: Op) -> None:
    """A choice between a bit and a constant is an and or an or, in place."""
    if op.kind != "select" or op.width != 1:
        return
    condition, then, other = op.args
    if isinstance(other, Const) and other.value == 0:
        op.kind, op.args = "and", [condition, then]
    elif isinstance(then, Const) and then.value == 1:
        op.kind, op.args = "or", [condition, other]


def _key(value: Value) -> tuple[object, ...]:
    if isinstance(value, Const):
        return ("const", value.value, value.width)
    return ("value", id(value))


def _never(op: Op) -> bool:
    never = isinstance(op.predicate, Const) and op.predicate.value == 0
    return never and op.kind in ("store", "write", "put")


def _drop_unused(process: Process) -> Process:
    live: set[int] = set()
    work: list[Op] = []

    def need(value: Value | None) -> None:
        if isinstance(value, Op) and id(value) not in live:
            live.add(id(value))
            work.append(value)

    for block in process.blocks.values():
        need(block.condition)
        for op in block.ops:
            if op.has_effect:
                need(op)
    while work:
        for value in work.pop().inputs():
            need(value)
    for block in process.blocks.values():
        block.phis = [op for op in block.phis if id(op) in live]
        block.ops = [op for op in block.ops if id(op) in live]
    return process


def _simplified(op: Op) -> Value | None:
    """A simpler value that equals `op`, or None."""
    if op.kind != "select" and all(isinstance(a, Const) for a in op.args):
        return Const(evaluate(op, [a.value for a in op.args if isinstance(a, Const)]), op.width)
    if op.kind == "select":
        condition, then, other = op.args
        if isinstance(condition, Const):
            return then if condition.value else other
        if _key(then) == _key(other):
            return then
        # Nested branches: the inner condition holds only where the outer one does.
        if _keeps(then, other) and implies(then.args[0], condition):
            return then
        if _keeps(other, then) and contradict(other.args[0], condition):
            return other
        return None
    if op.kind in ("zext", "sext", "trunc") and op.args[0].width == op.width:
        return op.args[0]
    if len(op.args) != 2:
        return None
    left, right = op.args
    if op.kind in ("and", "or", "add", "mul", "xor") and isinstance(left, Const):
        left, right = right, left
    if not isinstance(right, Const):
        return left if op.kind in ("and", "or") and left is right else None
    ones = (1 << op.width) - 1
    if right.value == 0:
        if op.kind in ("or", "xor", "add", "sub", "shl", "lshr", "ashr"):
            return left
        if op.kind in ("and", "mul"):
            return Const(0, op.width)
    if op.kind == "and" and right.value == ones:
        return left
    if op.kind == "or" and right.value == ones:
        return right
    if op.kind in ("mul", "udiv") and right.value == 1:
        return left
    inner = negated(op)
    return None if inner is None else negated(inner)


def _keeps(value: Value, kept: Value) -> TypeGuard[Op]:
    """Whether `value` is a choice whose other side is `kept`."""
    return isinstance(value, Op) and value.kind == "select" and _key(value.args[2]) == _key(kept)


def evaluate(op: Op, args: list[int]) -> int:
    """The value of an operation of ARITHMETIC on unsigned constants."""
    widths = [a.width for a in op.args]

    def signed(i: int) -> int:
        return args[i] - (1 << widths[i]) if args[i] >> (widths[i] - 1) & 1 else args[i]

    a = args[0]
    b = args[1] if len(args) > 1 else 0
    shift = min(b, op.width)
    match op.kind:
        case "add":
            value = a + b
        case "sub":
            value = a - b
        case "mul":
            value = a * b
        case "smul":
            value = signed(0) * signed(1)
        case "and":
            value = a & b
        case "or":
            value = a | b
        case "xor":
            value = a ^ b
        case "shl":
            value = a << shift
        case "lshr":
            value = a >> shift
        case "ashr":
            value = signed(0) >> shift
        case "udiv":
            value = a // b if b else 0
        case "urem":
            value = a % b if b else 0
        case "sdiv" | "srem":
            x, y = signed(0), signed(1)
            quotient = abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1) if y else 0
            value = quotient if op.kind == "sdiv" else x - quotient * y
        case "eq":
            value = int(a == b)
        case "ne":
            value = int(a != b)
        case "ult":
            value = int(a < b)
        case "ule":
            value = int(a <= b)
        case "slt":
            value = int(signed(0) < signed(1))
        case "sle":
            value = int(signed(0) <= signed(1))
        case "zext" | "trunc":
            value = a
        case "slice":
            value = a >> b
        case "concat":
            value = 0
            for part, width in zip(args, widths, strict=True):
                value = value << width | part
        case "sext":
            value = signed(0)
        case "umin":
            value = min(a, b)
        case "umax":
            value = max(a, b)
        case "smin":
            value = min(signed(0), signed(1))
        case "smax":
            value = max(signed(0), signed(1))
        case "select":
            value = args[1] if a else args[2]
        case _:
            raise AssertionError(op.kind)
    return value % (1 << op.width)
