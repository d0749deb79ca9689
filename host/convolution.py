"""A convolution that streams frames through DMAs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from host.accelerator import Running
from host.layer import Layer
from host.packing import pack_parameters
from host.streams import Streams
from host.waiting import poll

__all__ = ["Convolution"]


class Convolution(Streams, Layer, kind="conv2d"):
    """A line buffer: pixels in, pixels out, any number of frames a call."""

    def _start(self, frames: int, *, load: bool = False) -> None:
        if self._loads:
            self._kernel.argument(self._engine.registers["load"], int(load))
        super()._start(frames)

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
