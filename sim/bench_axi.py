"""An AXI4 port of a design as the cocotb benches serve it: cocotbext-axi's memory, and checks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from cocotbext.axi import (  # type: ignore[import-untyped]
    AxiBus,
    AxiRam,
    AxiRamRead,
    AxiRamWrite,
    AxiReadBus,
    AxiWriteBus,
    axi_channels,
)

from sim.calls import Region
from sim.protocol import Burst, Bursts, Complaints, Offer, pauses

__all__ = ["MemorySide"]

_ADDRESSES = ("ADDR", "LEN", "SIZE", "BURST")


class _WriteAddresses(axi_channels.AxiAWBus):  # type: ignore[misc]
    """Without what a memory does not heed; Vitis HLS gives AWLOCK the two bits of AXI3."""

    _optional_signals: tuple[str, ...] = ()


class _ReadAddresses(axi_channels.AxiARBus):  # type: ignore[misc]
    """As _WriteAddresses."""

    _optional_signals: tuple[str, ...] = ()


def _reads(dut: Any, name: str) -> Any:
    return AxiReadBus.from_channels(
        _ReadAddresses.from_prefix(dut, name), axi_channels.AxiRBus.from_prefix(dut, name)
    )


def _writes(dut: Any, name: str) -> Any:
    return AxiWriteBus.from_channels(
        _WriteAddresses.from_prefix(dut, name),
        axi_channels.AxiWBus.from_prefix(dut, name),
        axi_channels.AxiBBus.from_prefix(dut, name),
    )


class _Channel:
    """Handshake and payload of one channel that the design drives."""

    def __init__(self, dut: Any, prefix: str, fields: tuple[str, ...], name: str,
                 complaints: Complaints) -> None:  # fmt: skip
        self._valid = getattr(dut, f"{prefix}VALID")
        self._ready = getattr(dut, f"{prefix}READY")
        self._fields = [getattr(dut, f"{prefix}{field}") for field in fields]
        self._offer = Offer(name, complaints)

    def step(self, cycle: int) -> tuple[int, ...] | None:
        """The payload if it is handed over at the end of this cycle."""
        valid = bool(self._valid.value)
        payload = tuple(int(field.value) for field in self._fields) if valid else ()
        return payload if self._offer.step(cycle, valid, bool(self._ready.value), payload) else None


class MemorySide:
    """One AXI4 port and the memory's side of it."""

    def __init__(self, dut: Any, name: str, memory: Any, stalls: float, seed: list[int],
                 complaints: Complaints,
                 frozen: Callable[[], bool] = lambda: False) -> None:  # fmt: skip
        """Connect `memory`, read and written by slices of addresses; it rests while `frozen`."""
        self._complaints, self._name = complaints, name
        reads, writes = (hasattr(dut, f"{name}_{kind}VALID") for kind in ("AR", "AW"))
        sides: list[Any] = []
        if reads and writes:
            ram = AxiRam(AxiBus(_writes(dut, name), _reads(dut, name)), dut.ap_clk, mem=memory)
            sides = [ram.read_if, ram.write_if]
        elif reads:
            sides = [AxiRamRead(_reads(dut, name), dut.ap_clk, mem=memory)]
        else:
            sides = [AxiRamWrite(_writes(dut, name), dut.ap_clk, mem=memory)]
        channels = [getattr(side, channel) for side in sides for channel in (
            "ar_channel", "r_channel", "aw_channel", "w_channel", "b_channel")
            if hasattr(side, channel)]  # fmt: skip
        for index, channel in enumerate(channels):
            paused = pauses([*seed, index], stalls)
            channel.set_pause_generator(rests or frozen() for rests in paused)
        self._ar = self._aw = self._w = None
        self._ends: list[tuple[Any, Any]] = []
        self.reads = self.writes = Bursts(name, 1, complaints)
        if reads:
            word = len(getattr(dut, f"{name}_RDATA")) // 8
            self.reads = Bursts(f"{name} reads", word, complaints)
            self._ar = _Channel(dut, f"{name}_AR", _ADDRESSES, f"{name} AR", complaints)
            self._r = getattr(dut, f"{name}_RVALID"), getattr(dut, f"{name}_RREADY")
        if writes:
            word = len(getattr(dut, f"{name}_WDATA")) // 8
            self.writes = Bursts(f"{name} writes", word, complaints)
            self._aw = _Channel(dut, f"{name}_AW", _ADDRESSES, f"{name} AW", complaints)
            self._w = _Channel(dut, f"{name}_W", ("LAST", "STRB", "DATA"), f"{name} W", complaints)
            self._b = getattr(dut, f"{name}_BVALID"), getattr(dut, f"{name}_BREADY")
        self._lengths: deque[int] = deque()
        self._lasts: deque[bool] = deque()
        self._to_read = self._to_answer = 0
        self.read_beats = self.written_beats = 0

    def allow(self, region: Region) -> None:
        """Let the port touch a buffer from now on."""
        buffer = region.address, region.size_bytes, region.word_bytes
        self.reads.allow(*buffer)
        if region.writable:
            self.writes.allow(*buffer)

    @property
    def idle(self) -> bool:
        """Nothing is under way."""
        return not self._to_read and not self._to_answer and not self._lengths

    def sample(self, cycle: int) -> bool:
        """Look before the edge that ends `cycle`; returns whether anything moved."""
        moved = False
        if self._ar is not None:
            burst = self._ar.step(cycle)
            if burst is not None:
                moved = True
                self.reads.step(cycle, Burst(*burst))
                self._to_read += burst[1] + 1
            if self._r[0].value and self._r[1].value:
                moved = True
                self._to_read -= 1
                self.read_beats += 1
        if self._aw is not None and self._w is not None:
            moved |= self._sample_writes(cycle, self._aw, self._w)
        return moved

    def _sample_writes(self, cycle: int, addresses: _Channel, words: _Channel) -> bool:
        burst, word = addresses.step(cycle), words.step(cycle)
        if burst is not None:
            self.writes.step(cycle, Burst(*burst))
            self._lengths.append(burst[1] + 1)
            self._to_answer += 1
        if word is not None:
            self.written_beats += 1
            self._lasts.append(bool(word[0]))
        while self._lasts and self._lengths:
            self._lengths[0] -= 1
            if self._lasts.popleft() != (self._lengths[0] == 0):
                self._complaints.add(
                    cycle, f"{self._name} has WLAST elsewhere than at the end of the burst"
                )
            if not self._lengths[0]:
                self._lengths.popleft()
        answered = bool(self._b[0].value) and bool(self._b[1].value)
        self._to_answer -= answered
        return answered or burst is not None or word is not None
