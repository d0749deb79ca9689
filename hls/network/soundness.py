"""What onnxruntime's quantizer would get wrong without a word."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnx

from hls.errors import InputError, ToolFailed
from hls.network.scales import Scale, are_powers_of_two, scales_of

__all__ = ["require_alive", "require_no_clip", "require_sound"]


def require_no_clip(path: Path, model: onnx.ModelProto) -> None:
    """Reject what would be clipped at the wrong value.

    Where integers saturate at the calibrated range, onnxruntime leaves Clip away. At a scale that
    was rounded up they reach further. Only QDQ keeps Clip if told to.
    """
    for node in model.graph.node:
        if node.op_type == "Clip":
            raise InputError(
                f"{path}: node {node.name or node.output[0]} is a Clip, which operators of the "
                "form qoperator do not keep at scales of powers of two; use --format qdq"
            )


def require_alive(path: Path, prepared: onnx.ModelProto, scales: Sequence[Scale]) -> None:
    """Reject calibration for which all that a ReLU puts out is 0.

    onnxruntime leaves ReLU away where integers saturate at its lower end anyway. To a range of
    nothing it gives a scale of 1 and a zero point of 0 instead, and signed integers then go below.
    """
    by_tensor = {scale.tensor: scale for scale in scales}
    for node in prepared.graph.node:
        if node.op_type not in ("Relu", "Clip"):
            continue
        # QDQ quantizes what it puts out; in QOperator the operator before it has the scale.
        scale = by_tensor.get(node.output[0]) or by_tensor.get(node.input[0])
        if scale and scale.scale == 1 and scale.zero_point == 0 and scale.low < 0:
            raise InputError(
                f"{path}: all samples leave node {node.name or node.output[0]}, a {node.op_type}, "
                "at 0; give samples like those that the network is for"
            )


def require_sound(path: Path, made: onnx.ModelProto, *, power_of_two: bool) -> None:
    """Whether the quantized model of the float model in `path` is what it was to be.

    Raises:
        InputError: nothing was quantized.
        ToolFailed: the model is invalid, or scales are no powers of two that were to be.
    """
    try:
        onnx.checker.check_model(made, full_check=True)
    except onnx.checker.ValidationError as error:
        raise ToolFailed(f"onnxruntime quantized {path} to an invalid model: {error}") from None
    scales = scales_of(made)
    if not any(scale.is_constant for scale in scales):
        raise InputError(f"{path}: has no Conv, Gemm or MatMul with constant weights to quantize")
    for scale in scales:
        if power_of_two and not are_powers_of_two(scale):
            raise ToolFailed(
                f"onnxruntime kept a scale of {scale.tensor} that is no power of two; "
                "leave --power-of-two away"
            )
