"""Waiting with an end: by polling, or by interrupts inside an event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

__all__ = ["Awaited", "Stopwatch", "Timeout", "poll", "wait"]


class Awaited(Protocol):
    """Something that ends by itself and may have an interrupt: a kernel's call, a transfer."""

    interrupt: Any

    @property
    def finished(self) -> bool:
        """Whether it has ended; looks at the hardware."""

    def acknowledge(self) -> None:
        """Take the interrupt back."""


class Timeout(Exception):
    """It did not end in time."""


class Stopwatch:
    """Seconds since it was made: of the clock on the wall, or of a device that counts cycles.

    A simulated device runs slower than the wall's clock by orders of magnitude; a time-out in its
    own time means the same there as on a board.
    """

    def __init__(self, device: Any, clock_hz: float) -> None:
        """Start it."""
        self._now: Callable[[], float] = time.perf_counter
        if hasattr(device, "cycles"):
            self._now = lambda: device.cycles / clock_hz
        self._begin = self._now()

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return self._now() - self._begin


def poll(awaited: Awaited, stopwatch: Stopwatch, limit_s: float) -> None:
    """Look until it has ended.

    Raises:
        Timeout: after `limit_s`.
    """
    while not awaited.finished:
        if stopwatch.seconds > limit_s:
            raise Timeout


async def wait(awaited: Awaited, stopwatch: Stopwatch, limit_s: float) -> None:
    """Let others run until it has ended.

    Raises:
        Timeout: after `limit_s`.
    """
    while not awaited.finished:
        if awaited.interrupt is None:
            await asyncio.sleep(0)
        elif not await _within(awaited.interrupt.wait(), stopwatch, limit_s):
            raise Timeout
        if stopwatch.seconds > limit_s:
            raise Timeout
    if awaited.interrupt is not None:
        awaited.acknowledge()


async def _within(interrupt: Awaitable[None], stopwatch: Stopwatch, limit_s: float) -> bool:
    """Wait for an interrupt; False if it does not come in time."""
    task = asyncio.ensure_future(interrupt)
    try:
        while not task.done():
            await asyncio.wait([task], timeout=0.05)
            if not task.done() and stopwatch.seconds > limit_s:
                return False
    finally:
        task.cancel()
    return True
