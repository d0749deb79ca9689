"""A network in overlay style: one engine runs its program, layer by layer, through memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from host.accelerator import Running, Steps
from host.errors import AcceleratorError
from host.frames import Batch
from host.network import Model
from host.program import arguments, put_frame, take_frame

__all__ = ["OverlayNetwork"]

_PARTS = ("program", "b", "p")
"""Arrays of the program's file, by the buffers that hold them."""


class OverlayNetwork(Model, kind="overlay"):
    """A call of the engine for each frame; Python has no work between the layers.

    Program and weights are brought to memory once. The next frame is packed, and the result before
    unpacked, while one is computed.
    """

    def _set_up(self) -> None:
        super()._set_up()
        self._program = self._engine.manifest["program"]
        self._constants = self._read()
        self._buffers.forget()

    def _read(self) -> dict[str, npt.NDArray[Any]]:
        file = self._session.bitfile.with_name(self._program["file"])
        try:
            with np.load(file, allow_pickle=False) as held:
                found = {name: np.ascontiguousarray(held[name]) for name in _PARTS}
        except FileNotFoundError:
            raise AcceleratorError(
                f"{file} is missing; copy it beside {self._session.bitfile.name}"
            ) from None
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
        with self._packing:
            # All buffers are there before anything runs: nothing can fail on the way.
            addresses = self._addresses()
            size = self._program["buffer_bytes"]["tensors"]
            turns = [self._buffers.get(f"tensors {half}", size)
                     for half in range(min(2, len(frames)))]  # fmt: skip
        self._put(turns[0], frames, 0)
        with Running(self):
            for place in range(len(frames)):
                self._start(addresses | {"tensors": turns[place % 2].physical_address})
                if place:
                    self._take(turns[1 - place % 2], results, place - 1)
                if place + 1 < len(frames):
                    self._put(turns[1 - place % 2], frames, place + 1)
                yield self._kernel
        self._take(turns[(len(frames) - 1) % 2], results, len(frames) - 1)
        self._info.sent_bytes += len(frames) * int(np.prod(self._input_shape))
        self._info.received_bytes += results.nbytes

    def _addresses(self) -> dict[str, int]:
        """Where program and weights are; they are written if they are not there yet."""
        found = {}
        for name, array in self._constants.items():
            buffer, written_bytes = self._buffers.constant(name, array)
            found[name] = int(buffer.physical_address)
            self._info.sent_bytes += written_bytes
        return found

    def _start(self, addresses: dict[str, int]) -> None:
        for name, value in arguments(self._program, addresses).items():
            self._kernel.argument(self._engine.registers[name], value)
        self._kernel.start()

    def _put(self, buffer: Any, frames: Batch, place: int) -> None:
        with self._packing:
            put_frame(self._program, _signed(buffer), frames[place : place + 1][0])
            buffer.flush()

    def _take(self, buffer: Any, results: npt.NDArray[Any], place: int) -> None:
        with self._packing:
            buffer.invalidate()
            results[place] = take_frame(self._program, _signed(buffer))


def _signed(buffer: Any) -> npt.NDArray[np.int8]:
    return np.asarray(buffer).view(np.int8)
