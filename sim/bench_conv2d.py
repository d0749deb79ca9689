"""cocotb bench of a convolution: frames in, frames out, perhaps parameters before them."""

from __future__ import annotations

from typing import Any

import cocotb
import numpy as np
import numpy.typing as npt
from cocotbext.axi import (  # type: ignore[import-untyped]
    AxiStreamBus,
    AxiStreamFrame,
    AxiStreamSink,
    AxiStreamSource,
)

from sim.bench import Bench, bits
from sim.calls import Beats, Call
from sim.protocol import Complaints, Offer, Packet, pauses


class _BeatBus(AxiStreamBus):  # type: ignore[misc]
    """A stream without TKEEP, so that a beat is one number; the bench holds TKEEP at 1."""

    _optional_signals: tuple[str, ...] = ("tvalid", "tready", "tlast")


class _OutputBus(_BeatBus):
    """Without TLAST either: the packet is checked here, and a beat is out when it is taken."""

    _optional_signals = ("tvalid", "tready")


class _Input:
    """An input stream."""

    def __init__(self, dut: Any, name: str, stalls: float, seed: list[int]) -> None:
        self._source = AxiStreamSource(_BeatBus.from_prefix(dut, name), dut.ap_clk, byte_lanes=1)
        if stalls:
            self._source.set_pause_generator(pauses(seed, stalls))
        self._valid, self._ready = getattr(dut, f"{name}_TVALID"), getattr(dut, f"{name}_TREADY")
        for mask in (getattr(dut, f"{name}_{kind}", None) for kind in ("TKEEP", "TSTRB")):
            if mask is not None:
                mask.value = (1 << len(mask)) - 1
        self._beats: npt.NDArray[np.uint8] | None = None
        self.cycles: list[int] = []

    def prepare(self, beats: npt.NDArray[np.uint8] | None) -> None:
        self._beats, self.cycles = beats, []

    def begin(self) -> None:
        if self._beats is None or not len(self._beats):
            return
        width = self._beats.shape[1]
        if width == 1:
            words: Any = self._beats.tobytes()
        else:
            text = self._beats.tobytes()
            words = [int.from_bytes(text[at : at + width], "little")
                     for at in range(0, len(text), width)]  # fmt: skip
        self._source.send_nowait(AxiStreamFrame(words))

    def sample(self, cycle: int) -> bool:
        moves = bool(self._valid.value) and bool(self._ready.value)
        if moves:
            self.cycles.append(cycle)
        return moves


class _Output:
    """An output stream."""

    def __init__(
        self, dut: Any, name: str, stalls: float, seed: list[int], complaints: Complaints
    ) -> None:
        self._name, self._complaints = name, complaints
        self._sink = AxiStreamSink(_OutputBus.from_prefix(dut, name), dut.ap_clk, byte_lanes=1)
        if stalls:
            self._sink.set_pause_generator(pauses(seed, stalls))
        self._signals = [getattr(dut, f"{name}_{kind}") for kind in ("TVALID", "TREADY", "TDATA")]
        self._last = getattr(dut, f"{name}_TLAST", None)
        masks = [getattr(dut, f"{name}_{kind}", None) for kind in ("TKEEP", "TSTRB")]
        self._masks = [mask for mask in masks if mask is not None]
        self._offer = Offer(name, complaints)
        self._packet = Packet(name, 0, complaints)
        self.width = len(self._signals[2]) // 8
        self.cycles: list[int] = []
        self.data = bytearray()

    def prepare(self, beats: int) -> None:
        self._packet = Packet(self._name, beats, self._complaints)
        self._sink.clear()  # what it takes is collected here
        self.cycles, self.data = [], bytearray()

    @property
    def complete(self) -> bool:
        return self._packet.complete

    def sample(self, cycle: int) -> bool:
        valid, ready, data = self._signals
        if not valid.value:
            return self._offer.step(cycle, False, False, None)
        word = bits(data)
        last = None if self._last is None else bits(self._last) == "1"
        kept = all("0" not in bits(mask) for mask in self._masks)
        if not self._offer.step(cycle, True, bool(ready.value), (word, last, kept)):
            return False
        if self._packet.step(cycle, last, kept):
            self.cycles.append(cycle)
            self.data += int(word, 2).to_bytes(self.width, "little")
        return True


class _Conv2dBench(Bench):
    def connect(self) -> None:
        job = self.job
        self._inputs = {
            name: _Input(self.dut, name, job.stalls, [job.seed, 1, index])
            for index, name in enumerate(job.ports("axis", "in"))
        }
        self._outputs = {
            name: _Output(self.dut, name, job.stalls, [job.seed, 2, index], self.watch.complaints)
            for index, name in enumerate(job.ports("axis", "out"))
        }
        self.watch.samplers += [port.sample for port in self._inputs.values()]
        self.watch.samplers += [port.sample for port in self._outputs.values()]
        self.watch.at_start += [port.begin for port in self._inputs.values()]

    def prepare(self, call: Call) -> None:
        for name, source in self._inputs.items():
            source.prepare(call.sends.get(name))
        for name, sink in self._outputs.items():
            sink.prepare(call.receives.get(name, 0))

    def complete(self) -> bool:
        return all(port.complete for port in self._outputs.values())

    def beats(self) -> Beats:
        everything = self._inputs | self._outputs
        return Beats(
            self.watch.start,
            self.watch.done,
            {name: np.array(port.cycles, np.int64) for name, port in everything.items()},
            {
                name: np.frombuffer(bytes(port.data), np.uint8).reshape(-1, port.width)
                for name, port in self._outputs.items()
            },
        )


@cocotb.test()
async def conv2d(dut: Any) -> None:
    """Run the job."""
    await _Conv2dBench(dut).run()
