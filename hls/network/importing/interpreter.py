"""Gives every name of a graph its value, node by node; layers come up on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.errors import DesignError, InputError
from hls.network.importing import (
    arithmetic,
    heads,
    operators,
    products,
    qonnx,
    quantizing,
    shaping,
    windows,
)
from hls.network.importing.call import Call
from hls.network.importing.emission import Emitter, Unquantized
from hls.network.importing.graph import Graph, Node
from hls.network.importing.refusals import refused, unsupported
from hls.network.importing.values import (
    Activation,
    Constant,
    Fed,
    Head,
    Levels,
    Stored,
    Value,
    steps_of,
)
from hls.network.importing.views import View
from hls.network.network import Host, Network

__all__ = ["interpret"]

_RULES = (
    quantizing.RULES | operators.RULES | qonnx.RULES
    | products.RULES | arithmetic.RULES | windows.RULES | shaping.RULES | heads.RULES
)  # fmt: skip

_ORDERED = ("MaxPool", "GlobalMaxPool", "ReduceMax", "Concat")
"""Operators that models use on integers as well: what they do commutes with dequantization."""

_SHAPED = ("Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze")
"""Operators that do the same to a constant's integers and to their scales."""


def interpret(graph: Graph, name: str, source: str) -> Network:
    """The network that `graph` computes.

    Raises:
        InputError: a node cannot be mapped; the text names it.
    """
    emitter = Emitter(graph.input.dtype)
    values: dict[str, Value] = {
        key: Constant(array=array) for key, array in graph.constants.items()
    }
    fed = _input(graph)
    values[graph.input.name] = fed
    for node in graph.nodes:
        operands = tuple(_operand(node, values, key) for key in node.inputs)
        call = Call(node=node, operands=operands, emitter=emitter, batch=graph.input.batch)
        value = _value(call)
        if isinstance(value, Activation):
            value = replace(value, name=node.outputs[0])
        values[node.outputs[0]] = value
    return _finished(graph, values, emitter, name, source)


def _input(graph: Graph) -> Activation:
    letters = {1: "C", 2: "CW", 3: "CHW"}[len(graph.input.shape)]
    if letters == "CHW" and _channels_last(graph):
        letters = "HWC"
    sizes = dict(zip(letters, graph.input.shape, strict=True))
    shape = sizes.get("H", 1), sizes.get("W", 1), sizes["C"]
    return Activation(
        expression=Fed(shape=shape), view=View.of(shape, letters),
        integers=graph.input.dtype != "float32", name=graph.input.name,
    )  # fmt: skip


def _channels_last(graph: Graph) -> bool:
    """Whether the first thing that is done to the input is to bring channels to the front."""
    names = {graph.input.name}
    for node in graph.nodes:
        if node.inputs[:1] and node.inputs[0] in names:
            if node.op == "Transpose":
                return tuple(node.attributes.get("perm", ())) == (0, 3, 1, 2)
            if node.op in ("QuantizeLinear", "DequantizeLinear", "Quant", "Identity"):
                names |= set(node.outputs)
    return False


def _operand(node: Node, values: Mapping[str, Value], name: str) -> Value | None:
    if not name:
        return None
    if name not in values:
        raise refused(
            node, f"reads {name!r}, a further result of another node", "use first results only"
        )
    return values[name]


def _value(call: Call) -> Value:
    """What the first output of the call's node is."""
    given = [each for each in call.operands if each is not None]
    operator = call.node.domain, call.node.op
    rule = _RULES.get(operator)
    if given and isinstance(given[0], Head):
        rule = heads.BEHIND.get(operator, rule)
    quantizes = rule is not None and call.node.op in ("QuantizeLinear", "DequantizeLinear", "Quant")
    try:
        if all(isinstance(each, Constant | Levels) for each in given) and not quantizes:
            return _folded(call, given)
        if rule is None:
            raise unsupported(call.node)
        if call.node.op in _ORDERED:
            return _in_order(call)
        return rule(call)
    except (DesignError, Unquantized) as error:
        raise call.refuse(str(error), "change the node, or leave it to the host") from None


def _in_order(call: Call) -> Value:
    """An operator of `_ORDERED`, on integers if it is given those."""
    rule = _RULES[call.node.domain, call.node.op]
    given = [each for each in call.operands if isinstance(each, Activation)]
    if not any(each.integers for each in given):
        return rule(call)
    held = [each.expression for each in given]
    first = held[0]
    if not isinstance(first, Stored) or any(
        not isinstance(each, Stored) or _step(each) != _step(first) for each in held
    ):
        raise call.refuse(
            "works on integers of different or unknown scales", "dequantize them before it"
        )
    real = replace(call, operands=tuple(replace(each, integers=False) for each in given))
    made = rule(real)
    assert isinstance(made, Activation)
    return call.quantize(made, first.quantization)


def _step(stored: Stored) -> tuple[float, int, str]:
    held = stored.quantization
    return held.scale, held.zero_point, held.dtype


def _folded(call: Call, given: list[Value]) -> Value:
    """The result of a node that reads constants only."""
    node = call.node
    first = given[0] if given else None
    if isinstance(first, Levels) and node.op in _SHAPED:
        rest = [call.array(i) for i in range(1, len(given))]
        return Levels(
            integers=_evaluated(node, [first.integers, *rest]).astype(np.int64),
            scale=_evaluated(node, [np.ascontiguousarray(first.scale), *rest]),
        )
    arrays = [
        None if each is None else call.array(index) for index, each in enumerate(call.operands)
    ]
    return Constant(array=_evaluated(node, arrays))


def _evaluated(node: Node, arrays: Sequence[npt.NDArray[Any] | None]) -> npt.NDArray[Any]:
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    if node.domain:
        raise unsupported(node)
    feeds = {
        name: array for name, array in zip(node.inputs, arrays, strict=True) if array is not None
    }
    graph = helper.make_graph(
        [node.proto], "constant",
        [helper.make_value_info(name, helper.make_tensor_type_proto(
            helper.np_dtype_to_tensor_dtype(array.dtype), array.shape))
         for name, array in feeds.items()],
        [helper.make_empty_tensor_value_info(node.outputs[0])],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", node.opset)])
    try:
        made: Any = ReferenceEvaluator(model).run([node.outputs[0]], feeds)
    except Exception as error:  # whatever NumPy says to operands that do not fit
        raise refused(node, f"cannot be computed beforehand ({error})",
                      "export the model with constants folded") from None  # fmt: skip
    return np.asarray(made[0])


def _finished(
    graph: Graph, values: Mapping[str, Value], emitter: Emitter, name: str, source: str
) -> Network:
    given = values.get(graph.output)
    head = given if isinstance(given, Head) else None
    value = head.of if head else given
    remedy = "let a QuantizeLinear and a DequantizeLinear be the last before it"
    if not isinstance(value, Activation):
        raise InputError(f"{source}: output {graph.output!r} is no quantized tensor; {remedy}")
    steps_kept = steps_of(value.expression)
    if steps_kept is None:
        nodes = value.expression.nodes[-1:] or (graph.input.name,)
        raise InputError(
            f"{source}: output {graph.output!r} is the real-valued result of {nodes[0]!r}; {remedy}"
        )
    last = emitter.quantize(value.expression, steps_kept, graph.output)
    emitter.held(last, value, "float32")
    emitter.drop_unread(last.tensor)
    tensor = emitter.tensors[last.tensor]
    letters = value.view.letters
    if letters is None:
        raise InputError(
            f"{source}: output {graph.output!r} is a flattened image {list(value.shape)}; let the "
            "model put out the image, or end with a dense layer"
        )
    if not emitter.layers or last.quantization.scale != tensor.scale:
        raise InputError(
            f"{source}: output {graph.output!r} is not what the last layer computes; let the "
            "last DequantizeLinear have the scale of the last QuantizeLinear"
        )
    fed = values[graph.input.name]
    assert isinstance(fed, Activation)
    axes = fed.view.letters
    assert axes is not None
    dtype = last.quantization.dtype if value.integers else "float32"
    return Network(
        name=name,
        tensors=emitter.tensors,
        layers=tuple(emitter.layers),
        input=next(iter(emitter.tensors)),
        output=last.tensor,
        source=Host(name=graph.input.name, dtype=graph.input.dtype, axes=axes),
        result=Host(
            name=graph.output, dtype=dtype, axes=letters, steps=head.steps if head else (),
            integers=head.integers if head else None,
        ),
        origins=emitter.origins,
    )  # fmt: skip
