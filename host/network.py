"""A whole network: images in, predictions out, as the model that it was made of has them."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from host.accelerator import Steps
from host.frames import Frames
from host.model_tensor import ModelTensor
from host.streams import Streams
from host.watched import Watched

__all__ = ["Model", "Network"]

_PIECE_S = 0.02
"""What a transfer should take to compute: long beside its start, short for who watches."""


class Model(Frames):
    """Something that predicts; called as a function it computes with integers, as of `Frames`."""

    def _set_up(self) -> None:
        super()._set_up()
        sides = self._engine.manifest["network"]
        self._source = ModelTensor.of(sides["input"], self._input_shape)
        self._result = ModelTensor.of(sides["output"], self._output_shape)

    def predict(self, images: npt.ArrayLike, *, progress: bool = True) -> npt.NDArray[Any]:
        """What the model computes.

        Images are quantized as onnxruntime does, bit for bit, each piece while the one before it
        is computed; the softmax or argmax at the end of a model is done here.

        Args:
            images: [N, ...] in the model's axes and dtype, or one image without N.
            progress: show a bar if that takes long, on a terminal.

        Returns:
            The model's output for each image, [N, ...], or of the one: real numbers, or integers of
            a model that puts out those. An argmax is int64.

        Raises:
            AcceleratorError: shape or dtype are not the model's, an image holds NaN, or as of a
                call.
        """
        return self._finish(self._predictions(images, progress))  # type: ignore[no-any-return]

    def _predictions(self, images: Any, progress: bool) -> Steps:
        with self._packing:
            batch, single = self._source.batch(images)
            results = self._results(len(batch))
        with Watched(batch, shown=progress) as frames:
            yield from self._run(frames, results)
        with self._packing:
            predictions = self._result.of_hardware(results)
        return predictions[0] if single else predictions


class Network(Streams, Model, kind="dataflow"):
    """A network in dataflow style: all layers at work at once, frames streaming through."""

    @property
    def _piece_frames(self) -> int:
        frame_s = self._engine.predicted_cycles / (self._info.clock_mhz * 1e6)
        return max(1, min(super()._piece_frames, int(_PIECE_S / frame_s)))

    @property
    def _fill_cycles(self) -> int:
        return sum(self._engine.manifest["network"]["layers"].values())
