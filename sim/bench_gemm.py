"""cocotb bench of a GEMM: one memory behind all of its AXI4 ports."""

from __future__ import annotations

from typing import Any

import cocotb
import numpy as np
from cocotbext.axi.sparse_memory import SparseMemory  # type: ignore[import-untyped]

from sim.bench import Bench
from sim.bench_axi import MemorySide
from sim.calls import MEMORY_BASE, Beats, Call


class _GemmBench(Bench):
    def connect(self) -> None:
        job = self.job
        assert job.memory is not None
        self._memory = SparseMemory(2**62)  # as much as len() can say
        self._memory.write(MEMORY_BASE, job.memory.tobytes())
        self._ports = {
            name: MemorySide(self.dut, name, self._memory, job.stalls, [job.seed, 3, index],
                        self.watch.complaints)
            for index, name in enumerate(job.ports("m_axi"))
        }  # fmt: skip
        self.watch.samplers += [port.sample for port in self._ports.values()]

    def prepare(self, call: Call) -> None:
        for region in call.regions:
            self._ports[region.port].allow(region)
        for port in self._ports.values():
            port.read_beats = port.written_beats = 0

    def complete(self) -> bool:
        return all(port.idle for port in self._ports.values())

    def beats(self) -> Beats:
        moved = {name: (port.read_beats, port.written_beats) for name, port in self._ports.items()}
        return Beats(self.watch.start, self.watch.done, {}, {}, memory_beats=moved)

    def memory(self) -> np.ndarray[Any, np.dtype[np.uint8]] | None:
        assert self.job.memory is not None
        text = self._memory.read(MEMORY_BASE, self.job.memory.size)
        return np.frombuffer(bytes(text), np.uint8)


@cocotb.test()
async def gemm(dut: Any) -> None:
    """Run the job."""
    await _GemmBench(dut).run()
