"""The end of a model, which is done here: softmax and argmax over the channels of each pixel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from host.errors import AcceleratorError

__all__ = ["Integers", "finished"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Integers:
    """What a model rounds the shares of a softmax to; real value = (q - zero_point) * scale."""

    scale: float
    zero_point: int
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, entry: Mapping[str, Any] | None) -> Integers | None:
        """What the manifest has in `integers` of an output; older ones have nothing."""
        if entry is None:
            return None
        return cls(entry["scale"], entry["zero_point"], np.dtype(entry["dtype"]))

    def rounded(self, values: Array) -> Array:
        """QuantizeLinear: in float32, half to even, saturating."""
        limits = np.iinfo(self.dtype)
        steps = np.rint(values / np.float32(self.scale)) + self.zero_point
        held: Array = np.clip(steps, limits.min, limits.max).astype(self.dtype)
        return held

    def real(self, values: Array) -> Array:
        """DequantizeLinear."""
        held: Array = (values.astype(np.float32) - self.zero_point) * np.float32(self.scale)
        return held


def finished(values: Array, steps: Sequence[str], integers: Integers | None) -> tuple[Array, str]:
    """Values [n, H, W, C] with all `steps` done, and the letters of the axes that are left.

    Raises:
        AcceleratorError: a step is not known.
    """
    letters = "HWC"
    for step in steps:
        if step in ("softmax", "log_softmax"):
            values = _softmax(values, logarithms=step == "log_softmax")
        elif step in ("argmax", "argmax_last"):
            values, letters = _argmax(values, last=step == "argmax_last"), "HW"
        elif step == "keepdims":
            values, letters = values[..., None], "HWC"
        elif step == "quantize" and integers is not None:
            values = integers.rounded(values)
        elif step == "dequantize" and integers is not None:
            values = integers.real(values)
        else:
            raise AcceleratorError(
                f"the manifest has a step {step!r} that is not known; use a newer host library"
            )
    return values, letters


def _softmax(values: Array, *, logarithms: bool) -> Array:
    """Over the last axis."""
    less = values - values.max(axis=-1, keepdims=True)
    powers = np.exp(less)
    total = powers.sum(axis=-1, keepdims=True)
    shares: Array = less - np.log(total) if logarithms else powers / total
    return shares


def _argmax(values: Array, *, last: bool) -> Array:
    """Over the last axis, the first of equal values, or the last one."""
    found: Array = values[..., :: -1 if last else 1].argmax(axis=-1)
    return values.shape[-1] - 1 - found if last else found
