"""Calls of a function: marks of pragmas, and LLVM's intrinsics as operations."""

from __future__ import annotations

import re

from hls.errors import InputError
from hls.lowering.accesses import AccessReading
from hls.lowering.ir import Const, Value
from hls.lowering.llvmir import Instruction, split_commas
from hls.lowering.source import MARKER
from hls.lowering.symbols import plain_name

__all__ = ["CallReading"]


class CallReading(AccessReading):
    """Calls that are left after inlining."""

    def _on_call(self, instruction: Instruction) -> None:
        found = re.search(r"@([\w.$]+)\((.*)\)", instruction.rest)
        assert found is not None, instruction.rest
        name, arguments = found[1], split_commas(found[2])
        if name == MARKER:
            number = int(arguments[0].split()[-1])
            if number not in self._block.pragmas:
                self._block.pragmas.append(number)
            return
        if name.startswith(("llvm.mem",)):
            raise InputError(
                f"{instruction.place}: an array is filled or copied as a whole, which is not "
                "supported; do it in a loop over its elements"
            )
        if name.startswith(
            ("llvm.lifetime", "llvm.assume", "llvm.dbg", "llvm.experimental.noalias")
        ):
            return
        intrinsic = re.fullmatch(r"llvm\.(\w+(?:\.sat)?)\.i(\d+)", name)
        if intrinsic is None or f"_call_{intrinsic[1].replace('.', '_')}" not in dir(self):
            raise InputError(
                f"{instruction.place}: the call of {plain_name(name)} cannot be turned into "
                "hardware; its body must be in the file, or in one that it includes"
            )
        width = int(intrinsic[2])
        args = [
            self._value(a.split(" ", 1)[1], width) for a in arguments if a.startswith(f"i{width} ")
        ]
        getattr(self, f"_call_{intrinsic[1].replace('.', '_')}")(instruction, width, args)

    def _call_smax(self, instruction: Instruction, width: int, args: list[Value]) -> None:
        self._op(instruction, "smax", width, args)

    def _call_smin(self, instruction: Instruction, width: int, args: list[Value]) -> None:
        self._op(instruction, "smin", width, args)

    def _call_umax(self, instruction: Instruction, width: int, args: list[Value]) -> None:
        self._op(instruction, "umax", width, args)

    def _call_umin(self, instruction: Instruction, width: int, args: list[Value]) -> None:
        self._op(instruction, "umin", width, args)

    def _call_usub_sat(self, instruction: Instruction, width: int, args: list[Value]) -> None:
        larger = self._plain_op(instruction, "umax", width, args)
        self._op(instruction, "sub", width, [larger, args[1]])

    def _call_ctpop(self, instruction: Instruction, width: int, args: list[Value]) -> None:
        total: Value = Const(0, width)
        for bit in range(width):
            moved = self._plain_op(instruction, "lshr", width, [args[0], Const(bit, width)])
            one = self._plain_op(instruction, "and", width, [moved, Const(1, width)])
            total = self._plain_op(instruction, "add", width, [total, one])
        self._op(instruction, "or", width, [total, Const(0, width)])

    def _call_cttz(self, instruction: Instruction, width: int, args: list[Value]) -> None:
        self._first_one(instruction, width, args[0], list(range(width)))

    def _call_ctlz(self, instruction: Instruction, width: int, args: list[Value]) -> None:
        self._first_one(instruction, width, args[0], list(reversed(range(width))))

    def _first_one(
        self, instruction: Instruction, width: int, value: Value, bits: list[int]
    ) -> None:
        """How many of the bits, in this order, are 0 before one is 1."""
        count: Value = Const(width, width)
        for before, bit in reversed(list(enumerate(bits))):
            moved = self._plain_op(instruction, "lshr", width, [value, Const(bit, width)])
            one = self._plain_op(instruction, "trunc", 1, [moved])
            count = self._plain_op(instruction, "select", width, [one, Const(before, width), count])
        self._op(instruction, "or", width, [count, Const(0, width)])

    def _call_bswap(self, instruction: Instruction, width: int, args: list[Value]) -> None:
        self._reverse(instruction, width, args[0], 8)

    def _call_bitreverse(self, instruction: Instruction, width: int, args: list[Value]) -> None:
        self._reverse(instruction, width, args[0], 1)

    def _reverse(self, instruction: Instruction, width: int, value: Value, piece: int) -> None:
        """The pieces of `piece` bits in the opposite order."""
        total: Value = Const(0, width)
        for low in range(0, width, piece):
            moved = self._plain_op(instruction, "lshr", width, [value, Const(low, width)])
            part = self._plain_op(instruction, "trunc", piece, [moved])
            wide = self._plain_op(instruction, "zext", width, [part])
            place = Const(width - piece - low, width)
            back = self._plain_op(instruction, "shl", width, [wide, place])
            total = self._plain_op(instruction, "or", width, [total, back])
        self._op(instruction, "or", width, [total, Const(0, width)])

    def _call_uadd_sat(self, instruction: Instruction, width: int, args: list[Value]) -> None:
        total = self._plain_op(instruction, "add", width, args)
        wrapped = self._plain_op(instruction, "ult", 1, [total, args[0]])
        self._op(instruction, "select", width, [wrapped, Const((1 << width) - 1, width), total])

    def _call_fshl(self, instruction: Instruction, width: int, args: list[Value]) -> None:
        self._funnel(instruction, width, args, "left")

    def _call_fshr(self, instruction: Instruction, width: int, args: list[Value]) -> None:
        self._funnel(instruction, width, args, "right")

    def _funnel(
        self, instruction: Instruction, width: int, args: list[Value], direction: str
    ) -> None:
        """{high, low} shifted by the amount modulo the width; its upper or lower half."""
        high, low, amount = args
        by = self._plain_op(instruction, "urem", width, [amount, Const(width, width)])
        back = self._plain_op(instruction, "sub", width, [Const(width, width), by])
        # By the width a shift gives 0, so that nothing special is to be done for an amount of 0.
        left, right = (by, back) if direction == "left" else (back, by)
        upper = self._plain_op(instruction, "shl", width, [high, left])
        lower = self._plain_op(instruction, "lshr", width, [low, right])
        self._op(instruction, "or", width, [upper, lower])

    def _call_abs(self, instruction: Instruction, width: int, args: list[Value]) -> None:
        negative = self._plain_op(instruction, "slt", 1, [args[0], Const(0, width)])
        opposite = self._plain_op(instruction, "sub", width, [Const(0, width), args[0]])
        self._op(instruction, "select", width, [negative, opposite, args[0]])
