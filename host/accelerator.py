"""Accelerator: an engine of a loaded overlay that is called with NumPy arrays like a function."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import pynq

from host.buffers import Buffers
from host.channel import Channel
from host.display import table
from host.errors import AcceleratorError
from host.info import Info
from host.kernel import Kernel
from host.manifest import Engine
from host.session import Session
from host.waiting import Awaited, Stopwatch, Timeout, poll, wait

__all__ = ["Accelerator"]

Steps = Generator[Awaited, None, Any]
"""A call: yields what has to end before it can go on, and returns the result."""

_SHORTEST_LIMIT_S = 0.05
_LIMIT_FACTOR = 20


class Accelerator:
    """One engine of an overlay; the subclass follows from the design.

    `Accelerator("conv1.bit")` loads the overlay (once, however many accelerators use it). Calls
    from several threads take turns. After an error the accelerator is ready again, or says that the
    overlay has to be loaded again.

    Raises:
        AcceleratorError: from every method; the text says what to do.
    """

    _kinds: ClassVar[dict[str, type[Accelerator]]] = {}
    _session: Session
    _engine: Engine

    def __init_subclass__(cls, kind: str) -> None:
        """Register a subclass for designs of `kind`."""
        Accelerator._kinds[kind] = cls

    def __new__(cls, path: str | Path, name: str | None = None, **options: Any) -> Self:
        """Find the engine and the subclass for it."""
        session, engine = Session.join(path, name)
        chosen = cls._kinds.get(engine.kind)
        if chosen is None:
            session.leave(engine)
            raise AcceleratorError(
                f"{engine.instance} is of kind {engine.kind}, this host library drives "
                f"{', '.join(cls._kinds)}; update it"
            )
        made: Any = super().__new__(chosen)
        made._session, made._engine = session, engine
        return made  # type: ignore[no-any-return]

    def __init__(
        self, path: str | Path, name: str | None = None, *, timeout_s: float | None = None
    ) -> None:
        """Connect to the hardware.

        Args:
            path: a .bit file with .hwh and manifest.json beside it, or the folder with them.
            name: which accelerator of the overlay, if it has several.
            timeout_s: of a step of a call; from the predicted cycles unless given.
        """
        engine = self._engine
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._worker: ThreadPoolExecutor | None = None
        self._buffers = Buffers()
        self._broken = ""
        self._closed = False
        self._info = Info(
            engine.instance,
            engine.manifest["design"],
            float(pynq.Clocks.fclk0_mhz),
            engine.clock_mhz,
            costs=engine.manifest["costs"],
        )
        try:
            self._kernel: Kernel = getattr(self._session.overlay, engine.instance)
            self._channels = self._connect()
            self._set_up()
        except BaseException:
            self.close()
            raise

    def _connect(self) -> dict[str, Channel]:
        found = {}
        for port in self._engine.manifest["ports"]:
            if port["protocol"] == "axis":
                dma = getattr(self._session.overlay, self._engine.dmas[port["name"]])
                found[port["name"]] = Channel(dma, sends=port["direction"] == "in")
        return found

    def _set_up(self) -> None:
        """Bring the hardware into the state that calls expect, after every load of the overlay."""
        self._kernel.enable_interrupt()

    # ------------------------------------------------------------------ for subclasses

    def _steps(self, *operands: Any, **named: Any) -> Steps:
        """A call with these operands."""
        raise NotImplementedError

    def _call_done(self) -> Awaited:
        """What ends when the kernel's call does."""
        return _KernelCall(self._kernel)

    # ------------------------------------------------------------------ calls

    def __call__(self, *operands: Any, **named: Any) -> Any:
        """Run a call to its end; see the subclass for operands and result."""
        with self._lock, self._guarded() as stopwatch:
            steps = self._steps(*operands, **named)
            try:
                while True:
                    poll(next(steps), stopwatch, self._limit_s)
            except StopIteration as end:
                return end.value

    async def run(self, *operands: Any, **named: Any) -> Any:
        """As a call, inside an event loop: others run while the hardware works.

        Interrupts are used where the overlay has them.
        """
        while not self._lock.acquire(blocking=False):
            await asyncio.sleep(0)
        try:
            with self._guarded() as stopwatch:
                steps = self._steps(*operands, **named)
                try:
                    while True:
                        await wait(next(steps), stopwatch, self._limit_s)
                except StopIteration as end:
                    return end.value
        finally:
            self._lock.release()

    def submit(self, *operands: Any, **named: Any) -> Future[Any]:
        """Queue a call and return at once; calls run in the order in which they were submitted."""
        if self._worker is None:
            self._worker = ThreadPoolExecutor(1, f"{self._engine.instance}")
        return self._worker.submit(self, *operands, **named)

    @contextmanager
    def _guarded(self) -> Generator[Stopwatch, None, None]:
        """Around a call: refuses if it cannot work, recovers after an error, keeps the times."""
        if self._closed:
            raise AcceleratorError(f"{self._info.name} is closed; open it again")
        if not self._session.overlay.is_loaded():
            raise AcceleratorError(
                f"another overlay was loaded over {self._session.bitfile.name}; call reload()"
            )
        if self._broken:
            raise AcceleratorError(self._broken)
        stopwatch = self._stopwatch()
        self._info.packing_s = self._info.running_s = 0.0
        self._info.cycles = 0
        self._started = False
        try:
            yield stopwatch
        except BaseException as error:
            raise self._recovered(error) from None
        self._info.calls += 1
        self._info.buffer_bytes = self._buffers.size_bytes

    @property
    def _limit_s(self) -> float:
        if self._timeout_s is not None:
            return self._timeout_s
        return _SHORTEST_LIMIT_S + self._expected_s * _LIMIT_FACTOR

    @property
    def _expected_s(self) -> float:
        """What a call should take at the clock."""
        return self._engine.predicted_cycles / (self._info.clock_mhz * 1e6)

    def _stopwatch(self) -> Stopwatch:
        return Stopwatch(self._session.overlay.device, self._info.clock_mhz * 1e6)

    @contextmanager
    def _running(self) -> Generator[None, None, None]:
        """Around what the hardware does: from here on an error leaves something to recover."""
        self._started = True
        stopwatch, begin = self._stopwatch(), time.perf_counter()
        yield
        self._info.running_s += time.perf_counter() - begin
        self._info.cycles += round(stopwatch.seconds * self._info.clock_mhz * 1e6)

    @contextmanager
    def _packing(self) -> Generator[None, None, None]:
        begin = time.perf_counter()
        yield
        self._info.packing_s += time.perf_counter() - begin

    # ------------------------------------------------------------------ errors

    def _recovered(self, error: BaseException) -> BaseException:
        """Bring the hardware back after `error` and return what to raise."""
        if not self._started:
            if isinstance(error, AcceleratorError):
                self._info.last_error = str(error)
            return error
        state = self._state()
        text = f"{self._info.name}: {self._explain(error)}; {state}"
        try:
            how = self._recover()
        except (AcceleratorError, RuntimeError) as failure:
            self._broken = (
                f"{self._info.name} did not recover from an error ({failure}); load the overlay "
                "again with reload()"
            )
            how = self._broken
        self._info.last_error, self._info.recovered = text, how
        if not isinstance(error, Exception):
            return error  # a KeyboardInterrupt stays one, with the hardware in order
        return AcceleratorError(f"{text}. {how}")

    def _explain(self, error: BaseException) -> str:
        if not isinstance(error, Timeout):
            return str(error) or type(error).__name__
        return f"time-out after {self._limit_s:g} s: {self._cause()}"

    def _cause(self) -> str:
        """Why a call does not end, as far as the registers tell."""
        idle = self._kernel.finished
        waiting = {name: channel for name, channel in self._channels.items() if channel.under_way}
        sends = [name for name, channel in waiting.items() if channel.sends]
        receives = [name for name, channel in waiting.items() if not channel.sends]
        if idle and sends:
            return f"the kernel rests while {sends[0]} has data to send (not started, wrong length)"
        if idle and receives:
            return (
                f"the kernel is done, but {receives[0]} did not end (missing TLAST, wrong length)"
            )
        if sends:
            return (
                f"the kernel does not take what {sends[0]} sends (another stream or memory waits)"
            )
        if receives:
            return f"all input was sent, but {receives[0]} did not end (too little input)"
        return "the kernel does not finish (memory does not answer, or too little input)"

    def _state(self) -> str:
        states = [f"CTRL={self._kernel.describe()}"]
        states += [channel.describe() for channel in self._channels.values()]
        return ", ".join(states)

    def _recover(self) -> str:
        """Reset what can be; how it went.

        Raises:
            AcceleratorError: the kernel is stuck in a call, and others use the overlay.
        """
        for channel in self._channels.values():
            channel.reset()
        for channel in self._channels.values():
            channel.restart()
        if self._kernel.finished:
            return "The DMAs were reset; the accelerator is ready"
        if len(self._session.users) > 1:
            raise AcceleratorError("the kernel is stuck in a call, and a kernel has no reset")
        self._reload()
        return "The overlay was loaded again; the accelerator is ready"

    def reload(self) -> None:
        """Load the overlay again: everything in the fabric begins anew.

        All accelerators of the overlay lose the call they are in; loaded weights are loaded again.
        """
        with self._lock:
            self._reload()
            self._broken = ""

    def _reload(self) -> None:
        self._session.reload()
        for channel in self._channels.values():
            channel.restart()
        self._set_up()

    # ------------------------------------------------------------------ the rest

    @property
    def info(self) -> Info:
        """Design, clock, bytes, cycles, last error."""
        self._info.clock_mhz = float(pynq.Clocks.fclk0_mhz)
        return self._info

    @property
    def register_map(self) -> Any:
        """The kernel's registers by name, as pynq shows them."""
        return self._kernel.register_map

    def close(self) -> None:
        """Free the buffers and give the engine back. Closing twice is allowed."""
        if self._closed:
            return
        self._closed = True
        if self._worker is not None:
            self._worker.shutdown()
        self._buffers.free()
        self._session.leave(self._engine)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._info.name} of {self._session.bitfile.name}>"

    def _repr_html_(self) -> str:
        return table(self._engine, self.info)


class _KernelCall:
    """The call that a kernel is in."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.interrupt = getattr(kernel, "interrupt", None)

    @property
    def finished(self) -> bool:
        return self._kernel.finished

    def acknowledge(self) -> None:
        self._kernel.acknowledge()
