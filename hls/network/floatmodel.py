"""A float ONNX model, read and checked before anything is done with it."""

from __future__ import annotations

from pathlib import Path

import onnx

from hls.errors import InputError
from hls.network.calibration import Input
from hls.network.modelfile import load_model

__all__ = ["inputs_of", "read_float_model"]

_QUANTIZED = ("QuantizeLinear", "DequantizeLinear", "QLinearConv", "QLinearMatMul", "QGemm",
              "ConvInteger", "MatMulInteger", "DynamicQuantizeLinear", "Quant")  # fmt: skip


def read_float_model(path: Path) -> onnx.ModelProto:
    """The model in `path`, with the weights that it keeps in files of their own.

    Raises:
        InputError: the file is no valid ONNX model, a file of weights is missing, or the model is
            quantized already.
    """
    model = load_model(path)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        said = str(error).strip().splitlines()[0]
        raise InputError(f"{path}: is no valid ONNX model ({said}); export it again") from None
    for node in model.graph.node:
        if node.op_type in _QUANTIZED:
            raise InputError(
                f"{path}: is quantized already: node {node.name or node.output[0]} is a "
                f"{node.op_type}; give the float model that it was made of"
            )
    return model


def inputs_of(path: Path, model: onnx.ModelProto) -> list[Input]:
    """What the model reads, without its weights.

    Raises:
        InputError: an input is no tensor with axes.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    found = []
    for value in model.graph.input:
        if value.name in weights:  # old exporters list them among the inputs
            continue
        tensor = value.type.tensor_type
        if not tensor.HasField("shape") or not tensor.shape.dim:
            raise InputError(
                f"{path}: input {value.name} is no tensor with a batch axis; export the model "
                "with inputs of a known rank"
            )
        shape = tuple(dim.dim_value or None for dim in tensor.shape.dim)
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        found.append(Input(value.name, shape, dtype))
    return found
