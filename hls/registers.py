"""The register map of the AXI4-Lite slave, as Vitis HLS lays it out.

Control at 0x00 to 0x0c, then the arguments from 0x10 in their order, each followed by a reserved
word, 64-bit ones in two words (UG1399, "S_AXILITE Control Register Map").
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Field", "Register", "register_map", "registers"]

_CONTROL = {"CTRL": 0x00, "GIER": 0x04, "IER": 0x08, "ISR": 0x0C}
_FIRST_ARGUMENT = 0x10


def registers(arguments: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """Offsets of `arguments`, (name, bits) each, behind the control registers."""
    placed, offset = {}, _FIRST_ARGUMENT
    for name, bits in arguments:
        placed[name] = {"offset": offset, "bits": bits}
        offset += 8 if bits <= 32 else 12
    address_bits = max(5, math.ceil(math.log2(offset)))
    return {
        "port": "s_axi_control",
        "address_bits": address_bits,
        "control": dict(_CONTROL),
        "arguments": placed,
    }


@dataclass(frozen=True)
class Field:
    """Some bits of a register."""

    name: str
    bit: int
    bits: int
    access: str
    text: str


@dataclass(frozen=True)
class Register:
    """A register of 32 bits as the packaged IP describes it; fields begin at bit 0, without gaps.

    Its names and its fields' are those of Vitis HLS, as `register_map` of the pynq package shows
    them: a 64-bit argument `a` is in `a_1` (low word) and `a_2`.
    """

    name: str
    offset: int
    text: str
    fields: tuple[Field, ...]

    @property
    def access(self) -> str:
        """Read-only if all of it is."""
        return max(field.access for field in self.fields)


def register_map(layout: Mapping[str, Any]) -> list[Register]:
    """The registers of `layout`, what `registers` returns, by rising offset."""
    control = layout["control"]
    interrupts = ("done", "ready")
    found = [
        _register("CTRL", control["CTRL"], "Control signals", [
            _written("AP_START", "starts a call; clears when it has been taken"),
            _read("AP_DONE", "a call ended; clears on read"),
            _read("AP_IDLE", "no call is under way"),
            _read("AP_READY", "the next call can be started; clears on read"),
            _read("RESERVED_1", "0", 3),
            _written("AUTO_RESTART", "starts again by itself"),
        ]),
        _register("GIER", control["GIER"], "Global interrupt enable", [
            _written("Enable", "enables the interrupt output"),
        ]),
        _register("IP_IER", control["IER"], "Interrupt enable", [
            _written(f"CHAN{channel}_INT_EN", f"interrupt on ap_{name}")
            for channel, name in enumerate(interrupts)
        ]),
        _register("IP_ISR", control["ISR"], "Interrupt status", [
            _written(f"CHAN{channel}_INT_ST", f"ap_{name} came; write 1 to toggle")
            for channel, name in enumerate(interrupts)
        ]),
    ]  # fmt: skip
    for name, place in layout["arguments"].items():
        words = -(-place["bits"] // 32)
        for word in range(words):
            bits = min(32, place["bits"] - 32 * word)
            label, text = name, f"Argument {name}"
            if words > 1:
                label, text = f"{name}_{word + 1}", f"{text}, bits {32 * word} and up"
            field = ("read-write", name, text, bits)
            found.append(_register(label, place["offset"] + 4 * word, text, [field]))
    return found


def _written(name: str, text: str, bits: int = 1) -> tuple[str, str, str, int]:
    return "read-write", name, text, bits


def _read(name: str, text: str, bits: int = 1) -> tuple[str, str, str, int]:
    return "read-only", name, text, bits


def _register(
    name: str, offset: int, text: str, parts: Sequence[tuple[str, str, str, int]]
) -> Register:
    """A register of `parts`, (access, name, text, bits) from bit 0 on; the rest is reserved."""
    fields: list[Field] = []
    bit = 0
    for access, label, what, bits in parts:
        fields.append(Field(label, bit, bits, access, what))
        bit += bits
    if bit < 32:
        fields.append(Field("RESERVED", bit, 32 - bit, "read-only", "0"))
    return Register(name, offset, text, tuple(fields))
