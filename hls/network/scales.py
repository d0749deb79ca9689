"""The scales that onnxruntime's quantizer gave to the tensors of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx.helper import get_node_attr_value
from onnx.numpy_helper import to_array

__all__ = ["Scale", "are_powers_of_two", "overrides", "scales_of"]

_SCALE, _ZERO_POINT, _QUANTIZED = "_scale", "_zero_point", "_quantized"
"""Behind the name of a tensor: what the quantizer calls its scale, zero point and integers."""


@dataclass(frozen=True)
class Scale:
    """Of a tensor: real = scale * (integer - zero_point), for each channel along `axis`."""

    tensor: str
    is_constant: bool
    """Weights and biases; others are activations."""
    scale: npt.NDArray[np.float32]
    """[] of a whole tensor, or [channels]."""
    zero_point: npt.NDArray[Any]
    """Of the shape of `scale` and the dtype of the integers."""
    axis: int | None
    """Of the channels; None with one scale for all."""

    @property
    def per_channel(self) -> bool:
        """Whether each channel has a scale of its own."""
        return self.axis is not None

    @property
    def low(self) -> float:
        """The least real number that an integer stands for."""
        return float(np.min(self.scale * (self._limits.min - self.zero_point.astype(np.int64))))

    @property
    def high(self) -> float:
        """The largest real number that an integer stands for."""
        return float(np.max(self.scale * (self._limits.max - self.zero_point.astype(np.int64))))

    @property
    def _limits(self) -> np.iinfo[Any]:
        return np.iinfo(self.zero_point.dtype)

    def rounded_up(self) -> Scale:
        """The least powers of two that are not less, and zero points that keep the range's low end.

        A zero point of 0 stays, so that what is symmetric remains so.
        """
        mantissa, exponent = np.frexp(self.scale)
        scale = np.ldexp(np.float32(1), exponent - (mantissa == 0.5)).astype(np.float32)
        low = self._limits.min
        moved = np.rint(low + (self.zero_point.astype(np.float64) - low) * self.scale / scale)
        zero_point = np.where(self.zero_point == 0, 0, moved).astype(self.zero_point.dtype)
        return Scale(self.tensor, self.is_constant, scale, zero_point, self.axis)


def scales_of(model: onnx.ModelProto) -> list[Scale]:
    """The scales of all tensors of a model that onnxruntime's quantizer wrote, in its order."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    axes = _axes(model)
    found = []
    for name in constants:
        tensor = name.removesuffix(_SCALE)
        if tensor == name or tensor + _ZERO_POINT not in constants:
            continue
        scale = to_array(constants[name])
        zero_point = to_array(constants[tensor + _ZERO_POINT]).reshape(scale.shape)
        found.append(
            Scale(
                tensor=tensor.removesuffix(_QUANTIZED),
                is_constant=tensor in constants or tensor + _QUANTIZED in constants,
                scale=scale,
                zero_point=zero_point,
                axis=axes[name] if scale.ndim else None,
            )
        )
    return found


def _axes(model: onnx.ModelProto) -> dict[str, int]:
    """Name of a scale -> axis along which its entries lie, if there are many."""
    axes: dict[str, int] = {}
    for node in model.graph.node:
        attributes = {attribute.name for attribute in node.attribute}
        match node.op_type:
            case "QLinearConv":
                axis = 0
            case "QGemm":
                axis = 0 if "transB" in attributes and get_node_attr_value(node, "transB") else 1
            case _:
                axis = get_node_attr_value(node, "axis") if "axis" in attributes else 1
        axes |= dict.fromkeys(node.input, axis)
    return axes


def overrides(scales: Sequence[Scale]) -> dict[str, list[dict[str, Any]]]:
    """`scales` as onnxruntime's TensorQuantOverrides.

    Those of biases are left out: they are always the product of input's and weights' scale.
    """
    return {
        each.tensor: [
            {"scale": np.array(scale), "zero_point": np.array(zero_point)}
            | ({} if each.axis is None else {"axis": each.axis})
            for scale, zero_point in zip(
                np.atleast_1d(each.scale), np.atleast_1d(each.zero_point), strict=True
            )
        ]
        for each in scales
        if each.zero_point.dtype != np.int32
    }


def are_powers_of_two(scale: Scale) -> bool:
    """Whether all of its entries are 2^n."""
    return bool(np.all(np.frexp(scale.scale)[0] == 0.5))
