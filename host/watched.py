"""A batch that shows how much of it has been taken, as a line of text on a terminal."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

import numpy.typing as npt

from host.frames import Batch

__all__ = ["Watched"]

_PATIENCE_S = 0.5
"""Shorter calls show nothing."""
_WIDTH = 30


class Watched:
    """A batch with a bar on stderr while it is open; without one where nobody watches."""

    def __init__(self, batch: Batch, *, shown: bool) -> None:
        """Watch `batch`; the bar is shown if `shown`, and if stderr is a terminal."""
        self._batch = batch
        self._shown = shown and sys.stderr.isatty()
        self._begin = time.perf_counter()
        self._drawn = False

    def __len__(self) -> int:
        """Images."""
        return len(self._batch)

    def __getitem__(self, part: slice, /) -> npt.NDArray[Any]:
        """Who asks for a part has handed on all before it."""
        seconds = time.perf_counter() - self._begin
        if self._shown and seconds >= _PATIENCE_S:
            self._draw(part.start, len(self), seconds)
        return self._batch[part]

    def _draw(self, done: int, total: int, seconds: float) -> None:
        filled = _WIDTH * done // total
        bar = "#" * filled + "." * (_WIDTH - filled)
        text = f"{bar} {done:,} of {total:,} images, {done / seconds:,.0f}/s"
        sys.stderr.write(f"\r{text}\033[K")
        sys.stderr.flush()
        self._drawn = True

    def __enter__(self) -> Watched:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._drawn:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
