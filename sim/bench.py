"""What the cocotb benches share: clock, reset, registers, and one look at all ports a cycle.

Runs inside the simulator; `sim.simulator` starts it. Only ports and registers of the manifest are
used, so that any Verilog with them can be run; FIFOs and processes are looked at where they exist.
"""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, Event, RisingEdge, SimTimeoutError, with_timeout
from cocotbext.axi import AxiLiteBus, AxiLiteMaster  # type: ignore[import-untyped]

from sim.calls import Beats, Call, Finding, Job
from sim.protocol import Complaints, Offer

__all__ = ["JOB_VARIABLE", "SETTLE_CYCLES", "Bench", "Watch", "bits"]

JOB_VARIABLE = "LINELOOM_JOB"
"""Names the folder with job.pickle; finding.pickle goes there."""

SETTLE_CYCLES = 64
"""After a call, for what should not come any more."""

ACCESS_CYCLES = 1000
"""A register that answers later never will."""

Sampler = Callable[[int], bool]
"""Looks at a port before the edge that ends a cycle; returns whether something moved."""


def bits(handle: Any) -> str:
    """The value of a signal as its digits: much cheaper than a number where it is only compared."""
    return str(handle.value)


class Watch:
    """Counts cycles and looks at everything before each clock edge."""

    def __init__(self, dut: Any, job: Job, complete: Callable[[], bool]) -> None:
        """Watch `dut`; ports add their samplers.

        Args:
            dut: the top module.
            job: what is run on it.
            complete: whether all data of a call is out.
        """
        self._dut, self._complete = dut, complete
        self.complaints = Complaints()
        self.samplers: list[Sampler] = []
        self.at_start: list[Callable[[], None]] = []
        """What happens when the kernel starts."""
        self.cycle = 0
        self.start = self.done = -1
        self.over = Event()
        """The call has come to its end, or nothing moves any more."""
        self.hangs = False
        self._progress, self._patience = 0, job.patience_cycles
        self._running = self._starting = False
        port = job.manifest["registers"]["port"]
        self._control = job.control
        self._write: list[Any] = []
        self._responses: list[Sampler] = []
        if port:
            self._responses = [self._response(f"{port}_{channel}") for channel in "BR"]
        if job.control == "s_axilite":
            self._write = [getattr(dut, f"{port}_{name}") for name in ("WVALID", "WREADY")]
            self._finished = dut.interrupt
        elif job.control == "ap_ctrl_hs":
            self._finished = dut.ap_done
        self.accesses = 0
        """Accesses to registers under way."""
        self._counts = _inner(dut, list(job.fifos), "count")
        self._gauges = dict(self._counts)
        self._rests = _inner(dut, job.processes, "idle")
        self._depths = job.fifos
        self.marks = dict.fromkeys(self._counts, 0)

    def _response(self, prefix: str) -> Sampler:
        valid, ready = getattr(self._dut, f"{prefix}VALID"), getattr(self._dut, f"{prefix}READY")
        data = getattr(self._dut, f"{prefix}DATA", valid)
        offer = Offer(prefix, self.complaints)
        return lambda cycle: offer.step(cycle, bool(valid.value), bool(ready.value), bits(data))

    def expect_start(self) -> None:
        """The next write of a register starts the kernel."""
        self.start = self.done = -1
        self._progress = self.cycle
        self._running = self._starting = True
        self.over.clear()

    def state(self) -> dict[str, int]:
        """Fill of the FIFOs and whether the processes rest."""
        found = {f"{name}.count": int(count.value) for name, count in self._counts.items()}
        return found | {f"{name}.idle": int(idle.value) for name, idle in self._rests.items()}

    async def run(self) -> None:
        """Look before every edge, for ever."""
        edge = RisingEdge(self._dut.ap_clk)
        while True:
            await edge
            self._look(self.cycle)
            self.cycle += 1

    def _is_done(self) -> bool:
        if self._control == "ap_ctrl_none":
            return self._complete()
        return bool(self._finished.value)

    def _look(self, cycle: int) -> None:
        moved = False
        for sample in self.samplers:
            moved |= sample(cycle)
        for sample in self._responses if self.accesses else ():
            sample(cycle)
        if self._starting and all(wire.value for wire in self._write):
            self._starting = False
            self.start = cycle
            for action in self.at_start:
                action()
        if self.done < 0 <= self.start and self._is_done():
            self.done, moved = cycle, True
        for name in list(self._gauges):
            fill = int(bits(self._gauges[name]), 2)
            self.marks[name] = max(fill, self.marks[name])
            if fill == self._depths[name]:
                del self._gauges[name]  # it cannot get fuller
        if moved:
            self._progress = cycle
        if self._running:
            self.hangs = cycle - self._progress > self._patience
            if self.hangs or (moved and self.done >= 0 and self._complete()):
                self._running = False
                self.over.set()


class Bench:
    """One run of a job: a subclass adds the ports that carry data."""

    def __init__(self, dut: Any) -> None:
        """Read the job."""
        self.folder = Path(os.environ[JOB_VARIABLE])
        self.job: Job = pickle.loads((self.folder / "job.pickle").read_bytes())
        self.dut = dut
        self.watch = Watch(dut, self.job, self.complete)
        self.results: dict[str, int] = {}
        """Registers that the last call left."""

    def connect(self) -> None:
        """Add drivers and samplers of the data ports, after the reset."""
        raise NotImplementedError

    def prepare(self, call: Call) -> None:
        """Hand the data of a call to the drivers."""
        raise NotImplementedError

    def complete(self) -> bool:
        """All data of the call is out."""
        raise NotImplementedError

    def beats(self) -> Beats:
        """What the call did so far."""
        raise NotImplementedError

    def memory(self) -> np.ndarray[Any, np.dtype[np.uint8]] | None:
        """The memory as it is now, if there is one."""
        return None

    async def run(self) -> None:
        """Run the job and write what was found."""
        dut, job = self.dut, self.job
        Clock(dut.ap_clk, 10, "ns").start()
        dut.ap_rst_n.value = 0
        await ClockCycles(dut.ap_clk, 10)
        port = job.manifest["registers"]["port"]
        if port:
            self._registers = AxiLiteMaster(AxiLiteBus.from_prefix(dut, port), dut.ap_clk)
        if job.control == "ap_ctrl_hs":
            dut.ap_start.value = 0
        self.connect()
        dut.ap_rst_n.value = 1
        cocotb.start_soon(self.watch.run())
        await ClockCycles(dut.ap_clk, 4)
        begin = time.perf_counter()
        control = job.manifest["registers"]["control"]
        calls: list[Beats] = []
        hang = None
        for call in job.calls:
            self.prepare(call)
            if not await self._call(call, control, first=not calls):
                hang = self.beats()
                break
            calls.append(self.beats())
        finding = Finding(
            calls=calls,
            complaints=self.watch.complaints.lines(),
            marks=self.watch.marks,
            cycles=self.watch.cycle,
            seconds=time.perf_counter() - begin,
            hang=hang,
            state={} if hang is None else self.watch.state(),
            memory=self.memory(),
        )
        (self.folder / "finding.pickle").write_bytes(pickle.dumps(finding))

    async def _call(self, call: Call, control: dict[str, int], *, first: bool) -> bool:
        """Run a call to its end; False: the design hangs."""
        watch, by_registers = self.watch, self.job.control == "s_axilite"
        for name, value in call.wires.items():
            getattr(self.dut, name).value = value
        writes = [(control["GIER"], 1), (control["IER"], 1)] if first and by_registers else []
        for offset, word in writes + self.job.writes(call):
            if not await self._access("write", offset, word):
                return False
        if not by_registers:
            await RisingEdge(self.dut.ap_clk)
        watch.expect_start()
        if self.job.control == "ap_ctrl_hs":
            cocotb.start_soon(self._start())
        if by_registers and not await self._access("write", control["CTRL"], 1):
            return False
        await watch.over.wait()
        if watch.hangs:
            return False
        await ClockCycles(self.dut.ap_clk, SETTLE_CYCLES)
        self.results = {name: await self._result(name) for name in call.results}
        if not by_registers:
            return True
        if not await self._access("write", control["ISR"], 1):
            return False
        if not await self._access("read", control["CTRL"]):
            return False
        if self._answer & 6 != 6:
            watch.complaints.add(watch.cycle, "CTRL does not say done and idle after a call")
        return True

    async def _start(self) -> None:
        """Hold ap_start until the kernel took it."""
        self.dut.ap_start.value = 1
        edge = RisingEdge(self.dut.ap_clk)
        await edge
        while not self.dut.ap_ready.value:
            await edge
        self.dut.ap_start.value = 0

    async def _result(self, name: str) -> int:
        """A register's or, where there is none of that name, a wire's value."""
        place = self.job.manifest["registers"]["arguments"].get(name)
        if place is None:
            return int(getattr(self.dut, name).value)
        value = 0
        for index in range(-(-place["bits"] // 32)):
            await self._access("read", place["offset"] + 4 * index)
            value |= self._answer << (32 * index)
        return value

    async def _access(self, kind: str, offset: int, *word: int) -> bool:
        """Access a register; False if there is no answer."""
        self.watch.accesses += 1
        access = getattr(self._registers, f"{kind}_dword")(offset, *word)
        try:
            self._answer = await with_timeout(access, 10 * ACCESS_CYCLES, "ns")
        except SimTimeoutError:
            return False
        self.watch.accesses -= 1
        return True


def _inner(dut: Any, instances: list[str], signal: str) -> dict[str, Any]:
    """A signal of each instance that the design has."""
    handles = {name: getattr(getattr(dut, name, None), signal, None) for name in instances}
    return {name: handle for name, handle in handles.items() if handle is not None}
