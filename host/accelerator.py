"""Accelerator: an engine of a loaded overlay that is called with NumPy arrays like a function."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar

import pynq

from host.buffers import Buffers
from host.channel import Channel
from host.display import table
from host.errors import AcceleratorError
from host.info import Info
from host.kernel import Kernel
from host.manifest import Engine
from host.seat import Seat
from host.session import Session
from host.spans import Guard, Packing, Running
from host.waiting import Awaited, Clock, Timeout, poll, wait

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Accelerator", "Guard", "Running", "Steps"]

Steps = Generator[Awaited, None, Any]
"""A call: yields what has to end before it can go on, and returns the result."""

_SHORTEST_LIMIT_S = 0.05
_LIMIT_FACTOR = 20
_TURN_S = 0.001


class Accelerator:
    """One engine of an overlay; the subclass follows from the design.

    `Accelerator("conv1.bit")` loads the overlay (once, however many accelerators use it). Calls
    from several threads take turns. After an error the accelerator is ready again, or says that the
    overlay has to be loaded again.

    Raises:
        AcceleratorError: from every method; the text says what to do.
    """

    _kinds: ClassVar[dict[str, type[Accelerator]]] = {}
    _seat: Seat
    _session: Session
    _engine: Engine
    _buffers: Buffers
    _release: weakref.finalize[Any, Any]

    def __init_subclass__(cls, kind: str | None = None) -> None:
        """Register a subclass for engines of `kind`; without one it is for subclasses itself."""
        if kind is not None:
            Accelerator._kinds[kind] = cls

    def __new__(cls, path: str | Path, name: str | None = None, **options: Any) -> Self:
        """Find the engine and the subclass for it."""
        seat = Session.join(path, name)
        engine = seat.engine
        chosen = cls._kinds.get(engine.kind)
        if chosen is None:
            seat.leave()
            raise AcceleratorError(
                f"{engine.instance} is of kind {engine.kind}, this host library drives "
                f"{', '.join(cls._kinds)}; update it"
            )
        made: Any = chosen._seated(seat, engine)
        return made  # type: ignore[no-any-return]

    @classmethod
    def _seated(cls, seat: Seat, engine: Engine) -> Self:
        """An accelerator that has a share in `seat`, not connected yet; `engine` describes it."""
        made = super().__new__(cls)
        made._seat, made._session, made._engine = seat, seat.session, engine
        made._buffers = Buffers()
        # Also runs when nobody closes it, and when it cannot be connected.
        made._release = weakref.finalize(made, _release, seat, made._buffers)
        return made

    def __init__(
        self, path: str | Path, name: str | None = None, *, timeout_s: float | None = None
    ) -> None:
        """Connect to the hardware.

        Args:
            path: a .bit file with .hwh and manifest.json beside it, or the folder with them.
            name: which accelerator of the overlay, if it has several.
            timeout_s: of a step of a call; from the predicted cycles unless given.
        """
        self._open(timeout_s)

    def _open(self, timeout_s: float | None) -> None:
        engine = self._engine
        self._timeout_s = timeout_s
        self._lock = self._seat.lock
        self._queue_lock = threading.Lock()
        self._worker: ThreadPoolExecutor | None = None
        self._generation = -1
        self._started = False
        try:
            self._info = self._new_info()
        except KeyError as missing:
            raise AcceleratorError(
                f"{engine.folder / 'manifest.json'} has no {missing}; copy it again"
            ) from None
        self._packing = Packing(self._info)
        self._clock = Clock(self._session.overlay.device, self._info.clock_mhz * 1e6)
        self._kernel: Kernel = getattr(self._session.overlay, engine.instance)
        self._channels = self._connect()
        self._restore()

    def _new_info(self) -> Info:
        engine = self._engine
        return Info(
            engine.name,
            engine.manifest["design"],
            float(pynq.Clocks.fclk0_mhz),
            self._session.clock_mhz if engine.clock_mhz is None else engine.clock_mhz,
            costs=engine.manifest["costs"],
        )

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

    # ------------------------------------------------------------------ calls

    def __call__(self, *operands: Any, **named: Any) -> Any:
        """Run a call to its end; see the subclass for operands and result."""
        return self._finish(self._steps(*operands, **named))

    def _finish(self, steps: Steps) -> Any:
        """Take the steps of a call, one after the other; its result."""
        with self._lock, Guard(self):
            try:
                while True:
                    awaited = next(steps)
                    if not awaited.finished:  # else what a limit costs is not worth it
                        poll(awaited, self._clock, self._limit_s)
            except StopIteration as end:
                return end.value

    async def run(self, *operands: Any, **named: Any) -> Any:
        """As a call, inside an event loop: others run while the hardware works.

        Interrupts are used where the overlay has them.
        """
        while not self._lock.acquire(blocking=False):
            await asyncio.sleep(_TURN_S)
        try:
            with Guard(self):
                steps = self._steps(*operands, **named)
                try:
                    while True:
                        await wait(next(steps), self._clock, self._limit_s)
                except StopIteration as end:
                    return end.value
        finally:
            self._lock.release()

    def submit(self, *operands: Any, **named: Any) -> Future[Any]:
        """Queue a call and return at once; calls run in the order in which they were submitted."""
        with self._queue_lock:
            self._check_open()
            if self._worker is None:
                self._worker = ThreadPoolExecutor(1, self._engine.instance)
            return self._worker.submit(self, *operands, **named)

    def _check_open(self) -> None:
        if not self._release.alive:
            raise AcceleratorError(f"{self._info.name} is closed; open it again")

    def _check_ready(self) -> None:
        self._check_open()
        if not self._session.overlay.is_loaded():
            raise AcceleratorError(self._replaced)
        if self._generation != self._session.generation:
            self._restore()
        if self._seat.broken:
            raise AcceleratorError(self._seat.broken)

    @property
    def _replaced(self) -> str:
        return f"another overlay was loaded over {self._session.bitfile.name}; call reload()"

    @property
    def _limit_s(self) -> float:
        if self._timeout_s is not None:
            return self._timeout_s
        return _SHORTEST_LIMIT_S + self._expected_s * _LIMIT_FACTOR

    @property
    def _expected_s(self) -> float:
        """What a call should take at the clock."""
        return self._engine.predicted_cycles / (self._info.clock_mhz * 1e6)

    # ------------------------------------------------------------------ errors

    def _recovered(self, error: BaseException) -> BaseException:
        """Bring the hardware back after `error` and return what to raise."""
        if not self._started:
            if isinstance(error, AcceleratorError):
                self._info.last_error = str(error)
            return error
        if not self._session.overlay.is_loaded():
            return AcceleratorError(self._replaced)
        try:
            text = f"{self._info.name}: {self._explain(error)}; {self._state()}"
        except Exception as failure:
            text = f"{self._info.name}: {error}; its registers cannot be read ({failure})"
        try:
            how = self._recover()
        except Exception as failure:
            self._seat.broken = how = (
                f"{self._info.name} did not recover from an error ({failure}); load the overlay "
                "again with reload()"
            )
        self._info.last_error, self._info.recovered = text, how
        if not isinstance(error, Exception):
            return error  # a KeyboardInterrupt stays one, with the hardware in order
        return AcceleratorError(f"{text}. {how}")

    def _explain(self, error: BaseException) -> str:
        if not isinstance(error, Timeout):
            return str(error) or type(error).__name__
        return f"time-out after {self._limit_s:.3g} s: {self._cause()}"

    def _cause(self) -> str:
        """Why a call does not end, as far as the registers tell."""
        for channel in self._channels.values():
            try:
                _ = channel.finished
            except AcceleratorError as error:  # of another transfer than was waited for
                return str(error)
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
        # Data that nobody took may still stand in the kernel's ports.
        clean = not any(each.sends and each.under_way for each in self._channels.values())
        for channel in self._channels.values():
            channel.reset()
        for channel in self._channels.values():
            channel.restart()
        if clean and self._kernel.finished:
            ended = "The DMAs were reset" if self._channels else "The kernel has ended its call"
            return f"{ended}; the accelerator is ready"
        if len(self._session.users) > 1:
            raise AcceleratorError(
                "the kernel is stuck in a call and has no reset of its own, and others use the "
                "overlay"
            )
        self._session.reload()
        self._restore()
        return "The overlay was loaded again; the accelerator is ready"

    def reload(self) -> None:
        """Load the overlay again: everything in the fabric begins anew.

        All accelerators of the overlay lose the call they are in; loaded weights are loaded again.
        """
        with self._lock:
            self._check_open()
            self._session.reload()
            self._restore()

    def _restore(self) -> None:
        """Bring the hardware into the state that calls expect, after a load of the overlay."""
        generation = self._session.generation
        try:
            for channel in self._channels.values():
                channel.restart()
            self._set_up()
        except Timeout:
            raise AcceleratorError(
                f"{self._info.name} does not work after the overlay was loaded; {self._state()}"
            ) from None
        self._generation, self._seat.broken = generation, ""

    # ------------------------------------------------------------------ the rest

    @property
    def info(self) -> Info:
        """Design, clock, bytes, cycles, last error."""
        self._info.clock_mhz = float(pynq.Clocks.fclk0_mhz)
        self._info.buffer_bytes = self._buffers.size_bytes
        return self._info

    @property
    def register_map(self) -> Any:
        """The kernel's registers by name, as pynq shows them."""
        return self._kernel.register_map

    def close(self) -> None:
        """Free the buffers and give the engine back. Closing twice is allowed."""
        with self._queue_lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.shutdown()
        with self._lock:
            self._release()

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


def _release(seat: Seat, buffers: Buffers) -> None:
    buffers.free()
    seat.leave()
