"""lineloom quantize: a float ONNX model to 8 bits, by onnxruntime's static quantization."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hls.commands.console import Console
from hls.network.packages import require_onnx
from hls.network.scheme import ACTIVATIONS, FORMS, Scheme

if TYPE_CHECKING:
    from hls.network.quantization import Quantized
    from hls.network.scales import Scale

HELP = "quantize a float ONNX model to 8 bits with calibration data"
EXAMPLE = (
    "lineloom quantize models/digits_cnn_float.onnx "
    "--calibration models/digits_calibration.npz -o build/digits_cnn.onnx"
)


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    default = Scheme()
    parser.add_argument("model", type=Path, metavar="MODEL.onnx", help="the float model")
    parser.add_argument("--calibration", type=Path, required=True, metavar="FILE.npz",
                        help="an array of samples for each input of the model, under its name; "
                        "the first axis counts them")  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, metavar="FILE.onnx",
                        help="the quantized model (MODEL_int8.onnx beside MODEL.onnx)")  # fmt: skip
    parser.add_argument("--power-of-two", action="store_true",
                        help="round all scales up to powers of two, so that requantization is a "
                        "shift and exact")  # fmt: skip
    weights = parser.add_mutually_exclusive_group()
    weights.add_argument(
        "--per-channel",
        action="store_true",
        default=default.per_channel,
        help="weights have a scale for each output channel (so without)",
    )
    weights.add_argument("--per-tensor", dest="per_channel", action="store_false",
                         help="weights have one scale for all channels")  # fmt: skip
    parser.add_argument("--format", dest="form", choices=tuple(FORMS), default=default.form,
                        help="operators between QuantizeLinear and DequantizeLinear, or operators "
                        f"on integers ({default.form})")  # fmt: skip
    parser.add_argument("--activations", choices=tuple(ACTIVATIONS), default=default.activations,
                        help=f"their format ({default.activations}); weights are s8")  # fmt: skip


def run(args: argparse.Namespace, console: Console) -> int:
    """Quantize and show the scales, and how far the outputs are from the float model's."""
    require_onnx()
    from hls.network.quantization import quantize

    model: Path = args.model
    output = args.output or model.with_name(f"{model.stem}_int8.onnx")
    scheme = Scheme(form=args.form, activations=args.activations, per_channel=args.per_channel,
                    power_of_two=args.power_of_two)  # fmt: skip
    with console.working(f"quantizing {model.name}"):
        made = quantize(model, args.calibration, output, scheme)
    console.tables(_data(made, model, scheme), _tables(made))
    console.text(f"written {made.path}: {made.path.stat().st_size:,} bytes, "
                 f"{made.samples} calibration samples")  # fmt: skip
    return 0


def _data(made: Quantized, model: Path, scheme: Scheme) -> dict[str, Any]:
    return {
        "model": str(model),
        "output": str(made.path),
        "bytes": made.path.stat().st_size,
        "format": scheme.form,
        "activations": scheme.activations,
        "per_channel": scheme.per_channel,
        "power_of_two": scheme.power_of_two,
        "samples": made.samples,
        "tensors": [
            {
                "name": scale.tensor,
                "constant": scale.is_constant,
                "format": _format(scale),
                "axis": scale.axis,
                "scale": scale.scale.tolist(),
                "zero_point": scale.zero_point.tolist(),
                "low": scale.low,
                "high": scale.high,
            }
            for scale in made.scales
        ],
        "outputs": [
            {
                "name": each.output,
                "max_difference": each.max_abs,
                "mean_difference": each.mean_abs,
                "top1_agreement": each.top1_agreement,
            }
            for each in made.differences
        ],
    }


def _tables(made: Quantized) -> list[tuple[str, Sequence[str], Sequence[Sequence[str]]]]:
    scales = [
        (scale.tensor, _format(scale), "" if scale.axis is None else str(scale.scale.size),
         _span(scale.scale), _span(scale.zero_point), f"{scale.low:.6g}", f"{scale.high:.6g}")
        for scale in made.scales
    ]  # fmt: skip
    outputs = [
        (each.output, f"{each.max_abs:.6g}", f"{each.mean_abs:.6g}",
         "" if each.top1_agreement is None else f"{each.top1_agreement:.2%}")
        for each in made.differences
    ]  # fmt: skip
    return [
        ("Tensors", ("tensor", "format", "channels", "scale", "zero point", "low", "high"), scales),
        ("Against the float model, on the calibration samples",
         ("output", "largest difference", "mean", "same top-1"), outputs),
    ]  # fmt: skip


def _format(scale: Scale) -> str:
    """Such as s8."""
    dtype = scale.zero_point.dtype
    return f"{'u' if dtype.kind == 'u' else 's'}{dtype.itemsize * 8}"


def _span(values: np.ndarray[Any, Any]) -> str:
    """One value, or the least and the largest."""
    low, high = f"{np.min(values):.6g}", f"{np.max(values):.6g}"
    return low if low == high else f"{low} .. {high}"
