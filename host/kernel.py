"""The registers of an engine: a pynq driver, bound by VLNV (block-level protocol ap_ctrl_hs)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import pynq

from host.errors import AcceleratorError
from host.manifest import Engine

__all__ = ["Kernel", "bind", "check"]

_CTRL, _GIER, _IER, _ISR = 0x00, 0x04, 0x08, 0x0C
_START, _DONE, _IDLE = 1 << 0, 1 << 1, 1 << 2


class Kernel(pynq.DefaultIP):  # type: ignore[misc]
    """A generated design; `register_map` shows its registers by name."""

    def argument(self, place: tuple[int, int], value: int) -> None:
        """Write an argument at `place`, its offset and bits; both words of a 64-bit one."""
        offset, bits = place
        for word in range(-(-bits // 32)):
            self.write(offset + 4 * word, value >> 32 * word & 0xFFFF_FFFF)

    def start(self) -> None:
        """Start a call."""
        self.write(_CTRL, _START)

    @property
    def control(self) -> int:
        """CTRL; reading it clears ap_done."""
        return int(self.read(_CTRL))

    @property
    def finished(self) -> bool:
        """No call is under way or about to begin."""
        return self.control & (_IDLE | _START) == _IDLE

    def enable_interrupt(self) -> None:
        """Interrupt when a call is done."""
        self.write(_GIER, 1)
        self.write(_IER, 1)

    def acknowledge(self) -> None:
        """Take the interrupt back."""
        self.write(_ISR, int(self.read(_ISR)))

    @property
    def pin(self) -> str | None:
        """Name of the interrupt that ends a call, if it is connected."""
        return next((str(pin["fullpath"]) for pin in self._interrupts.values()), None)

    def describe(self) -> str:
        """CTRL in words, such as `0x01 (started)`."""
        control = self.control
        words = [text for bit, text in ((_START, "started"), (_DONE, "done"), (_IDLE, "idle"))
                 if control & bit]  # fmt: skip
        return f"{control:#04x} ({', '.join(words) or 'busy'})"


@cache
def bind(vlnv: str) -> type[Kernel]:
    """Make `Kernel` the driver of an IP; overlays that are opened afterwards use it."""
    return type("Kernel", (Kernel,), {"bindto": [vlnv], "__module__": __name__})


def check(engine: Engine, ip_dict: Mapping[str, Any], bitfile: str) -> None:
    """Compare an engine with what the overlay's hand-off says.

    Raises:
        AcceleratorError: manifest and bitstream do not belong together.
    """
    remedy = f"{bitfile} and manifest.json must come from the same build; copy both again"
    entry = ip_dict.get(engine.instance)
    if entry is None:
        raise AcceleratorError(f"{bitfile} has no {engine.instance}; {remedy}")
    if entry["type"] != engine.vlnv:
        raise AcceleratorError(
            f"{bitfile} has {entry['type']} as {engine.instance}, the manifest is for "
            f"{engine.vlnv}; {remedy}"
        )
    offsets = {register["address_offset"] for register in entry.get("registers", {}).values()}
    for name, (offset, _) in engine.registers.items():
        if offset not in offsets:
            raise AcceleratorError(
                f"{bitfile}: {engine.instance} has no register at {offset:#04x}, where the "
                f"manifest has {name}; {remedy}"
            )
    for port, dma in engine.dmas.items():
        if dma not in ip_dict:
            raise AcceleratorError(f"{bitfile} has no DMA {dma} for {port}; {remedy}")
