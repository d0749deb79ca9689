"""Float ONNX models to 8 bits, by onnxruntime's static quantization."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from onnxruntime import quantization as ort
from onnxruntime.quantization.shape_inference import quant_pre_process

from hls.errors import InputError, ToolFailed
from hls.network.calibration import Arrays, Calibration, read_calibration
from hls.network.differences import Difference, differences, run
from hls.network.floatmodel import inputs_of, read_float_model
from hls.network.scales import Scale, are_powers_of_two, overrides, scales_of
from hls.network.scheme import ACTIVATIONS, FORMS, Scheme

__all__ = ["OPERATORS", "Quantized", "quantize"]

OPERATORS = ("Add", "ArgMax", "AveragePool", "Clip", "Concat", "Conv", "Flatten", "Gemm",
             "GlobalAveragePool", "MatMul", "MaxPool", "Relu", "Reshape")  # fmt: skip
"""What hardware computes in integers. All others stay in float: Softmax runs on the host."""


_LEAST_OPSET = 13
"""The first in which DequantizeLinear has a scale for each channel."""


@dataclass(frozen=True)
class Quantized:
    """What was made, and how far it is from the float model."""

    path: Path
    samples: int
    scales: tuple[Scale, ...]
    differences: tuple[Difference, ...]


def quantize(model: Path, calibration: Path, output: Path, scheme: Scheme) -> Quantized:
    """Quantize the float model in file `model`, and write it to `output`.

    BatchNormalization is folded into the convolution before it. The ranges of activations are
    the least and the largest values that the calibration samples lead to. The same files make
    the same bytes.

    Args:
        model: an .onnx file; operators before opset 13 are converted.
        calibration: an .npz file; see `read_calibration`.
        output: an .onnx file, replaced when all went well, and left alone otherwise.
        scheme: how.

    Raises:
        InputError: a file is not what it has to be, or nothing in the model can be quantized.
        ToolFailed: onnxruntime does not quantize the model as `scheme` says.
    """
    if output.resolve() == model.resolve():
        raise InputError(f"{output}: is the float model itself; write to another file")
    read = read_float_model(model)
    if scheme.power_of_two and scheme.form == "qoperator":
        _require_no_clip(model, read)
    samples = read_calibration(calibration, inputs_of(model, read))
    exact = run(model, samples)
    with tempfile.TemporaryDirectory(prefix="lineloom.") as scratch:
        prepared = _prepared(read, Path(scratch))
        made = _quantized(prepared, samples, scheme, ranges={})
        _require_alive(calibration, onnx.load(prepared), scales_of(made))
        if scheme.power_of_two:
            # Weights are quantized again from the float model, not from integers.
            rounded = overrides([scale.rounded_up() for scale in scales_of(made)])
            made = _quantized(prepared, samples, scheme, ranges=rounded)
        _check(model, made, scheme)
        candidate = Path(scratch) / "quantized.onnx"
        onnx.save(made, candidate)
        found = differences(exact, run(candidate, samples))
        _publish(candidate, output)
    return Quantized(output, samples.samples, tuple(scales_of(made)), found)


def _require_no_clip(path: Path, model: onnx.ModelProto) -> None:
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


def _prepared(model: onnx.ModelProto, scratch: Path) -> Path:
    """The model with constants folded, BatchNormalization fused, all shapes inferred; a file."""
    plain, prepared = scratch / "float.onnx", scratch / "prepared.onnx"
    onnx.save(_of_opset(model, _LEAST_OPSET), plain)
    # The symbolic inference wants sympy, and serves models of text.
    quant_pre_process(plain, prepared, skip_symbolic_shape=True)
    return prepared


def _of_opset(model: onnx.ModelProto, least: int) -> onnx.ModelProto:
    """The model, its operators in version `least` if they are older."""
    (version,) = (each.version for each in model.opset_import if each.domain in ("", "ai.onnx"))
    if version >= least:
        return model
    try:
        return onnx.version_converter.convert_version(model, least)
    except (RuntimeError, onnx.version_converter.ConvertError) as error:
        raise InputError(
            f"the model has operators of ONNX opset {version}, which cannot be brought to {least} "
            f"({error}); export it again with opset {least} or later"
        ) from None


def _quantized(
    prepared: Path, samples: Calibration, scheme: Scheme, ranges: dict[str, Any]
) -> onnx.ModelProto:
    """One run of onnxruntime's quantizer, with the scales in `ranges` instead of its own."""
    output = prepared.with_name("made.onnx")
    with _quiet():
        try:
            ort.quantize_static(
                prepared,
                output,
                _Reader(samples),
                quant_format=ort.QuantFormat[FORMS[scheme.form]],
                op_types_to_quantize=list(OPERATORS),
                per_channel=scheme.per_channel,
                activation_type=ort.QuantType[ACTIVATIONS[scheme.activations]],
                weight_type=ort.QuantType.QInt8,
                extra_options={
                    "TensorQuantOverrides": ranges,
                    # See _require_no_clip.
                    "QDQKeepRemovableActivations": scheme.power_of_two and _has_clip(prepared),
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


def _require_alive(path: Path, prepared: onnx.ModelProto, scales: list[Scale]) -> None:
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


def _has_clip(prepared: Path) -> bool:
    graph = onnx.load(prepared).graph
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


def _check(path: Path, made: onnx.ModelProto, scheme: Scheme) -> None:
    """Whether the quantizer did what it was asked to."""
    try:
        onnx.checker.check_model(made, full_check=True)
    except onnx.checker.ValidationError as error:
        raise ToolFailed(f"onnxruntime quantized {path} to an invalid model: {error}") from None
    scales = scales_of(made)
    if not any(scale.is_constant for scale in scales):
        raise InputError(f"{path}: has no Conv, Gemm or MatMul with constant weights to quantize")
    if scheme.power_of_two:
        for scale in scales:
            if not are_powers_of_two(scale):
                raise ToolFailed(
                    f"onnxruntime kept a scale of {scale.tensor} that is no power of two; "
                    "leave --power-of-two away"
                )


def _publish(candidate: Path, output: Path) -> None:
    """Put the file in its place, whole or not at all."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{output.name}.", dir=output.parent) as beside:
            (Path(beside) / "made").write_bytes(candidate.read_bytes())
            (Path(beside) / "made").replace(output)
    except OSError as error:
        raise InputError(
            f"{output}: cannot be written ({error.strerror}); choose another place"
        ) from None
