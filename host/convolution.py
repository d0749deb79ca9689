"""A convolution that streams frames through DMAs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from host.accelerator import Accelerator, Guard, Running, Steps
from host.errors import AcceleratorError
from host.manifest import as_array
from host.packing import pack_parameters
from host.waiting import poll

__all__ = ["Convolution"]

_CHUNK_BYTES = 1 << 19
"""Frames are sent in pieces of about this size, so that one is copied while another is sent."""
_CALL_BYTES = 1 << 24
"""Results of one call of the kernel; more frames make more calls."""


class Convolution(Accelerator, kind="conv2d"):
    """y = conv(x) for x of [H, W, C], or [N, H, W, C] for frames back to back."""

    def _set_up(self) -> None:
        super()._set_up()
        shapes = self._engine.manifest["shapes"]
        self._input_shape = tuple(shapes["input"])
        self._output_shape = tuple(shapes["output"])
        self._input_format = self._engine.required_format("input")
        self._output_format = self._engine.required_format("output")
        self._frame_bytes = self._input_format.dtype.itemsize * int(np.prod(self._input_shape))
        self._result_bytes = self._output_format.dtype.itemsize * int(np.prod(self._output_shape))
        self._loads = self._engine.manifest["parameters"]["kind"] == "load"
        self._frames_now = 1
        parameters = getattr(self, "_parameters", None)
        if parameters is not None:
            self._load(parameters)

    def _steps(self, x: Any) -> Steps:
        if self._loads and getattr(self, "_parameters", None) is None:
            raise AcceleratorError(
                f"{self._info.name} has no weights yet; call load_weights(w, bias, requant) first"
            )
        with self._packing:
            x = as_array("the input", x)
            single = x.ndim == 3
            wanted = self._input_shape if single else (None, *self._input_shape)
            frames = self._input_format.check("the input", x, wanted)
            frames = frames.reshape(-1, *self._input_shape)
            results = np.empty((len(frames), *self._output_shape), self._output_format.dtype)
        most = max(1, min(_CALL_BYTES, self._channels["out_r"].limit_bytes) // self._result_bytes)
        for first in range(0, len(frames), most):
            part = slice(first, first + most)
            yield from self._call(frames[part], results[part])
        self._info.sent_bytes += frames.nbytes
        self._info.received_bytes += results.nbytes
        return results[0] if single else results

    def _call(self, frames: npt.NDArray[Any], results: npt.NDArray[Any]) -> Steps:
        """One call of the kernel: frames in, in chunks from two buffers by turns; results out."""
        send, receive = self._channels["in_r"], self._channels["out_r"]
        self._frames_now = len(frames)
        flat = frames.reshape(len(frames), -1).view(np.uint8)
        out = self._buffers.get("out_r", results.nbytes)
        chunk = max(1, min(_CHUNK_BYTES, send.limit_bytes) // self._frame_bytes)
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

    def load_weights(
        self,
        weights: npt.ArrayLike,
        bias: npt.ArrayLike | None = None,
        requant: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    ) -> None:
        """Load the parameters of a design with weights="load".

        Args:
            weights: [M, KH, KW, C].
            bias: [M], in accumulator units.
            requant: multiplier and shift, [M] each or one number for all channels:
                y = round_half_even(sum * multiplier / 2^shift) + zero point.
        """
        engine = self._engine
        if not self._loads:
            raise AcceleratorError(
                f"{self._info.name} has its weights built in; generate it with weights='load' to "
                "load others"
            )
        shape = tuple(engine.manifest["shapes"]["weights"])
        channels = shape[:1]
        held = engine.required_format("weights").integers("weights", weights, shape)
        offsets = None
        if bias is not None:
            limits = engine.format("bias")
            if limits is None:
                raise AcceleratorError(f"{self._info.name} has no bias; leave it away")
            offsets = limits.integers("bias", bias, channels)
        multiplier = shift = None
        if engine.manifest["quantization"]["requantize"] == "none":
            if requant is not None:
                raise AcceleratorError(f"{self._info.name} puts out raw sums; leave requant away")
        elif requant is None:
            raise AcceleratorError(
                f"{self._info.name} requantizes; give requant=(multiplier, shift)"
            )
        else:
            factors, places = engine.scale_formats
            multiplier = factors.integers("multiplier", requant[0], channels)
            shift = places.integers("shift", requant[1], channels)
        words = pack_parameters(engine.manifest, held, offsets, multiplier, shift)
        with self._lock, Guard(self):
            self._load(words)
            self._parameters = words

    def _load(self, words: npt.NDArray[np.uint32]) -> None:
        """Send packed parameters in a call without frames."""
        channel = self._channels["parameters"]
        buffer = self._buffers.get("parameters", words.nbytes)
        buffer[:] = words.view(np.uint8)
        with Running(self):
            self._start(0, load=True)
            channel.start(buffer)
            poll(channel, self._clock, self._limit_s)
            poll(self._kernel, self._clock, self._limit_s)
        self._info.sent_bytes += words.nbytes
