"""A convolution as a matrix product: frames, weights and results lie in memory.

The engine reads and writes memory by itself. Some work in two phases, a call each: the first one
writes to memory what the second one reads (patches of im2col, partials of kn2row_partials).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from host.accelerator import Running, Steps
from host.layer import Layer
from host.packing import fold_bias, pack_columns, pack_rows, pack_taps, taps_as_filters, unpack_rows

__all__ = ["MatrixConvolution"]

Array = npt.NDArray[Any]


class _Turn(NamedTuple):
    """Buffers of a call's frames and results, and the same as pixels of whole words."""

    x: Any
    pixels: Array
    c: Any
    sums: Array


class MatrixConvolution(Layer, kind="matrix_conv2d"):
    """A systolic array: up to `batch` frames a call share the weights; more frames, more calls.

    Frames of the next call are packed, and results of the one before unpacked, while one runs.
    `info` counts frames, weights and results; what lies between phases never passes the host.
    """

    def _set_up(self) -> None:
        self._lanes = {
            port["name"].removeprefix("m_axi_gmem_"): port["lanes"]
            for port in self._engine.manifest["ports"]
        }
        self._matrix = self._engine.manifest["matrix"]
        self._phases: list[str] = self._matrix["phases"]
        self._buffers.forget()
        super()._set_up()

    # ------------------------------------------------------------------ calls

    def _run(self, frames: Array, results: Array) -> Steps:
        most = self._matrix["batch"]
        parts = [(frames[first : first + most], results[first : first + most])
                 for first in range(0, len(frames), most)]  # fmt: skip
        with self._packing:
            # All buffers are there before anything runs: nothing can fail on the way.
            addresses = self._addresses(len(parts[0][0]))
            turns = [self._turn(name, *parts[0]) for name in range(min(2, len(parts)))]
            self._fill(turns[0], frames[:most])
        self._point(addresses)
        with Running(self):
            for place, (images, _) in enumerate(parts):
                turn = turns[place % 2]
                self._point({"x": turn.x.physical_address, "c": turn.c.physical_address})
                for phase in self._phases:
                    self._start(phase, len(images))
                    if phase == self._phases[0]:
                        if place + 1 < len(parts):
                            self._fill(turns[1 - place % 2], parts[place + 1][0])
                        if place:
                            self._take(turns[1 - place % 2], parts[place - 1][1])
                    yield self._kernel
        self._take(turns[(len(parts) - 1) % 2], parts[-1][1])
        positions = [array.size // array.shape[-1] for array in (frames, results)]
        self._info.sent_bytes += positions[0] * turns[0].pixels[0].nbytes
        self._info.received_bytes += positions[1] * turns[0].sums[0].nbytes

    def _turn(self, name: int, images: Array, maps: Array) -> _Turn:
        """Buffers for so many frames; two of them are used by turns."""
        return _Turn(
            *self._pixels(f"x {name}", images, self._lanes["x"]),
            *self._pixels(f"c {name}", maps, self._lanes["c"]),
        )

    def _pixels(self, name: str, maps: Array, lanes: int) -> tuple[Any, Array]:
        shape = (maps.size // maps.shape[-1], maps.shape[-1])
        return self._buffers.rows(name, shape, maps.dtype, lanes)

    def _fill(self, turn: _Turn, images: Array) -> None:
        with self._packing:
            flat = images.reshape(-1, images.shape[-1])
            pack_rows(flat, self._lanes["x"], flat.dtype, turn.pixels[: len(flat)])
            turn.x.flush()

    def _take(self, turn: _Turn, maps: Array) -> None:
        with self._packing:
            turn.c.invalidate()
            flat = maps.reshape(-1, maps.shape[-1])
            flat[:] = unpack_rows(turn.sums[: len(flat)], flat.shape[1])

    def _addresses(self, frames: int) -> dict[str, int]:
        """Where everything is that calls share: weights, their table, what lies between phases."""
        found = {
            name: self._kept(name, array).physical_address
            for name, array in self._parameters.items()
        }
        if "u" in self._lanes:
            needed = self._matrix["between_bytes"]
            between = self._buffers.get("u", needed["once"] + frames * needed["a_frame"])
            found |= dict.fromkeys("ua", between.physical_address)
        return found

    def _point(self, addresses: dict[str, int]) -> None:
        for name, address in addresses.items():
            self._kernel.argument(self._engine.registers[name], address)

    def _start(self, phase: str, frames: int) -> None:
        """Start one phase; the others have nothing to do in this call."""
        for name in self._phases:
            self._kernel.argument(self._engine.registers[name], frames if name == phase else 0)
        self._kernel.start()

    # ------------------------------------------------------------------ weights

    def _pack(
        self,
        weights: npt.NDArray[np.int64],
        bias: npt.NDArray[np.int64] | None,
        multiplier: npt.NDArray[np.int64] | None,
        shift: npt.NDArray[np.int64] | None,
    ) -> dict[str, Array]:
        """The matrix that patches or pixels are multiplied with and, if there is one, the table."""
        dtype = self._engine.required_format("weights").dtype
        matrix = self._engine.manifest["matrix"]
        as_columns = matrix["taps"] == "columns"
        filters = taps_as_filters(weights, self._lanes["b"]) if as_columns else weights
        tile = matrix["tile"][1]
        found = {"b": pack_taps(filters, self._lanes["x"], self._lanes["b"], dtype, tile)}
        if "p" in self._lanes:
            zero_point = self._engine.manifest["quantization"]["input_zero_point"]
            folded = fold_bias(bias, weights.sum(axis=(1, 2, 3)), zero_point)
            found["p"] = pack_columns(folded, multiplier, shift, len(weights))
        return found

    def _load(self, parameters: dict[str, Array]) -> None:
        self._buffers.forget()
        for name, array in parameters.items():
            self._kept(name, array)

    def _kept(self, name: str, array: Array) -> Any:
        """The buffer that holds a parameter from call to call, written unless it does already."""
        buffer, written_bytes = self._buffers.constant(name, array)
        self._info.sent_bytes += written_bytes
        return buffer
