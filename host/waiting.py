"""Waiting with an end: by polling, or by interrupts inside an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any, Protocol

import pynq

__all__ = ["Awaited", "Clock", "Timeout", "poll", "wait"]

_GLANCE_S = 0.05
"""So often is looked without an interrupt: a halted DMA raises none, a reload loses one."""


class Awaited(Protocol):
    """Something that ends by itself and may have an interrupt: a kernel's call, a transfer."""

    pin: str | None
    """Name of its interrupt in the overlay."""

    @property
    def finished(self) -> bool:
        """Whether it has ended; looks at the hardware."""

    def acknowledge(self) -> None:
        """Take the interrupt back."""


class Timeout(Exception):
    """It did not end in time."""


class Clock:
    """Seconds: of the clock on the wall, or of a device that counts cycles.

    A simulated device runs slower than the wall's clock by orders of magnitude; a time-out in its
    own time means the same there as on a board.
    """

    def __init__(self, device: Any, frequency_hz: float) -> None:
        """Use the cycles of `device`, if it counts them."""
        self.now: Callable[[], float] = time.perf_counter
        if hasattr(device, "cycles"):
            self.now = lambda: device.cycles / frequency_hz


def poll(awaited: Awaited, clock: Clock, limit_s: float) -> None:
    """Look until it has ended.

    Raises:
        Timeout: after `limit_s`.
    """
    begin = clock.now()
    while not awaited.finished:
        _check(awaited, clock.now() - begin, limit_s)


async def wait(awaited: Awaited, clock: Clock, limit_s: float) -> None:
    """Let others run until it has ended.

    Raises:
        Timeout: after `limit_s`.
    """
    begin, interrupt = clock.now(), None
    while not awaited.finished:
        _check(awaited, clock.now() - begin, limit_s)
        if awaited.pin is None:
            await asyncio.sleep(0)
            continue
        # An Interrupt belongs to the event loop and to the load of the overlay it was made in.
        interrupt = interrupt or pynq.Interrupt(awaited.pin)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(interrupt.wait(), _GLANCE_S)
        # Taken back before the next look: one that comes later is not lost.
        awaited.acknowledge()


def _check(awaited: Awaited, seconds: float, limit_s: float) -> None:
    # A process that slept past the limit has to look again before it complains.
    if seconds > limit_s and not awaited.finished:
        raise Timeout
