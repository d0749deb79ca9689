"""A network's input or output as the model has it, and as the hardware does.

The hardware computes with s8 in the order height, width, channels; what is u8 in the model is
shifted by 128. A real number r is (q - zero_point) * scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from host.errors import AcceleratorError
from host.head import Integers, finished
from host.manifest import as_array

__all__ = ["ModelTensor", "Quantized"]

Array = npt.NDArray[Any]

_LOW, _HIGH = -128, 127


@dataclass(frozen=True)
class ModelTensor:
    """One side of a model.

    Attributes:
        name: of the model's input or output.
        dtype: of its elements: float32, or int8 or uint8 of a model that is quantized outside.
        axes: order of its axes without the batch, as letters of "HWC"; sides of 1 may lack.
        steps: what is left to do with an output; see `host.head`.
        shape: [height, width, channels].
        scale: of a step.
        zero_point: the integer that stands for 0.
        integers: what the steps round their results to.
    """

    name: str
    dtype: np.dtype[Any]
    axes: str
    steps: tuple[str, ...]
    shape: tuple[int, int, int]
    scale: float
    zero_point: int
    integers: Integers | None = None

    @classmethod
    def of(cls, entry: Mapping[str, Any], shape: Sequence[int]) -> ModelTensor:
        """What the manifest has in `network.input` or `network.output`."""
        height, width, channels = shape
        return cls(
            name=entry["name"],
            dtype=np.dtype(entry["dtype"]),
            axes=entry["axes"],
            steps=tuple(entry["steps"]),
            shape=(height, width, channels),
            scale=entry["scale"],
            zero_point=entry["zero_point"],
            integers=Integers.of(entry.get("integers")),
        )

    @property
    def model_shape(self) -> tuple[int, ...]:
        """Of one image, as the model has it."""
        sides = dict(zip("HWC", self.shape, strict=True))
        return tuple(sides[letter] for letter in self.axes)

    def batch(self, images: Any) -> tuple[Quantized, bool]:
        """Images of the model as frames of the hardware, and whether they were one without N.

        Raises:
            AcceleratorError: shape or dtype are not the model's, or an image holds NaN.
        """
        given = as_array("images", images)
        single = given.shape == self.model_shape
        if not single and (not len(given.shape) or given.shape != (len(given), *self.model_shape)):
            sides = ", ".join(map(str, self.model_shape))
            raise AcceleratorError(
                f"images has shape {given.shape}, the model takes [N, {sides}] (axes "
                f"{'N' + self.axes}), or one image [{sides}]; reshape or transpose it"
            )
        if not given.size:
            raise AcceleratorError("images holds no image; give one or more")
        if given.dtype != self.dtype:
            remedy = "quantize it" if given.dtype.kind == "f" else "convert it"
            raise AcceleratorError(
                f"images is {given.dtype}, the model takes {self.dtype}; {remedy} with "
                f".astype(np.{self.dtype})"
            )
        # The least value is NaN if any is, and needs no memory.
        if self.dtype.kind == "f" and np.isnan(given.min()):
            place = tuple(int(index) for index in np.argwhere(np.isnan(given))[0])
            raise AcceleratorError(f"images holds NaN, the first at {place}; no integer stands "
                                   "for it, so replace it")  # fmt: skip
        return Quantized(self, given[None] if single else given), single

    def quantized(self, images: Array) -> Array:
        """Images [n, ...] of the model as s8 [n, H, W, C].

        As ONNX's QuantizeLinear and onnxruntime: a division in float32, rounded half to even; what
        is too large for 8 bits saturates.
        """
        if self.dtype.kind == "f":
            with np.errstate(over="ignore"):  # infinity saturates as well
                steps = np.divide(images, np.float32(self.scale))
            np.rint(steps, out=steps)
            np.clip(steps, _LOW - self.zero_point, _HIGH - self.zero_point, out=steps)
            steps += np.float32(self.zero_point)
            held = steps.astype(np.int8)
        elif self.dtype == np.uint8:
            held = (images ^ 0x80).view(np.int8)
        else:
            held = images
        order = [self.axes.index(letter) + 1 for letter in "HWC" if letter in self.axes]
        frames = held.transpose(0, *order).reshape(-1, *self.shape)
        return np.ascontiguousarray(frames)

    def of_hardware(self, frames: Array) -> Array:
        """Frames [n, H, W, C] of s8 as the model puts them out, its steps done; [n, ...].

        An argmax is int64, and without the axis of the channels unless the model keeps it.
        """
        values: Array
        if self.dtype.kind == "f":
            steps = frames.astype(np.float32) - np.float32(self.zero_point)
            values = steps * np.float32(self.scale)
        elif self.dtype == np.uint8:
            values = frames.view(np.uint8) ^ 0x80
        else:
            values = frames
        return self._ordered(*finished(values, self.steps, self.integers))

    def _ordered(self, values: Array, letters: str) -> Array:
        """The axes `letters` behind the batch, in the model's order; those that it lacks are 1."""
        axes = [letter for letter in self.axes if letter in letters]
        lacking = tuple(i for i, letter in enumerate(letters, 1) if letter not in axes)
        left = [letter for letter in letters if letter in axes]
        return values.squeeze(lacking).transpose(0, *(left.index(letter) + 1 for letter in axes))


class Quantized:
    """A batch of `ModelTensor.batch`: each part is quantized when it is asked for."""

    def __init__(self, tensor: ModelTensor, images: Array) -> None:
        """Hold `images` [N, ...] of the model."""
        self._tensor, self._images = tensor, images

    def __len__(self) -> int:
        """Images."""
        return len(self._images)

    def __getitem__(self, part: slice, /) -> Array:
        """s8 [n, H, W, C]."""
        return self._tensor.quantized(self._images[part])
