"""The fast engine: C++ drivers around the verilated model, without any Python in a cycle."""

from __future__ import annotations

import contextlib
import ctypes
import math
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.errors import ToolFailed
from sim.calls import MEMORY_BASE, Asked, Beats, Call, Finding, Job, beat_bytes
from sim.verilate import Model

__all__ = ["library", "run"]

_I64, _U64, _TEXT = ctypes.c_int64, ctypes.c_uint64, ctypes.c_char_p
_CYCLES, _BYTES = ctypes.POINTER(_I64), ctypes.POINTER(ctypes.c_uint8)
_ADDRESSES = ctypes.POINTER(_U64)
_INT, _U32, _BENCH = ctypes.c_int, ctypes.c_uint32, ctypes.c_void_p
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "open": (_BENCH, [_U64, ctypes.c_double, _INT, _TEXT, _TEXT, _TEXT]),
    "close": (None, [_BENCH]),
    "reset": (None, [_BENCH]),
    "source": (_INT, [_BENCH, _TEXT]),
    "sink": (_INT, [_BENCH, _TEXT]),
    "slave": (_INT, [_BENCH, _TEXT]),
    "gauge": (_INT, [_BENCH, _TEXT]),
    "tap": (_INT, [_BENCH, _TEXT]),
    "tapped": (_I64, [_BENCH, _INT, ctypes.POINTER(_BYTES)]),
    "tapped_cycles": (_I64, [_BENCH, _INT, ctypes.POINTER(_CYCLES)]),
    "memory": (None, [_BENCH, _U64, ctypes.c_void_p, _U64]),
    "bandwidth": (None, [_BENCH, ctypes.c_double]),
    "freeze": (None, [_BENCH, _INT]),
    "region": (None, [_BENCH, _INT, _U64, _U64, _INT, _U64]),
    "feed": (None, [_BENCH, _INT, ctypes.c_void_p, _I64]),
    "expect": (None, [_BENCH, _INT, _I64]),
    "side": (_INT, [_BENCH, _INT, _TEXT, ctypes.c_void_p]),
    "keep": (_INT, [_BENCH, _INT, _TEXT]),
    "wire": (_INT, [_BENCH, _TEXT, _U64]),
    "read": (_INT, [_BENCH, _U32, ctypes.POINTER(_U32)]),
    "write": (_INT, [_BENCH, _U32, _U32]),
    "call": (_INT, [_BENCH, _I64]),
    "times": (None, [_BENCH, _CYCLES]),
    "source_beats": (_I64, [_BENCH, _INT, ctypes.POINTER(_CYCLES)]),
    "sink_beats": (_I64, [_BENCH, _INT, ctypes.POINTER(_CYCLES), ctypes.POINTER(_BYTES)]),
    "watch": (None, [_BENCH, _INT]),
    "asked": (_I64, [_BENCH, _INT, ctypes.POINTER(_CYCLES), ctypes.POINTER(_ADDRESSES)]),
    "slave_beats": (None, [_BENCH, _INT, _CYCLES]),
    "mark": (_U64, [_BENCH, _INT]),
    "complaints": (_TEXT, [_BENCH]),
    "value": (_I64, [_BENCH, _TEXT, _TEXT]),
    "step": (None, [_BENCH, _I64]),
    "interrupt": (_INT, [_BENCH]),
    "cycle": (_I64, [_BENCH]),
    "quiet": (_I64, [_BENCH]),
    "mm2s": (_INT, [_BENCH, _TEXT]),
    "s2mm": (_INT, [_BENCH, _TEXT]),
    "transfer": (None, [_BENCH, _INT, _INT, _U64, _U64]),
    "abort": (None, [_BENCH, _INT, _INT]),
    "progress": (_INT, [_BENCH, _INT, _INT, _CYCLES]),
}


def run(model: Model, job: Job, *, waves: Path | None = None, folder: Path = Path()) -> Finding:
    """Run a job.

    Args:
        model: the simulator; one with waves if `waves` is given.
        job: what to do.
        waves: the VCD file to write.
        folder: the working folder while the design is set up, for files that it reads.

    Raises:
        ToolFailed: the design lacks ports that its manifest names.
    """
    bench = _Bench(model, job, waves, folder)
    try:
        return bench.run()
    finally:
        bench.close()


@cache
def library(path: Path) -> ctypes.CDLL:
    """The drivers of a model, with the types of their arguments."""
    loaded = ctypes.CDLL(str(path))
    for name, (result, arguments) in _SIGNATURES.items():
        entry = getattr(loaded, f"lineloom_{name}")
        entry.restype, entry.argtypes = result, arguments
    return loaded


class _Bench:
    """One open bench."""

    def __init__(self, model: Model, job: Job, waves: Path | None, folder: Path) -> None:
        self._library = library(model.library)
        self._job = job
        slave = job.manifest["registers"]["port"]
        path = None if waves is None else str(waves).encode()
        # The constructor of a model runs its initial blocks.
        with contextlib.chdir(folder):
            self._bench = self._library.lineloom_open(
                job.seed, job.stalls, job.memory_latency, job.control.encode(), slave.encode(), path
            )
            if not self._bench:
                raise ToolFailed(f"{job.top}: lacks ap_clk, ap_rst_n, interrupt or {slave}_*")
            self._do("bandwidth", job.memory_bandwidth)
            self._sources = self._drivers("source", job.ports("axis", "in"))
            self._sinks = self._drivers("sink", job.ports("axis", "out"))
            self._slaves = self._drivers("slave", job.ports("m_axi"))
            for port in job.watched:
                self._do("watch", self._slaves[port])
            for port, sink in self._sinks.items():
                for name in job.kept(port):
                    self._must("keep", sink, name.encode())
            self._memory = None if job.memory is None else job.memory.copy()
            if self._memory is not None:
                self._do("memory", MEMORY_BASE, self._memory.ctypes.data, self._memory.size)
            self._do("reset")
        gauges = {fifo: self._do("gauge", f"{job.top}.{fifo}".encode()) for fifo in job.fifos}
        taps = {fifo: self._do("tap", f"{job.top}.{fifo}".encode()) for fifo in job.taps}
        self._taps = {fifo: index for fifo, index in taps.items() if index >= 0}
        self._gauges = {fifo: index for fifo, index in gauges.items() if index >= 0}

    def _do(self, name: str, *arguments: Any) -> Any:
        return getattr(self._library, f"lineloom_{name}")(self._bench, *arguments)

    def _drivers(self, kind: str, ports: list[str]) -> dict[str, int]:
        found = {port: self._do(kind, port.encode()) for port in ports}
        missing = [port for port, index in found.items() if index < 0]
        if missing:
            raise ToolFailed(f"{self._job.top}: has no port {missing[0]} of its manifest")
        return found

    def _must(self, name: str, *arguments: Any) -> None:
        if not self._do(name, *arguments):
            raise ToolFailed(f"{self._job.top}: has no signal {arguments} for {name}")

    def close(self) -> None:
        """Write out the waves and free the model."""
        if self._bench:
            self._do("close")
            self._bench = None

    def run(self) -> Finding:
        begin = time.perf_counter()
        for control in ("GIER", "IER") if self._job.control == "s_axilite" else ():
            self._do("write", self._job.manifest["registers"]["control"][control], 1)
        calls: list[Beats] = []
        hang = None
        for call in self._job.calls:
            finished, beats = self._call(call)
            if not finished:
                hang = beats
                break
            calls.append(beats)
        seconds = time.perf_counter() - begin
        return Finding(
            calls=calls,
            complaints=self._do("complaints").decode().splitlines(),
            marks={fifo: self._do("mark", index) for fifo, index in self._gauges.items()},
            taps={fifo: self._tapped(index) for fifo, index in self._taps.items()},
            tap_cycles={fifo: self._tapped_cycles(index) for fifo, index in self._taps.items()},
            cycles=self._times()[2],
            seconds=seconds,
            hang=hang,
            state={} if hang is None else self._state(),
            memory=self._memory,
        )

    def _call(self, call: Call) -> tuple[bool, Beats]:
        for region in call.regions:
            self._do("region", self._slaves[region.port], region.address, region.size_bytes,
                     region.writable, region.word_bytes)  # fmt: skip
        for port, source in self._sources.items():
            beats = np.ascontiguousarray(call.sends.get(port, np.zeros((0, 1), np.uint8)))
            self._do("feed", source, beats.ctypes.data, len(beats))
            for name, values in call.sides.get(port, {}).items():
                self._must("side", source, name.encode(), values.ctypes.data)
        for port, sink in self._sinks.items():
            self._do("expect", sink, call.receives.get(port, 0))
        for name, value in call.wires.items():
            self._must("wire", name.encode(), value)
        written = all(self._do("write", *write) for write in self._job.writes(call))
        finished = written and bool(self._do("call", self._job.patience_cycles))
        results = {name: self._result(name) for name in call.results} if finished else {}
        return finished, replace(self._beats(), results=results)

    def _result(self, name: str) -> int:
        """A register's or, where there is none of that name, a wire's value."""
        place = self._job.manifest["registers"]["arguments"].get(name)
        if place is None:
            found: int = self._do("value", b"TOP", name.encode())
            return found % (1 << 64)
        value = 0
        for index in range(-(-place["bits"] // 32)):
            word = _U32()
            self._must("read", place["offset"] + 4 * index, ctypes.byref(word))
            value |= word.value << (32 * index)
        return value

    def _tapped(self, index: int) -> npt.NDArray[np.uint8]:
        data = _BYTES()
        count = self._do("tapped", index, ctypes.byref(data))
        return _copied(data, count, np.uint8)

    def _tapped_cycles(self, index: int) -> npt.NDArray[np.int64]:
        cycles = _CYCLES()
        count = self._do("tapped_cycles", index, ctypes.byref(cycles))
        return _copied(cycles, count, np.int64)

    def _times(self) -> list[int]:
        times = (_I64 * 3)()
        self._do("times", times)
        return list(times)

    def _beats(self) -> Beats:
        cycles, data, moved = {}, {}, {}
        for port, source in self._sources.items():
            at = _CYCLES()
            count = self._do("source_beats", source, ctypes.byref(at))
            cycles[port] = _copied(at, count, np.int64)
        widths = {port["name"]: beat_bytes(port) for port in self._job.manifest["ports"]}
        for port, sink in self._sinks.items():
            at, bytes_ = _CYCLES(), _BYTES()
            count = self._do("sink_beats", sink, ctypes.byref(at), ctypes.byref(bytes_))
            shape = count, widths[port] + sum(self._job.kept(port).values())
            cycles[port] = _copied(at, count, np.int64)
            data[port] = _copied(bytes_, math.prod(shape), np.uint8).reshape(shape)
        for port, slave in self._slaves.items():
            pair = (_I64 * 2)()
            self._do("slave_beats", slave, pair)
            moved[port] = (pair[0], pair[1])
        start, done, _ = self._times()
        asked = {port: self._asked(self._slaves[port]) for port in self._job.watched}
        return Beats(start, done, cycles, data, memory_beats=moved, asked=asked)

    def _asked(self, slave: int) -> Asked:
        cycles, addresses = _CYCLES(), _ADDRESSES()
        count = self._do("asked", slave, ctypes.byref(cycles), ctypes.byref(addresses))
        return Asked(_copied(cycles, count, np.int64), _copied(addresses, count, np.uint64))

    def _state(self) -> dict[str, int]:
        names = [(fifo, "count") for fifo in self._job.fifos]
        names += [(process, "idle") for process in self._job.processes]
        values = {
            f"{scope}.{name}": self._do("value", f"{self._job.top}.{scope}".encode(), name.encode())
            for scope, name in names
        }
        return {name: value for name, value in values.items() if value >= 0}


def _copied(pointer: Any, count: int, dtype: Any) -> npt.NDArray[Any]:
    if not count:
        return np.zeros(0, dtype)
    return np.ctypeslib.as_array(pointer, (count,)).astype(dtype)
