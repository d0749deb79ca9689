"""Networks in overlay style: one engine runs their programs, layer by layer, through memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from host.accelerator import Running, Steps
from host.errors import AcceleratorError
from host.frames import Batch
from host.models import model_on
from host.network import Model
from host.program import arguments, put_frames, repeated, take_frames

__all__ = ["OverlayNetwork"]

_PARTS = ("program", "b", "p")
"""Arrays of the program's file, by the buffers that hold them."""

_CALL_S = 0.01
"""What a call of several frames should take: long beside its start, short for who watches."""
_CALL_FRAMES = 64
"""The most frames of a call; what it costs Python is next to nothing then."""
_CALL_BYTES = 1 << 22
"""Of the tensors of such a call."""


class OverlayNetwork(Model, kind="overlay"):
    """A call of the engine for some frames; Python has no work between them, or their layers.

    Program and weights are brought to memory once. The frames of the next call are packed, and
    the results of the one before unpacked, while one is computed.

    The bitstream has one such network beside it; `model` opens others on the same engine.
    """

    _frames_now = 1

    def model(self, path: str | Path, *, timeout_s: float | None = None) -> OverlayNetwork:
        """Another network on this engine, beside this one; the bitstream is not loaded again.

        Both have buffers and `info` of their own and take turns on the engine call by call. Each
        may be closed before the other.

        Args:
            path: the folder with manifest.json and program.npz of a project that was made with
                `lineloom net --engine`, or for a board that gets the same engine.
            timeout_s: of a call; from the predicted cycles unless given.

        Raises:
            AcceleratorError: files are missing, or are of another engine or version.
        """
        self._check_open()
        engine = model_on(self._seat.engine, path)
        made = self._seated(self._seat.share(), engine)
        made._open(timeout_s)
        return made

    def _set_up(self) -> None:
        super()._set_up()
        self._program = self._engine.manifest["program"]
        self._constants = self._read()
        self._constants["program"] = repeated(
            self._program, self._constants["program"], self._call_frames
        )
        self._buffers.forget()

    @property
    def _call_frames(self) -> int:
        """Frames of a call."""
        frame_s = self._engine.predicted_cycles / (self._info.clock_mhz * 1e6)
        frame_bytes: int = self._program["buffer_bytes"]["tensors"]
        return max(1, min(_CALL_FRAMES, int(_CALL_S / frame_s), _CALL_BYTES // frame_bytes))

    def _read(self) -> dict[str, npt.NDArray[Any]]:
        file = self._engine.folder / self._program["file"]
        try:
            with np.load(file, allow_pickle=False) as held:
                found = {name: np.ascontiguousarray(held[name]) for name in _PARTS}
        except FileNotFoundError:
            raise AcceleratorError(f"{file} is missing; copy it beside manifest.json") from None
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise AcceleratorError(f"{file} cannot be read ({error}); copy it again") from None
        for name, array in found.items():
            wanted = self._program["buffer_bytes"][name]
            if array.nbytes != wanted:
                raise AcceleratorError(
                    f"{file} has {array.nbytes:,} bytes of {name}, manifest.json tells {wanted:,}; "
                    "both must come from the same project"
                )
        return found

    def _run(self, frames: Batch, results: npt.NDArray[Any]) -> Steps:
        size = min(self._call_frames, len(frames))
        parts = [slice(first, min(first + size, len(frames)))
                 for first in range(0, len(frames), size)]  # fmt: skip
        with self._packing:
            # All buffers are there before anything runs: nothing can fail on the way.
            addresses = self._addresses()
            frame_bytes = self._program["buffer_bytes"]["tensors"]
            halves = [self._buffers.get(f"tensors {half}", size * frame_bytes)
                      for half in range(min(2, len(parts)))]  # fmt: skip
        self._put(halves[0], frames, parts[0])
        with Running(self):
            for turn, part in enumerate(parts):
                tensors = halves[turn % 2].physical_address
                self._start(addresses | {"tensors": tensors}, part.stop - part.start)
                if turn:
                    self._take(halves[1 - turn % 2], results, parts[turn - 1])
                if turn + 1 < len(parts):
                    self._put(halves[1 - turn % 2], frames, parts[turn + 1])
                yield self._kernel
        self._take(halves[(len(parts) - 1) % 2], results, parts[-1])
        self._info.sent_bytes += len(frames) * int(np.prod(self._input_shape))
        self._info.received_bytes += results.nbytes

    @property
    def _expected_s(self) -> float:
        return self._frames_now * super()._expected_s

    def _addresses(self) -> dict[str, int]:
        """Where program and weights are; they are written if they are not there yet."""
        found = {}
        for name, array in self._constants.items():
            buffer, written_bytes = self._buffers.constant(name, array)
            found[name] = int(buffer.physical_address)
            self._info.sent_bytes += written_bytes
        return found

    def _start(self, addresses: dict[str, int], frames: int) -> None:
        self._frames_now = frames
        for name, value in arguments(self._program, addresses, frames).items():
            self._kernel.argument(self._engine.registers[name], value)
        self._kernel.start()

    def _put(self, buffer: Any, frames: Batch, part: slice) -> None:
        with self._packing:
            put_frames(self._program, self._tensors(buffer, part), frames[part])
            buffer.flush()

    def _take(self, buffer: Any, results: npt.NDArray[Any], part: slice) -> None:
        with self._packing:
            buffer.invalidate()
            results[part] = take_frames(self._program, self._tensors(buffer, part))

    def _tensors(self, buffer: Any, part: slice) -> npt.NDArray[np.int8]:
        """Those of the frames of a call, [frames, bytes]."""
        every = (
            np.asarray(buffer).view(np.int8).reshape(-1, self._program["buffer_bytes"]["tensors"])
        )
        return every[: part.stop - part.start]
