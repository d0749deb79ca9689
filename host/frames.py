"""Accelerators that take frames and put out frames, whatever computes them."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from host.accelerator import Accelerator, Steps
from host.manifest import as_array

__all__ = ["Batch", "Frames"]


class Batch(Protocol):
    """Frames [N, H, W, C] as the engine takes them, made ready part by part: an array, or less."""

    def __len__(self) -> int:
        """How many frames there are."""

    def __getitem__(self, part: slice, /) -> npt.NDArray[Any]:
        """Some of them, contiguous."""


class Frames(Accelerator):
    """y = accelerator(x) for integers x of [H, W, C], or [N, H, W, C] for frames back to back."""

    def _set_up(self) -> None:
        super()._set_up()
        shapes = self._engine.manifest["shapes"]
        self._input_shape = tuple(shapes["input"])
        self._output_shape = tuple(shapes["output"])
        self._input_format = self._engine.required_format("input")
        self._output_format = self._engine.required_format("output")

    def _run(self, frames: Any, results: npt.NDArray[Any]) -> Steps:
        """Compute `results` [N, OH, OW, M], contiguous, of `frames`, a contiguous array."""
        raise NotImplementedError

    def _steps(self, x: Any) -> Steps:
        with self._packing:
            x = as_array("the input", x)
            single = x.ndim == 3
            wanted = self._input_shape if single else (None, *self._input_shape)
            frames = self._input_format.check("the input", x, wanted)
            frames = frames.reshape(-1, *self._input_shape)
            results = self._results(len(frames))
        yield from self._run(frames, results)
        return results[0] if single else results

    def _results(self, count: int) -> npt.NDArray[Any]:
        """Room for what `count` frames become."""
        return np.empty((count, *self._output_shape), self._output_format.dtype)
