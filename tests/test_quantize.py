"""lineloom quantize: what it makes of float models, and what it refuses."""

from __future__ import annotations

import importlib.util
import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_models
import pytest
from conftest import ROOT, Lineloom
from hypothesis import given
from hypothesis import strategies as st
from onnx.numpy_helper import to_array

from hls.network.quantization import Quantized, quantize
from hls.network.scales import Scale, are_powers_of_two
from hls.network.scheme import ACTIVATIONS, FORMS, Scheme

SCHEMES = [
    Scheme(form=form, activations=activations, per_channel=per_channel, power_of_two=power_of_two)
    for form, activations, per_channel, power_of_two in itertools.product(
        FORMS, ACTIVATIONS, (True, False), (True, False)
    )
]


def saved(model: onnx.ModelProto, folder: Path) -> tuple[Path, Path]:
    """The model and samples for it as files."""
    path, samples = folder / "model.onnx", folder / "samples.npz"
    onnx.save(model, path)
    np.savez(samples, x=onnx_models.samples(model))
    return path, samples


def quantized(model: onnx.ModelProto, folder: Path, scheme: Scheme) -> Quantized:
    """What becomes of the model."""
    path, samples = saved(model, folder)
    return quantize(path, samples, folder / "made.onnx", scheme)


def constants(model: onnx.ModelProto) -> dict[str, Any]:
    return {tensor.name: to_array(tensor) for tensor in model.graph.initializer}


# ---------------------------------------------------------------------- what it makes


@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
@pytest.mark.parametrize("name", ["residual", "pools"])
def test_outputs_stay_near_the_float_model(name: str, scheme: Scheme, tmp_path: Path) -> None:
    model = onnx_models.FLOAT[name]()
    made = quantized(model, tmp_path, scheme)
    read = onnx.load(made.path)
    onnx.checker.check_model(read, full_check=True)
    operators = {node.op_type for node in read.graph.node}
    assert ("QLinearConv" in operators) == (scheme.form == "qoperator")
    # Measured anew, and on other samples than those that calibrated.
    x = onnx_models.samples(model)
    exact = onnx_models.run(model, x)
    assert made.differences[0].max_abs == np.abs(onnx_models.run(read, x) - exact).max()
    x = onnx_models.samples(model, count=64, seed=1)
    error = np.abs(onnx_models.run(read, x) - onnx_models.run(model, x))
    assert error.mean() < 0.05 * exact.std()


@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
def test_weights_are_symmetric_and_never_minus_128(scheme: Scheme, tmp_path: Path) -> None:
    made = quantized(onnx_models.convolutions(), tmp_path, scheme)
    stored = constants(onnx.load(made.path))
    weights = [s for s in made.scales if s.is_constant and s.zero_point.dtype == np.int8]
    assert len(weights) == 4
    for scale in weights:
        integers = stored[f"{scale.tensor}_quantized"]
        assert integers.min() >= -127
        assert not scale.zero_point.any()
        assert scale.scale.shape == ((len(integers),) if scale.per_channel else ())
        assert scale.per_channel == scheme.per_channel
    activations = {s.zero_point.dtype for s in made.scales if not s.is_constant}
    assert activations == {np.dtype(np.int8 if scheme.activations == "s8" else np.uint8)}


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize(
    ("name", "form"),
    # As an operator on integers, Clip is refused; see below.
    sorted({*itertools.product(onnx_models.FLOAT, FORMS)} - {("clipped", "qoperator")}),
)
def test_powers_of_two_are_the_least_that_hold_the_range(
    name: str, form: str, per_channel: bool, tmp_path: Path
) -> None:
    model = onnx_models.FLOAT[name]()
    plain = quantized(model, tmp_path, Scheme(form=form, per_channel=per_channel))
    rounded = quantized(model, tmp_path, Scheme(form=form, per_channel=per_channel,
                                                power_of_two=True))  # fmt: skip
    before = {scale.tensor: scale for scale in plain.scales}
    assert len(rounded.scales) >= len(before)
    for scale in rounded.scales:
        assert are_powers_of_two(scale)
        # A Clip that stays has a scale more, which the plain model saves.
        if scale.tensor in before and scale.zero_point.dtype != np.int32:
            was = before[scale.tensor].scale
            assert np.all((was <= scale.scale) & (scale.scale < 2 * was))


@pytest.mark.parametrize("form", FORMS)
def test_weights_at_powers_of_two_come_from_the_float_weights(form: str, tmp_path: Path) -> None:
    """Rounded once, not a second time from the integers at another scale; biases at the product."""
    model = onnx_models.convolutions()
    made = quantized(model, tmp_path, Scheme(form=form, power_of_two=True))
    exact, stored = constants(model), constants(onnx.load(made.path))
    scales = {scale.tensor: scale for scale in made.scales}
    inputs = {node.input[1]: node.input[2] for node in model.graph.node if node.op_type == "Conv"}
    for weights, bias in inputs.items():
        scale = scales[weights].scale.astype(np.float64)
        expected = np.rint(exact[weights] / scale[:, None, None, None])
        assert np.array_equal(stored[f"{weights}_quantized"], expected)
        products = stored.get(f"{bias}_quantized_scale")
        if products is not None:  # QOperator implies it
            step = products / scale
            assert np.all(step == step[0])
            assert np.array_equal(stored[f"{bias}_quantized"], np.rint(exact[bias] / products))


def test_clip_holds_where_powers_of_two_reach_further(tmp_path: Path) -> None:
    """0.4 / 127 rounded up reaches to 0.5: left away, Clip would let such values through."""
    model = onnx_models.clipped()
    made = quantized(model, tmp_path, Scheme(power_of_two=True))
    y = onnx_models.run(onnx.load(made.path), 10 * onnx_models.samples(model, seed=2))
    step = float(made.scales[0].scale.max())
    assert 0.4 - step < y.max() <= 0.4 + step / 2
    assert -0.4 - step / 2 <= y.min() < -0.4 + step


def test_clip_without_qdq_is_refused(lineloom: Lineloom, tmp_path: Path) -> None:
    path, samples = saved(onnx_models.clipped(), tmp_path)
    command = ("quantize", path, "--calibration", samples, "--format", "qoperator")
    assert lineloom(*command).code == 0
    refused = lineloom(*command, "--power-of-two")
    assert refused.code == 2
    assert "n_clip_1" in refused.err
    assert "--format qdq" in refused.err


def test_softmax_stays_in_float(tmp_path: Path) -> None:
    made = quantized(onnx_models.normalized(), tmp_path, Scheme(form="qoperator"))
    nodes = onnx.load(made.path).graph.node
    assert [node.op_type for node in nodes][-2:] == ["DequantizeLinear", "Softmax"]
    assert "BatchNormalization" not in {node.op_type for node in nodes}


@pytest.mark.parametrize("version", [9, 12])
def test_older_operators_are_converted(version: int, tmp_path: Path) -> None:
    model = onnx_models.convolutions()
    expected = quantized(model, tmp_path, Scheme()).differences
    model.opset_import[0].version = version
    made = quantized(model, tmp_path, Scheme())
    assert made.differences == expected
    assert onnx.load(made.path).opset_import[0].version == 13


@pytest.mark.parametrize("form", FORMS)
def test_a_relu_that_samples_leave_at_0_is_refused(form: str, tmp_path: Path) -> None:
    """onnxruntime gives its output a scale of 1 and a zero point of 0, and drops the ReLU."""
    g = onnx_models.Graph((2, 6, 6))
    weights = g.constant(-np.abs(g.weights(4, 2, 3, 3)))
    y = g.node("Relu", g.node("Conv", "x", weights))
    model = g.model(g.conv(y, 3, 4), (3, 2, 2))
    path, samples = saved(model, tmp_path)
    np.savez(samples, x=np.abs(onnx_models.samples(model)))
    with pytest.raises(Exception, match=r"all samples leave node n_relu_1, a Relu, at 0"):
        quantize(path, samples, tmp_path / "made.onnx", Scheme(form=form))


def test_the_same_bytes_every_time(tmp_path: Path) -> None:
    """Also where Python's sets have other orders."""
    path, samples = saved(onnx_models.residual(), tmp_path)
    made = []
    for seed in ("1", "2"):
        output = tmp_path / f"{seed}.onnx"
        command = [sys.executable, "-m", "hls", "quantize", path, "--calibration", samples,
                   "-o", output, "--power-of-two"]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, cwd=ROOT,
                       env=os.environ | {"PYTHONHASHSEED": seed})  # fmt: skip
        made.append(output.read_bytes())
    assert made[0] == made[1]


@given(
    scale=st.floats(2.0**-60, 2.0**60, width=32),
    zero_point=st.integers(-128, 127),
)
def test_rounding_up_a_scale(scale: float, zero_point: int) -> None:
    given_scale = Scale(
        "t", False, np.array(scale, np.float32), np.array(zero_point, np.int8), None
    )
    rounded = given_scale.rounded_up()
    new = float(rounded.scale)
    assert are_powers_of_two(rounded)
    assert scale <= new < 2 * scale
    if zero_point == 0:
        assert rounded.zero_point == 0
    else:
        # The low end moves by half of a step at most, and the high end never inwards by more.
        assert abs(rounded.low - given_scale.low) <= new / 2
    assert rounded.high >= given_scale.high - new / 2
    assert rounded.rounded_up() == rounded


# ---------------------------------------------------------------------- the command line


@pytest.fixture
def furnished(tmp_path: Path) -> Path:
    """A folder with a model and everything that can be wrong about files."""
    model = onnx_models.convolutions()
    _, samples = saved(model, tmp_path)
    x = onnx_models.samples(model)
    holed = x.copy()
    holed[3, 0, 0, 0] = np.nan
    for name, arrays in {
        "rank": {"x": x[0]}, "shape": {"x": x[:, :, :4]}, "double": {"x": x.astype(float)},
        "nan": {"x": holed}, "none": {"x": x[:0]}, "more": {"x": x, "z": x}, "nothing": {},
        "objects": {"x": np.array([None])},
    }.items():  # fmt: skip
        np.savez(tmp_path / f"{name}.npz", **arrays)
    np.save(tmp_path / "bare.npz", x)
    (tmp_path / "bare.npz.npy").rename(tmp_path / "bare.npz")
    (tmp_path / "text.npz").write_text("samples")
    (tmp_path / "cut.npz").write_bytes(samples.read_bytes()[:2000])
    (tmp_path / "text.onnx").write_text("a model")
    (tmp_path / "empty.onnx").write_bytes(b"")
    onnx.save(onnx_models.quantized(model), tmp_path / "qdq.onnx")
    onnx.save(onnx_models.quantized(model, form="QOperator"), tmp_path / "qoperator.onnx")
    onnx.save(onnx_models.qonnx_cnn(), tmp_path / "qonnx.onnx")
    onnx.save(onnx_models.convolutions(batch=3), tmp_path / "by3.onnx")
    g = onnx_models.Graph((3, 8, 8))
    onnx.save(g.model(g.node("Relu", "x"), (3, 8, 8)), tmp_path / "relu.onnx")
    g = onnx_models.Graph((3, 8, 8))
    onnx.save(g.model(g.node("Fold", "x", domain="acme"), (3, 8, 8)), tmp_path / "acme.onnx")
    onnx.save(onnx_models.convolutions(), tmp_path / "apart.onnx", save_as_external_data=True,
              location="weights.bin", size_threshold=0)  # fmt: skip
    (tmp_path / "weights.bin").unlink()
    return tmp_path


@pytest.mark.parametrize(
    ("model", "samples", "words"),
    [
        ("absent", "samples", ("absent.onnx: cannot be read",)),
        ("text", "samples", ("text.onnx: is no ONNX model",)),
        ("empty", "samples", ("empty.onnx: is no valid ONNX model",)),
        ("qdq", "samples", ("quantized already", "DequantizeLinear", "float model")),
        ("qoperator", "samples", ("quantized already", "QuantizeLinear")),
        ("qonnx", "samples", ("quantized already", "node n_quant_0 is a Quant")),
        ("apart", "samples", ("weights.bin", "put it where the model says")),
        ("acme", "samples", ("onnxruntime cannot run it", "acme:Fold")),
        ("relu", "samples", ("has no Conv, Gemm or MatMul",)),
        ("by3", "samples", ("16 samples", "takes 3 at once", "multiple of 3")),
        ("model", "absent", ("absent.npz: cannot be read",)),
        ("model", "text", ("text.npz: is no npz file", "numpy.savez")),
        ("model", "cut", ("cut.npz: is no npz file",)),
        ("model", "bare", ("bare.npz: is no npz file", "bare array")),
        ("model", "objects", ("objects.npz: is no npz file",)),
        ("model", "rank", ("[3, 8, 8]", "float32[any, 3, 8, 8]")),
        ("model", "shape", ("[16, 3, 4, 8]", "float32[any, 3, 8, 8]")),
        ("model", "double", ("is float64", "astype(numpy.float32)")),
        ("model", "nan", ("1 values that are NaN or infinite",)),
        ("model", "none", ("array x is empty",)),
        ("model", "more", ("has arrays x, z", "inputs are x")),
        ("model", "nothing", ("has arrays (none)",)),
    ],
)
def test_what_is_refused(
    lineloom: Lineloom, furnished: Path, model: str, samples: str, words: tuple[str, ...]
) -> None:
    kept = furnished / "made.onnx"
    kept.write_text("of yesterday")
    before = sorted(furnished.iterdir())
    refused = lineloom("quantize", furnished / f"{model}.onnx", "-o", kept,
                       "--calibration", furnished / f"{samples}.npz")  # fmt: skip
    assert refused.code == 2
    assert refused.err.startswith("lineloom: ")
    assert refused.err.count("\n") == 1
    assert all(word in refused.err for word in words), refused.err
    assert kept.read_text() == "of yesterday"
    assert sorted(furnished.iterdir()) == before


def test_the_model_itself_is_not_overwritten(lineloom: Lineloom, tmp_path: Path) -> None:
    path, samples = saved(onnx_models.dense(), tmp_path)
    refused = lineloom("quantize", path, "--calibration", samples, "-o", path)
    assert refused.code == 2
    assert "is the float model itself" in refused.err


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_without_its_packages(
    lineloom: Lineloom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == package else find_spec(name)
    )
    path, samples = saved(onnx_models.dense(), tmp_path)
    missing = lineloom("quantize", path, "--calibration", samples, "--json")
    assert missing.code == 3
    assert f"no {package} among" in missing.json["error"]
    assert "lineloom[network]" in missing.json["error"]


def test_the_command_line_works_without_its_packages() -> None:
    """Nothing but the verb imports them: a user who has no networks needs no onnxruntime."""
    code = "import sys, hls.__main__; sys.exit(any(m.startswith('onnx') for m in sys.modules))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_json(lineloom: Lineloom, tmp_path: Path) -> None:
    path, samples = saved(onnx_models.dense(), tmp_path)
    made = lineloom("quantize", path, "--calibration", samples, "--activations", "u8",
                    "--per-tensor", "--json").json  # fmt: skip
    output = tmp_path / "model_int8.onnx"
    assert made["output"] == str(output)
    assert made["bytes"] == output.stat().st_size
    assert (made["format"], made["activations"]) == ("qdq", "u8")
    assert (made["per_channel"], made["power_of_two"], made["samples"]) == (False, False, 16)
    formats = {tensor["format"] for tensor in made["tensors"]}
    assert formats == {"u8", "s8", "s32"}
    x = onnx_models.samples(onnx_models.dense())
    (given_input,) = (tensor for tensor in made["tensors"] if tensor["name"] == "x")
    assert given_input["scale"] == pytest.approx((x.max() - x.min()) / 255)
    assert given_input["low"] == pytest.approx(x.min(), abs=given_input["scale"])
    (output_of,) = made["outputs"]
    assert 0 < output_of["mean_difference"] < output_of["max_difference"] < 0.1
    assert output_of["top1_agreement"] >= 0.9


def test_tables(lineloom: Lineloom, tmp_path: Path) -> None:
    path, samples = saved(onnx_models.residual(), tmp_path)
    shown = lineloom("quantize", path, "--calibration", samples, "--power-of-two")
    assert shown.code == 0
    for text in (
        "Tensors",
        "s32",
        "-128",
        "same top-1",
        "model_int8.onnx",
        "16 calibration samples",
    ):
        assert text in shown.out


def test_a_fixed_batch_is_filled(lineloom: Lineloom, tmp_path: Path) -> None:
    path, samples = saved(onnx_models.convolutions(batch=4), tmp_path)
    assert lineloom("quantize", path, "--calibration", samples).code == 0
    by_4 = onnx.load(tmp_path / "model_int8.onnx")
    any_size = quantized(onnx_models.convolutions(), tmp_path, Scheme())
    assert constants(by_4).keys() == constants(onnx.load(any_size.path)).keys()
    for name, array in constants(onnx.load(any_size.path)).items():
        assert np.array_equal(constants(by_4)[name], array)
