"""Conv, Gemm, MatMul: products with constant weights, as real values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hls.network.importing.call import Call
from hls.network.importing.channels import of_channels, plus
from hls.network.importing.padding import axes_of, of_inner
from hls.network.importing.values import (
    Activation,
    Constant,
    Convolved,
    Ints,
    Levels,
    Reals,
    Value,
)
from hls.network.importing.views import View
from hls.network.layers import WEIGHT

__all__ = ["RULES", "convolved", "multiplied", "with_accumulated"]


def conv(call: Call) -> Value:
    """Conv, with its bias."""
    made = convolved(call, call.value(0), call.value(1))
    return plus(call, made, of_channels(made.view, call.value(2))) if call.has(2) else made


def gemm(call: Call) -> Value:
    """Gemm, with its bias."""
    made = multiplied(call, call.value(0), call.value(1))
    beta = float(call.attribute("beta", 1.0))
    if not call.has(2) or beta == 0:
        return made
    bias = call.value(2)
    return plus(call, made, bias if beta == 1 else Constant(array=call.array(2) * beta))


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
    if source.padded is not None:
        rows, cols = of_inner(source.padded, (rows, cols))
        source = replace(source.padded.inner, quantization=source.quantization)
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
    """Integers [M, ...] of at most 9 bits, and the scale of each filter [M]."""
    if not isinstance(weights, Levels):
        raise _not_weights(call, weights)
    integers = weights.integers
    if not WEIGHT.holds(integers):
        raise call.refuse(
            f"has weights from {integers.min()} to {integers.max()} when their zero point is "
            f"taken away, over {WEIGHT.bits} bits", "quantize them to 8 bits",
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


RULES: dict[tuple[str, str], Callable[[Call], Value]] = {
    ("", "Conv"): conv,
    ("", "Gemm"): gemm,
    ("", "MatMul"): matmul,
}
"""(domain, operator) -> rule."""
