"""Concat, and operators that move nothing: Flatten, Reshape, Transpose, Identity and the like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod

import numpy as np

from hls.network.importing.call import Call
from hls.network.importing.quantizing import SHIFTED
from hls.network.importing.values import Activation, Constant, Joined, Padded, Stored, Value
from hls.network.importing.views import View

__all__ = ["RULES", "joined"]


def concat(call: Call) -> Value:
    """Concat of channels."""
    return joined(call, [call.real(i) for i in range(len(call.operands))])


def joined(call: Call, parts: Sequence[Value]) -> Activation:
    """Channels of `parts` behind one another, by the attribute `axis`."""
    values = [part for part in parts if isinstance(part, Activation)]
    if len(values) < len(parts):
        raise call.refuse("joins a constant", "join what layers put out")
    first = values[0].view
    rank = len(first.shape) + 1
    axis = call.attribute("axis", 1) % rank
    tensors = [value.view.tensor for value in values]
    shape = (*first.tensor[:2], sum(tensor[2] for tensor in tensors))
    letters = first.letters
    alike = all(
        value.view.letters == letters and value.view.tensor[:2] == first.tensor[:2]
        for value in values
    )
    if letters is None or not alike or letters[axis - 1 : axis] != "C":
        shapes = " and ".join(str([call.batch, *value.shape]) for value in values)
        raise call.refuse(
            f"joins {shapes} along axis {axis}, which is not that of channels",
            "join channels of images of the same size, before they are flattened",
        )
    made = Joined(parts=tuple(value.expression for value in values), nodes=(call.node.label,))
    return Activation(expression=made, view=View.of(shape, letters))


def pad(call: Call) -> Value:
    """Pad of rows and columns by zeros, of real values or of integers."""
    value = call.activation(0)
    value = call.image(value if value.integers else call.real(0))
    mode = call.attribute("mode", "constant")
    if mode != "constant":
        raise call.refuse(f"pads by mode {mode}", "pad with zeros (mode=constant)")
    pads = _pads(call, len(value.shape) + 1)
    if not any(pads):
        return value
    if min(pads) < 0:
        raise call.refuse("crops its input (negative pads)", "use pads of 0 and more")
    fill = call.number(2) if call.has(2) else call.attribute("value", 0.0)
    held = call.stored(value)
    zero = held.quantization.zero_point + SHIFTED * (held.quantization.dtype == "uint8")
    if fill != (zero if value.integers else 0):
        raise call.refuse(f"pads with {fill:g}", "pad with zero, or integers with the zero point")
    made = Padded(inner=replace(held, padded=None), pads=pads, nodes=(call.node.label,))
    axes = "CHW" if len(value.shape) == 3 else "CW"
    result = Activation(expression=made, view=View.of(made.shape, axes))
    return call.quantize(result, held.quantization) if value.integers else result


def _pads(call: Call, rank: int) -> tuple[int, int, int, int]:
    """Top, bottom, left, right."""
    given = call.whole(call.array(1) if call.has(1) else call.attribute("pads", ()))
    axes = call.whole(call.array(3)) if call.has(3) else tuple(range(rank))
    if len(given) != 2 * len(axes):
        raise call.refuse(f"has {len(given)} pads for {len(axes)} axes", "export the model again")
    by_axis = {axis % rank: (given[i], given[i + len(axes)]) for i, axis in enumerate(axes)}
    if any(any(by_axis.get(axis, ())) for axis in (0, 1)):
        raise call.refuse("pads the batch or channels", "pad rows and columns only")
    rows = by_axis.get(2, (0, 0)) if rank == 4 else (0, 0)
    return *rows, *by_axis.get(rank - 1, (0, 0))


def identity(call: Call) -> Value:
    """Identity, Dropout in inference."""
    if call.has(2) and call.array(2).any():
        raise call.refuse("is in training mode", "export the model for inference")
    return call.value(0)


def cast(call: Call) -> Value:
    """Cast to the type that a tensor has already, or of real values (also int32 sums) to float."""
    from onnx import helper

    value = call.activation(0)
    dtype = np.dtype(helper.tensor_dtype_to_np_dtype(call.attribute("to"))).name
    held = value.expression
    own = held.quantization.dtype if isinstance(held, Stored) else call.emitter.input_dtype
    if dtype != (own if value.integers else "float32"):
        raise call.refuse(f"makes {dtype} of a tensor", "use QuantizeLinear or DequantizeLinear")
    return value


def flatten(call: Call) -> Value:
    """Flatten."""
    value = call.activation(0)
    axis = call.attribute("axis", 1) % (len(value.shape) + 1)
    full = (1, *value.shape)
    return _reshaped(call, value, (prod(full[:axis]), prod(full[axis:])))


def reshape(call: Call) -> Value:
    """Reshape."""
    value = call.activation(0)
    full = (1, *value.shape)
    wanted = list(call.whole(call.array(1)))
    if wanted[:1] == [call.batch]:
        wanted[0] = 1
    if not call.attribute("allowzero", 0):
        wanted = [full[i] if size == 0 else size for i, size in enumerate(wanted)]
    if -1 in wanted:
        rest = -prod(wanted)
        wanted[wanted.index(-1)] = prod(full) // rest if rest else 0
    return _reshaped(call, value, wanted)


def squeeze(call: Call) -> Value:
    """Squeeze."""
    value = call.activation(0)
    axes = _axes(call, len(value.shape) + 1)
    if not axes:
        raise call.refuse("squeezes whatever axis has length 1", "name the axes")
    full = (1, *value.shape)
    if 0 in axes or any(full[axis] != 1 for axis in axes):
        raise call.refuse("squeezes the batch or an axis that is not 1", "squeeze axes of length 1")
    return _reshaped(call, value, [size for i, size in enumerate(full) if i not in axes])


def unsqueeze(call: Call) -> Value:
    """Unsqueeze."""
    value = call.activation(0)
    rest = iter((1, *value.shape))
    given = call.array(1) if call.has(1) else call.attribute("axes", ())
    rank = len(value.shape) + 1 + len(call.whole(given))
    axes = _axes(call, rank)
    if 0 in axes:
        raise call.refuse("puts an axis before the batch", "let the batch be the first axis")
    return _reshaped(call, value, [1 if i in axes else next(rest) for i in range(rank)])


def _axes(call: Call, rank: int) -> set[int]:
    given = call.array(1) if call.has(1) else call.attribute("axes", ())
    return {axis % rank for axis in call.whole(given)}


def _reshaped(call: Call, value: Activation, full: Sequence[int]) -> Activation:
    if len(full) < 2 or full[0] != 1 or prod(full) != prod(value.shape):
        raise call.refuse(
            f"makes {list(full)} of {[1, *value.shape]} (one frame)",
            "keep the batch as the first axis, as with Flatten",
        )
    return replace(value, view=value.view.reshaped(full[1:]))


def transpose(call: Call) -> Value:
    """Transpose."""
    value = call.activation(0)
    rank = len(value.shape) + 1
    order = call.whole(call.attribute("perm", list(range(rank))[::-1]))
    view = value.view.transposed([axis - 1 for axis in order[1:]]) if order[0] == 0 else None
    if view is None:
        raise call.refuse(
            f"moves the batch or part of a channel ({[call.batch, *value.shape]})",
            "transpose images only",
        )
    return replace(value, view=view)


def shape_of(call: Call) -> Value:
    """Shape: a constant, as all shapes are known."""
    full = (1, *call.activation(0).shape)
    part = slice(call.attribute("start", 0), call.attribute("end"))
    return Constant(array=np.array(full[part], np.int64))


RULES: dict[tuple[str, str], Callable[[Call], Value]] = {
    ("", "Concat"): concat,
    ("", "Identity"): identity,
    ("", "Pad"): pad,
    ("", "Dropout"): identity,
    ("", "Cast"): cast,
    ("", "Flatten"): flatten,
    ("", "Reshape"): reshape,
    ("", "Squeeze"): squeeze,
    ("", "Unsqueeze"): unsqueeze,
    ("", "Transpose"): transpose,
    ("", "Shape"): shape_of,
}
"""(domain, operator) -> rule."""
