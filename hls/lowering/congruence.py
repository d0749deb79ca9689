"""Congruence: low bits of a value that are the same in every iteration.

The index of an unrolled loop steps by the factor, so that its low bits select the same bank each
time; LLVM's ranges do not tell that. Known bits are found optimistically around loops: a phi has
those that all that it may become have in common.
"""

from __future__ import annotations

from typing import NamedTuple

from hls.lowering.ir import Const, Op, Process, Value

__all__ = ["fold_low_bits"]


class _Low(NamedTuple):
    """The lowest `bits` bits are those of `value`."""

    bits: int
    value: int

    def cut(self, bits: int) -> _Low:
        bits = min(self.bits, bits)
        return _Low(bits, self.value & ((1 << bits) - 1))

    def meet(self, other: _Low) -> _Low:
        """What both have in common."""
        bits = min(self.bits, other.bits)
        differs = (self.value ^ other.value) & ((1 << bits) - 1)
        return self.cut(min(bits, (differs & -differs).bit_length() - 1) if differs else bits)


def fold_low_bits(process: Process) -> Process:
    """Make constants of truncations, masks and remainders of bits that are known, in place."""
    known = _known(process)
    for op in process.ops():
        found = _folded(op, known)
        if found is not None:
            # As an operation of constants, which `clean` folds.
            op.kind, op.args = "or", [found, Const(0, op.width)]
    return process


def _folded(op: Op, known: dict[int, _Low]) -> Const | None:
    value = op.args[0] if op.args else None
    if value is None or isinstance(value, Const):
        return None
    low = _of(value, known)
    if op.kind == "trunc" and op.width <= low.bits:
        return Const(low.cut(op.width).value, op.width)
    by = op.args[1] if len(op.args) > 1 else None
    if not isinstance(by, Const):
        return None
    if op.kind == "and" and by.value.bit_length() <= low.bits:
        return Const(low.value & by.value, op.width)
    power = by.value > 0 and by.value & (by.value - 1) == 0
    if op.kind == "urem" and power and by.value.bit_length() - 1 <= low.bits:
        return Const(low.value & (by.value - 1), op.width)
    return None


def _known(process: Process) -> dict[int, _Low]:
    known: dict[int, _Low] = {}
    changed = True
    while changed:
        changed = False
        for op in process.ops():
            if op.width == 0:
                continue
            low = _low(op, known)
            if low is not None and known.get(id(op)) != low:
                known[id(op)] = low
                changed = True
    return known


def _of(value: Value, known: dict[int, _Low]) -> _Low:
    if isinstance(value, Const):
        return _Low(value.width, value.value)
    return known.get(id(value), _Low(0, 0))


def _low(op: Op, known: dict[int, _Low]) -> _Low | None:
    """What is known of the result; None while nothing is known of what a phi may become."""
    if op.kind in ("phi", "select"):
        choices = op.args if op.kind == "phi" else op.args[1:]
        reached = [_of(v, known) for v in choices if not isinstance(v, Op) or id(v) in known]
        if not reached:
            return None
        low = reached[0]
        for other in reached[1:]:
            low = low.meet(other)
        return low
    if any(isinstance(arg, Op) and arg.width and id(arg) not in known for arg in op.args):
        return None
    args = [_of(arg, known) for arg in op.args]
    match op.kind:
        case "add" | "sub" | "and" | "or" | "xor":
            bits = min(low.bits for low in args)
            left, right = (low.value for low in args)
            value = {
                "add": left + right, "sub": left - right, "and": left & right,
                "or": left | right, "xor": left ^ right,
            }[op.kind]  # fmt: skip
            return _Low(bits, value & ((1 << bits) - 1))
        case "mul":
            # Zeros at the bottom of either add up, besides the bits that both have.
            zeros = [_zeros(low) for low in args]
            bits = min(op.width, args[0].bits + zeros[1], args[1].bits + zeros[0])
            return _Low(bits, args[0].value * args[1].value & ((1 << bits) - 1))
        case "shl" if isinstance(op.args[1], Const):
            by = op.args[1].value
            bits = min(op.width, args[0].bits + by)
            return _Low(bits, (args[0].value << by) & ((1 << bits) - 1))
        case "zext" | "sext" | "trunc":
            return args[0].cut(min(op.width, op.args[0].width))
    return _Low(0, 0)


def _zeros(low: _Low) -> int:
    return (low.value & -low.value).bit_length() - 1 if low.value else low.bits
