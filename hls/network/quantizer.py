"""onnxruntime's static quantization, as we ask for it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
from onnxruntime import quantization as ort
from onnxruntime.quantization.shape_inference import quant_pre_process

from hls.errors import InputError, ToolFailed
from hls.network.calibration import Arrays, Calibration
from hls.network.scheme import ACTIVATIONS, FORMS, Scheme

__all__ = ["OPERATORS", "prepared", "quantized"]

OPERATORS = ("Add", "ArgMax", "AveragePool", "Clip", "Concat", "Conv", "Flatten", "Gemm",
             "GlobalAveragePool", "GlobalMaxPool", "MatMul", "MaxPool", "Pad", "ReduceMax",
             "ReduceMean", "Relu", "Reshape", "Sub")  # fmt: skip
"""What hardware computes in integers. All others stay in float: Softmax runs on the host."""

_LEAST_OPSET = 13
"""The first in which DequantizeLinear has a scale for each channel."""


def prepared(model: onnx.ModelProto, scratch: Path) -> Path:
    """The model with constants folded, BatchNormalization fused, all shapes inferred; a file."""
    plain, folded = scratch / "float.onnx", scratch / "prepared.onnx"
    onnx.save(_of_opset(model, _LEAST_OPSET), plain)
    # The symbolic inference wants sympy, and serves models of text.
    quant_pre_process(plain, folded, skip_symbolic_shape=True)
    return folded


def _of_opset(model: onnx.ModelProto, least: int) -> onnx.ModelProto:
    """The model, its operators in version `least` if they are older."""
    version = max(each.version for each in model.opset_import if each.domain in ("", "ai.onnx"))
    if version >= least:
        return model
    try:
        return onnx.version_converter.convert_version(model, least)
    except (RuntimeError, onnx.version_converter.ConvertError) as error:
        raise InputError(
            f"the model has operators of ONNX opset {version}, which cannot be brought to {least} "
            f"({error}); export it again with opset {least} or later"
        ) from None


def quantized(
    model: Path, samples: Calibration, scheme: Scheme, scales: Mapping[str, Any]
) -> onnx.ModelProto:
    """One run of onnxruntime's quantizer, with `scales` instead of its own.

    Args:
        model: a file that `prepared` wrote.
        samples: for the ranges of activations.
        scheme: form, formats and whether per channel.
        scales: name of a tensor -> what the quantizer calls an override.

    Raises:
        ToolFailed: onnxruntime raised something.
    """
    output = model.with_name("made.onnx")
    with _quiet():
        try:
            ort.quantize_static(
                model,
                output,
                _Reader(samples),
                quant_format=ort.QuantFormat[FORMS[scheme.form]],
                op_types_to_quantize=list(OPERATORS),
                per_channel=scheme.per_channel,
                activation_type=ort.QuantType[ACTIVATIONS[scheme.activations]],
                weight_type=ort.QuantType.QInt8,
                extra_options={
                    "TensorQuantOverrides": dict(scales),
                    # See soundness.require_no_clip.
                    "QDQKeepRemovableActivations": scheme.power_of_two and _has_clip(model),
                },
            )
        except Exception as error:  # whatever is wrong with a model that onnxruntime could run
            said = " ".join(str(error).split())
            raise ToolFailed(f"onnxruntime cannot quantize the model: {said}") from None
    made = onnx.load(output)
    _drop_unused_domains(made)
    return made


class _Reader:
    """Calibration samples as onnxruntime asks for them."""

    def __init__(self, samples: Calibration) -> None:
        self._batches = samples.batches()

    def __iter__(self) -> Iterator[Arrays]:
        return self._batches

    def get_next(self) -> Arrays | None:
        """The next batch; None after the last."""
        return next(self._batches, None)


def _has_clip(model: Path) -> bool:
    graph = onnx.load(model).graph
    return any(node.op_type == "Clip" for node in graph.node)


@contextmanager
def _quiet() -> Iterator[None]:
    """No advice on the speed of processors."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _drop_unused_domains(model: onnx.ModelProto) -> None:
    """Name the operator sets in use alone: the optimizer lists all that it knows."""
    used = {node.domain for node in model.graph.node} | {""}
    kept = [opset for opset in model.opset_import if opset.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)
