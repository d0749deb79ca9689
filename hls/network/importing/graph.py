"""An ONNX model as a checked graph: functions inlined, constants apart, dead nodes left out.

The first axis of every activation is the batch; here it is 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hls.errors import InputError

if TYPE_CHECKING:
    import onnx

__all__ = ["Graph", "Input", "Node", "read"]

OLDEST_OPSET = 10
"""In which QuantizeLinear and QLinearConv came."""

_QUANTIZED = ("QuantizeLinear", "Quant", "QLinear", "QGemm", "ConvInteger", "MatMulInteger")
"""How the names of operators begin that a quantized model has."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node of an ONNX graph, its attributes as Python values."""

    op: str
    domain: str
    label: str
    """Its name, or that of its first output where it has none."""
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    opset: int
    proto: onnx.NodeProto


@dataclass(frozen=True, kw_only=True)
class Input:
    """The input of a model: its name, NumPy's name of its elements, and a frame's shape."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    batch: int
    """Frames that the model is written for; 1 if it takes any number."""


@dataclass(frozen=True, kw_only=True)
class Graph:
    """Nodes that the output depends on, in an order in which they can run."""

    name: str
    nodes: tuple[Node, ...]
    constants: Mapping[str, npt.NDArray[Any]]
    input: Input
    output: str


def read(model: onnx.ModelProto, source: str) -> Graph:
    """Check `model` and take it apart; `source` names it in messages.

    Raises:
        InputError: it is not valid, not quantized, or has no single input, output or fixed shape.
    """
    import onnx
    import onnx.inliner
    import onnx.shape_inference

    if any(map(_outside, model.graph.initializer)):
        raise InputError(f"{source}: has external data; load it with the model (onnx.load)")
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    opset = opsets.get("", opsets.get("ai.onnx", OLDEST_OPSET))
    if opset < OLDEST_OPSET:
        raise InputError(
            f"{source}: has opset {opset}, older than {OLDEST_OPSET}; export it with a newer one, "
            "or convert it with onnx.version_converter"
        )
    try:
        onnx.checker.check_model(model, full_check=True)
    except (
        onnx.checker.ValidationError, onnx.shape_inference.InferenceError, ValueError, RuntimeError,
        TypeError,
    ) as error:  # fmt: skip
        reason = " ".join(str(error).split())
        raise InputError(f"{source}: is no valid model ({reason}); export it again") from None
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    nodes = [_node(proto, opset) for proto in model.graph.node]
    if not any(node.op.startswith(_QUANTIZED) for node in nodes):
        raise InputError(
            f"{source}: is not quantized, it computes in floating point; "
            "quantize it first with lineloom quantize"
        )
    constants = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    for what, values in (("input", inputs), ("output", model.graph.output)):
        if len(values) != 1:
            names = ", ".join(value.name for value in values) or "none"
            raise InputError(
                f"{source}: has {len(values)} {what}s ({names}), a network has one; "
                f"export it with one {what}"
            )
    output = model.graph.output[0].name
    return Graph(
        name=model.graph.name,
        nodes=tuple(reversed(list(_needed(nodes, output)))),
        constants=constants,
        input=_input(inputs[0], source),
        output=output,
    )


def _outside(tensor: onnx.TensorProto) -> bool:
    """Whether the values of `tensor` are still in another file."""
    return tensor.data_location == tensor.EXTERNAL and not tensor.HasField("raw_data")


def _node(proto: onnx.NodeProto, opset: int) -> Node:
    from onnx import helper

    attributes = {each.name: helper.get_attribute_value(each) for each in proto.attribute}
    return Node(
        op=proto.op_type,
        domain="" if proto.domain == "ai.onnx" else proto.domain,
        label=proto.name or next(filter(None, proto.output), proto.op_type),
        inputs=tuple(proto.input),
        outputs=tuple(proto.output),
        attributes={
            name: value.decode(errors="replace") if isinstance(value, bytes) else value
            for name, value in attributes.items()
        },
        opset=opset,
        proto=proto,
    )


def _needed(nodes: list[Node], output: str) -> Iterator[Node]:
    """The nodes that `output` depends on, last first."""
    wanted = {output}
    for node in reversed(nodes):
        if wanted.intersection(filter(None, node.outputs)):
            wanted |= set(node.inputs)
            yield node


def _input(value: onnx.ValueInfoProto, source: str) -> Input:
    from onnx import helper

    kind = value.type.tensor_type
    dims = [dim.dim_value for dim in kind.shape.dim]
    names = [dim.dim_param or "?" for dim in kind.shape.dim]
    spelled = [size or name for size, name in zip(dims, names, strict=True)]
    if not 2 <= len(dims) <= 4 or 0 in dims[1:]:
        raise InputError(
            f"{source}: input {value.name!r} has shape {spelled}; it must be [N, C, H, W], "
            "[N, C, W] or [N, C] with all but N fixed: export it so"
        )
    dtype = np.dtype(helper.tensor_dtype_to_np_dtype(kind.elem_type)).name
    if dtype not in ("float32", "int8", "uint8"):
        raise InputError(
            f"{source}: input {value.name!r} has elements {dtype}; use float32, int8 or uint8"
        )
    return Input(name=value.name, dtype=dtype, shape=tuple(dims[1:]), batch=dims[0] or 1)
