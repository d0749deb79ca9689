"""The ONNX models that other tests are given: they are what they are said to be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_models
import pytest

from sim.qonnx import runnable

PYTORCH = Path(__file__).parent / "pytorch"


def operators(model: onnx.ModelProto) -> set[str]:
    return {node.op_type for node in model.graph.node}


@pytest.mark.parametrize("name", onnx_models.FLOAT)
@pytest.mark.parametrize("form", ["QDQ", "QOperator"])
def test_onnxruntime_runs_what_its_quantizer_writes(name: str, form: str) -> None:
    model = onnx_models.FLOAT[name]()
    made = onnx_models.quantized(model, form=form, prepared=False)
    x = onnx_models.samples(model)
    exact = onnx_models.run(model, x)
    error = np.abs(onnx_models.run(made, x).astype(float) - exact)
    # Where two classes are close, ArgMax goes over to the other.
    assert error.mean() < (0.25 if name == "classifier" else 0.1) * exact.std()
    is_qoperator = any(name.startswith(("QLinear", "QGemm")) for name in operators(made))
    assert is_qoperator == (form == "QOperator")


def test_unprepared_models_keep_what_others_fuse() -> None:
    dense, normalized = onnx_models.dense(), onnx_models.normalized()
    assert "MatMul" in operators(onnx_models.quantized(dense, prepared=False))
    assert "MatMul" not in operators(onnx_models.quantized(dense))
    assert "BatchNormalization" in operators(onnx_models.quantized(normalized, prepared=False))
    assert "Relu" in operators(onnx_models.quantized(onnx_models.residual(), symmetric=True))


def test_the_same_model_every_time() -> None:
    for builder in (*onnx_models.FLOAT.values(), *onnx_models.QONNX.values()):
        assert builder().SerializeToString() == builder().SerializeToString()


@pytest.mark.parametrize("name", onnx_models.QONNX)
def test_outputs_of_qonnx_are_integers_times_a_scale(name: str) -> None:
    model = onnx_models.QONNX[name]()
    y = onnx_models.run(runnable(model), onnx_models.samples(model))
    last = model.graph.node[-1]
    (scale,) = (onnx.numpy_helper.to_array(t) for t in model.graph.initializer
                if t.name == last.input[1])  # fmt: skip
    integers = y / scale
    assert np.array_equal(integers, np.rint(integers))
    assert np.abs(integers).max() <= 255
    assert len(np.unique(integers)) > 8


@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("narrow", [0, 1])
@pytest.mark.parametrize(("mode", "round_"), [("ROUND", np.rint), ("FLOOR", np.floor)])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_quant_is_what_qonnx_specifies(
    bits: int, mode: str, round_: Any, narrow: int, signed: int
) -> None:
    g = onnx_models.Graph((64,))
    constants = [g.constant(np.float32(value)) for value in (0.25, 1, bits)]
    y = g.node("Quant", "x", *constants, domain="qonnx.custom_op.general",
               signed=signed, narrow=narrow, rounding_mode=mode)  # fmt: skip
    model = g.model(y, (64,))
    x = np.linspace(-40, 80, 64 * 5, dtype=np.float32).reshape(5, 64)
    if signed:
        low, high = -(2 ** (bits - 1)) + narrow, 2 ** (bits - 1) - 1
    else:
        low, high = 0, 2**bits - 1 - narrow
    expected = 0.25 * (np.clip(round_(x / 0.25 + 1), low, high) - 1)
    assert np.array_equal(onnx_models.run(runnable(model), x), expected)


@pytest.mark.parametrize("name", ["converted", "fake_quantized"])
def test_onnxruntime_agrees_with_pytorch(name: str) -> None:
    """But for a step of the output here and there: both compute in float between the integers."""
    model = onnx.load(PYTORCH / f"{name}.onnx")
    onnx.checker.check_model(model, full_check=True)
    with np.load(PYTORCH / f"{name}.npz") as pytorch:
        error = np.abs(onnx_models.run(model, pytorch["x"]) - pytorch["y"])
        step = np.diff(np.unique(pytorch["y"])).min()
    assert error.max() < 1.01 * step
    assert (error > 0.5 * step).mean() < 0.3
