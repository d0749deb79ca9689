"""Factors and constants for each channel: what biases, normalizations and scalings come to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.network.importing.call import Call
from hls.network.importing.values import (
    Activation,
    Averaged,
    Constant,
    Convolved,
    Expression,
    Fed,
    Joined,
    Largest,
    Levels,
    Limited,
    Padded,
    Reals,
    Stored,
    Summed,
    Value,
)
from hls.network.importing.views import View

__all__ = ["affine", "of_channels", "plus", "ready", "times"]


def ready(call: Call, value: Activation) -> Activation:
    """`value`, if it is real and computed by the network."""
    if value.integers:
        raise call.refuse("adds integers", "put a DequantizeLinear before it")
    return value


def plus(call: Call, value: Activation, constant: Value) -> Activation:
    """Value + constant, one number for each channel."""
    return affine(call, value, np.ones(1), constant)


def times(call: Call, value: Activation, factor: Reals) -> Activation:
    """Value * factor, one number for each channel."""
    if factor.size == 1 and factor.reshape(-1)[0] > 0:
        return call.becomes(value, _scaled(value.expression, float(factor.reshape(-1)[0])))
    return affine(call, value, factor, Constant(array=np.zeros(1)))


def _scaled(expression: Expression, factor: float) -> Expression:
    """`expression` times a positive number, which only changes scales."""
    match expression:
        case Stored():
            held = expression.quantization
            return replace(expression, quantization=replace(held, scale=held.scale * factor))
        case Padded():
            inner = _scaled(expression.inner, factor)
            assert isinstance(inner, Stored)
            return replace(expression, inner=inner)
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


def affine(call: Call, value: Activation, factor: Reals, constant: Value) -> Activation:
    """Value * factor + constant, each one number for each channel."""
    expression = ready(call, value).expression
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


def of_channels(view: View, values: Value) -> Value:
    """A constant [M] as one that broadcasts with [M, H, W] or [M, W]."""
    shape = (-1, *[1] * (len(view.shape) - 1))
    if isinstance(values, Levels):
        return Levels(integers=values.integers.reshape(shape), scale=values.scale.reshape(shape))
    return Constant(array=values.array.reshape(shape)) if isinstance(values, Constant) else values
