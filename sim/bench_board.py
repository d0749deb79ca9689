"""cocotb bench of a design on the simulated board; `sim.engine_cocotb` asks, it answers.

Between two requests the simulator waits for the next one, so that time stands still. The register
port is driven by cocotbext-axi, AXI4 masters read and write its memory, which is the board's; the
data movers follow PG021 as those of sim/fast_dma.hpp do, cycle by cycle.
"""

from __future__ import annotations

import mmap
import os
import pickle
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

import cocotb
import numpy as np
import numpy.typing as npt
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, Event, RisingEdge, SimTimeoutError, with_timeout
from cocotbext.axi import AxiLiteBus, AxiLiteMaster  # type: ignore[import-untyped]

from sim.bench import ACCESS_CYCLES, bits
from sim.bench_axi import MemorySide
from sim.engine import Progress
from sim.engine_requests import SOCKET_VARIABLE, Answer, Order
from sim.protocol import Complaints, Offer, pauses

_LATENCY_CYCLES = 16
"""From the command of a transfer to its first beat."""


class _Arena:
    """The board's memory by address, as cocotbext-axi slices it; zeros where there is none."""

    def __init__(self, base: int, held: npt.NDArray[np.uint8]) -> None:
        self.base, self.bytes = base, held
        self.frozen = False
        """It answers nothing."""

    def __len__(self) -> int:
        return 1 << 62

    def holds(self, address: int, size: int) -> bool:
        return self.base <= address and address + size <= self.base + self.bytes.size

    def __getitem__(self, place: slice) -> bytes:
        size = place.stop - place.start
        if not self.holds(place.start, size):
            return bytes(size)
        return self.bytes[place.start - self.base : place.stop - self.base].tobytes()

    def __setitem__(self, place: slice, data: Any) -> None:
        if self.holds(place.start, place.stop - place.start):
            self.bytes[place.start - self.base : place.stop - self.base] = np.frombuffer(
                bytes(data), np.uint8
            )


class _Mover:
    """One direction of an AXI DMA: one transfer at a time."""

    _OWN: str
    """The handshake signal that it drives."""
    _OTHER: str
    """The one that the design drives."""

    def __init__(self, dut: Any, name: str, arena: _Arena, paused: Iterator[bool],
                 complaints: Complaints) -> None:  # fmt: skip
        self._own = getattr(dut, f"{name}_{self._OWN}")
        self._other = getattr(dut, f"{name}_{self._OTHER}")
        self._data = getattr(dut, f"{name}_TDATA")
        self._masks = [getattr(dut, f"{name}_{kind}", None) for kind in ("TKEEP", "TSTRB")]
        self._last = getattr(dut, f"{name}_TLAST", None)
        self._arena, self._paused = arena, paused
        self._offer = Offer(name, complaints)
        self._width = len(self._data) // 8
        self._level = 0
        self._own.value = 0
        self._address = self._left = self._from = 0
        self.moved = 0
        self.progress = Progress.IDLE

    def start(self, address: int, size: int, cycle: int) -> None:
        """Begin a transfer."""
        self._address, self._left, self.moved = address, size, 0
        self._from = cycle + _LATENCY_CYCLES
        held = self._arena.holds(address, size)
        self.progress = Progress.RUNNING if held else Progress.DECODE_ERROR

    def stop(self) -> None:
        """What a soft reset does: whatever was under way is gone."""
        self.progress = Progress.IDLE

    def drive(self, cycle: int) -> None:
        """Set the design's inputs for `cycle`."""
        raise NotImplementedError

    def sample(self, cycle: int) -> bool:
        """Look before the edge that ends `cycle`; returns whether something moved."""
        raise NotImplementedError

    def _due(self, cycle: int) -> bool:
        paused = next(self._paused) or self._arena.frozen
        return self.progress is Progress.RUNNING and cycle >= self._from and not paused

    def _set(self, level: bool) -> None:
        if level != self._level:
            self._own.value = self._level = int(level)

    def _advance(self, count: int) -> None:
        self._address += count
        self._left -= count
        self.moved += count


class _Mm2s(_Mover):
    """Memory to stream: TLAST on the last beat, TKEEP for its bytes."""

    _OWN, _OTHER = "TVALID", "TREADY"
    _waiting = False
    """A beat is offered; it stays until it is taken, or the transfer is stopped."""

    def drive(self, cycle: int) -> None:
        due = self._due(cycle)
        if due and not self._waiting:
            count = min(self._left, self._width)
            text = self._arena[self._address : self._address + count]
            self._data.value = int.from_bytes(text, "little")
            for mask in self._masks:
                if mask is not None:
                    mask.value = (1 << count) - 1
            if self._last is not None:
                self._last.value = int(count == self._left)
        self._waiting = self.progress is Progress.RUNNING and (self._waiting or due)
        self._set(self._waiting)

    def sample(self, cycle: int) -> bool:
        if not self._waiting or not self._other.value:
            return False
        self._waiting = False
        self._advance(min(self._left, self._width))
        if self._left == 0:
            self.progress = Progress.ENDED
        return True


class _S2mm(_Mover):
    """Stream to memory: a packet ends with TLAST; one longer than the transfer is an error."""

    _OWN, _OTHER = "TREADY", "TVALID"

    def drive(self, cycle: int) -> None:
        self._set(self._due(cycle))

    def sample(self, cycle: int) -> bool:
        valid = bool(self._other.value)
        keep = self._masks[0]
        payload = ""
        if valid:
            seen = (self._data, keep, self._last)
            payload = " ".join(bits(signal) for signal in seen if signal is not None)
        if not self._offer.step(cycle, valid, bool(self._level), payload):
            return False
        text = int(self._data.value).to_bytes(self._width, "little")
        if keep is not None:
            kept = int(keep.value)
            text = bytes(byte for place, byte in enumerate(text) if kept >> place & 1)
        count = min(len(text), self._left)
        self._arena[self._address : self._address + count] = text[:count]
        self._advance(count)
        last = self._last is None or bool(self._last.value)
        if len(text) > count or (not last and self._left == 0):
            self.progress = Progress.OVERRUN
        elif last:
            self.progress = Progress.ENDED
        return True


class _Board:
    """The design with all that surrounds it."""

    def __init__(self, dut: Any, order: Order) -> None:
        self._dut, self._order = dut, order
        self.complaints = Complaints()
        self.cycle = self._progress = self._until = 0
        self._over = Event()
        self._stepping = False

    async def power_up(self) -> None:
        """Connect everything and reset the design."""
        dut, order = self._dut, self._order
        Clock(dut.ap_clk, 10, "ns").start()
        dut.ap_rst_n.value = 0
        registers = order.manifest["registers"]["port"]
        held = np.frombuffer(mmap.mmap(order.memory_file, order.memory_bytes), np.uint8)
        self._arena = arena = _Arena(order.memory_base, held)
        self._movers: dict[str, _Mover] = {}
        for index, port in enumerate(order.manifest["ports"]):
            seed = [order.seed, 5, index]
            if port["protocol"] == "axis":
                kind = _S2mm if port["direction"] == "out" else _Mm2s
                self._movers[port["name"]] = kind(
                    dut, port["name"], arena, pauses(seed, order.stalls), self.complaints
                )
        await ClockCycles(dut.ap_clk, 10)
        self._registers = AxiLiteMaster(AxiLiteBus.from_prefix(dut, registers), dut.ap_clk)
        ports = []
        for index, port in enumerate(order.manifest["ports"]):
            if port["protocol"] == "m_axi":
                made = MemorySide(dut, port["name"], arena, order.stalls, [order.seed, 3, index],
                                  self.complaints, lambda: arena.frozen)  # fmt: skip
                for side in (made.reads, made.writes):
                    side.allow(order.memory_base, order.memory_bytes)
                ports.append(made)
        self._samplers = [mover.sample for mover in self._movers.values()]
        self._samplers += [port.sample for port in ports]
        dut.ap_rst_n.value = 1
        cocotb.start_soon(self._run())
        await self.step(4)

    async def _run(self) -> None:
        """Look before every edge and drive after it, for ever."""
        edge = RisingEdge(self._dut.ap_clk)
        while True:
            await edge
            moved = False
            for sample in self._samplers:
                moved |= sample(self.cycle)
            if moved:
                self._progress = self.cycle
            self.cycle += 1
            for mover in self._movers.values():
                mover.drive(self.cycle)
            if self._stepping and self._ends():
                self._stepping = False
                self._over.set()

    def _ends(self) -> bool:
        return (
            self.cycle >= self._until
            or self._transfers() != self._running
            or (not self._raised and self.interrupt)
        )

    @property
    def interrupt(self) -> bool:
        return bool(self._dut.interrupt.value)

    @property
    def quiet_cycles(self) -> int:
        return self.cycle - self._progress

    def _transfers(self) -> int:
        return sum(mover.progress is Progress.RUNNING for mover in self._movers.values())

    # ------------------------------------------------------------------ requests

    async def step(self, cycles: int) -> None:
        if cycles <= 0:
            return
        self._until = self.cycle + cycles
        self._running, self._raised = self._transfers(), self.interrupt
        self._over.clear()
        self._stepping = True
        await self._over.wait()

    async def read(self, offset: int) -> int | None:
        """A register, or None if it does not answer."""
        try:
            return int(await self._in_time(self._registers.read_dword(offset)))
        except SimTimeoutError:
            return None

    async def write(self, offset: int, word: int) -> bool:
        """Whether the register answers."""
        try:
            await self._in_time(self._registers.write_dword(offset, word))
        except SimTimeoutError:
            return False
        return True

    @staticmethod
    async def _in_time(access: Any) -> Any:
        return await with_timeout(access, 10 * ACCESS_CYCLES, "ns")

    async def transfer(self, port: str, address: int, size_bytes: int) -> None:
        self._movers[port].start(address, size_bytes, self.cycle)

    async def abort(self, port: str) -> None:
        self._movers[port].stop()

    async def freeze(self, frozen: bool) -> None:
        self._arena.frozen = frozen

    async def transferred(self, port: str) -> tuple[int, int]:
        mover = self._movers[port]
        return int(mover.progress), mover.moved


@cocotb.test()
async def serve(dut: Any) -> None:
    """Answer requests until the other side is gone."""
    connection = Connection(int(os.environ[SOCKET_VARIABLE]))
    order = pickle.loads(connection.recv_bytes())
    assert isinstance(order, Order)
    board = _Board(dut, order)
    await board.power_up()
    result: Any = None
    while True:
        connection.send(
            Answer(result, board.cycle, board.quiet_cycles, board.interrupt,
                   board.complaints.lines())
        )  # fmt: skip
        try:
            request, *arguments = connection.recv()
        except EOFError:
            return  # the board was unplugged
        result = await getattr(board, request)(*arguments)
