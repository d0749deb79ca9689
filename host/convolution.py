"""A convolution that streams frames through DMAs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from host.accelerator import Running, Steps
from host.layer import Layer
from host.packing import pack_parameters
from host.waiting import poll

__all__ = ["Convolution"]

_CHUNK_BYTES = 1 << 19
"""Frames are sent in pieces of about this size, so that one is copied while another is sent."""
_CALL_BYTES = 1 << 24
"""Results of one call of the kernel; more frames make more calls."""


class Convolution(Layer, kind="conv2d"):
    """A line buffer: pixels in, pixels out, any number of frames a call."""

    _frames_now = 1

    def _run(self, frames: npt.NDArray[Any], results: npt.NDArray[Any]) -> Steps:
        limit_bytes = min(_CALL_BYTES, self._channels["out_r"].limit_bytes)
        most = max(1, limit_bytes // results[0].nbytes)
        for first in range(0, len(frames), most):
            part = slice(first, first + most)
            yield from self._call(frames[part], results[part])
        self._info.sent_bytes += frames.nbytes
        self._info.received_bytes += results.nbytes

    def _call(self, frames: npt.NDArray[Any], results: npt.NDArray[Any]) -> Steps:
        """One call of the kernel: frames in, in chunks from two buffers by turns; results out."""
        send, receive = self._channels["in_r"], self._channels["out_r"]
        self._frames_now = len(frames)
        flat = frames.reshape(len(frames), -1).view(np.uint8)
        out = self._buffers.get("out_r", results.nbytes)
        chunk = max(1, min(_CHUNK_BYTES, send.limit_bytes) // flat.shape[1])
        pieces = [flat[first : first + chunk] for first in range(0, len(flat), chunk)]
        filled = self._fill(0, pieces[0])
        with Running(self):
            self._start(len(frames), load=False)
            receive.start(out)
            for turn, piece in enumerate(pieces[1:], 1):
                send.start(filled)
                filled = self._fill(turn % 2, piece)
                yield send
            send.start(filled)
            yield send
            yield receive
            yield self._kernel
        with self._packing:
            results.reshape(-1).view(np.uint8)[:] = out

    def _fill(self, half: int, piece: npt.NDArray[np.uint8]) -> Any:
        with self._packing:
            buffer = self._buffers.get(f"in_r {half}", piece.nbytes)
            np.copyto(buffer, piece.reshape(-1))
        return buffer

    def _start(self, frames: int, *, load: bool) -> None:
        registers = self._engine.registers
        self._kernel.argument(registers["frames"], frames)
        if self._loads:
            self._kernel.argument(registers["load"], int(load))
        self._kernel.start()

    @property
    def _expected_s(self) -> float:
        return super()._expected_s * (1 + self._frames_now)

    # ------------------------------------------------------------------ weights

    def _pack(self, *parameters: Any) -> npt.NDArray[np.uint32]:
        return pack_parameters(self._engine.manifest, *parameters)

    def _load(self, parameters: npt.NDArray[np.uint32]) -> None:
        """Send packed parameters in a call without frames."""
        channel = self._channels["parameters"]
        buffer = self._buffers.get("parameters", parameters.nbytes)
        buffer[:] = parameters.view(np.uint8)
        with Running(self):
            self._start(0, load=True)
            channel.start(buffer)
            poll(channel, self._clock, self._limit_s)
            poll(self._kernel, self._clock, self._limit_s)
        self._info.sent_bytes += parameters.nbytes
