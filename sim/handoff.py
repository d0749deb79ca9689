"""The hardware hand-off (.hwh) of a simulated overlay: the part of Vivado's that pynq reads."""

from __future__ import annotations

from dataclasses import dataclass

from hls.overlay import Overlay
from hls.registers import register_map
from hls.rendering import render
from sim.axi_dma import LENGTH_BITS
from sim.processing_system import ProcessingSystem

__all__ = ["handoff"]

_RANGE_BYTES = 0x1_0000


@dataclass(frozen=True)
class _Slave:
    """Something with registers and where they are."""

    cell: str
    interface: str
    base: int

    @property
    def high(self) -> int:
        return self.base + _RANGE_BYTES - 1


@dataclass(frozen=True)
class _Described:
    """A processing system with its parameters."""

    modtype: str
    vlnv: str
    master: str
    interrupt: str
    parameters: list[tuple[str, str]]


def handoff(overlay: Overlay, ps: ProcessingSystem) -> str:
    """The text of the .hwh: the same cells, pins and registers as in the block design."""
    slaves = [
        _Slave(cell, interface, ps.peripherals + place * _RANGE_BYTES)
        for place, (cell, interface) in enumerate(overlay.slaves)
    ]
    return render(
        "pynq/overlay.hwh.j2",
        overlay=overlay,
        ps=_Described(
            ps.modtype, ps.vlnv, ps.master, ps.interrupt, ps.parameters(overlay.clock_mhz)
        ),
        slaves=slaves,
        lines={f"{cell}/{pin}": line for line, (cell, pin) in enumerate(overlay.interrupts)},
        registers={
            engine.name: register_map(engine.manifest["registers"]) for engine in overlay.engines
        },
        length_bits=LENGTH_BITS,
    )
