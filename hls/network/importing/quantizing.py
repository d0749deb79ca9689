"""QuantizeLinear and DequantizeLinear: where real values become integers, and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hls.network.importing.call import Call
from hls.network.importing.values import (
    Activation,
    Constant,
    Fed,
    Levels,
    Quantization,
    Stored,
    Value,
)

__all__ = ["RULES", "SHIFTED", "dequantized", "levels", "quantization_of", "quantized"]

SHIFTED = 128
"""What a u8 loses to become our s8."""

_RANGES = {
    "int8": (-128, 127), "uint8": (0, 255), "int4": (-8, 7), "uint4": (0, 15),
    "int2": (-2, 1), "uint2": (0, 3),
}  # fmt: skip
"""Of the formats that activations can have: dtype -> least and greatest integer."""


def quantize_linear(call: Call) -> Value:
    """QuantizeLinear: one scale for an activation, any number for a constant."""
    zero = call.array(2) if call.has(2) else np.zeros((), _default_dtype(call))
    return quantized(call, call.value(0), call.array(1), zero)


def dequantize_linear(call: Call) -> Value:
    """DequantizeLinear."""
    return dequantized(call, 0, 1, 2)


def _default_dtype(call: Call) -> npt.DTypeLike:
    from onnx import TensorProto, helper

    return helper.tensor_dtype_to_np_dtype(call.attribute("output_dtype", 0) or TensorProto.UINT8)


def quantized(
    call: Call,
    value: Value,
    scale: npt.NDArray[np.generic],
    zero: npt.NDArray[np.generic],
    *,
    ties: str = "even",
    single: bool = False,
) -> Value:
    """`value` as integers of the zero point's type."""
    if isinstance(value, Constant | Levels):
        return _quantized_constant(call, value.real(), scale, zero)
    assert isinstance(value, Activation)
    if value.integers:
        raise call.refuse("quantizes integers", "leave it away")
    target = replace(quantization_of(call, scale, zero, str(zero.dtype)), ties=ties,
                     single=single)  # fmt: skip
    return call.quantize(value, target)


def _quantized_constant(
    call: Call,
    real: npt.NDArray[np.float64],
    scale: npt.NDArray[np.generic],
    zero: npt.NDArray[np.generic],
) -> Constant:
    axis = call.attribute("axis", 1)
    factors = _along(call, scale, real.shape, axis).astype(np.float32)
    if not (factors > 0).all():
        raise call.refuse("has a scale that is not positive", "use positive scales")
    steps = real.astype(np.float32) / factors
    low, high = _range(call, str(zero.dtype))
    offset = _along(call, zero, real.shape, axis).astype(np.int64)
    return Constant(array=np.clip(np.rint(steps) + offset, low, high).astype(zero.dtype))


def _along(
    call: Call, values: npt.NDArray[np.generic], shape: tuple[int, ...], axis: int
) -> npt.NDArray[np.generic]:
    """`values`, one or one for each index of `axis`, so that they broadcast with `shape`."""
    if call.attribute("block_size", 0):
        raise call.refuse("quantizes in blocks", "use one scale for a tensor or a channel")
    if values.size == 1:
        return values.reshape(())
    if not -len(shape) <= axis < len(shape) or values.shape != (shape[axis],):
        raise call.refuse(
            f"has scales or zero points {list(values.shape)} for axis {axis} of {list(shape)}",
            "use one for the whole tensor, or one for each channel",
        )
    return values.reshape([-1 if i == axis % len(shape) else 1 for i in range(len(shape))])


def dequantized(call: Call, index: int, scale_index: int, zero_index: int) -> Value:
    """Operand `index` as real values, of the scale and zero point that are operands as well."""
    value = call.value(index)
    scale = call.array(scale_index)
    zero = call.array(zero_index) if call.has(zero_index) else None
    if isinstance(value, Levels):
        raise call.refuse("dequantizes real values", "leave it away")
    if isinstance(value, Constant):
        return levels(call, value.array, scale, zero, call.attribute("axis", 1))
    value = call.activation(index)
    if not value.integers:
        raise call.refuse("dequantizes real values", "leave it away")
    held = value.expression
    assert isinstance(held, Stored | Fed)
    if isinstance(held, Fed):
        dtype = call.emitter.input_dtype
        zero = np.zeros((), dtype) if zero is None else zero
        quantization = quantization_of(call, scale, zero, dtype)
        stored = call.emitter.quantize(held, quantization, call.node.label)
    else:
        dtype = held.quantization.dtype
        zero = np.zeros((), dtype) if zero is None else zero
        quantization = quantization_of(call, scale, zero, dtype)
        if quantization.zero_point != held.quantization.zero_point:
            raise call.refuse(
                f"takes {zero} for the zero point of integers that were made with another one",
                "use the zero point of the node that quantized them",
            )
        stored = replace(held, quantization=replace(held.quantization, scale=quantization.scale))
    return replace(value, expression=stored, integers=False)


def levels(
    call: Call,
    integers: npt.NDArray[np.generic],
    scale: npt.NDArray[np.generic],
    zero: npt.NDArray[np.generic] | None,
    axis: int,
) -> Levels:
    """A constant without its zero point, and the scale of each of its values."""
    if integers.dtype.kind == "f":
        raise call.refuse("dequantizes floating point", "quantize to integers of 8 bits")
    shape = integers.shape
    offset = 0 if zero is None else _along(call, zero, shape, axis).astype(np.int64)
    factors = _along(call, scale, shape, axis).astype(np.float64)
    return Levels(
        integers=integers.astype(np.int64) - offset,
        scale=np.broadcast_to(factors, shape),
    )


def quantization_of(
    call: Call,
    scale: npt.NDArray[np.generic],
    zero: npt.NDArray[np.generic],
    dtype: str,
) -> Quantization:
    """Of an activation: one scale and one zero point."""
    if scale.size != 1 or zero.size != 1:
        raise call.refuse(
            f"gives an activation {max(scale.size, zero.size)} scales or zero points",
            "use one for the whole tensor (weights may have one a channel)",
        )
    step = float(scale.reshape(-1)[0].astype(np.float64))
    if not 0 < step < float("inf"):
        raise call.refuse(f"has a scale of {step:g}", "use a positive one")
    low, high = _range(call, dtype)
    offset = SHIFTED if dtype == "uint8" else 0
    return Quantization(
        scale=step, zero_point=int(zero.reshape(-1)[0]) - offset, low=low - offset,
        high=high - offset, dtype=dtype,
    )  # fmt: skip


def _range(call: Call, dtype: str) -> tuple[int, int]:
    if dtype not in _RANGES:
        raise call.refuse(f"quantizes to {dtype}", "use int8 or uint8")
    return _RANGES[dtype]


RULES: dict[tuple[str, str], Callable[[Call], Value]] = {
    ("", "QuantizeLinear"): quantize_linear,
    ("", "DequantizeLinear"): dequantize_linear,
    ("com.microsoft", "QuantizeLinear"): quantize_linear,
    ("com.microsoft", "DequantizeLinear"): dequantize_linear,
}
"""(domain, operator) -> rule."""
