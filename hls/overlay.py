"""The block design around the engines of one bitstream: who moves data, over which memory port.

Every engine is controlled over AXI4-Lite. Its streams go through AXI DMAs of its own in simple mode
(PG021), its AXI4 masters straight to memory; all of these share the high-performance ports of the
processing system, each port behind a SmartConnect that converts width and protocol (PG247).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import lcm
from typing import Any

from hls.boards import Board
from hls.errors import InputError

__all__ = ["Dma", "Engine", "Master", "MemoryPort", "Overlay", "Stream"]

_DMA_BITS = (8, 16, 32, 64, 128, 256, 512, 1024)
"""Widths of a stream of the AXI DMA (PG021, "Stream Data Width")."""

_MEMORY_BITS = (32, 64, 128, 256, 512, 1024)
"""Widths of an AXI4 interface of AXI DMA and SmartConnect (PG021, PG247)."""

_LARGEST_STREAM_BYTES = 512
"""Of the stream in the middle of a width converter, a common multiple of both (PG085)."""

_SMARTCONNECT_PORTS = 16
"""On either side of a SmartConnect (PG247)."""

_INTERRUPTS = 32
"""Inputs of an AXI interrupt controller (PG099)."""

_NAME_LENGTH = 100
"""Of an overlay: file systems take 255, and Vivado makes longer names of it."""


@dataclass(frozen=True)
class Stream:
    """A stream of an engine and the channel of a DMA that serves it."""

    dma: str
    engine: str
    port: str
    bits: int

    @property
    def dma_bits(self) -> int:
        """Width of the stream at the DMA: the next that it has, from the engine's up."""
        return next(bits for bits in _DMA_BITS if bits >= self.bits)

    @property
    def memory_bits(self) -> int:
        """Width of the DMA's side to memory, which is never narrower than its stream."""
        return max(_MEMORY_BITS[0], self.dma_bits)

    @property
    def converter(self) -> str | None:
        """Name of the width converter, where engine and DMA differ; TKEEP marks the last bytes."""
        return None if self.dma_bits == self.bits else f"{self.dma}_{self.port}_width"


@dataclass(frozen=True)
class Dma:
    """An AXI DMA in simple mode: memory to stream (mm2s), stream to memory (s2mm), or both."""

    name: str
    mm2s: Stream | None
    s2mm: Stream | None


@dataclass(frozen=True)
class Master:
    """An AXI4 master that reaches memory, and how many bits a cycle it reads and writes."""

    cell: str
    interface: str
    reads: int
    writes: int


@dataclass(frozen=True)
class MemoryPort:
    """A high-performance port of the processing system and the masters that share it."""

    index: int
    masters: tuple[Master, ...]


@dataclass(frozen=True)
class Engine:
    """A generated design as one cell of the block design, called like the design.

    Attributes:
        vlnv: of its packaged IP, by which hosts find their driver.
        manifest: of its project.
    """

    name: str
    vlnv: str
    manifest: Mapping[str, Any]

    def _ports(self, protocol: str, direction: str) -> list[Mapping[str, Any]]:
        return [port for port in self.manifest["ports"]
                if (port["protocol"], port["direction"]) == (protocol, direction)]  # fmt: skip

    @cached_property
    def dmas(self) -> tuple[Dma, ...]:
        """The first input and the first output share a DMA; each further stream has its own."""
        ins, outs = self._ports("axis", "in"), self._ports("axis", "out")
        found = []
        for place in range(max(len(ins), len(outs))):
            pair = [*ins[place : place + 1], *outs[place : place + 1]]
            name = f"{self.name}_dma" if place == 0 else f"{self.name}_dma_{pair[0]['name']}"
            found.append(
                Dma(name, *(Stream(name, self.name, side[place]["name"], side[place]["width_bits"])
                            if place < len(side) else None for side in (ins, outs)))
            )  # fmt: skip
        return tuple(found)

    @property
    def streams(self) -> list[Stream]:
        """All streams, in the order of the DMAs."""
        return [stream for dma in self.dmas for stream in (dma.mm2s, dma.s2mm) if stream]

    @property
    def masters(self) -> list[Master]:
        """All that reaches memory on behalf of this engine."""
        found = []
        for dma in self.dmas:
            if dma.mm2s:
                found.append(Master(dma.name, "M_AXI_MM2S", dma.mm2s.dma_bits, 0))
            if dma.s2mm:
                found.append(Master(dma.name, "M_AXI_S2MM", 0, dma.s2mm.dma_bits))
        for port in self.manifest["ports"]:
            if port["protocol"] == "m_axi":
                reads = port["direction"] == "in"
                loads = (port["width_bits"], 0) if reads else (0, port["width_bits"])
                found.append(Master(self.name, port["name"], *loads))
        return found

    @property
    def program(self) -> str | None:
        """Name of the file beside the bitstream that holds its program, if it runs one."""
        return f"{self.name}.npz" if "program" in self.manifest else None

    @property
    def interfaces(self) -> list[str]:
        """Its bus interfaces: streams, AXI4 masters, and the slave of the registers."""
        return [port["name"] for port in self.manifest["ports"]] + [
            self.manifest["registers"]["port"]
        ]


@dataclass(frozen=True)
class Overlay:
    """What one bitstream holds.

    Raises:
        InputError: Vivado's IP cannot make such a design, or the board cannot clock it.
    """

    board: Board
    clock_mhz: float
    engines: tuple[Engine, ...]

    def __post_init__(self) -> None:
        """Check against the limits of the vendor's IP."""
        self.board.at(self.clock_mhz)
        for engine in self.engines:
            self._check_widths(engine)
        self._check_names()
        if len(self.name) > _NAME_LENGTH:
            raise InputError(
                f"overlay {self.name}: its name is longer than {_NAME_LENGTH} characters; build "
                "fewer engines into one bitstream, or generate them with shorter names"
            )
        for what, count, limit in (
            ("AXI4-Lite slaves", len(self.slaves), _SMARTCONNECT_PORTS),
            ("interrupts", len(self.interrupts), _INTERRUPTS),
            (f"masters on {self.board.ports} memory ports", len(self._masters),
             _SMARTCONNECT_PORTS * self.board.ports),
        ):  # fmt: skip
            if count > limit:
                raise InputError(
                    f"overlay {self.name}: needs {count} {what}, at most {limit} can be connected; "
                    "build fewer engines into one bitstream"
                )

    @property
    def name(self) -> str:
        """The engines' names, joined: the name of .bit and .hwh."""
        return "_".join(engine.name for engine in self.engines)

    @cached_property
    def dmas(self) -> list[Dma]:
        """The DMAs of all engines."""
        return [dma for engine in self.engines for dma in engine.dmas]

    @property
    def streams(self) -> list[Stream]:
        """The streams of all engines."""
        return [stream for engine in self.engines for stream in engine.streams]

    @property
    def slaves(self) -> list[tuple[str, str]]:
        """(cell, interface) of all that the processor reads and writes."""
        return [
            *((engine.name, engine.manifest["registers"]["port"]) for engine in self.engines),
            *((dma.name, "S_AXI_LITE") for dma in self.dmas),
            ("system_interrupts", "s_axi"),
        ]

    @property
    def interrupts(self) -> list[tuple[str, str]]:
        """(cell, pin) of all interrupts, by rising number."""
        found = [(engine.name, "interrupt") for engine in self.engines]
        for dma in self.dmas:
            found += [(dma.name, "mm2s_introut")] if dma.mm2s else []
            found += [(dma.name, "s2mm_introut")] if dma.s2mm else []
        return found

    @property
    def _masters(self) -> list[Master]:
        return [master for engine in self.engines for master in engine.masters]

    @cached_property
    def memory_ports(self) -> tuple[MemoryPort, ...]:
        """The ports in use: each master on the one least used in its direction, reads and writes
        having channels of their own.
        """  # noqa: D205
        shared: list[list[Master]] = [[] for _ in range(self.board.ports)]
        for master in self._masters:
            place = min(
                (held for held in shared if len(held) < _SMARTCONNECT_PORTS),
                key=lambda held: sum(
                    other.reads if master.reads else other.writes for other in held
                ),
            )
            place.append(master)
        return tuple(MemoryPort(n, tuple(held)) for n, held in enumerate(shared) if held)

    @property
    def slow(self) -> list[str]:
        """Engines that will wait for memory: on average they move more than their ports can.

        An interface wider than a port is none by itself: it may move a word now and then only.
        """
        found = []
        for engine in self.engines:
            costs = engine.manifest["costs"]
            moved = costs["dram_bytes"] / costs["predicted_cycles"]
            ports = sum(
                any(master in engine.masters for master in port.masters)
                for port in self.memory_ports
            )
            room = ports * self.board.port_bits // 8
            if moved > room:
                found.append(
                    f"{engine.name} moves {moved:.1f} bytes a cycle, its {ports} memory ports on "
                    f"{self.board.name} at most {room}, so it takes more cycles than predicted"
                )
        return found

    def manifest(self, engine: Engine) -> dict[str, Any]:
        """The engine's manifest with its place in this overlay."""
        dmas = {stream.port: stream.dma for stream in engine.streams}
        program = engine.manifest.get("program", {}) | {"file": engine.program}
        return {
            **engine.manifest,
            **({} if engine.program is None else {"program": program}),
            "vlnv": engine.vlnv,
            "overlay": {
                "name": self.name,
                "board": self.board.name,
                "clock_mhz": self.clock_mhz,
                "instance": engine.name,
                "dma": dmas,
            },
        }

    @property
    def manifests(self) -> dict[str, Any]:
        """manifest.json beside the bitstream: the engine's own, or those of several by instance."""
        several = {engine.name: self.manifest(engine) for engine in self.engines}
        if len(several) == 1:
            return several[self.name]
        return {"lineloom": self.engines[0].manifest["lineloom"], "engines": several}

    def _cells(self) -> Iterator[str]:
        for engine in self.engines:
            yield engine.name
            yield from (dma.name for dma in engine.dmas)
            yield from (stream.converter for stream in engine.streams if stream.converter)

    def _check_names(self) -> None:
        for name, count in Counter(self._cells()).items():
            if count > 1:
                raise InputError(
                    f"two cells of the overlay would be called {name}; generate one of the "
                    "projects with another --name"
                )
            if name.startswith("system_"):
                raise InputError(
                    f"{name}: names that begin with system_ belong to the overlay; generate the "
                    "project with another --name"
                )

    def _check_widths(self, engine: Engine) -> None:
        widest = _DMA_BITS[-1]
        for port in engine.manifest["ports"]:
            bits, where = (
                port["width_bits"],
                f"{engine.name}: {port['name']} is {port['width_bits']}",
            )
            if bits > widest:
                raise InputError(
                    f"{where} bits wide, AXI reaches {widest}; generate it with fewer lanes"
                )
            if port["protocol"] == "m_axi" and bits not in _MEMORY_BITS:
                raise InputError(
                    f"{where} bits wide, SmartConnect takes {_MEMORY_BITS[0]} and more; "
                    "generate it with more rows and columns (simd and pe of a convolution)"
                )
        for stream in engine.streams:
            middle = lcm(stream.bits, stream.dma_bits) // 8
            if middle > _LARGEST_STREAM_BYTES:
                raise InputError(
                    f"{engine.name}: {stream.port} is {stream.bits} bits wide, which the width "
                    f"converter brings to {stream.dma_bits} by way of {middle} bytes; it has at "
                    f"most {_LARGEST_STREAM_BYTES}; generate it with a power of two as lanes"
                )
