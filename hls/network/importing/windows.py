"""MaxPool, AveragePool, their global forms, ReduceMax and ReduceMean over rows and columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hls.geometry import Axis
from hls.network.importing.call import Call
from hls.network.importing.padding import axes_of, of_inner
from hls.network.importing.values import (
    Activation,
    Averaged,
    Expression,
    Largest,
    Padded,
    Quantization,
    Stored,
    Value,
)
from hls.network.importing.views import View

__all__ = ["RULES", "averaged", "averaged_whole"]


def max_pool(call: Call) -> Value:
    """MaxPool."""
    value = call.image(call.real(0))
    rows, cols = _complete(call, _written(call, value))
    inner = value.expression
    padded = _padded(inner)
    if padded is not None and _is_least(padded.inner.quantization):
        seen = of_inner(padded, (rows, cols))
        # Zeros around what has nothing below zero are no different from padding.
        if not any(0 in axis.taps_inside for axis in seen):
            inner, (rows, cols) = padded.inner, seen
    return _pooled(value, Largest(inner=inner, rows=rows, cols=cols, nodes=(call.node.label,)))


def global_max_pool(call: Call) -> Value:
    """GlobalMaxPool."""
    return _largest_whole(call, call.real(0))


def average_pool(call: Call) -> Value:
    """AveragePool."""
    return averaged(call, call.real(0))


def global_average_pool(call: Call) -> Value:
    """GlobalAveragePool."""
    return averaged_whole(call, call.real(0))


def averaged(call: Call, value: Value) -> Value:
    """The means of windows, with AveragePool's attributes.

    onnxruntime's QLinearAveragePool multiplies by 1 / pixels in float32, then adds the zero point,
    which rounds again. Where that is not exact (windows of 14, 28 or 30 pixels; not those of 4, 6,
    9, 36 or 49) it takes some exact ties for values beside them; here a tie is one.
    """
    image = _image(call, value)
    written = _written(call, image)
    rows, cols = _complete(call, written)
    counts_padding = bool(call.attribute("count_include_pad", 0))
    if counts_padding and (rows, cols) != written and call.node.op == "AveragePool":
        # It does not count what is beyond its own padding. (QLinearAveragePool does.)
        if any(axis.pad_before or axis.pad_after for axis in written):
            raise call.refuse(
                "counts its padding, but not the pixels that ceil_mode=1 adds to it",
                "use count_include_pad=0, or ceil_mode=0",
            )
        counts_padding = False
    padded = _padded(image.expression)
    own = any(axis.pad_before or axis.pad_after for axis in (rows, cols))
    if padded is not None and (counts_padding or not own):
        rows, cols = of_inner(padded, (rows, cols))
        image = replace(image, expression=padded.inner)
        counts_padding = True
    return _mean(call, image, rows, cols, counts_padding=counts_padding)


def averaged_whole(call: Call, value: Value) -> Activation:
    """The mean of each channel."""
    image = _image(call, value)
    return _mean(call, image, *_whole(image))


def reduce_mean(call: Call) -> Value:
    """ReduceMean over rows and columns."""
    return _reduced(call, averaged_whole)


def reduce_max(call: Call) -> Value:
    """ReduceMax over rows and columns."""
    return _reduced(call, _largest_whole)


def _reduced(call: Call, compute: Callable[[Call, Value], Activation]) -> Value:
    image = call.image(call.real(0))
    given = call.array(1) if call.has(1) else call.attribute("axes", ())
    rank = len(image.shape) + 1
    axes = {axis % rank for axis in call.whole(given)}
    if axes != set(range(2, rank)):
        raise call.refuse(f"runs over axes {sorted(axes)}", "use rows and columns")
    made = compute(call, image)
    if call.attribute("keepdims", 1):
        return made
    return replace(made, view=made.view.reshaped((image.shape[0],)))


def _largest_whole(call: Call, value: Value) -> Activation:
    image = _image(call, value)
    rows, cols = _whole(image)
    made = Largest(inner=image.expression, rows=rows, cols=cols, nodes=(call.node.label,))
    return _pooled(image, made)


def _image(call: Call, value: Value) -> Activation:
    if not isinstance(value, Activation):
        raise call.refuse("pools a constant", "export the model with constants folded")
    return call.image(value)


def _mean(
    call: Call, image: Activation, rows: Axis, cols: Axis, *, counts_padding: bool = True
) -> Activation:
    made = Averaged(source=call.stored(image), rows=rows, cols=cols, counts_padding=counts_padding,
                    nodes=(call.node.label,))  # fmt: skip
    return _pooled(image, made)


def _pooled(image: Activation, made: Averaged | Largest) -> Activation:
    axes = "CHW" if len(image.shape) == 3 else "CW"
    return Activation(expression=made, view=View.of(made.shape, axes))


def _whole(image: Activation) -> tuple[Axis, Axis]:
    rows, cols = (
        Axis(size=size, kernel=size, stride=1, dilation=1, pad_before=0, pad_after=0)
        for size in image.view.tensor[:2]
    )
    return rows, cols


def _padded(expression: Expression) -> Padded | None:
    """What `expression` is with zeros around."""
    if isinstance(expression, Stored) and expression.padded is not None:
        inner = replace(expression.padded.inner, quantization=expression.quantization)
        return replace(expression.padded, inner=inner)
    return expression if isinstance(expression, Padded) else None


def _is_least(held: Quantization) -> bool:
    """Whether no value is below zero."""
    return held.zero_point <= held.low


def _written(call: Call, image: Activation) -> tuple[Axis, Axis]:
    """Rows and columns with the padding that the node has."""
    kernel = call.whole(call.attribute("kernel_shape", ()))
    if len(kernel) != len(image.shape) - 1:
        raise call.refuse("has no kernel_shape for its input", "give it one")
    same = call.attribute("auto_pad", "NOTSET").startswith("SAME")
    if same and max(call.whole(call.attribute("dilations", (1,)))) > 1:
        raise call.refuse("leaves the padding of dilated windows open", "use pads, not auto_pad")
    return axes_of(call, image.view, (1,) * (2 - len(kernel)) + kernel)


def _complete(call: Call, axes: tuple[Axis, Axis]) -> tuple[Axis, Axis]:
    """`axes` with ceil_mode's last windows, for which padding is added."""
    rows, cols = map(_rounded_up, axes) if call.attribute("ceil_mode", 0) else axes
    if 0 in rows.taps_inside or 0 in cols.taps_inside:
        raise call.refuse("has windows of nothing but padding", "use pads below the kernel")
    return rows, cols


def _rounded_up(axis: Axis) -> Axis:
    """With one window more where some pixels are left over, unless it begins behind the image."""
    more = -(-(axis.unstrided - 1) // axis.stride)
    if more * axis.stride >= axis.size + axis.pad_before:
        return axis
    end = more * axis.stride + axis.reach + 1
    return replace(axis, pad_after=max(axis.pad_after, end - axis.size - axis.pad_before))


RULES: dict[tuple[str, str], Callable[[Call], Value]] = {
    ("", "MaxPool"): max_pool,
    ("", "GlobalMaxPool"): global_max_pool,
    ("", "AveragePool"): average_pool,
    ("", "GlobalAveragePool"): global_average_pool,
    ("", "ReduceMax"): reduce_max,
    ("", "ReduceMean"): reduce_mean,
}
"""(domain, operator) -> rule."""
