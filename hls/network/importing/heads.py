"""Softmax and ArgMax at the end of a model, which the host does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hls.network.importing.call import Call
from hls.network.importing.values import Activation, Head, Value

__all__ = ["RULES"]


def softmax(call: Call) -> Value:
    """Softmax of real values."""
    # Before opset 13 it flattened all axes from `axis` on, 1 unless given.
    return _head(call, "softmax", -1 if call.node.opset >= 13 else 1)


def qlinear_softmax(call: Call) -> Value:
    """com.microsoft QLinearSoftmax; its `opset` is that of the Softmax that it stands for."""
    return replace(
        _head(call, "softmax", -1 if call.attribute("opset", 0) >= 13 else 1), integers=True
    )


def argmax(call: Call) -> Value:
    """ArgMax; the axis that `keepdims` keeps is not seen again."""
    if call.attribute("select_last_index", 0):
        raise call.refuse("takes the last of equal values", "use select_last_index=0")
    return _head(call, "argmax", 0)


def _head(call: Call, step: str, default_axis: int) -> Head:
    given = call.value(0)
    value, before = (given.of, given.steps) if isinstance(given, Head) else (given, ())
    if not isinstance(value, Activation):
        raise call.refuse("works on a constant", "export the model with constants folded")
    value = replace(value, expression=call.stored(value))
    rank = len(value.shape) + 1
    axis = call.attribute("axis", default_axis) % rank
    letters = value.view.letters or ""
    one_pixel = value.view.tensor[:2] == (1, 1)
    if letters[axis - 1 : axis] != "C" or axis == 0 or not (call.node.opset >= 13 or one_pixel):
        raise call.refuse(f"runs along axis {axis}, not over channels", "use the axis of channels")
    return Head(of=value, steps=(*before, step))


RULES: dict[tuple[str, str], Callable[[Call], Value]] = {
    ("", "Softmax"): softmax,
    ("", "ArgMax"): argmax,
    ("com.microsoft", "QLinearSoftmax"): qlinear_softmax,
}
"""(domain, operator) -> rule."""
