"""Narrowing: values get the bits that they need, by their range and by what is wanted of them.

LLVM computes in the integers of C; hardware need not. An operation whose result fits fewer bits,
or of which only low bits are wanted, is done in those, and extended for its users; the extensions
meet the truncations of the next operations, and go. A product of operands that fit fewer bits
becomes `smul`, the product of narrow signed operands, as a DSP block has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hls.lowering.casts import simplify_casts
from hls.lowering.cleanup import clean
from hls.lowering.demand import Demand
from hls.lowering.intervals import signed, unsigned
from hls.lowering.ir import ARITHMETIC, Const, Op, Process, Value
from hls.lowering.ranges import Ranges

__all__ = ["narrow"]

_ROUNDS = 4
_COMPARISONS = ("eq", "ne", "ult", "ule", "slt", "sle")


def narrow(process: Process, written: Mapping[str, int] | None = None) -> Process:
    """Narrow in place; `written` has the bits wanted of the streams that are written."""
    for _ in range(_ROUNDS):
        before = _bits(process)
        _Narrowing(process, Demand(process, written)).run()
        clean(simplify_casts(clean(process)))
        if _bits(process) == before:
            break
    return process


def _bits(process: Process) -> list[int]:
    return [op.width for op in process.ops()]


@dataclass
class _Need:
    """A value is `bits` wide, extended with zeros or with its sign."""

    bits: int
    signed: bool


class _Narrowing:
    def __init__(self, process: Process, demand: Demand) -> None:
        self._process = process
        self._demand = demand
        self._ranges = Ranges(process)
        self._replaced: dict[int, Value] = {}
        self._old = list(process.ops())  # what is known by identity has to live on
        self._ops: list[Op] = []

    def run(self) -> None:
        self._narrow_phis()
        old = {id(op) for op in self._old}
        for block in self._process.blocks.values():
            ops, self._ops = block.ops, []
            for op in ops:
                if id(op) in old:
                    self._narrow_op(op)
                else:
                    self._ops.append(op)
            block.ops = self._ops
        for op in self._process.ops():
            op.args = [self._final(value) for value in op.args]
            op.predicate = None if op.predicate is None else self._final(op.predicate)
        for block in self._process.blocks.values():
            if block.condition is not None:
                block.condition = self._final(block.condition)

    def _final(self, value: Value) -> Value:
        while id(value) in self._replaced:
            value = self._replaced[id(value)]
        return value

    # -------------------------------------------------------------- how many bits

    def _unsigned_bits(self, value: Value) -> int:
        return max(1, unsigned(self._ranges.of(value), value.width).high.bit_length())

    def _signed_bits(self, value: Value) -> int:
        return min(value.width, signed(self._ranges.of(value), value.width).signed_bits)

    def _need(self, value: Value) -> _Need:
        wanted = max(1, self._demand.of(value).bit_length())
        plain, around = self._unsigned_bits(value), self._signed_bits(value)
        # Bits that nobody wants may be anything; zeros are the cheapest.
        bits = min(wanted, plain)
        return _Need(around, True) if around < bits else _Need(bits, False)

    # -------------------------------------------------------------- phis

    def _narrow_phis(self) -> None:
        narrow: list[tuple[Op, Op]] = []
        for block in self._process.blocks.values():
            for i, phi in enumerate(block.phis):
                need = self._need(phi)
                if need.bits == phi.width:
                    continue
                block.phis[i] = Op("phi", need.bits, [], phi.name, phi.line)
                narrow.append((phi, block.phis[i]))
                wide = _extension(block.phis[i], phi.width, need.signed)
                block.ops.insert(0, wide)
                self._replaced[id(phi)] = wide
        homes = {id(phi): block for block in self._process.blocks.values() for phi in block.phis}
        for old, new in narrow:
            for name, value in zip(homes[id(new)].predecessors, old.args, strict=True):
                self._ops = self._process.blocks[name].ops
                new.args.append(self._cut(value, new.width))
        self._ops = []

    # -------------------------------------------------------------- operations

    def _narrow_op(self, op: Op) -> None:
        narrowed = self._narrowed(op)
        if narrowed is None or narrowed is op:
            self._ops.append(op)
        elif narrowed.width == op.width:
            self._replaced[id(op)] = narrowed
        else:
            wide = _extension(narrowed, op.width, self._need(op).signed)
            self._ops.append(wide)
            self._replaced[id(op)] = wide

    def _narrowed(self, op: Op) -> Value | None:
        """The value of `op` in fewer bits, or None if there is nothing to be gained."""
        if op.kind not in ARITHMETIC:
            return None
        found = self._ranges.of(op)
        if found.span == 0:
            return Const(found.low % (1 << op.width), op.width)
        bits = self._need(op).bits
        if op.kind in _COMPARISONS:
            return self._comparison(op)
        if op.kind in ("mul", "smul"):
            return self._product(op, bits)
        if op.kind in ("shl", "lshr", "ashr"):
            return self._shift(op, bits)
        if op.kind in ("umin", "umax", "smin", "smax", "udiv", "urem", "sdiv", "srem"):
            return self._by_operands(op)
        if bits == op.width:
            return None
        if op.kind == "trunc":
            return self._cut(op.args[0], bits)
        if op.kind == "slice":
            return self._made(op, "slice", bits, list(op.args))
        if op.kind == "concat":
            return self._joined(op, bits)
        if op.kind in ("zext", "sext"):
            inner = op.args[0]
            if bits <= inner.width:
                return self._cut(inner, bits)
            return self._made(op, op.kind, bits, [inner])
        if op.kind == "select":
            sides = [self._cut(side, bits) for side in op.args[1:]]
            return self._made(op, op.kind, bits, [op.args[0], *sides])
        return self._made(op, op.kind, bits, [self._cut(arg, bits) for arg in op.args])

    def _joined(self, op: Op, bits: int) -> Value:
        parts: list[Value] = []
        left = bits
        for part in reversed(op.args):
            if left <= 0:
                break
            parts.insert(0, part if part.width <= left else self._cut(part, left))
            left -= part.width
        return parts[0] if len(parts) == 1 else self._made(op, "concat", bits, parts)

    def _comparison(self, op: Op) -> Value | None:
        plain = max(self._unsigned_bits(arg) for arg in op.args)
        around = max(self._signed_bits(arg) for arg in op.args)
        kind = op.kind
        if kind in ("slt", "sle"):
            natural = all(signed(self._ranges.of(a), a.width).low >= 0 for a in op.args)
            kind, bits = (f"u{kind[1:]}", plain) if natural else (kind, around)
        else:
            bits = min(plain, around) if kind in ("eq", "ne") else plain
        if bits == op.args[0].width and kind == op.kind:
            return None
        return self._made(op, kind, 1, [self._cut(arg, bits) for arg in op.args])

    def _product(self, op: Op, bits: int) -> Value | None:
        widths = [min(bits, self._signed_bits(arg)) for arg in op.args]
        if op.kind == "smul" and bits == op.width and widths == [a.width for a in op.args]:
            return None
        args = [self._cut(arg, width) for arg, width in zip(op.args, widths, strict=True)]
        return self._made(op, "smul", bits, args)

    def _shift(self, op: Op, bits: int) -> Value | None:
        value, amount = op.args
        if not isinstance(amount, Const):
            amount = self._cut(amount, self._unsigned_bits(amount))
            if op.kind == "shl":
                width = bits
            else:
                width = (
                    self._unsigned_bits(value) if op.kind == "lshr" else (self._signed_bits(value))
                )
            if width == op.width and amount.width == op.args[1].width:
                return None
            shifted = self._made(op, op.kind, width, [self._cut(value, width), amount])
            return shifted if width <= bits else self._cut(shifted, bits)
        by = min(amount.value, op.width)
        if bits == op.width:
            return None
        if op.kind == "shl":
            if by >= bits:
                return Const(0, bits)
            return self._made(op, "shl", bits, [self._cut(value, bits), Const(by, bits)])
        top = by + bits
        if top < op.width:
            kind, width = "lshr", top
        else:
            kind = op.kind
            width = self._unsigned_bits(value) if kind == "lshr" else self._signed_bits(value)
            width = max(width, bits)
            by = min(by, width - 1) if kind == "ashr" else by
        shifted = self._made(op, kind, width, [self._cut(value, width), Const(by, width)])
        return self._cut(shifted, bits)

    def _by_operands(self, op: Op) -> Value | None:
        """An operation that needs its operands whole: in the bits of the widest."""
        if op.kind[0] == "u":
            width = max(self._unsigned_bits(arg) for arg in op.args)
        else:
            # The quotient of the least value and -1 has a bit more.
            spare = int(op.kind == "sdiv")
            width = max(self._signed_bits(arg) for arg in op.args) + spare
        if width >= op.width:
            return None
        made = self._made(op, op.kind, width, [self._cut(arg, width) for arg in op.args])
        extended = _extension(made, op.width, op.kind[0] == "s")
        self._ops.append(extended)
        return extended

    def _made(self, like: Op, kind: str, width: int, args: list[Value]) -> Op:
        args = [self._final(arg) for arg in args]
        op = Op(kind, width, args, like.name, like.line)
        self._ops.append(op)
        return op

    def _cut(self, value: Value, bits: int) -> Value:
        """The low `bits` bits of `value`."""
        value = self._final(value)
        while isinstance(value, Op) and value.kind in ("trunc", "zext", "sext"):
            inner = value.args[0]
            if inner.width < bits:
                if value.kind == "trunc" or value.width == bits:
                    break
                extended = Op(value.kind, bits, [inner], value.name, value.line)
                self._ops.append(extended)
                return extended
            value = self._final(inner)
        if value.width == bits:
            return value
        if isinstance(value, Const):
            return Const(value.value % (1 << bits), bits)
        if isinstance(value, Op) and value.kind == "slice":
            low = Op("slice", bits, list(value.args), f"{value.name}_low", value.line)
            self._ops.append(low)
            return low
        low = Op("trunc", bits, [value], f"{value.name}_low")
        self._ops.append(low)
        return low


def _extension(value: Value, width: int, is_signed: bool) -> Op:
    line = value.line if isinstance(value, Op) else 0
    return Op("sext" if is_signed else "zext", width, [value], f"{value.name}_wide", line)
