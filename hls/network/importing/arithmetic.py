"""Conv, Gemm, MatMul, Add, Mul, BatchNormalization, Relu, Clip: real values to real values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.network.importing.call import Call
from hls.network.importing.padding import axes_of
from hls.network.importing.values import (
    Activation,
    Averaged,
    Constant,
    Convolved,
    Expression,
    Fed,
    Ints,
    Joined,
    Largest,
    Levels,
    Limited,
    Quantization,
    Reals,
    Stored,
    Summed,
    Value,
)
from hls.network.importing.views import View
from hls.network.layers import ACTIVATION

__all__ = ["RULES", "added", "convolved", "multiplied", "with_accumulated"]

# ---- Products with weights -------------------------------------------------------------------


def conv(call: Call) -> Value:
    """Conv, with its bias."""
    made = convolved(call, call.value(0), call.value(1))
    return _plus(call, made, _of_channels(made.view, call.value(2))) if call.has(2) else made


def _of_channels(view: View, values: Value) -> Value:
    """A constant [M] as one that broadcasts with [M, H, W] or [M, W]."""
    shape = (-1, *[1] * (len(view.shape) - 1))
    if isinstance(values, Levels):
        return Levels(integers=values.integers.reshape(shape), scale=values.scale.reshape(shape))
    return Constant(array=values.array.reshape(shape)) if isinstance(values, Constant) else values


def gemm(call: Call) -> Value:
    """Gemm, with its bias."""
    made = multiplied(call, call.value(0), call.value(1))
    beta = float(call.attribute("beta", 1.0))
    if not call.has(2) or beta == 0:
        return made
    bias = call.value(2)
    return _plus(call, made, bias if beta == 1 else Constant(array=call.array(2) * beta))


def matmul(call: Call) -> Value:
    """MatMul with a constant at the right."""
    return multiplied(call, call.value(0), call.value(1))


def convolved(call: Call, x: Value, weights: Value) -> Activation:
    """The convolution without bias; attributes are those of Conv."""
    value = call.image(_real(call, x))
    source = call.stored(value)
    integers, scale = _filters(call, weights)
    if integers.ndim != len(value.shape) + 1:
        raise call.refuse(
            f"has weights of {integers.ndim} axes for an input of {len(value.shape) + 1}",
            "use as many",
        )
    # A convolution of one row sees [C, W] as [C, 1, W].
    flat = integers.ndim == 3
    filters = integers[:, :, None, :] if flat else integers
    rows, cols = axes_of(call, value.view, filters.shape[2:])
    groups = int(call.attribute("group", 1))
    if filters.shape[1] * groups != source.shape[2]:
        raise call.refuse(
            f"has weights for {filters.shape[1] * groups} channels, its input has "
            f"{source.shape[2]}", "export the model again",
        )  # fmt: skip
    shape = rows.outputs, cols.outputs, len(filters)
    made = Convolved(
        source=source,
        weights=filters.transpose(0, 2, 3, 1),
        scale=source.quantization.scale * scale,
        bias=np.zeros(len(filters)),
        stride=(rows.stride, cols.stride),
        dilation=(rows.dilation, cols.dilation),
        pads=(rows.pad_before, rows.pad_after, cols.pad_before, cols.pad_after),
        groups=groups,
        shape=shape,
        nodes=(call.node.label,),
    )
    return Activation(expression=made, view=View.of(shape, "CW" if flat else "CHW"))


def multiplied(call: Call, x: Value, weights: Value) -> Activation:
    """The product of vectors x [N, K] and a constant matrix, without bias."""
    value = _real(call, x)
    source = call.stored(value)
    if call.attribute("transA", 0):
        raise call.refuse("transposes its activation", "leave transA away")
    if not isinstance(weights, Levels):
        raise _not_weights(call, weights)
    if weights.integers.ndim != 2:
        raise call.refuse(f"multiplies by an array of {weights.integers.ndim} axes", "use a matrix")
    if not call.attribute("transB", 0):
        weights = Levels(integers=weights.integers.T, scale=weights.scale.T)
    integers, scale = _filters(call, weights)
    if not value.view.vector or value.shape[-1] != integers.shape[1]:
        shape = [call.batch, *value.shape]
        raise call.refuse(
            f"multiplies {shape} by a matrix of {integers.shape[1]} rows",
            "flatten its input to [N, K] before it",
        )
    count = len(integers)
    made = Convolved(
        source=source,
        weights=value.view.to_hwc(integers),
        scale=source.quantization.scale * scale * float(call.attribute("alpha", 1.0)),
        bias=np.zeros(count),
        shape=(1, 1, count),
        nodes=(call.node.label,),
    )
    view = View.of((1, 1, count), "C").reshaped((*value.shape[:-1], count))
    return Activation(expression=made, view=view)


def _real(call: Call, value: Value) -> Activation:
    """`value`, which is operand 0 or stands for it, as a real activation."""
    return call.real(0) if value is call.operands[0] else _computed(call, value)


def _computed(call: Call, value: Value) -> Activation:
    if not isinstance(value, Activation):
        raise call.refuse("multiplies two constants", "export the model with constants folded")
    return value


def _filters(call: Call, weights: Value) -> tuple[Ints, Reals]:
    """Integers [M, ...] within s8, and the scale of each filter [M]."""
    if not isinstance(weights, Levels):
        raise _not_weights(call, weights)
    integers = weights.integers
    if not ACTIVATION.holds(integers):
        raise call.refuse(
            f"has weights from {integers.min()} to {integers.max()} when their zero point is "
            "taken away, over 8 bits", "quantize them symmetrically (zero point 0)",
        )  # fmt: skip
    scales = weights.scale.reshape(len(integers), -1)
    if (scales != scales[:, :1]).any():
        raise call.refuse(
            "has weights with a scale for each input channel", "use one for each output channel"
        )
    if not (np.isfinite(scales).all() and (scales >= 0).all()):
        raise call.refuse("has weights with a scale below zero", "use positive scales")
    return integers, scales[:, 0]


def _not_weights(call: Call, weights: Value) -> Exception:
    if isinstance(weights, Constant):
        return call.refuse(
            "has weights in floating point", "quantize them too (lineloom quantize does)"
        )
    return call.refuse("multiplies two activations", "make its second input constant")


def with_accumulated(call: Call, made: Activation, index: int) -> Activation:
    """`made` plus operand `index`, if given: a bias [M] in steps of the accumulator."""
    if not call.has(index):
        return made
    expression = made.expression
    assert isinstance(expression, Convolved)
    bias = call.array(index).astype(np.float64).reshape(-1)
    return replace(made, expression=replace(expression, bias=bias * expression.scale))


# ---- Sums, and factors for each channel ------------------------------------------------------


def add(call: Call) -> Value:
    """Add: of two activations, or of a constant for each channel."""
    return added(call, call.value(0), call.value(1))


def added(call: Call, a: Value, b: Value) -> Value:
    """A + b."""
    if not isinstance(a, Activation):
        a, b = b, a
    if not isinstance(a, Activation):
        raise call.refuse("adds what stays on the host", "let Softmax and ArgMax be the last")
    if not isinstance(b, Activation):
        return _plus(call, a, b)
    parts = (call.stored(_ready(call, a)), call.stored(_ready(call, b)))
    if a.view != b.view:
        raise call.refuse(
            f"adds {[call.batch, *a.shape]} and {[call.batch, *b.shape]} whose elements lie "
            "differently", "add tensors of the same shape, before they are flattened",
        )  # fmt: skip
    return call.becomes(a, Summed(parts=parts))


def _ready(call: Call, value: Activation) -> Activation:
    """`value`, if it is real and computed by the network."""
    if value.integers:
        raise call.refuse("adds integers", "put a DequantizeLinear before it")
    return value


def _plus(call: Call, value: Activation, constant: Value) -> Activation:
    return _affine(call, value, np.ones(1), constant)


def subtract(call: Call) -> Value:
    """Sub, of a constant."""
    if isinstance(call.value(1), Activation):
        raise call.refuse("subtracts an activation", "use Add, and negate the weights before it")
    return _plus(call, call.real(0), Constant(array=-call.array(1).astype(np.float64)))


def multiply(call: Call) -> Value:
    """Mul by a constant."""
    constant = next((i for i in (0, 1) if not isinstance(call.value(i), Activation)), None)
    if constant is None:
        raise call.refuse("multiplies two activations", "make one of its inputs constant")
    return _times(call, call.real(1 - constant), call.array(constant).astype(np.float64))


def divide(call: Call) -> Value:
    """Div by a constant."""
    divisor = call.array(1).astype(np.float64)
    if not divisor.all():
        raise call.refuse("divides by zero", "use another divisor")
    return _times(call, call.real(0), 1 / divisor)


def batch_normalization(call: Call) -> Value:
    """BatchNormalization with fixed statistics."""
    if call.attribute("training_mode", 0):
        raise call.refuse("is in training mode", "export the model for inference")
    gamma, beta, mean, variance = (call.array(i).astype(np.float64) for i in (1, 2, 3, 4))
    factor = gamma / np.sqrt(variance + call.attribute("epsilon", 1e-5))
    value = call.real(0)
    gains, bias = (
        _of_channels(value.view, Constant(array=each)) for each in (factor, beta - mean * factor)
    )
    assert isinstance(gains, Constant)
    return _affine(call, value, gains.real(), bias)


def _times(call: Call, value: Activation, factor: Reals) -> Activation:
    if factor.size == 1 and factor.reshape(-1)[0] > 0:
        return call.becomes(value, _scaled(value.expression, float(factor.reshape(-1)[0])))
    return _affine(call, value, factor, Constant(array=np.zeros(1)))


def _scaled(expression: Expression, factor: float) -> Expression:
    """`expression` times a positive number, which only changes scales."""
    match expression:
        case Stored():
            held = expression.quantization
            return replace(expression, quantization=replace(held, scale=held.scale * factor))
        case Convolved():
            return replace(
                expression, scale=expression.scale * factor, bias=expression.bias * factor
            )
        case Summed():
            a, b = (_scaled(part, factor) for part in expression.parts)
            assert isinstance(a, Stored)
            assert isinstance(b, Stored)
            return replace(expression, parts=(a, b))
        case Averaged():
            source = _scaled(expression.source, factor)
            assert isinstance(source, Stored)
            return replace(expression, source=source)
        case Joined():
            return replace(expression, parts=tuple(_scaled(p, factor) for p in expression.parts))
        case Limited():
            return replace(
                expression, inner=_scaled(expression.inner, factor),
                low=expression.low * factor, high=expression.high * factor,
            )  # fmt: skip
        case Largest():
            return replace(expression, inner=_scaled(expression.inner, factor))
    raise AssertionError("the model's input in floating point has no factor")


def _affine(call: Call, value: Activation, factor: Reals, constant: Value) -> Activation:
    """Value * factor + constant, each one number for each channel."""
    expression = _ready(call, value).expression
    if isinstance(expression, Fed):
        raise call.refuse(
            "reads the model's input in floating point", "put a QuantizeLinear before it"
        )
    if isinstance(expression, Stored):
        return call.becomes(value, _depthwise(call, value, expression, factor, constant))
    if not isinstance(expression, Convolved):
        call.stored(value)
    assert isinstance(expression, Convolved)
    gains = _by_channel(call, value.view, factor)
    weights = expression.weights
    turned = weights * np.where(gains < 0, -1, 1).reshape(-1, *[1] * (weights.ndim - 1))
    if not ACTIVATION.holds(turned):
        raise call.refuse(
            "negates a weight of -128", "quantize weights symmetrically (-127 to 127)"
        )
    scale = expression.scale * np.abs(gains)
    made = replace(
        expression, weights=turned, scale=scale,
        bias=expression.bias * gains + _bias(call, value.view, constant, scale),
    )  # fmt: skip
    nodes = expression.nodes
    already = nodes[-1:] == (call.node.label,)
    return replace(value, expression=made if already else call.noted(made), integers=False)


def _bias(call: Call, view: View, constant: Value, scale: Reals) -> Reals:
    """A constant for each channel; integers in steps of the accumulator stay what they are."""
    if isinstance(constant, Levels):
        steps = _by_channel(call, view, constant.scale)
        if np.allclose(steps, scale, rtol=1e-6, atol=0):
            return _by_channel(call, view, constant.integers) * scale
    if not isinstance(constant, Constant | Levels):
        raise call.refuse("adds what stays on the host", "let Softmax and ArgMax be the last")
    return _by_channel(call, view, constant.real())


def _depthwise(
    call: Call, value: Activation, source: Stored, factor: Reals, constant: Value
) -> Convolved:
    """A tensor scaled by channel, as a convolution of one tap: weights of 1 and -1."""
    gains = _by_channel(call, value.view, factor)
    scale = source.quantization.scale * np.abs(gains)
    bias = _bias(call, value.view, constant, scale)
    channels = source.shape[2]
    weights = np.where(gains < 0, -1, 1).reshape(channels, 1, 1, 1)
    return Convolved(
        source=source, weights=weights.astype(np.int64), scale=scale, bias=bias, groups=channels,
        shape=source.shape,
    )  # fmt: skip


def _by_channel(call: Call, view: View, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """`array`, which broadcasts with [1, *view.shape], as one value for each channel."""
    channels, full = view.tensor[2], (1, *view.shape)
    axes = view.axes
    try:
        spread = np.broadcast_to(array, full)
    except ValueError:
        raise call.refuse(
            f"combines {[call.batch, *view.shape]} with a constant {list(array.shape)}",
            "use one value, or one for each channel",
        ) from None
    if array.size == 1:
        return np.broadcast_to(array.reshape(-1), (channels,))
    if axes is None or (channels > 1 and "C" not in axes):
        raise call.refuse("scales a flattened image", "do so before the Flatten")
    axis = axes.index("C") + 1 if channels > 1 else 0
    rows = np.moveaxis(spread, axis, 0).reshape(channels, -1)
    if (rows != rows[:, :1]).any():
        raise call.refuse(
            "has a constant that differs from pixel to pixel", "use one value for each channel"
        )
    found: npt.NDArray[Any] = rows[:, 0]
    return found


# ---- Limits ----------------------------------------------------------------------------------


def relu(call: Call) -> Value:
    """Relu."""
    return _limited(call, 0.0, inf)


def clip(call: Call) -> Value:
    """Clip, whose limits were attributes before opset 11."""
    low = call.number(1) if call.has(1) else call.attribute("min", -inf)
    high = call.number(2) if call.has(2) else call.attribute("max", inf)
    if low > high:
        raise call.refuse(f"has limits {low:g} > {high:g}", "export the model again")
    return _limited(call, low, high)


def _limited(call: Call, low: float, high: float) -> Value:
    value = call.activation(0)
    if value.integers:
        raise call.refuse("limits integers", "put a DequantizeLinear before it")
    expression = value.expression
    if isinstance(expression, Stored) and _within(expression.quantization, low, high):
        return call.becomes(value, expression)
    return call.becomes(value, Limited(inner=expression, low=low, high=high))


def _within(held: Quantization, low: float, high: float) -> bool:
    """Whether the limits change nothing."""
    least = (held.low - held.zero_point) * held.scale
    greatest = (held.high - held.zero_point) * held.scale
    return low <= least and greatest <= high


RULES: dict[tuple[str, str], Callable[[Call], Value]] = {
    ("", "Conv"): conv,
    ("", "Gemm"): gemm,
    ("", "MatMul"): matmul,
    ("", "Add"): add,
    ("", "Sub"): subtract,
    ("", "Mul"): multiply,
    ("", "Div"): divide,
    ("", "BatchNormalization"): batch_normalization,
    ("", "Relu"): relu,
    ("", "Clip"): clip,
}
"""(domain, operator) -> rule."""
