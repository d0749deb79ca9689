"""What is put around parts of a call. Classes, as a generator costs each call microseconds."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING

from host.info import Info

if TYPE_CHECKING:
    from host.accelerator import Accelerator

__all__ = ["Guard", "Packing", "Running"]


class Guard:
    """Around a call: refuses if it cannot work, recovers after an error, keeps the times."""

    def __init__(self, accelerator: Accelerator) -> None:
        """Guard one call."""
        self._accelerator = accelerator

    def __enter__(self) -> None:
        accelerator = self._accelerator
        accelerator._check_ready()
        info = accelerator._info
        info.packing_s = info.running_s = 0.0
        info.cycles = 0
        accelerator._started = False

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            raise self._accelerator._recovered(error) from None
        self._accelerator._info.calls += 1


class Running:
    """Around what the hardware does: from here on an error leaves something to recover."""

    def __init__(self, accelerator: Accelerator) -> None:
        """Measure one run."""
        self._accelerator = accelerator

    def __enter__(self) -> None:
        accelerator = self._accelerator
        accelerator._started = True
        self._started, self._begin = accelerator._clock.now(), time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            info, now = self._accelerator._info, self._accelerator._clock.now()
            info.running_s += time.perf_counter() - self._begin
            info.cycles += round((now - self._started) * info.clock_mhz * 1e6)


class Packing:
    """Around the checking and copying of arrays, any number of times in a call."""

    def __init__(self, info: Info) -> None:
        """Add up in `info`."""
        self._info = info

    def __enter__(self) -> None:
        self._begin = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._info.packing_s += time.perf_counter() - self._begin
