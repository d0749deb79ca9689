"""How a model sees a tensor: ONNX has [C, H, W] and flattens it, we have [H, W, C]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

__all__ = ["Shape", "View"]

Shape = tuple[int, int, int]
"""[height, width, channels]."""


@dataclass(frozen=True, kw_only=True)
class View:
    """A tensor [H, W, C] transposed to `order`, then reshaped to `shape`; the batch left out.

    `order` has the letters of the axes of more than one value, the slowest first: where the others
    stand changes nothing.
    """

    tensor: Shape
    order: str
    shape: tuple[int, ...]

    @classmethod
    def of(cls, tensor: Shape, axes: str) -> View:
        """One axis for each letter of `axes`."""
        sizes = dict(zip("HWC", tensor, strict=True))
        order = "".join(letter for letter in axes if sizes[letter] > 1)
        return cls(tensor=tensor, order=order, shape=tuple(sizes[letter] for letter in axes))

    def size(self, letter: str) -> int:
        """Values along an axis of the tensor."""
        return self.tensor["HWC".index(letter)]

    @property
    def axes(self) -> tuple[str, ...] | None:
        """For each axis of the model the letters that it holds; None if it cuts one in two."""
        rest, found = self.order, []
        for size in self.shape:
            letters = ""
            while prod(map(self.size, letters)) < size and rest:
                letters, rest = letters + rest[0], rest[1:]
            if prod(map(self.size, letters)) != size:
                return None
            found.append(letters)
        return tuple(found)

    @property
    def image(self) -> bool:
        """Whether it is [C, H, W], or [C, W] of a tensor with one row."""
        return self in (View.of(self.tensor, "CHW"), View.of(self.tensor, "CW"))

    @property
    def vector(self) -> bool:
        """Whether it is one axis, others of length 1 before it aside."""
        return self.shape[-1:] == (prod(self.tensor),)

    @property
    def letters(self) -> str | None:
        """Each axis as one letter, those of length 1 included; None where one axis holds several.

        A vector is "C", also where the tensor has no more than one value.
        """
        axes = self.axes
        if axes is None or any(len(letters) > 1 for letters in axes) or len(axes) > 3:
            return None
        spare = [letter for letter in "CHW" if letter not in self.order]
        return "".join(letters or spare.pop(0) for letters in axes)

    def reshaped(self, shape: Sequence[int]) -> View:
        """The same values, in the same order, with other axes."""
        return View(tensor=self.tensor, order=self.order, shape=tuple(shape))

    def transposed(self, order: Sequence[int]) -> View | None:
        """Axis i is the former axis `order[i]`; None if that cuts an axis of the tensor in two."""
        axes = self.axes
        if axes is None:
            return None
        return View(
            tensor=self.tensor,
            order="".join(axes[axis] for axis in order),
            shape=tuple(self.shape[axis] for axis in order),
        )

    def to_hwc(self, weights: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Weights [M, K] of a dense layer that reads this view -> of one that reads [H, W, C]."""
        places = [self.order.index(letter) + 1 for letter in "HWC" if letter in self.order]
        sizes = map(self.size, self.order)
        return weights.reshape(-1, *sizes).transpose(0, *places).reshape(weights.shape)
