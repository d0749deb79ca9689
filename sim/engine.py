"""A design on a simulated board, as the rest of that board sees it.

Two engines do this: `sim.engine_fast` (a verilated library, without Python in a cycle) and
`sim.engine_cocotb` (inside a cocotb simulation). Both have a port of the processor for registers,
data movers of AXI DMAs at their streams, and their AXI4 masters at the board's memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:  # the simulator that imports this has no pynq to load
    from sim.memory import Memory
    from sim.verilate import Model

__all__ = ["Engine", "Progress", "Transfer"]


class Progress(IntEnum):
    """How a transfer of a data mover stands; the values are known to sim/fast_dma.hpp."""

    IDLE = 0
    RUNNING = 1
    ENDED = 2
    OVERRUN = 3
    """Stream to memory: the packet is longer than the transfer."""
    DECODE_ERROR = 4
    """There is no memory at the address."""


class Transfer(NamedTuple):
    """A transfer: how it stands, and bytes so far."""

    progress: Progress
    moved_bytes: int


class Engine(Protocol):
    """One design, its clock running only inside `read`, `write` and `step`."""

    def __init__(
        self,
        model: Model,
        manifest: Mapping[str, Any],
        memory: Memory,
        *,
        stalls: float,
        seed: int,
        waves: Path | None,
        folder: Path,
    ) -> None:
        """Make a design that has just been reset.

        Args:
            model: the simulator.
            manifest: of the design.
            memory: the board's memory, shared with it.
            stalls: share of cycles in which each port pauses.
            seed: of the pauses and of what is undefined after power-up.
            waves: the VCD file to write.
            folder: the working folder of the simulation, for files that the design reads.

        Raises:
            ToolNotFound, ToolFailed: the engine cannot run, or the design lacks ports.
        """

    @property
    def cycle(self) -> int:
        """Cycles since the model was made."""

    @property
    def quiet_cycles(self) -> int:
        """Cycles since anything moved on a data port."""

    @property
    def interrupt(self) -> bool:
        """The level of the interrupt output."""

    @property
    def complaints(self) -> list[str]:
        """Broken rules of the protocols, and accesses outside of memory."""

    def read(self, offset: int) -> int:
        """Read a register over AXI4-Lite."""

    def write(self, offset: int, word: int) -> None:
        """Write a register over AXI4-Lite."""

    def step(self, cycles: int) -> None:
        """Run until a transfer ends, the interrupt rises, or `cycles` have passed."""

    def transfer(self, port: str, address: int, size_bytes: int) -> None:
        """Start the data mover of a stream."""

    def abort(self, port: str) -> None:
        """Stop the data mover of a stream, as a reset of its DMA does."""

    def transferred(self, port: str) -> Transfer:
        """How the last transfer of a stream stands."""

    def freeze(self, frozen: bool) -> None:
        """Let the memory answer nothing, until it is let go again."""

    def close(self) -> None:
        """Free the model."""
