"""QuantizeLinear, DequantizeLinear, Quant: where real values become integers, and back.

A QLinearConv and the like are written as what they are short for: dequantize, compute, quantize.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hls.network.importing import arithmetic, shaping, windows
from hls.network.importing.call import Call
from hls.network.importing.values import (
    Activation,
    Constant,
    Fed,
    Head,
    Levels,
    Quantization,
    Stored,
    Value,
)

__all__ = ["RULES"]

_SHIFTED = 128
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
) -> Value:
    """`value` as integers of the zero point's type."""
    if isinstance(value, Head):
        # A softmax stays on the host, which has its results unrounded.
        return replace(value, integers=True)
    if isinstance(value, Constant | Levels):
        return _quantized_constant(call, value.real(), scale, zero)
    if value.integers:
        raise call.refuse("quantizes integers", "leave it away")
    target = replace(_quantization(call, scale, zero, str(zero.dtype)), ties=ties)
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
    if isinstance(value, Head):
        return replace(value, integers=False)
    scale = call.array(scale_index)
    zero = call.array(zero_index) if call.has(zero_index) else None
    if isinstance(value, Levels):
        raise call.refuse("dequantizes real values", "leave it away")
    if isinstance(value, Constant):
        return levels(call, value.array, scale, zero, call.attribute("axis", 1))
    if not value.integers:
        raise call.refuse("dequantizes real values", "leave it away")
    held = value.expression
    assert isinstance(held, Stored | Fed)
    if isinstance(held, Fed):
        dtype = call.emitter.input_dtype
        zero = np.zeros((), dtype) if zero is None else zero
        quantization = _quantization(call, scale, zero, dtype)
        stored = call.emitter.quantize(held, quantization, call.node.label)
    else:
        dtype = held.quantization.dtype
        zero = np.zeros((), dtype) if zero is None else zero
        quantization = _quantization(call, scale, zero, dtype)
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


def _quantization(
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
    offset = _SHIFTED if dtype == "uint8" else 0
    return Quantization(
        scale=step, zero_point=int(zero.reshape(-1)[0]) - offset, low=low - offset,
        high=high - offset, dtype=dtype,
    )  # fmt: skip


def _range(call: Call, dtype: str) -> tuple[int, int]:
    if dtype not in _RANGES:
        raise call.refuse(f"quantizes to {dtype}", "use int8 or uint8")
    return _RANGES[dtype]


# ---- QOperator: operands are (integers, scale, zero point) triples ----------------------------


def _q_linear(
    compute: Callable[[Call, tuple[Value, ...]], Value], inputs: tuple[int, ...], output: int
) -> Callable[[Call], Value]:
    """A rule: `compute` on the dequantized triples at `inputs`, quantized with those at `output`.

    Weights have a scale a filter, which is axis 0; so `axis` is where it is left away.
    """

    def rule(call: Call) -> Value:
        real = tuple(_weights_or_activation(call, index) for index in inputs)
        made = compute(call, real)
        zero = call.array(output + 1) if call.has(output + 1) else np.zeros((), _dtype(call))
        ties = "even"
        if call.node.op in _ADDS_ZERO_FIRST and int(zero.reshape(-1)[0]) % 2:
            ties = "odd"
        return quantized(call, made, call.array(output), zero, ties=ties)

    return rule


_ADDS_ZERO_FIRST = ("QLinearAdd", "QLinearAveragePool")
"""Operators that onnxruntime rounds behind the addition of the zero point."""


def _dtype(call: Call) -> str:
    """Of the first operand: operators without an output zero point keep the type."""
    held = call.activation(0).expression
    return held.quantization.dtype if isinstance(held, Stored) else call.emitter.input_dtype


def _weights_or_activation(call: Call, index: int) -> Value:
    value = call.value(index)
    if not isinstance(value, Constant):
        return dequantized(call, index, index + 1, index + 2)
    zero = call.array(index + 2) if call.has(index + 2) else None
    # Filters are axis 0 of a convolution, the last one of a matrix.
    axis = 0 if call.node.op == "QLinearConv" or call.attribute("transB", 0) else -1
    return levels(call, value.array, call.array(index + 1), zero, axis)


def _qlinear_conv(call: Call, real: tuple[Value, ...]) -> Value:
    made = arithmetic.convolved(call, real[0], real[1])
    return arithmetic.with_accumulated(call, made, 8)


def _qgemm(call: Call, real: tuple[Value, ...]) -> Value:
    made = arithmetic.multiplied(call, real[0], real[1])
    return arithmetic.with_accumulated(call, made, 6)


def qgemm(call: Call) -> Value:
    """com.microsoft QGemm; without an output scale its result is real."""
    if not call.has(7):
        return _qgemm(call, tuple(_weights_or_activation(call, index) for index in (0, 3)))
    return _q_linear(_qgemm, (0, 3), 7)(call)


def _qlinear_concat(call: Call) -> Value:
    """com.microsoft QLinearConcat: the output's scale and zero point, then the triples."""
    parts = tuple(
        dequantized(call, index, index + 1, index + 2) for index in range(2, len(call.operands), 3)
    )
    return quantized(call, shaping.joined(call, parts), call.array(0), call.array(1))


def convolution_of_integers(call: Call) -> Value:
    """ConvInteger: sums of products, in steps of one; zero points of 0 unless given."""
    return arithmetic.convolved(call, *_integers(call, axis=0))


def product_of_integers(call: Call) -> Value:
    """MatMulInteger."""
    return arithmetic.multiplied(call, *_integers(call, axis=-1))


def _integers(call: Call, axis: int) -> tuple[Value, Value]:
    one = np.ones((), np.float32)
    zeros = [call.array(index) if call.has(index) else None for index in (2, 3)]
    x = call.activation(0)
    if not x.integers:
        raise call.refuse("reads real values", "put a QuantizeLinear before it")
    held = x.expression
    dtype = held.quantization.dtype if isinstance(held, Stored) else call.emitter.input_dtype
    zero = np.zeros((), dtype) if zeros[0] is None else zeros[0]
    found = replace(_quantization(call, one, zero, dtype), scale=1.0)
    if isinstance(held, Fed):
        stored = call.emitter.quantize(held, found, call.node.label)
    else:
        assert isinstance(held, Stored)
        if found.zero_point != held.quantization.zero_point:
            raise call.refuse(
                f"takes {zero} for the zero point of integers that were made with another one",
                "use the zero point of the node that quantized them",
            )
        stored = replace(held, quantization=replace(held.quantization, scale=1.0))
    real = Activation(expression=stored, view=x.view)
    return real, levels(call, call.array(1), one, zeros[1], axis)


# ---- QONNX -----------------------------------------------------------------------------------


def quant(call: Call) -> Value:
    """QONNX Quant: real values in, the nearest that `bitwidth` bits have out.

    Where QuantizeLinear rounds before it adds the zero point, this rounds behind; with an even one
    that is the same.
    """
    mode = call.attribute("rounding_mode", "ROUND")
    if mode.upper() not in ("ROUND", "HALF_EVEN"):
        raise call.refuse(f"rounds by {mode}", "use rounding_mode='ROUND' (half to even)")
    bits, scale, zero = call.number(3), call.array(1), call.array(2)
    signed, narrow = bool(call.attribute("signed", 1)), bool(call.attribute("narrow", 0))
    if bits not in range(2, 9):
        raise call.refuse(f"has {bits:g} bits", "use 2 to 8 bits")
    if (np.asarray(zero) % 2).any():
        raise call.refuse("has a zero point that is odd or no integer", "use an even one, as 0")
    high = (1 << int(bits) - signed) - 1 - (narrow and not signed)
    low = narrow - high - 1 if signed else 0
    value = call.value(0)
    if isinstance(value, Constant | Levels):
        return _quant_constant(call, value.real(), scale, zero, (low, high))
    if isinstance(value, Head) or value.integers:
        raise call.refuse("quantizes what is quantized already", "leave it away")
    dtype = "int8" if signed or bits < 8 else "uint8"
    target = _quantization(call, scale, zero, dtype)
    offset = _SHIFTED if dtype == "uint8" else 0
    target = replace(target, low=low - offset, high=high - offset)
    return call.quantize(value, target, real=True)


def _quant_constant(
    call: Call,
    real: npt.NDArray[np.float64],
    scale: npt.NDArray[np.generic],
    zero: npt.NDArray[np.generic],
    limits: tuple[int, int],
) -> Levels:
    """A constant in steps of a scale that broadcasts with it."""
    try:
        steps, offset = (np.broadcast_to(each, real.shape) for each in (scale, zero))
    except ValueError:
        raise call.refuse(
            f"has scales {list(scale.shape)} for {list(real.shape)}", "use one for each channel"
        ) from None
    if not (steps > 0).all():
        raise call.refuse("has a scale that is not positive", "use positive scales")
    integers = np.rint(real.astype(np.float32) / steps.astype(np.float32) + offset)
    return Levels(
        integers=np.clip(integers, *limits).astype(np.int64) - offset.astype(np.int64),
        scale=steps.astype(np.float64),
    )


RULES: dict[tuple[str, str], Callable[[Call], Value]] = {
    ("", "QuantizeLinear"): quantize_linear,
    ("", "DequantizeLinear"): dequantize_linear,
    ("com.microsoft", "QuantizeLinear"): quantize_linear,
    ("com.microsoft", "DequantizeLinear"): dequantize_linear,
    ("", "QLinearConv"): _q_linear(_qlinear_conv, (0, 3), 6),
    ("", "QLinearMatMul"): _q_linear(lambda call, real: arithmetic.multiplied(call, *real),
                                     (0, 3), 6),
    ("com.microsoft", "QGemm"): qgemm,
    ("com.microsoft", "QLinearAdd"): _q_linear(
        lambda call, real: arithmetic.added(call, *real), (0, 3), 6),
    ("com.microsoft", "QLinearConcat"): _qlinear_concat,
    ("com.microsoft", "QLinearAveragePool"): _q_linear(
        lambda call, real: windows.averaged(call, *real), (0,), 3),
    ("com.microsoft", "QLinearGlobalAveragePool"): _q_linear(
        lambda call, real: windows.averaged_whole(call, *real), (0,), 3),
    ("", "ConvInteger"): convolution_of_integers,
    ("", "MatMulInteger"): product_of_integers,
    ("qonnx.custom_op.general", "Quant"): quant,
    ("onnx.brevitas", "Quant"): quant,
}  # fmt: skip
"""(domain, operator) -> rule."""
