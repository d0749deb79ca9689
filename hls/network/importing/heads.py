"""Softmax and ArgMax at the end of a model, which the host does, and the rounding behind them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hls.network.importing.call import Call
from hls.network.importing.quantizing import dequantized, quantization_of
from hls.network.importing.values import Activation, Head, Value
from hls.network.network import Integers

__all__ = ["BEHIND", "RULES"]


def softmax(call: Call) -> Value:
    """Softmax of real values."""
    # Before opset 13 it flattened all axes from `axis` on, 1 unless given.
    return _head(call, call.value(0), "softmax", -1 if call.node.opset >= 13 else 1)


def log_softmax(call: Call) -> Value:
    """LogSoftmax of real values."""
    return _head(call, call.value(0), "log_softmax", -1 if call.node.opset >= 13 else 1)


def qlinear_softmax(call: Call) -> Value:
    """com.microsoft QLinearSoftmax; its `opset` is that of the Softmax that it stands for."""
    axis = -1 if call.attribute("opset", 0) >= 13 else 1
    made = _head(call, dequantized(call, 0, 1, 2), "softmax", axis)
    return _quantized(call, made, call.array(3), call.array(4))


def argmax(call: Call) -> Value:
    """ArgMax, of real values or integers."""
    step = "argmax_last" if call.attribute("select_last_index", 0) else "argmax"
    made = _head(call, call.value(0), step, 0)
    return replace(made, steps=(*made.steps, "keepdims")) if call.attribute("keepdims", 1) else made


def _head(call: Call, given: Value, step: str, default_axis: int) -> Head:
    head = given if isinstance(given, Head) else None
    value = head.of if head else given
    if not isinstance(value, Activation):
        raise call.refuse("works on a constant", "export the model with constants folded")
    if head and head.steps[-1] not in ("softmax", "log_softmax", "dequantize"):
        raise call.refuse("works on classes or integers", "leave it away")
    if value.integers and not step.startswith("argmax"):
        raise call.refuse("reads integers", "put a DequantizeLinear before it")
    value = replace(value, expression=call.stored(value))
    rank = len(value.shape) + 1
    axis = call.attribute("axis", default_axis) % rank
    letters = value.view.letters or ""
    one_pixel = value.view.tensor[:2] == (1, 1)
    if letters[axis - 1 : axis] != "C" or axis == 0 or not (call.node.opset >= 13 or one_pixel):
        raise call.refuse(f"runs along axis {axis}, not over channels", "use the axis of channels")
    before = head.steps if head else ()
    return Head(of=value, steps=(*before, step), integers=head.integers if head else None)


def quantize_linear(call: Call) -> Value:
    """QuantizeLinear of what a head gives."""
    zero = call.array(2) if call.has(2) else np.zeros((), np.uint8)
    return _quantized(call, call.value(0), call.array(1), zero)


def _quantized(
    call: Call, head: Value, scale: npt.NDArray[np.generic], zero: npt.NDArray[np.generic]
) -> Head:
    assert isinstance(head, Head)
    if head.steps[-1] not in ("softmax", "log_softmax"):
        raise call.refuse("quantizes classes or integers", "leave it away")
    held = quantization_of(call, scale, zero, str(zero.dtype))
    integers = Integers(scale=held.scale, zero_point=int(zero.reshape(-1)[0]), dtype=held.dtype)
    if head.integers not in (None, integers):
        raise call.refuse("quantizes a second time, in another way", "quantize once")
    return replace(head, steps=(*head.steps, "quantize"), integers=integers)


def dequantize_linear(call: Call) -> Value:
    """DequantizeLinear of a head's integers."""
    head = call.value(0)
    assert isinstance(head, Head)
    if head.steps[-1] != "quantize":
        raise call.refuse("dequantizes real values or classes", "leave it away")
    assert head.integers is not None
    zero = call.array(2) if call.has(2) else np.zeros((), head.integers.dtype)
    held = quantization_of(call, call.array(1), zero, head.integers.dtype)
    if (held.scale, int(zero.reshape(-1)[0])) != (head.integers.scale, head.integers.zero_point):
        raise call.refuse(
            "dequantizes a softmax by another scale or zero point than it was quantized with",
            "use those of the QuantizeLinear before it",
        )
    return replace(head, steps=(*head.steps, "dequantize"))


RULES: dict[tuple[str, str], Callable[[Call], Value]] = {
    ("", "Softmax"): softmax,
    ("", "LogSoftmax"): log_softmax,
    ("", "ArgMax"): argmax,
    ("com.microsoft", "QLinearSoftmax"): qlinear_softmax,
}
"""(domain, operator) -> rule."""

BEHIND: dict[tuple[str, str], Callable[[Call], Value]] = {
    ("", "QuantizeLinear"): quantize_linear,
    ("", "DequantizeLinear"): dequantize_linear,
    ("com.microsoft", "QuantizeLinear"): quantize_linear,
    ("com.microsoft", "DequantizeLinear"): dequantize_linear,
}
"""(domain, operator) -> rule of one that reads a head, and is something else elsewhere."""
