"""Frames that stream through DMAs: pixels in, pixels out, any number of frames a call."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from host.accelerator import Running, Steps
from host.frames import Batch, Frames

__all__ = ["Streams"]

_CHUNK_BYTES = 1 << 19
"""Frames are sent in pieces of about this size, so that one is copied while another is sent."""
_CALL_BYTES = 1 << 24
"""Results of one call of the kernel; more frames make more calls."""


class Streams(Frames):
    """An engine between a DMA's two streams, `in_r` and `out_r`."""

    _frames_now = 1

    def _start(self, frames: int) -> None:
        """Start a call of the kernel for so many frames."""
        self._kernel.argument(self._engine.registers["frames"], frames)
        self._kernel.start()

    @property
    def _frame_bytes(self) -> int:
        count: int = prod(self._input_shape)
        return count * self._input_format.dtype.itemsize

    @property
    def _piece_frames(self) -> int:
        """Frames of a transfer."""
        return max(1, min(_CHUNK_BYTES, self._channels["in_r"].limit_bytes) // self._frame_bytes)

    def _run(self, frames: Batch, results: npt.NDArray[Any]) -> Steps:
        limit_bytes = min(_CALL_BYTES, self._channels["out_r"].limit_bytes)
        most = max(1, limit_bytes // results[0].nbytes)
        for first in range(0, len(frames), most):
            yield from self._call(frames, first, results[first : first + most])
        self._info.sent_bytes += len(frames) * self._frame_bytes
        self._info.received_bytes += results.nbytes

    def _call(self, frames: Batch, first: int, results: npt.NDArray[Any]) -> Steps:
        """One call of the kernel: frames in, in pieces from two buffers by turns; results out."""
        send, receive = self._channels["in_r"], self._channels["out_r"]
        self._frames_now = len(results)
        out = self._buffers.get("out_r", results.nbytes)
        end, size = first + len(results), self._piece_frames
        pieces = [slice(start, min(start + size, end)) for start in range(first, end, size)]
        filled = self._fill(0, frames, pieces[0])
        with Running(self):
            self._start(len(results))
            receive.start(out)
            for turn, piece in enumerate(pieces[1:], 1):
                send.start(filled)
                filled = self._fill(turn % 2, frames, piece)
                yield send
            send.start(filled)
            yield send
            yield receive
            yield self._kernel
        with self._packing:
            results.reshape(-1).view(np.uint8)[:] = out

    def _fill(self, half: int, frames: Batch, piece: slice) -> Any:
        with self._packing:
            flat = frames[piece].reshape(-1).view(np.uint8)
            buffer = self._buffers.get(f"in_r {half}", flat.nbytes)
            np.copyto(buffer, flat)
        return buffer

    @property
    def _fill_cycles(self) -> int:
        """Cycles after which the last frame of a call is through, once it has gone in."""
        return self._engine.predicted_cycles

    @property
    def _expected_s(self) -> float:
        cycles = self._fill_cycles + self._frames_now * self._engine.predicted_cycles
        return cycles / (self._info.clock_mhz * 1e6)
