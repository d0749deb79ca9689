"""Masters: the pointers of one bundle behind one AXI4 master, by direction.

Reads and writes have channels of their own. A channel with one pointer belongs to its adaptor; one
with several, or with words narrower than the port, needs a module that shares it by whole bursts.
That grants a burst once its reader has room for all of it, or its writer all of its words: then
nothing on the channel ever waits for a process, so that none waits for another through memory.
"""

from __future__ import annotations

from dataclasses import dataclass

from hls.lowering.ir import Design, MemoryPort

__all__ = ["LONGEST_BURST", "MOST_OUTSTANDING", "Channel", "Master", "masters"]

LONGEST_BURST = 256
"""Beats that AXI4 allows a burst."""
MOST_OUTSTANDING = 256
"""Bursts that a pragma may allow to be under way, as in Vitis HLS."""

_MOST_WRITES = 128
"""Bursts that the write adaptor counts."""
_ALONE_WORDS = 64
_SHARED_BURST = 64
"""Beats of a burst, unless a pragma says otherwise, where a FIFO has to hold whole ones."""
_BURSTS_HELD = 2
"""A reader has room for one burst while another arrives; a writer fills one while another goes."""


@dataclass(frozen=True)
class Channel:
    """One direction of a master: its pointers, in the order of their first accesses."""

    design: Design
    side: str
    """read or write"""
    ports: list[MemoryPort]
    width: int
    """Bits of a word of the master."""

    @property
    def shared(self) -> bool:
        """Whether bursts have to be granted, or words moved to their place in a wider one."""
        return len(self.ports) > 1 or self.narrow

    @property
    def narrow(self) -> bool:
        """Whether some words are narrower than the port."""
        return any(port.width != self.width for port in self.ports)

    def longest(self, port: MemoryPort) -> int:
        """Beats of the longest burst of a pointer."""
        otherwise = _SHARED_BURST if self.shared else LONGEST_BURST
        return self._option(port, f"max_{self.side}_burst_length", otherwise)

    def outstanding(self, port: MemoryPort) -> int:
        """Bursts of a pointer that may be under way; 0 if nothing limits them."""
        given = self._option(port, f"num_{self.side}_outstanding", 0)
        return given if self.side == "read" else min(given or _MOST_WRITES, _MOST_WRITES)

    def fifo_words(self, port: MemoryPort) -> int:
        """Words of the FIFO between the adaptor of a pointer and its process."""
        return max(_ALONE_WORDS, _BURSTS_HELD * self.longest(port) if self.shared else 0)

    def _option(self, port: MemoryPort, name: str, otherwise: int) -> int:
        return int(self.design.interfaces.get(port.pointer, {}).get(name, otherwise))


@dataclass(frozen=True)
class Master:
    """An AXI4 master."""

    name: str
    """Its bundle."""
    ports: list[MemoryPort]
    width: int
    """Bits of a word: of the widest of its pointers."""
    reads: Channel
    writes: Channel

    @property
    def direction(self) -> str:
        """in, out or inout."""
        return "inout" if self.reads.ports and self.writes.ports else self.ports[0].direction


def masters(design: Design) -> list[Master]:
    """The masters in the order in which their pointers are used."""
    bundles: dict[str, list[MemoryPort]] = {}
    for port in design.memory_ports:
        bundles.setdefault(design.bundle(port.pointer), []).append(port)
    found = []
    for name, ports in bundles.items():
        width = max(port.width for port in ports)
        reads = Channel(design, "read", [p for p in ports if p.reads], width)
        writes = Channel(design, "write", [p for p in ports if p.writes], width)
        found.append(Master(name, ports, width, reads, writes))
    return found
