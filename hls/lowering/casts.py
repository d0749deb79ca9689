"""Casts: shifts there and back, multiples of powers of two, and extensions of extensions.

LLVM takes bits by shifting up and down again, and scales before it sign-extends; as truncations
and extensions the same things are wires, and of the width that they have.
"""

from __future__ import annotations

from hls.lowering.ir import Const, Op, Process, Value

__all__ = ["simplify_casts"]

_CASTS = ("trunc", "zext", "sext")


def simplify_casts(process: Process) -> Process:
    """Simplify in place; what has become unused stays for `clean` to drop."""
    for block in process.blocks.values():
        ops: list[Op] = []
        for op in block.ops:
            _simplify(op, ops)
            ops.append(op)
        block.ops = ops
    return process


def _simplify(op: Op, ops: list[Op]) -> None:
    """Make `op` a simpler operation of the same value; new operands go to `ops`."""
    if op.kind in _CASTS:
        _cast(op)
    if op.kind == "slice":
        _slice(op, ops)
    elif op.kind in ("ashr", "lshr"):
        _back_and_forth(op, ops)
        _as_slice(op, ops)
    elif op.kind == "add":
        _add_multiples(op, ops)
    elif op.kind == "mul":
        _multiply_odd(op, ops)
    elif op.kind == "shl":
        _shift_again(op)


def _cast(op: Op) -> None:
    inner = op.args[0]
    while isinstance(inner, Op) and inner.kind in _CASTS:
        source = inner.args[0]
        if op.kind == "trunc":
            if source.width < op.width:
                op.kind = inner.kind
        elif inner.kind == "trunc" or (op.kind == "zext" and inner.kind == "sext"):
            return
        else:
            # sext of zext is a zext: its sign bit is 0
            op.kind = inner.kind
        op.args = [source]
        inner = source
        if op.kind != "trunc" and source.width >= op.width:
            op.kind = "trunc"

    if op.kind == "trunc" and isinstance(inner, Op) and inner.kind in ("slice", "concat"):
        op.kind, op.args = "slice", [inner, Const(0, 1)]


def _slice(op: Op, ops: list[Op]) -> None:
    """Bits of a cast, of bits, or of parts put together are bits of what is in there."""
    inner, constant = op.args
    assert isinstance(constant, Const)
    low = constant.value
    while isinstance(inner, Op) and inner.kind in (*_CASTS, "slice", "concat"):
        source = inner.args[0]
        if inner.kind == "slice":
            assert isinstance(inner.args[1], Const)
            low += inner.args[1].value
        elif inner.kind == "concat":
            found = _part(inner, low, op.width)
            if found is None:
                break
            source, low = found
        elif low + op.width > source.width:
            if inner.kind == "trunc" or low >= source.width:
                break
            # Some bits are there, and some are the extension's.
            there = _bits(ops, source, low, source.width - low, op)
            op.kind, op.args = inner.kind, [there]
            return
        inner = source
    op.args = [inner, _position(low)]
    if low == 0:
        op.kind, op.args = "trunc", [inner]


def _part(joined: Op, low: int, width: int) -> tuple[Value, int] | None:
    """The one operand of a concat that holds these bits, and where they begin in it."""
    for value in reversed(joined.args):
        if low < value.width:
            return (value, low) if low + width <= value.width else None
        low -= value.width
    return None


def _position(low: int) -> Const:
    return Const(low, max(1, low.bit_length()))


def _as_slice(op: Op, ops: list[Op]) -> None:
    """A shift down is the upper bits, extended."""
    by = _amount(op)
    if op.kind not in ("lshr", "ashr") or by is None or not 0 < by < op.width:
        return
    upper = _bits(ops, op.args[0], by, op.width - by, op)
    op.kind, op.args = ("zext" if op.kind == "lshr" else "sext"), [upper]


def _back_and_forth(op: Op, ops: list[Op]) -> None:
    """(x << a) >> b: the low bits of x, extended, shifted by the difference."""
    up = op.args[0]
    down = _amount(op)
    lift = _amount(up)
    if down is None or lift is None or not isinstance(up, Op) or up.kind != "shl":
        return
    width = op.width
    if not 0 < lift < width or down >= width:
        return
    low = _new(ops, "trunc", width - lift, [up.args[0]], op)
    extend = "sext" if op.kind == "ashr" else "zext"
    if down > lift:
        low = _new(ops, op.kind, low.width, [low, Const(down - lift, low.width)], op)
    if down >= lift:
        op.kind, op.args = extend, [low]
        return
    wide = _new(ops, extend, width, [low], op)
    op.kind, op.args = "shl", [wide, Const(lift - down, width)]


def _add_multiples(op: Op, ops: list[Op]) -> None:
    """(x << c) + (k << c) is (x + k) << c."""
    shifted, constant = op.args
    by = _amount(shifted)
    if by is None or not isinstance(shifted, Op) or shifted.kind != "shl":
        return
    if not isinstance(constant, Const) or not 0 < by < op.width:
        return
    if constant.value % (1 << by) == 0:
        rest = Const(constant.value >> by, op.width)
        total = _new(ops, "add", op.width, [shifted.args[0], rest], op)
        op.kind, op.args = "shl", [total, Const(by, op.width)]


def _multiply_odd(op: Op, ops: list[Op]) -> None:
    """X * (k << c) is (x * k) << c."""
    value, factor = op.args
    if isinstance(value, Const):
        value, factor = factor, value
    if not isinstance(factor, Const) or not factor.value or factor.value & 1:
        return
    by = (factor.value & -factor.value).bit_length() - 1
    odd = Const(factor.signed >> by & (1 << op.width) - 1, op.width)
    product = value if odd.value == 1 else _new(ops, "mul", op.width, [value, odd], op)
    op.kind, op.args = "shl", [product, Const(by, op.width)]


def _shift_again(op: Op) -> None:
    """Two shifts the same way are one."""
    inner = op.args[0]
    first, second = _amount(op), _amount(inner)
    if isinstance(inner, Op) and inner.kind == op.kind and None not in (first, second):
        total = (first or 0) + (second or 0)
        most = op.width - 1 if op.kind == "ashr" else op.width
        op.args = [inner.args[0], Const(min(total, most), op.width)]


def _amount(value: Value) -> int | None:
    """The constant that `value`, a shift, shifts by."""
    if isinstance(value, Op) and value.kind in ("shl", "lshr", "ashr"):
        by = value.args[1]
        return by.value if isinstance(by, Const) else None
    return None


def _bits(ops: list[Op], value: Value, low: int, width: int, like: Op) -> Op:
    """`width` bits of `value` from `low` on; what it takes of new operations comes before it."""
    op = Op("slice", width, [value, _position(low)], like.name, like.line)
    _slice(op, ops)
    ops.append(op)
    return op


def _new(ops: list[Op], kind: str, width: int, args: list[Value], like: Op) -> Op:
    op = Op(kind, width, args, like.name, like.line)
    ops.append(op)
    return op
