"""Operators on integers, as what they are short for: dequantize, compute, quantize.

Their operands are triples of integers, scale and zero point. ConvInteger and MatMulInteger leave
the scales to the nodes behind them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hls.network.importing import arithmetic, products, shaping, windows
from hls.network.importing.call import Call
from hls.network.importing.quantizing import dequantized, levels, quantization_of, quantized
from hls.network.importing.values import (
    Activation,
    Averaged,
    Constant,
    Fed,
    Stored,
    Value,
)

__all__ = ["RULES"]


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
        sums = call.node.op in _MULTIPLIES_SUMS or _is_mean_of_all(made)
        zero_first = call.node.op in _ADDS_ZERO_FIRST and not sums
        odd = zero_first and int(zero.reshape(-1)[0]) % 2
        return quantized(call, made, call.array(output), zero, ties="odd" if odd else "even",
                         single=sums)  # fmt: skip

    return rule


_ADDS_ZERO_FIRST = ("QLinearAdd", "QLinearAveragePool", "QLinearMul")
"""Operators that onnxruntime rounds behind the addition of the zero point."""

_MULTIPLIES_SUMS = ("QLinearConv", "QLinearMatMul", "QGemm")
"""Operators whose sums, which are integers, onnxruntime multiplies by a ratio made in float32.

So it does with means of whole images, those of QLinearAveragePool included.
"""


def _is_mean_of_all(value: Value) -> bool:
    return (
        isinstance(value, Activation)
        and isinstance(value.expression, Averaged)
        and value.expression.whole
    )


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
    made = products.convolved(call, real[0], real[1])
    return products.with_accumulated(call, made, 8)


def _qgemm(call: Call, real: tuple[Value, ...]) -> Value:
    made = products.multiplied(call, real[0], real[1])
    return products.with_accumulated(call, made, 6)


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
    return products.convolved(call, *_integers(call, axis=0))


def product_of_integers(call: Call) -> Value:
    """MatMulInteger."""
    return products.multiplied(call, *_integers(call, axis=-1))


def _integers(call: Call, axis: int) -> tuple[Value, Value]:
    one = np.ones((), np.float32)
    zeros = [call.array(index) if call.has(index) else None for index in (2, 3)]
    x = call.activation(0)
    if not x.integers:
        raise call.refuse("reads real values", "put a QuantizeLinear before it")
    held = x.expression
    dtype = held.quantization.dtype if isinstance(held, Stored) else call.emitter.input_dtype
    zero = np.zeros((), dtype) if zeros[0] is None else zeros[0]
    found = replace(quantization_of(call, one, zero, dtype), scale=1.0)
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


RULES: dict[tuple[str, str], Callable[[Call], Value]] = {
    ("", "QLinearConv"): _q_linear(_qlinear_conv, (0, 3), 6),
    ("", "QLinearMatMul"): _q_linear(
        lambda call, real: products.multiplied(call, *real), (0, 3), 6),
    ("com.microsoft", "QGemm"): qgemm,
    ("com.microsoft", "QLinearAdd"): _q_linear(
        lambda call, real: arithmetic.added(call, *real), (0, 3), 6),
    ("com.microsoft", "QLinearMul"): _q_linear(
        lambda call, real: arithmetic.multiplied(call, *real), (0, 3), 6),
    ("com.microsoft", "QLinearConcat"): _qlinear_concat,
    ("com.microsoft", "QLinearAveragePool"): _q_linear(
        lambda call, real: windows.averaged(call, *real), (0,), 3),
    ("com.microsoft", "QLinearGlobalAveragePool"): _q_linear(
        lambda call, real: windows.averaged_whole(call, *real), (0,), 3),
    ("", "ConvInteger"): convolution_of_integers,
    ("", "MatMulInteger"): product_of_integers,
}  # fmt: skip
"""(domain, operator) -> rule."""
