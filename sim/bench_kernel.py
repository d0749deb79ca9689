"""cocotb bench of a user's kernel: streams with all their side channels, memories, wires."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import Any

import cocotb
import numpy as np
import numpy.typing as npt
from cocotb.triggers import RisingEdge
from cocotbext.axi.sparse_memory import SparseMemory  # type: ignore[import-untyped]

from sim.bench import Bench, bits
from sim.bench_axi import MemorySide
from sim.calls import MEMORY_BASE, Beats, Call, beat_bytes
from sim.protocol import Complaints, Offer, pauses

Bytes = npt.NDArray[np.uint8]


def _pauses(stalls: float, seed: list[int]) -> Iterator[bool]:
    return pauses(seed, stalls) if stalls else repeat(False)


class _Input:
    """An input stream: a beat stays on offer until it is taken."""

    def __init__(
        self, dut: Any, name: str, sides: list[str], stalls: float, seed: list[int]
    ) -> None:
        self._dut = dut
        self._signals = {side: getattr(dut, f"{name}_{side}") for side in ["TDATA", *sides]}
        self._valid, self._ready = getattr(dut, f"{name}_TVALID"), getattr(dut, f"{name}_TREADY")
        self._pauses = _pauses(stalls, seed)
        self._values: dict[str, Bytes] = {}
        self._beats = self._next = 0
        self.cycles: list[int] = []
        self._valid.value = 0

    def prepare(self, data: Bytes, sides: dict[str, Bytes]) -> None:
        self._values, self._next, self._beats = {"TDATA": data, **sides}, 0, 0
        self.cycles = []

    def begin(self) -> None:
        self._beats = len(self._values["TDATA"])

    @property
    def complete(self) -> bool:
        return len(self.cycles) == len(self._values["TDATA"])

    def sample(self, cycle: int) -> bool:
        moves = bool(self._valid.value) and bool(self._ready.value)
        if moves:
            self.cycles.append(cycle)
        return moves

    async def run(self) -> None:
        edge = RisingEdge(self._dut.ap_clk)
        while True:
            await edge
            if self._valid.value and not self._ready.value:
                continue
            offers = self._next < self._beats and not next(self._pauses)
            self._valid.value = int(offers)
            if offers:
                for side, signal in self._signals.items():
                    row = self._values[side][self._next]
                    signal.value = int.from_bytes(row.tobytes(), "little") % (1 << len(signal))
                self._next += 1


class _Output:
    """An output stream: data and side channels of a beat are kept beside each other."""

    def __init__(self, dut: Any, name: str, widths: dict[str, int], stalls: float,
                 seed: list[int], complaints: Complaints) -> None:  # fmt: skip
        self._dut, self._name, self._complaints = dut, name, complaints
        self._signals = [(getattr(dut, f"{name}_{side}"), n) for side, n in widths.items()]
        self._valid, self._ready = getattr(dut, f"{name}_TVALID"), getattr(dut, f"{name}_TREADY")
        self._pauses = _pauses(stalls, seed)
        self._offer = Offer(name, complaints)
        self.width = sum(widths.values())
        self._expected = 0
        self.cycles: list[int] = []
        self.data = bytearray()
        self._ready.value = 0

    def prepare(self, expected: int) -> None:
        self._expected, self.cycles, self.data = expected, [], bytearray()

    @property
    def complete(self) -> bool:
        return len(self.cycles) >= self._expected

    def sample(self, cycle: int) -> bool:
        valid = bool(self._valid.value)
        words = [bits(signal) for signal, _ in self._signals] if valid else []
        if not self._offer.step(cycle, valid, bool(self._ready.value), words):
            return False
        if self.complete:
            self._complaints.add(cycle, f"{self._name} puts out more than {self._expected} beats")
            return True
        self.cycles.append(cycle)
        for word, (_, width) in zip(words, self._signals, strict=True):
            self.data += int(word, 2).to_bytes(width, "little")
        return True

    async def run(self) -> None:
        edge = RisingEdge(self._dut.ap_clk)
        while True:
            await edge
            self._ready.value = int(not next(self._pauses))


class _KernelBench(Bench):
    def connect(self) -> None:
        job, dut = self.job, self.dut
        ports = {port["name"]: port for port in job.manifest["ports"]}
        self._inputs = {
            name: _Input(dut, name, list(ports[name]["sides"]), job.stalls, [job.seed, 1, index])
            for index, name in enumerate(job.ports("axis", "in"))
        }
        self._outputs = {
            name: _Output(dut, name, {"TDATA": beat_bytes(ports[name]), **job.kept(name)},
                          job.stalls, [job.seed, 2, index], self.watch.complaints)
            for index, name in enumerate(job.ports("axis", "out"))
        }  # fmt: skip
        self._memory = SparseMemory(2**62)  # as much as len() can say
        if job.memory is not None:
            self._memory.write(MEMORY_BASE, job.memory.tobytes())
        self._sides = {
            name: MemorySide(dut, name, self._memory, job.stalls, [job.seed, 3, index],
                             self.watch.complaints)
            for index, name in enumerate(job.ports("m_axi"))
        }  # fmt: skip
        self.watch.samplers += [port.sample for port in self._inputs.values()]
        self.watch.samplers += [port.sample for port in self._outputs.values()]
        self.watch.samplers += [port.sample for port in self._sides.values()]
        self.watch.at_start += [port.begin for port in self._inputs.values()]
        for source in self._inputs.values():
            cocotb.start_soon(source.run())
        for sink in self._outputs.values():
            cocotb.start_soon(sink.run())

    def prepare(self, call: Call) -> None:
        for name, source in self._inputs.items():
            source.prepare(call.sends[name], call.sides[name])
        for name, sink in self._outputs.items():
            sink.prepare(call.receives[name])
        for region in call.regions:
            self._sides[region.port].allow(region)

    def complete(self) -> bool:
        if self.job.control == "ap_ctrl_none" and not all(
            p.complete for p in self._inputs.values()
        ):
            return False
        outputs = all(port.complete for port in self._outputs.values())
        return outputs and all(port.idle for port in self._sides.values())

    def beats(self) -> Beats:
        streams = self._inputs | self._outputs
        return Beats(
            self.watch.start,
            self.watch.done,
            {name: np.array(port.cycles, np.int64) for name, port in streams.items()},
            {
                name: np.frombuffer(bytes(port.data), np.uint8).reshape(-1, port.width)
                for name, port in self._outputs.items()
            },
            self.results,
            {name: (port.read_beats, port.written_beats) for name, port in self._sides.items()},
        )

    def memory(self) -> Bytes | None:
        if self.job.memory is None:
            return None
        return np.frombuffer(bytes(self._memory.read(MEMORY_BASE, self.job.memory.size)), np.uint8)


@cocotb.test()
async def kernel(dut: Any) -> None:
    """Run the job."""
    await _KernelBench(dut).run()
