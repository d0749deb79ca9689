"""What a bench is to do and what it found: the same for every engine.

A job is a list of calls of the kernel, one after the other on the same hardware without a reset
between them. Ports and registers are those of the manifest, so a job says nothing of who made the
Verilog.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.gemm import MEMORY_LATENCY_CYCLES

__all__ = ["MEMORY_BASE", "Asked", "Beats", "Call", "Finding", "Job", "Region", "beat_bytes"]

MEMORY_BASE = 0x1_2340_0000
"""Where a job's memory begins: above 4 GiB, so that both words of an address register count."""


@dataclass(frozen=True)
class Region:
    """A buffer that a port may touch."""

    port: str
    address: int
    size_bytes: int
    writable: bool
    word_bytes: int = 0
    """Of the words in it, if those may be narrower than the port; else 0."""


@dataclass(frozen=True)
class Call:
    """One start of the kernel."""

    arguments: dict[str, int]
    """Values of the argument registers."""
    sends: dict[str, npt.NDArray[np.uint8]] = field(default_factory=dict)
    """Input stream -> its beats [beats, bytes]."""
    receives: dict[str, int] = field(default_factory=dict)
    """Output stream -> beats that must come."""
    sides: dict[str, dict[str, npt.NDArray[np.uint8]]] = field(default_factory=dict)
    """Input stream -> signal (TLAST, ...) -> its values [beats, bytes].

    Without, all bits of TKEEP and TSTRB are 1, and TLAST is 1 with the last beat.
    """
    wires: dict[str, int] = field(default_factory=dict)
    """Values of arguments that are inputs of the top module."""
    results: tuple[str, ...] = ()
    """Registers, or wires, to read afterwards."""
    regions: list[Region] = field(default_factory=list)


@dataclass(frozen=True)
class Job:
    """All that an engine needs."""

    top: str
    manifest: Mapping[str, Any]
    calls: list[Call]
    stalls: float
    """Share of cycles in which each port pauses."""
    seed: int
    patience_cycles: int
    """A design in which nothing moves for longer hangs."""
    fifos: dict[str, int]
    """Instances whose fill is to be gauged, with their depths; what is not there is left out."""
    processes: list[str]
    memory: npt.NDArray[np.uint8] | None = None
    """Bytes from MEMORY_BASE on, before the first call."""
    memory_latency: int = MEMORY_LATENCY_CYCLES
    """Cycles from an address to its first word, and from a last word to its answer.

    Input streams come from the same memory: their first beat is as many cycles behind the start.
    """
    memory_bandwidth: float = 0.0
    """Bytes that it moves in a cycle for all ports together, streams too; 0 is without limit."""
    taps: tuple[str, ...] = ()
    """FIFO instances whose words are to be kept, if the model shows them; for the fast engine."""
    watched: tuple[str, ...] = ()
    """AXI4 ports whose reads are to be noted; for the fast engine."""
    packets: bool = True
    """What a call puts out is one packet, with whole beats. If not, side channels are data."""

    @property
    def control(self) -> str:
        """What starts the kernel: s_axilite, ap_ctrl_hs or ap_ctrl_none."""
        return str(self.manifest.get("control", "s_axilite"))

    def kept(self, port: str) -> dict[str, int]:
        """Side channels of an output that are data, with their bytes."""
        if self.packets:
            return {}
        found = next(p for p in self.manifest["ports"] if p["name"] == port)
        return {name: -(-bits // 8) for name, bits in found["sides"].items()}

    def ports(self, protocol: str, direction: str | None = None) -> list[str]:
        """Names of the manifest's ports of a protocol."""
        return [
            port["name"]
            for port in self.manifest["ports"]
            if port["protocol"] == protocol and direction in (None, port["direction"])
        ]

    def writes(self, call: Call) -> list[tuple[int, int]]:
        """Offset and 32-bit word of each register write that hands over the arguments."""
        places = self.manifest["registers"]["arguments"]
        return [
            (places[name]["offset"] + 4 * word, value >> (32 * word) & 0xFFFF_FFFF)
            for name, value in call.arguments.items()
            for word in range(-(-places[name]["bits"] // 32))
        ]


@dataclass(frozen=True)
class Asked:
    """The bursts that an AXI4 port reads, one after the other."""

    cycles: npt.NDArray[np.int64]
    """In which their addresses are accepted, from the reset."""
    addresses: npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Beats:
    """What a call did: cycles are counted from the reset."""

    start: int
    """The CTRL write that starts the kernel goes in."""
    done: int
    """The interrupt is up."""
    cycles: dict[str, npt.NDArray[np.int64]]
    """Stream -> cycle of each beat."""
    data: dict[str, npt.NDArray[np.uint8]]
    """Output stream -> its beats [beats, bytes], with the side channels that are data."""
    results: dict[str, int] = field(default_factory=dict)
    memory_beats: dict[str, tuple[int, int]] = field(default_factory=dict)
    """AXI4 port -> words read and written."""
    asked: dict[str, Asked] = field(default_factory=dict)
    """AXI4 port that is watched -> its reads."""


@dataclass(frozen=True)
class Finding:
    """What a run found."""

    calls: list[Beats]
    """Those that came to their end."""
    complaints: list[str]
    """Broken rules of the protocols."""
    marks: dict[str, int]
    """FIFO -> most words that it held."""
    cycles: int
    """Simulated cycles in all."""
    seconds: float
    """Wall time of the simulation alone."""
    hang: Beats | None = None
    """How far the call came in which nothing moved any more."""
    state: dict[str, int] = field(default_factory=dict)
    """Of a hang: fill of each FIFO ("fifo.count") and whether a process rests ("process.idle")."""
    memory: npt.NDArray[np.uint8] | None = None
    taps: dict[str, npt.NDArray[np.uint8]] = field(default_factory=dict)
    """FIFO -> the words that went into it, each in whole bytes."""
    tap_cycles: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    """FIFO -> the cycles in which they went in."""


def beat_bytes(port: Mapping[str, Any]) -> int:
    """Bytes of a beat of one of the manifest's ports."""
    bits: int = port["width_bits"]
    return bits // 8
