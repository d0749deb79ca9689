"""A simulated board under the real pynq package: a pynq Device whose fabric is generated Verilog.

`pynq.Overlay`, `MMIO`, `DMA`, `allocate`, `register_map`, `Interrupt` and `Clocks` are the
package's own and run unmodified. This module stands where `EmbeddedDevice` stands on a board.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pynq.buffer import PynqBuffer
from pynq.interrupt import _InterruptController
from pynq.pl_server.device import Device
from pynq.ps import Clocks
from pynqmetadata.frontends import Metadata
from pynqmetadata.views.runtime import RuntimeMetadataParser

from hls.boards import board as board_named
from hls.project import Project
from hls.rtl import Rtl
from sim.cosim import rtl_of
from sim.engine import Engine
from sim.engine_cocotb import CocotbEngine
from sim.engine_fast import FastEngine
from sim.failures import BoardHang
from sim.memory import Allocation, Memory
from sim.overlay_files import SimulatedBit, prepare
from sim.processing_system import ProcessingSystem, processing_system
from sim.system import System
from sim.verilate import verilate

__all__ = ["SimulatedDevice", "board"]

_ENGINES: dict[str, type[Engine]] = {"fast": FastEngine, "cocotb": CocotbEngine}
MEMORY_BYTES = 256 << 20
PATIENCE_CYCLES = {"fast": 10_000_000, "cocotb": 50_000}
"""How long an engine may rest while it is polled: some seconds."""
_REGISTERS = 0xF800_0000
"""From here on are the processing system's own registers, of which pynq uses the clocks'."""
_STEP_CYCLES = 2000
_numbers = itertools.count()


class _Line:
    """The interrupt line of the processing system, in the place of pynq's UioController."""

    def __init__(self, device: SimulatedDevice) -> None:
        self._device = device
        self._waiting: list[Any] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def add_event(self, event: Any, number: int) -> None:
        """Set `event` once the line is active; meanwhile the event loop lets time pass."""
        self._waiting.append(event)
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # also when an earlier loop ended while it waited
            self._loop = loop
            loop.call_soon(self._wait, loop)

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop is not self._loop:
            return
        if self._device.run_to_interrupt(_STEP_CYCLES):
            events, self._waiting, self._loop = self._waiting, [], None
            for event in events:
                if self._device.failed:
                    _wake(event)
                else:
                    event.set()
        else:
            loop.call_soon(self._wait, loop)


def _wake(controller: Any) -> None:
    """Wake whoever waits, without the registers that pynq would read: those raise the failure."""
    for handles in controller.wait_handles:
        for event in handles:
            event.set()
        handles.clear()
    controller.event_number = 0


class SimulatedDevice(Device):  # type: ignore[misc]
    """A board that `pynq` can use.

    Attributes:
        system: the fabric as it was last configured, or None.
    """

    _probe_priority_ = 10

    @classmethod
    def _probe_(cls) -> list[Device]:
        """Never found by itself: `board` makes one."""
        return []

    def __init__(
        self,
        board: str = "pynq-z2",
        *,
        stalls: float = 0.0,
        seed: int = 0,
        engine: str = "fast",
        waves: bool = False,
        patience_cycles: int | None = None,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        """Make a board without an overlay.

        Args:
            board: its name in `hls.boards`.
            stalls: share of cycles in which memory and DMAs pause.
            seed: of the pauses.
            engine: "fast", or "cocotb" with the AXI models of cocotbext-axi.
            waves: write a VCD file into each project's folder sim/.
            patience_cycles: of polling while nothing moves, before `BoardHang` is raised; by the
                speed of the engine unless given, which for "fast" is more than the time-outs of a
                host library that does not wait without end.
            memory_bytes: size of the memory for buffers.
        """
        self.name = f"lineloom_simulated_{os.getpid()}_{next(_numbers)}"
        super().__init__(self.name)
        self.capabilities = {"REGISTER_RW": True}
        self._ps: ProcessingSystem = processing_system(board_named(board))
        self.arch = self._ps.arch
        self.board = board
        self.memory = Memory(self._ps.memory, memory_bytes)
        self.system: System | None = None
        self._stalls, self._seed, self._waves = stalls, seed, waves
        self._kind = engine
        self._patience = PATIENCE_CYCLES[engine] if patience_cycles is None else patience_cycles
        self._registers = dict(self._ps.registers)
        self._lock = threading.RLock()
        self._failure: Exception | None = None
        self._past_cycles = 0
        self._frozen = False
        self.line = _Line(self)

    # ------------------------------------------------------------------ overlays

    def get_bitfile_metadata(self, bitfile_name: str, partial: bool = False) -> Any:
        """Parse the .hwh beside a .bit with pynq's own parser."""
        file = Path(bitfile_name).with_suffix(".hwh")
        if not file.is_file():
            raise RuntimeError(f"{file}: is missing, it belongs beside {bitfile_name}")
        parser = RuntimeMetadataParser(Metadata(input=str(file)))
        parameters = parser.ip_dict[parser.ps_name]["parameters"]
        for index, clock in parser.clock_dict.items():
            # pynqmetadata only finds the clocks of UltraScale+ parts.
            if clock.get("frequency") is None:
                clock["frequency"] = float(parameters[self._ps.actual.format(index)])
        return parser

    def download(self, bitstream: Any, parser: Any = None) -> None:
        """Configure the fabric: all engines begin anew, as after a reset."""
        bit = SimulatedBit.read(Path(bitstream.bitfile_name))
        overlay = bit.overlay()
        addresses = {
            name: (entry["phys_addr"], entry["addr_range"])
            for name, entry in parser.ip_dict.items()
            if "phys_addr" in entry
        }
        with self._lock:
            self.close()
            engines = {
                engine.name: self._engine(Project.open(folder), place)
                for place, (engine, folder) in enumerate(
                    zip(overlay.engines, bit.projects, strict=True)
                )
            }
            self.system = System(overlay, engines, addresses, self._patience)
            self.system.freeze(self._frozen)
            self._failure = None
        self.post_download(bitstream, parser, self.name)

    def _engine(self, project: Project, place: int) -> Engine:
        rtl: Rtl = rtl_of(project)
        model = verilate(rtl.top, rtl.files, project.path / "sim", waves=self._waves)
        file = (project.path / "sim" / f"{rtl.top}.vcd").resolve() if self._waves else None
        return _ENGINES[self._kind](
            model,
            project.manifest,
            self.memory,
            stalls=self._stalls,
            seed=self._seed + 100 * place,
            waves=file,
            folder=rtl.folder / "rtl",
        )

    def shutdown(self) -> None:
        """There are no shutdown managers."""

    def gen_cache(self, bitstream: Any, parser: Any = None) -> None:
        """There is no state to keep beyond this process."""

    def close(self) -> None:
        """Free the models; waves are written out."""
        if self.system is not None:
            self._past_cycles += self.system.cycles
            self.system.close()
            self.system = None

    # ------------------------------------------------------------------ registers

    @property
    def cycles(self) -> int:
        """Cycles that the fabric has run, over all overlays."""
        return self._past_cycles + (0 if self.system is None else self.system.cycles)

    def freeze(self, frozen: bool = True) -> None:
        """Let the memory answer nothing from now on, or let it go again: a fault to test with."""
        with self._lock:
            self._frozen = frozen
            if self.system is not None:
                self.system.freeze(frozen)

    @property
    def failed(self) -> bool:
        """A failure waits to be raised by the next access."""
        return self._failure is not None

    def _fabric(self) -> System:
        if self.system is None:
            raise RuntimeError("no overlay is loaded on the simulated board")
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        return self.system

    def read_registers(self, address: int, length: int) -> bytes:
        """Read words, as MMIO asks for them."""
        with self._lock:
            places = range(address, address + length, 4)
            if address >= _REGISTERS:
                words = [self._registers.get(place, 0) for place in places]
            else:
                system = self._fabric()
                system.catch_up()
                words = [system.read(place) for place in places]
                system.leave()
        return struct.pack(f"<{len(words)}I", *words)

    def write_registers(self, address: int, data: bytes) -> None:
        """Write words, as MMIO hands them over."""
        with self._lock:
            for place, (word,) in enumerate(struct.iter_unpack("<I", bytes(data))):
                if address >= _REGISTERS:
                    self._registers[address + 4 * place] = word
                else:
                    system = self._fabric()
                    system.catch_up()
                    system.write(address + 4 * place, word)
                    system.leave()

    def run_to_interrupt(self, cycles: int) -> bool:
        """Run until the interrupt line is active, for `cycles` at most; whether it is.

        A wait that would never end is ended, and the next access to a register says so.
        """
        with self._lock:
            system = self.system
            if system is None:
                return False
            try:
                if not system.interrupts.interrupt:
                    system.step(cycles)
                if system.quiet_cycles > self._patience:
                    raise BoardHang(
                        "an interrupt is awaited although nothing has moved for "
                        f"{system.quiet_cycles:,} cycles; on a board this wait would never end"
                    )
            except RuntimeError as failure:
                self._failure = failure
                return True
            return system.interrupts.interrupt

    # ------------------------------------------------------------------ memory

    @property
    def default_memory(self) -> SimulatedDevice:
        """What `pynq.allocate` asks; the device has one memory and is its face."""
        return self

    def get_memory(self, description: Any) -> SimulatedDevice:
        """The one memory."""
        return self

    def allocate(self, shape: Any, dtype: Any, **kwargs: Any) -> PynqBuffer:
        """A buffer in the memory, cacheable unless `cacheable=0`."""
        with self._lock:
            return self.memory.allocate(shape, dtype, device=self, **kwargs)

    def flush(self, bo: Allocation, offset: int, ptr: int, nbytes: int) -> None:
        """Write a cached buffer to memory."""
        with self._lock:
            self.memory.flush(bo, offset, nbytes)

    def invalidate(self, bo: Allocation, offset: int, ptr: int, nbytes: int) -> None:
        """Let the processor see what the fabric wrote."""
        with self._lock:
            if self.system is not None:
                self.system.catch_up()
            self.memory.invalidate(bo, offset, nbytes)
            if self.system is not None:
                self.system.leave()


@contextmanager
def board(
    *projects: str | Path,
    board: str = "pynq-z2",
    clock_mhz: float | None = None,
    folder: str | Path | None = None,
    **options: Any,
) -> Iterator[SimulatedDevice]:
    """Plug in a simulated board, with the files of an overlay of `projects` written for it.

    Inside, `pynq.Overlay("build/conv1/conv1.bit")` and `host.Accelerator("build/conv1")` work as on
    a board. The first use of a project lowers and compiles it.

    Args:
        projects: folders of generated projects; several make one overlay.
        board: which board is simulated.
        clock_mhz: clock of the fabric.
        folder: where the overlay's files go; see `sim.overlay_files.prepare`.
        options: of `SimulatedDevice`.
    """
    if projects:
        prepare(
            [Path(project) for project in projects],
            board=board,
            clock_mhz=clock_mhz,
            folder=None if folder is None else Path(folder),
        )
    device = SimulatedDevice(board, **options)
    before = getattr(Device, "_active_device", None)
    plug_in(device)
    try:
        yield device
    finally:
        device.close()
        if before is None:
            del Device._active_device
            _clocks_of(None)
        else:
            plug_in(before)


def plug_in(device: Device) -> None:
    """Make `device` the one that pynq uses."""
    Device.active_device = device
    _clocks_of(device)
    if isinstance(device, SimulatedDevice):
        _InterruptController._uio_devices = {device._ps.raw_irq: device.line}


def _clocks_of(device: Device | None) -> None:
    """Let pynq's `Clocks` forget the board before, which it would keep for the whole process."""
    Clocks.device = device
    if "_real_instance" in vars(Clocks):
        del Clocks._real_instance
