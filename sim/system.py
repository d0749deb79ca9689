"""What is behind the addresses of a simulated board: engines, DMAs, interrupt controller.

Time only passes when somebody looks: every read of a register lets the fabric run for a while
before it answers, and so does time that the host spends elsewhere.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol

from hls.overlay import Overlay
from sim.axi_dma import AxiDma
from sim.axi_intc import AxiIntc
from sim.engine import Engine
from sim.failures import BoardHang, BusError

__all__ = ["System"]

_CYCLES_PER_READ = 200
"""A read of a register over pynq takes some microseconds."""
_PATIENT_READS = 64
"""After so many reads without a write in between, somebody is waiting: longer steps then."""
_LONGEST_STEP = 20_000
_AWAY_SECONDS = 0.002
"""Host time between two accesses from which on it counts as time that passes on the board."""
_SETTLED_CYCLES = 1000


class _Registers(Protocol):
    def read(self, offset: int) -> int: ...

    def write(self, offset: int, word: int) -> None: ...


class System:
    """The fabric with one overlay in it."""

    def __init__(
        self,
        overlay: Overlay,
        engines: Mapping[str, Engine],
        addresses: Mapping[str, tuple[int, int]],
        patience_cycles: int,
    ) -> None:
        """Connect the parts.

        Args:
            overlay: which engines and DMAs there are.
            engines: by cell.
            addresses: cell -> base address and size of its registers.
            patience_cycles: of polling while nothing moves, before it counts as a hang.
        """
        self.engines = dict(engines)
        self._clock_hz = overlay.clock_mhz * 1e6
        self._patience = patience_cycles
        self.dmas = {
            dma.name: AxiDma(engines[engine.name], dma)
            for engine in overlay.engines
            for dma in engine.dmas
        }
        self.interrupts = AxiIntc([self._level(cell, pin) for cell, pin in overlay.interrupts])
        cells: dict[str, _Registers] = {
            **self.engines,
            **self.dmas,
            "system_interrupts": self.interrupts,
        }
        self._places = [
            (base, size, name, cells[name])
            for name, (base, size) in addresses.items()
            if name in cells
        ]
        self._reads = 0
        self._seen: Counter[str] = Counter()
        self._left = time.perf_counter()

    def _level(self, cell: str, pin: str) -> Any:
        if cell in self.engines:
            return lambda: self.engines[cell].interrupt
        return lambda: self.dmas[cell].interrupts[pin]

    @property
    def cycles(self) -> int:
        """Cycles that the fabric has run."""
        return max(engine.cycle for engine in self.engines.values())

    @property
    def quiet_cycles(self) -> int:
        """Cycles since anything moved anywhere."""
        return min(engine.quiet_cycles for engine in self.engines.values())

    def freeze(self, frozen: bool) -> None:
        """Let the memory answer nothing, until it is let go again."""
        for engine in self.engines.values():
            engine.freeze(frozen)

    def close(self) -> None:
        """Free the models."""
        for engine in self.engines.values():
            engine.close()

    # ------------------------------------------------------------------ time

    def step(self, cycles: int) -> None:
        """Run for `cycles`, or until something happens."""
        for engine in self.engines.values():
            engine.step(cycles)
        self._check()

    def catch_up(self) -> None:
        """Let the time pass that the host spent elsewhere, as far as anything happens in it."""
        away = time.perf_counter() - self._left
        if away < _AWAY_SECONDS:
            return
        until = self.cycles + int(away * self._clock_hz)
        begin = time.perf_counter()
        while (
            self.cycles < until
            and self.quiet_cycles < _SETTLED_CYCLES
            and time.perf_counter() - begin < away
        ):
            self.step(_SETTLED_CYCLES)

    def leave(self) -> None:
        """The host goes elsewhere."""
        self._left = time.perf_counter()

    def _check(self) -> None:
        for name, engine in self.engines.items():
            complaints = engine.complaints
            if len(complaints) > self._seen[name]:
                self._seen[name] = len(complaints)
                raise BusError(f"{name}: {complaints[-1]}")

    # ------------------------------------------------------------------ accesses

    def read(self, address: int) -> int:
        """Read a word, after some time has passed."""
        name, offset, registers = self._find(address)
        self._reads += 1
        longer = max(0, self._reads - _PATIENT_READS)
        wanted = min(_LONGEST_STEP, _CYCLES_PER_READ * (1 + longer))
        before = self.cycles
        self.step(wanted)
        if self.cycles - before < wanted:
            self._reads = 0  # something happened, which ends the waiting
        if self._reads > _PATIENT_READS and self.quiet_cycles > self._patience:
            self._reads = 0
            raise BoardHang(self._hang(name, offset, registers))
        return registers.read(offset)

    def write(self, address: int, word: int) -> None:
        """Write a word."""
        _, offset, registers = self._find(address)
        self._reads = 0
        registers.write(offset, word)
        self._check()

    def _find(self, address: int) -> tuple[str, int, _Registers]:
        for base, size, name, registers in self._places:
            if base <= address < base + size:
                return name, address - base, registers
        known = ", ".join(f"{name} at {base:#x}" for base, _, name, _ in self._places)
        raise BusError(f"bus error: nothing answers at {address:#010x}; there is {known}")

    def _hang(self, name: str, offset: int, registers: _Registers) -> str:
        states = [f"{engine} CTRL={held.read(0):#04x}" for engine, held in self.engines.items()]
        for dma, held in self.dmas.items():
            for channel, base in (("MM2S", 0x04), ("S2MM", 0x34)):
                states.append(f"{dma} {channel}_DMASR={held.read(base):#010x}")
        return (
            f"{name} offset {offset:#04x} is polled (it reads {registers.read(offset):#x}) although"
            f" nothing has moved for {self.quiet_cycles:,} cycles, cycle {self.cycles:,}; on a "
            f"board this wait would never end. {', '.join(states)}"
        )
