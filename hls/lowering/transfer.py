"""What an operation makes of the intervals of its operands."""

from __future__ import annotations

from collections.abc import Sequence

from hls.lowering.intervals import Interval, fitted, full, hull, nearest, signed, unsigned
from hls.lowering.ir import Const, Op

__all__ = ["result_of"]

_BIT = Interval(0, 1)


def result_of(op: Op, args: Sequence[Interval]) -> Interval:
    """An interval that holds the value of `op`, an operation of ARITHMETIC or smul."""
    width = op.width
    widths = [a.width for a in op.args]
    match op.kind:
        case "zext":
            return unsigned(args[0], widths[0])
        case "sext":
            return fitted(*signed(args[0], widths[0]), width)
        case "trunc":
            return fitted(*args[0], width)
        case "slice":
            return fitted(args[0].low >> args[1].low, args[0].high >> args[1].low, width)
        case "concat":
            low, high = args[0]
            for interval, bits in zip(args[1:], widths[1:], strict=True):
                part = unsigned(interval, bits)
                low, high = (low << bits) + part.low, (high << bits) + part.high
            return fitted(low, high, width)
        case "add":
            return fitted(args[0].low + args[1].low, args[0].high + args[1].high, width)
        case "sub":
            return fitted(args[0].low - args[1].high, args[0].high - args[1].low, width)
        case "mul":
            return _corners(nearest(args[0], width), nearest(args[1], width), width)
        case "smul":
            return _corners(signed(args[0], widths[0]), signed(args[1], widths[1]), width)
        case "select":
            return hull(args[1], args[2], width)
        case "and" | "or" | "xor":
            return _bitwise(op, unsigned(args[0], width), unsigned(args[1], width))
        case "shl" | "lshr" | "ashr":
            return _shifted(op.kind, args[0], unsigned(args[1], widths[1]), width)
        case "udiv" | "urem":
            return _divided(op.kind, unsigned(args[0], width), unsigned(args[1], width), width)
        case "umin" | "umax" | "smin" | "smax":
            view = unsigned if op.kind[0] == "u" else signed
            a, b = view(args[0], width), view(args[1], width)
            pick = min if op.kind.endswith("min") else max
            return fitted(pick(a.low, b.low), pick(a.high, b.high), width)
        case "srem" if isinstance(op.args[1], Const) and op.args[1].value:
            most = abs(op.args[1].signed) - 1
            a = signed(args[0], width)
            return fitted(max(-most, min(a.low, 0)), min(most, max(a.high, 0)), width)
        case "eq" | "ne" | "ult" | "ule" | "slt" | "sle":
            return _compared(op.kind, args[0], args[1], widths[0])
    return full(width)


def _corners(a: Interval, b: Interval, width: int) -> Interval:
    products = [x * y for x in a for y in b]
    return fitted(min(products), max(products), width)


def _bitwise(op: Op, a: Interval, b: Interval) -> Interval:
    width = op.width
    if op.kind == "and":
        # A mask that takes nothing away
        for interval, mask in ((a, b), (b, a)):
            ones = mask.low + 1
            if mask.span == 0 and ones & mask.low == 0 and interval.high <= mask.low:
                return interval
        return Interval(0, min(a.high, b.high))
    top = (1 << max(a.high, b.high).bit_length()) - 1
    if op.kind == "xor":
        if b.span == 0 and b.low == (1 << width) - 1:
            return Interval(b.low - a.high, b.low - a.low)
        return Interval(0, top)
    return Interval(max(a.low, b.low), min(top, a.high + b.high))


def _shifted(kind: str, value: Interval, by: Interval, width: int) -> Interval:
    least, most = min(by.low, width), min(by.high, width)
    if kind == "shl":
        values = [side << amount for side in value for amount in (least, most)]
        return fitted(min(values), max(values), width)
    value = unsigned(value, width) if kind == "lshr" else signed(value, width)
    values = [side >> amount for side in value for amount in (least, most)]
    return fitted(min(values), max(values), width)


def _divided(kind: str, a: Interval, b: Interval, width: int) -> Interval:
    if b.low == 0:
        return full(width)
    if kind == "udiv":
        return Interval(a.low // b.high, a.high // b.low)
    return a if a.high < b.low else Interval(0, min(a.high, b.high - 1))


def _compared(kind: str, a: Interval, b: Interval, width: int) -> Interval:
    """Whether the intervals decide a comparison."""
    if kind in ("eq", "ne"):
        views = [(view(a, width), view(b, width)) for view in (unsigned, signed)]
        apart = any(x.high < y.low or y.high < x.low for x, y in views)
        same = a.span == b.span == 0 and (a.low - b.low) % (1 << width) == 0
        if apart or same:
            return Interval(*[int(same == (kind == "eq"))] * 2)
        return _BIT
    view = signed if kind[0] == "s" else unsigned
    x, y = view(a, width), view(b, width)
    strict = int(kind.endswith("lt"))
    if x.high + strict <= y.low:
        return Interval(1, 1)
    if x.low + strict > y.high:
        return Interval(0, 0)
    return _BIT
