"""What a layer costs by one algorithm: the common currency in which algorithms are compared."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hls.boards import Board
from hls.conv2d import Conv2d
from hls.epilogue import Epilogue
from hls.matrix_conv2d import MatrixConv2d
from hls.memory import Memory

__all__ = ["Cost", "Traffic", "dsp_blocks", "shortages", "traffic"]

LONGEST_BURST_BEATS = 256
PAGE_BYTES = 4096
"""A burst ends at the latest after so many beats, and at such a boundary (ARM IHI 0022)."""


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What a port moves: words (beats) and the bursts that they come in."""

    port: str
    writes: bool
    beats: int
    beat_bytes: int
    bursts: int

    @property
    def bytes(self) -> int:
        """Padding of words included."""
        return self.beats * self.beat_bytes


def traffic(port: str, beats: int, beat_bytes: int, *, run: int | None = None,
            writes: bool = False) -> Traffic:  # fmt: skip
    """The traffic of a port whose words lie in runs of `run` at consecutive addresses.

    All in one run unless given. Bursts are as long as rules and runs allow; the hardware's first
    ones are shorter, as it does not wait for them to grow.
    """
    longest = min(LONGEST_BURST_BEATS, PAGE_BYTES // beat_bytes)
    length = beats if run is None else min(run, beats)
    bursts = beats // length * math.ceil(length / longest) if length else 0
    return Traffic(port=port, writes=writes, beats=beats, beat_bytes=beat_bytes,
                   bursts=bursts + (1 if length and beats % length else 0))  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of `batch` frames of a layer by one algorithm, from start to done.

    Attributes:
        algorithm: its name.
        batch: frames.
        macs: multiply-accumulates of the layer for all of them; those with padding count.
        cycles: start to done, all phases.
        loading_cycles: those of them in which a line buffer's weights are loaded, once.
        traffic: what each port moves in these cycles.
        memory: that this was worked out for.
        on_chip_bits: memories of the design.
        multipliers: products a cycle.
        dsps: DSP blocks, of the requantization as well.
        problems: why the design does not fit the board, each with figures; empty if it does.
        design: what can be generated, with its lanes; None for a baseline.
    """

    algorithm: str
    batch: int
    macs: int
    cycles: int
    traffic: tuple[Traffic, ...]
    memory: Memory
    on_chip_bits: int
    multipliers: int
    dsps: int
    loading_cycles: int = 0
    problems: tuple[str, ...] = ()
    design: Conv2d | MatrixConv2d | None = field(default=None, repr=False)

    @property
    def fits(self) -> bool:
        """Whether the board holds it."""
        return not self.problems

    @property
    def read_bytes(self) -> int:
        """Over all ports."""
        return sum(t.bytes for t in self.traffic if not t.writes)

    @property
    def written_bytes(self) -> int:
        """Over all ports."""
        return sum(t.bytes for t in self.traffic if t.writes)

    @property
    def dram_bytes(self) -> int:
        """Read and written."""
        return self.read_bytes + self.written_bytes

    @property
    def port_bytes(self) -> dict[str, int]:
        """Port -> bytes that it moves."""
        return {t.port: t.bytes for t in self.traffic}

    @property
    def mean_burst_beats(self) -> float:
        """Words a burst."""
        return sum(t.beats for t in self.traffic) / max(1, sum(t.bursts for t in self.traffic))

    @property
    def bus_efficiency(self) -> float:
        """Share of its time that a bus moves data on which every burst waits for its latency.

        That is what burst length decides; ports that ask ahead hide some or all of the waiting.
        """
        return self.mean_burst_beats / (self.mean_burst_beats + self.memory.latency_cycles)

    @property
    def memory_cycles(self) -> float:
        """The least that the traffic takes."""
        return self.memory.cycles(self.dram_bytes)

    @property
    def bound(self) -> str:
        """What limits it: compute, memory (its bandwidth), or waiting (neither is 3/4 busy)."""
        compute = self.macs / self.multipliers
        most = max(compute, self.memory_cycles)
        if most < 0.75 * self.cycles:
            return "waiting"
        return "compute" if compute >= self.memory_cycles else "memory"

    def data(self) -> dict[str, Any]:
        """As JSON-able data."""
        return {
            "cycles": self.cycles,
            "loading_cycles": self.loading_cycles,
            "dram_bytes": self.dram_bytes,
            "read_bytes": self.read_bytes,
            "written_bytes": self.written_bytes,
            "port_bytes": self.port_bytes,
            "mean_burst_beats": round(self.mean_burst_beats, 1),
            "bus_efficiency": round(self.bus_efficiency, 3),
            "bound": self.bound,
            "on_chip_bits": self.on_chip_bits,
            "multipliers": self.multipliers,
            "dsps": self.dsps,
            "fits": self.fits,
            "problems": list(self.problems),
            **({"lanes": _lanes(self.design)} if isinstance(self.design, Conv2d) else {}),
        }


def _lanes(conv: Conv2d) -> dict[str, Any]:
    return {"simd": conv.simd, "pe": conv.pe, "taps": conv.taps}


def dsp_blocks(design: Conv2d | MatrixConv2d) -> int:
    """DSP blocks of the products (packed ones share them) and, at most, of the requantizers.

    A product of less than 9 bits in all becomes LUTs; one of the requantization is cut into pieces
    of 24 x 17 bits (DSP48E1: 25 x 18 signed).
    """
    narrow = design.input_format.bits + design.weight_format.bits < 9
    return (0 if narrow else design.multiplications) + requantizer_dsps(
        design.epilogue,
        design.gemm.finish_lanes if isinstance(design, MatrixConv2d) else design.finish_lanes,
    )


def requantizer_dsps(epilogue: Epilogue, lanes: int) -> int:
    """DSP blocks of so many requantizers."""
    if not epilogue.requantized:
        return 0
    pieces = math.ceil(epilogue.value.bits / 24) * math.ceil(epilogue.multiplier_bits / 17)
    return lanes * pieces


def shortages(board: Board, on_chip_bits: int, dsps: int) -> Iterable[str]:
    """What the board has too little of: DSP blocks, or block RAM and UltraRAM."""
    if dsps > board.dsp:
        yield f"needs {dsps} DSP, {board.name} has {board.dsp}"
    room = 36_864 * board.bram36 + 294_912 * board.uram
    if on_chip_bits > room:
        yield (
            f"needs {on_chip_bits // 1024:,} Kibit on chip, {board.name} has {room // 1024:,} in "
            "block RAM" + (" and UltraRAM" if board.uram else "")
        )
