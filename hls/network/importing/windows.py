"""MaxPool, AveragePool, their global forms, and ReduceMean over rows and columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hls.geometry import Axis
from hls.network.importing.call import Call
from hls.network.importing.padding import axes_of
from hls.network.importing.values import Activation, Averaged, Largest, Value
from hls.network.importing.views import View

__all__ = ["RULES", "averaged", "averaged_whole"]


def max_pool(call: Call) -> Value:
    """MaxPool."""
    value = call.image(call.real(0))
    rows, cols = _window(call, value)
    return _pooled(value, Largest(inner=value.expression, rows=rows, cols=cols,
                                  nodes=(call.node.label,)))  # fmt: skip


def global_max_pool(call: Call) -> Value:
    """GlobalMaxPool."""
    value = call.image(call.real(0))
    rows, cols = _whole(value)
    return _pooled(value, Largest(inner=value.expression, rows=rows, cols=cols,
                                  nodes=(call.node.label,)))  # fmt: skip


def average_pool(call: Call) -> Value:
    """AveragePool."""
    return averaged(call, call.real(0))


def global_average_pool(call: Call) -> Value:
    """GlobalAveragePool."""
    return averaged_whole(call, call.real(0))


def averaged(call: Call, value: Value) -> Value:
    """The means of windows, with AveragePool's attributes."""
    image = _image(call, value)
    rows, cols = _window(call, image)
    padded = any(axis.pad_before or axis.pad_after for axis in (rows, cols))
    if padded and not call.attribute("count_include_pad", 0):
        raise call.refuse(
            "divides by fewer pixels at the edges (count_include_pad=0)",
            "use count_include_pad=1, or no padding",
        )
    return _mean(call, image, rows, cols)


def averaged_whole(call: Call, value: Value) -> Value:
    """The mean of each channel."""
    image = _image(call, value)
    return _mean(call, image, *_whole(image))


def reduce_mean(call: Call) -> Value:
    """ReduceMean over rows and columns."""
    image = call.image(call.real(0))
    given = call.array(1) if call.has(1) else call.attribute("axes", ())
    rank = len(image.shape) + 1
    axes = {axis % rank for axis in call.whole(given)}
    if axes != set(range(2, rank)):
        raise call.refuse(f"averages over axes {sorted(axes)}", "average over rows and columns")
    made = averaged_whole(call, image)
    assert isinstance(made, Activation)
    if call.attribute("keepdims", 1):
        return made
    return replace(made, view=made.view.reshaped((image.shape[0],)))


def _image(call: Call, value: Value) -> Activation:
    if not isinstance(value, Activation):
        raise call.refuse("averages a constant", "export the model with constants folded")
    return call.image(value)


def _mean(call: Call, image: Activation, rows: Axis, cols: Axis) -> Activation:
    source = call.stored(image)
    made = Averaged(source=source, rows=rows, cols=cols, nodes=(call.node.label,))
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


def _window(call: Call, image: Activation) -> tuple[Axis, Axis]:
    kernel = call.whole(call.attribute("kernel_shape", ()))
    if len(kernel) != len(image.shape) - 1:
        raise call.refuse("has no kernel_shape for its input", "give it one")
    rows, cols = axes_of(call, image.view, (1,) * (2 - len(kernel)) + kernel)
    for axis in (rows, cols):
        if axis.dilation > 1:
            raise call.refuse("pools with dilations", "use dilations of 1")
        if max(axis.pad_before, axis.pad_after) >= axis.kernel:
            raise call.refuse("has windows of nothing but padding", "use pads below the kernel")
        if call.attribute("ceil_mode", 0) and (axis.unstrided - 1) % axis.stride:
            raise call.refuse(
                f"has one more window that is not whole ({axis.size} pixels, ceil_mode=1)",
                "use ceil_mode=0, or pad the image",
            )
    return rows, cols


RULES: dict[tuple[str, str], Callable[[Call], Value]] = {
    ("", "MaxPool"): max_pool,
    ("", "GlobalMaxPool"): global_max_pool,
    ("", "AveragePool"): average_pool,
    ("", "GlobalAveragePool"): global_average_pool,
    ("", "ReduceMean"): reduce_mean,
}
"""(domain, operator) -> rule."""
