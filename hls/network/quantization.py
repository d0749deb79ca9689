"""Float ONNX models to 8 bits, by onnxruntime's static quantization."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import onnx

from hls.errors import InputError
from hls.network.calibration import read_calibration
from hls.network.differences import Difference, differences, run
from hls.network.floatmodel import inputs_of, read_float_model
from hls.network.quantizer import prepared, quantized
from hls.network.scales import Scale, overrides, scales_of
from hls.network.scheme import Scheme
from hls.network.soundness import require_alive, require_no_clip, require_sound

__all__ = ["Quantized", "quantize"]


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
        require_no_clip(model, read)
    samples = read_calibration(calibration, inputs_of(model, read))
    exact = run(model, samples)
    with tempfile.TemporaryDirectory(prefix="lineloom.") as scratch:
        folded = prepared(read, Path(scratch))
        made = quantized(folded, samples, scheme, {})
        require_alive(calibration, onnx.load(folded), scales_of(made))
        if scheme.power_of_two:
            # Weights are quantized again from the float model, not from integers.
            rounded = overrides([scale.rounded_up() for scale in scales_of(made)])
            made = quantized(folded, samples, scheme, rounded)
        require_sound(model, made, power_of_two=scheme.power_of_two)
        candidate = Path(scratch) / "quantized.onnx"
        onnx.save(made, candidate)
        found = differences(exact, run(candidate, samples))
        _publish(candidate, output)
    return Quantized(output, samples.samples, tuple(scales_of(made)), found)


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
