"""The host library on the simulated board: what a call takes, and what it adds to pynq's."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from benchmarks.designs import DESIGNS
from benchmarks.projects import prepared
from benchmarks.tables import Benchmark, Table
from hls.conv2d import Conv2d
from hls.design import Operator
from hls.errors import CheckFailed
from hls.gemm import Gemm
from hls.project import Project
from sim import reference, vectors

if TYPE_CHECKING:
    from sim.device import SimulatedDevice

__all__ = ["HOST_PATH", "Overhead", "Split", "overhead", "overhead_table", "split", "split_table"]

MOST_MORE_US, MOST_MORE_BYTES = 50.0, 0.05
"""What a call may take more than raw pynq calls, and the share of bytes that it may move more."""
CALLS = 400
SPLIT_CALLS = 5
BATCH_FRAMES = 256
SMALL = Conv2d(
    height=6,
    width=7,
    in_channels=3,
    out_channels=4,
    padding="same",
    simd=3,
    pe=2,
    name="small_conv",
)
"""So short a call that its wait is a few looks: what remains is what a path costs in itself."""
SPLIT = tuple(d for d in DESIGNS if d.name in ("conv_32x32x3_16_k3", "gemm_64_8x8"))
_DEVICE_METHODS = ("read_registers", "write_registers", "flush", "invalidate")
_LENGTHS = (0x28, 0x58)
"""MM2S_LENGTH and S2MM_LENGTH of an AXI DMA (PG021): writing one moves as many bytes."""

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Split:
    """A warm call of a design: the fastest of some, in seconds and cycles of the fabric."""

    design: Operator
    frames: int
    packing_s: float
    running_s: float
    cycles: int
    moved_bytes: int

    @property
    def bound_cycles(self) -> int:
        """The least cycles that the multipliers and ports allow."""
        return self.frames * self.design.lower_bound_cycles


def split(design: Operator, frames: int, calls: int = SPLIT_CALLS) -> Split:
    """Time a call of `frames` frames (1 for a product, which has its largest sizes).

    Raises:
        CheckFailed: a result is wrong.
    """
    import sim
    from host import Accelerator

    project = prepared(design, "rtl")
    operands, wanted = _operands(project, frames)
    with sim.board(project.path), Accelerator(project.path) as engine:
        infos = []
        for _ in range(calls + 1):  # the first one is cold
            _same(design.name, engine(*operands), wanted)
            info = engine.info
            infos.append((info.packing_s, info.running_s, info.cycles))
        moved = (engine.info.sent_bytes + engine.info.received_bytes) // engine.info.calls
    packing, running, cycles = (min(column) for column in zip(*infos[1:], strict=True))
    return Split(design, frames, packing, running, int(cycles), moved)


def _operands(project: Project, frames: int) -> tuple[tuple[Any, ...], Array]:
    """Random operands and the result of NumPy."""
    design, parameters = project.design, project.parameters
    if isinstance(design, Conv2d):
        assert parameters is not None
        x = vectors.frames(design, frames, seed=1)
        return (x,), reference.conv2d_output(design, parameters, x)
    assert isinstance(design, Gemm)
    drawn = vectors.gemm_operands(design, design.max_m, design.max_k, design.max_n, 1)
    return tuple(drawn.values()), reference.gemm_output(design, *drawn.values())


def _same(name: str, result: Array, wanted: Array) -> None:
    if not np.array_equal(result, wanted):
        raise CheckFailed(f"{name}: a result of the simulated board differs from NumPy")


@dataclass(frozen=True)
class Overhead:
    """A frame by the host library and by raw pynq calls, alternating; microseconds of Python.

    Attributes:
        host_us, raw_us: median of all calls, in processor time, without that inside of the device's
            methods.
        host_bytes, raw_bytes: that the DMAs moved in a call.
    """

    host_us: float
    raw_us: float
    host_bytes: int
    raw_bytes: int

    @property
    def more_us(self) -> float:
        """Python that the host library adds."""
        return self.host_us - self.raw_us

    @property
    def more_bytes(self) -> float:
        """Share of bytes that the host library adds."""
        return (self.host_bytes - self.raw_bytes) / self.raw_bytes


class _Meter:
    """Time and bytes of a call, split at the methods of the device."""

    def __init__(self, device: SimulatedDevice, dma_address: int) -> None:
        self._inside_s = 0.0
        self._moved_bytes = 0
        lengths = {dma_address + offset for offset in _LENGTHS}
        for name in _DEVICE_METHODS:
            setattr(device, name, self._timed(getattr(device, name)))
        write = device.write_registers

        def counted(address: int, data: bytes) -> None:
            if address in lengths:
                self._moved_bytes += int.from_bytes(bytes(data), "little")
            write(address, data)

        device.write_registers = counted  # type: ignore[method-assign]

    def _timed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            begin = time.thread_time()
            try:
                return method(*arguments)
            finally:
                self._inside_s += time.thread_time() - begin

        return timed

    def call(self, path: Callable[[], Array]) -> tuple[Array, float, int]:
        """The result of `path`, its microseconds outside of the device, and the bytes it moved.

        Processor time, as what other programs take is no cost of ours.
        """
        self._inside_s, self._moved_bytes = 0.0, 0
        begin = time.thread_time()
        result = path()
        took = time.thread_time() - begin
        return result, (took - self._inside_s) * 1e6, self._moved_bytes


def overhead(design: Conv2d = SMALL, calls: int = CALLS) -> Overhead:
    """Compare warm calls of one frame, alternating, so that a busy machine slows both.

    Raises:
        CheckFailed: a result is wrong.
    """
    import pynq

    import sim
    from host import Accelerator

    project = prepared(design, "rtl")
    (x,), wanted = _operands(project, 1)
    x, wanted = x[0], wanted[0]
    with sim.board(project.path) as device, Accelerator(project.path) as engine:
        dma_name = f"{design.name}_dma"
        overlay = pynq.Overlay(str(project.path / f"{design.name}.bit"), download=False)
        with _raw(overlay, design.name, x, wanted) as raw:
            meter = _Meter(device, overlay.ip_dict[dma_name]["phys_addr"])
            paths: tuple[Callable[[], Array], ...] = (lambda: engine(x), raw)
            times: tuple[list[float], ...] = ([], [])
            moved = [0, 0]
            for number in range(calls + calls // 10):  # the first ones warm up
                for which, path in enumerate(paths):
                    result, us, moved[which] = meter.call(path)
                    _same(design.name, result, wanted)
                    if number >= calls // 10:
                        times[which].append(us)
    host_us, raw_us = map(statistics.median, times)
    return Overhead(host_us, raw_us, *moved)


@contextmanager
def _raw(overlay: Any, name: str, x: Array, like: Array) -> Iterator[Callable[[], Array]]:
    """A call as PYNQ's documentation writes it: kept buffers, MMIO, transfers and waits."""
    import pynq

    kernel, dma = getattr(overlay, name), getattr(overlay, f"{name}_dma")
    send, receive = dma.sendchannel, dma.recvchannel
    frames = overlay.ip_dict[name]["registers"]["frames"]["address_offset"]
    source, sink = pynq.allocate(x.shape, x.dtype), pynq.allocate(like.shape, like.dtype)

    def call() -> Array:
        source[:] = x
        kernel.write(frames, 1)
        kernel.write(0, 1)
        receive.transfer(sink)
        send.transfer(source)
        send.wait()
        receive.wait()
        return np.array(sink)

    yield call
    source.freebuffer()
    sink.freebuffer()


def split_table(measured: list[Split]) -> Table:
    """Time per call, beside the bound of its cycles."""
    return Table(
        title="Calls of the host library on the simulated board",
        caption=(
            f"Fast engine, fastest of {SPLIT_CALLS} warm calls, every result compared. Packing: "
            "arrays checked and copied to and from buffers. Running: from start to done, in which "
            "the Verilog is simulated and further frames are packed; its cycles are the fabric's. "
            "MB/s: input and result over the time of packing."
        ),
        columns=(
            "design", "frames", "packing us", "running us", "cycles", "bound cycles", "MB/s",
        ),
        rows=[
            (
                m.design.name, m.frames, round(m.packing_s * 1e6, 1), round(m.running_s * 1e6),
                m.cycles, m.bound_cycles, round(m.moved_bytes / m.packing_s / 1e6),
            )
            for m in measured
        ],
    )  # fmt: skip


def overhead_table(measured: Overhead) -> Table:
    """What the host library adds to raw pynq calls, against the marks."""
    misses = []
    if measured.more_us > MOST_MORE_US:
        misses.append(
            f"host path: {measured.more_us:.1f} us of Python more than raw pynq calls, the mark "
            f"is {MOST_MORE_US:g} us"
        )
    if measured.more_bytes > MOST_MORE_BYTES:
        misses.append(
            f"host path: {measured.host_bytes:,} bytes, {100 * measured.more_bytes:.1f} % more "
            f"than raw pynq calls, the mark is {100 * MOST_MORE_BYTES:g} %"
        )
    return Table(
        title="The host library beside raw pynq calls",
        caption=(
            "One frame of a small convolution, warm, by turns; Python outside of the simulated "
            f"device's methods, processor time, median of {CALLS} calls. Raw: copy in, two "
            "registers, two transfers, two waits, copy out. Bytes: written to the DMA's LENGTH "
            "registers."
        ),
        columns=("a call", "host", "raw pynq", "more", "mark", ""),
        rows=[
            (
                "Python us", round(measured.host_us, 1), round(measured.raw_us, 1),
                f"{measured.more_us:.1f} us", f"<= {MOST_MORE_US:g} us",
                "FAIL" if measured.more_us > MOST_MORE_US else "pass",
            ),
            (
                "bytes", measured.host_bytes, measured.raw_bytes,
                f"{100 * measured.more_bytes:.1f} %", f"<= {100 * MOST_MORE_BYTES:g} %",
                "FAIL" if measured.more_bytes > MOST_MORE_BYTES else "pass",
            ),
        ],
        misses=misses,
    )  # fmt: skip


def _run(progress: Callable[[str], None]) -> list[Table]:
    measured = []
    for design in SPLIT:
        for frames in (1, BATCH_FRAMES) if isinstance(design, Conv2d) else (1,):
            progress(f"{design.name}: lower, build, call with {frames:,} frames")
            measured.append(split(design, frames))
    progress(f"{SMALL.name}: lower, build, {CALLS} calls beside raw pynq calls")
    return [split_table(measured), overhead_table(overhead())]


HOST_PATH = Benchmark("host", "calls of the host library, and what they add to pynq's", _run)
