"""The size of a model: parameters and multiply-accumulates."""

from __future__ import annotations

import math

import onnx

__all__ = ["macs", "parameters"]


def parameters(model: onnx.ModelProto) -> int:
    """Weights and biases of Conv and Gemm in a float model.

    BatchNormalization adds none: folded, it leaves each convolution a bias, which is counted.
    """
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    return sum(
        math.prod(shapes[node.input[1]]) + shapes[node.input[1]][0] for node in _layers(model)
    )


def macs(model: onnx.ModelProto) -> int:
    """Products that Conv and Gemm of a float model add for one input; padding counts as well."""
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    for value in onnx.shape_inference.infer_shapes(model, strict_mode=True).graph.value_info:
        shapes[value.name] = tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
    total = 0
    for node in _layers(model):
        places = shapes.get(node.output[0], ())[2:]  # of a Gemm there is one
        total += math.prod(shapes[node.input[1]]) * math.prod(places)
    return total


def _layers(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    return [node for node in model.graph.node if node.op_type in ("Conv", "Gemm")]
