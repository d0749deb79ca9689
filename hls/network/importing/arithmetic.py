"""Add, Sub, Mul, Div, BatchNormalization, Relu, Clip: real values to real values."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import numpy as np

from hls.network.importing.call import Call
from hls.network.importing.channels import affine, of_channels, plus, ready, times
from hls.network.importing.values import (
    Activation,
    Constant,
    Levels,
    Limited,
    Quantization,
    Stored,
    Summed,
    Value,
)

__all__ = ["RULES", "added", "multiplied"]


def add(call: Call) -> Value:
    """Add: of two activations, or of a constant for each channel."""
    return added(call, call.value(0), call.value(1))


def added(call: Call, a: Value, b: Value) -> Value:
    """A + b."""
    if not isinstance(a, Activation):
        a, b = b, a
    if not isinstance(a, Activation):
        raise call.refuse("adds what stays on the host", "let Softmax and ArgMax be the last")
    return _summed(call, a, b) if isinstance(b, Activation) else plus(call, a, b)


def subtract(call: Call) -> Value:
    """Sub: of two activations, or of an activation and a constant for each channel."""
    a, b = call.value(0), call.value(1)
    if not isinstance(b, Activation):
        return plus(call, call.real(0), Constant(array=-call.array(1).astype(np.float64)))
    if not isinstance(a, Activation):
        return plus(call, times(call, call.real(1), -np.ones(1)), a)
    return _summed(call, a, b, subtracts=True)


def _summed(call: Call, a: Activation, b: Activation, *, subtracts: bool = False) -> Value:
    parts = (call.stored(ready(call, a)), call.stored(ready(call, b)))
    if a.view != b.view:
        raise call.refuse(
            f"adds {[call.batch, *a.shape]} and {[call.batch, *b.shape]} whose elements lie "
            "differently", "add tensors of the same shape, before they are flattened",
        )  # fmt: skip
    return call.becomes(a, Summed(parts=parts, subtracts=subtracts))


def multiply(call: Call) -> Value:
    """Mul by a constant."""
    return multiplied(call, call.value(0), call.value(1))


def multiplied(call: Call, a: Value, b: Value) -> Value:
    """A * b, one of which is constant."""
    if not isinstance(a, Activation):
        a, b = b, a
    if not isinstance(a, Activation) or not isinstance(b, Activation | Constant | Levels):
        raise call.refuse("multiplies what stays on the host", "let Softmax and ArgMax be the last")
    if isinstance(b, Activation):
        raise call.refuse("multiplies two activations", "make one of its inputs constant")
    return times(call, ready(call, a), b.real())


def divide(call: Call) -> Value:
    """Div by a constant."""
    divisor = call.array(1).astype(np.float32)
    if not divisor.all():
        raise call.refuse("divides by zero", "use another divisor")
    # Quotients are rounded to float32: by what float32 has for 0.2 they are 5 times as much.
    return times(call, call.real(0), (np.float32(1) / divisor).astype(np.float64))


def batch_normalization(call: Call) -> Value:
    """BatchNormalization with fixed statistics."""
    if call.attribute("training_mode", 0):
        raise call.refuse("is in training mode", "export the model for inference")
    gamma, beta, mean, variance = (call.array(i).astype(np.float64) for i in (1, 2, 3, 4))
    factor = gamma / np.sqrt(variance + call.attribute("epsilon", 1e-5))
    value = call.real(0)
    gains, bias = (
        of_channels(value.view, Constant(array=each)) for each in (factor, beta - mean * factor)
    )
    assert isinstance(gains, Constant)
    return affine(call, value, gains.real(), bias)


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
    ("", "Add"): add,
    ("", "Sub"): subtract,
    ("", "Mul"): multiply,
    ("", "Div"): divide,
    ("", "BatchNormalization"): batch_normalization,
    ("", "Relu"): relu,
    ("", "Clip"): clip,
}
"""(domain, operator) -> rule."""
