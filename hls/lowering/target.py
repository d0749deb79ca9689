"""Delays of operators on a target device: what fits into a clock cycle, and what needs more.

Estimates in nanoseconds with routing, from the devices' switching characteristics (DS187 for
xc7z020-1, DS925 for xczu3eg-1): a carry chain costs a start and a little per bit, a level of LUTs
a constant, memories a clock-to-output time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hls.errors import InputError
from hls.lowering.ir import Const, Op

__all__ = ["TARGETS", "Target", "target_of"]


@dataclass(frozen=True)
class Target:
    """Delays of one device and speed grade, and the clock that is asked for."""

    name: str
    lut_ns: float
    carry_start_ns: float
    carry_bit_ns: float
    register_ns: float
    lutram_ns: float
    bram_ns: float
    multiplier_ns: float
    multiplier_bits: tuple[int, int]
    clock_ns: float = 10.0

    @property
    def budget_ns(self) -> float:
        """What operators may use of a cycle; the rest is for set-up, skew and estimation error."""
        return self.clock_ns * 0.8

    def delay_ns(self, op: Op) -> float:
        """From operands to result, for an operation without registers in it."""
        width = max([op.width, *(a.width for a in op.args)])
        constant = any(isinstance(a, Const) for a in op.args[1:])
        match op.kind:
            case "add" | "sub" | "ult" | "ule" | "slt" | "sle":
                return self.carry_start_ns + self.carry_bit_ns * width
            case "umin" | "umax" | "smin" | "smax":
                return self.carry_start_ns + self.carry_bit_ns * width + self.lut_ns
            case "eq" | "ne":
                return self.lut_ns * max(1, math.ceil(math.log(max(2, width / 3), 6)))
            case "shl" | "lshr" | "ashr":
                levels = math.ceil(math.log2(max(2, width)) / 2)
                return 0.0 if constant else self.lut_ns * levels
            case "and" | "or" | "xor":
                # Masks and inversions are wiring; a LUT of six inputs takes two such levels.
                return 0.0 if constant else self.lut_ns * 0.5
            case "select":
                return self.lut_ns * 0.65
            case "mul" | "smul":
                return self.multiplier_ns
            case "udiv" | "sdiv" | "urem" | "srem":
                # By a constant: a wide product; by a variable a divider of one row a bit.
                step = self.carry_start_ns + self.carry_bit_ns * width
                return 2 * step if constant else width * step
        return 0.0

    def latency(self, op: Op) -> int:
        """Registers inside an operator: multipliers have them where a DSP block has."""
        if op.kind not in ("mul", "smul") or any(isinstance(a, Const) for a in op.args):
            return 0
        return 1


TARGETS = {
    "xc7z020": Target("xc7z020", 1.0, 1.3, 0.025, 0.5, 1.6, 2.5, 3.8, (25, 18)),
    "xczu3eg": Target("xczu3eg", 0.5, 0.65, 0.013, 0.3, 0.8, 1.3, 2.2, (27, 18)),
}


def target_of(part: str, clock_ns: float) -> Target:
    """The target for a part such as xc7z020clg400-1.

    Raises:
        InputError: the part is unknown, or the clock is impossible.
    """
    base = next((t for name, t in TARGETS.items() if part.lower().startswith(name)), None)
    if base is None:
        raise InputError(f"part {part!r} is unknown; use one of {', '.join(TARGETS)}")
    if not 1.0 <= clock_ns <= 1000.0:
        raise InputError(f"clock {clock_ns} ns is outside 1..1000; use 10 for 100 MHz")
    values = {**vars(base), "clock_ns": clock_ns}
    return Target(**values)
