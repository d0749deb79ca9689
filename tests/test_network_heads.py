"""The ends of models, which stay on the host: the host library puts out what the model does."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from random_models import MICROSOFT, Maker

from hls.errors import InputError
from hls.network import Network, files
from host.errors import AcceleratorError
from host.head import Integers, finished
from host.model_tensor import ModelTensor
from sim import network as golden
from sim.judge import quantized

ARGMAX = {
    "argmax": {"keepdims": 0},
    "with its axis": {"keepdims": 1},
    "by default": {},
    "the last": {"keepdims": 0, "select_last_index": 1},
}


def model_of(make: Maker, output: str, kind: int = TensorProto.FLOAT) -> onnx.ModelProto:
    return onnx.shape_inference.infer_shapes(
        make.finished(helper.make_tensor_value_info(output, kind, None))
    )


def answers(model: onnx.ModelProto, network: Network, count: int = 8) -> tuple[np.ndarray, ...]:
    """What onnxruntime puts out for random images, and what the host makes of the golden model."""
    shape = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim][1:]
    x = np.random.default_rng(1).normal(0, 1, (count, *shape)).astype(np.float32)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    held = golden.tensors(network, quantized(network, x))[network.output]
    tensor = network.tensors[network.output]
    entry = asdict(network.result) | {"scale": tensor.scale, "zero_point": tensor.zero_point}
    side = ModelTensor.of(entry, tensor.shape)
    return session.run(None, {"x": x})[0], side.of_hardware(held)


@pytest.mark.parametrize("pixels", [False, True])
@pytest.mark.parametrize("kind", ARGMAX)
def test_classes(kind, pixels, tmp_path):
    """Few levels, so that the largest are often equal; on integers as well."""
    for integers in (False, True):
        make = Maker("qdq", dtype="uint8")
        x = make.conv(make.input(3, 4, 5), 4, (1, 1))
        last = x if pixels else make.dense(x, 4)
        last = make.quantized(make.real(last), last.shape, last.scale * 64, 128)
        read = last.name if integers else make.real(last)
        output = make.node("ArgMax", [read], axis=1, **ARGMAX[kind])
        model = model_of(make, output, TensorProto.INT64)
        network = Network.from_onnx(model)
        expected, got = answers(model, network)
        assert len(np.unique(expected)) > 1
        np.testing.assert_array_equal(got, expected)
        assert got.dtype == expected.dtype
        files.save(network, tmp_path)
        assert files.load(tmp_path).result == network.result


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("behind", ["", "quantized", "integers", "classes"])
def test_shares(op, behind, tmp_path):
    make = Maker("qdq", dtype="uint8")
    last = make.dense(make.input(3, 4, 5), 4)
    # Shares that differ by less than a step of 1/16 are the same for who reads them rounded.
    last = make.quantized(make.real(last), last.shape, 1 / 64, 128)
    output, kind = make.node(op, [make.real(last)], axis=1), TensorProto.FLOAT
    operands = [make.constant(np.float32(1 / 16)), make.constant(np.uint8(77))]
    if behind:
        output, kind = make.node("QuantizeLinear", [output, *operands]), TensorProto.UINT8
    if behind in ("quantized", "classes"):
        output, kind = make.node("DequantizeLinear", [output, *operands]), TensorProto.FLOAT
    if behind == "classes":
        output, kind = make.node("ArgMax", [output], axis=1, keepdims=0), TensorProto.INT64
    model = model_of(make, output, kind)
    network = Network.from_onnx(model)
    expected, got = answers(model, network, 64)
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got, expected, rtol=0 if behind else 1e-5)
    files.save(network, tmp_path)
    assert files.load(tmp_path).result == network.result


def test_a_softmax_on_integers_is_one_of_what_they_stand_for():
    make = Maker("qoperator", dtype="uint8")
    last = make.dense(make.input(3, 4, 5), 4)
    operands = [make.constant(np.float32(1 / 256)), make.constant(np.uint8(0))]
    shares = make.node("QLinearSoftmax", [last.name, *make.pair(last), *operands],
                       domain=MICROSOFT, axis=1, opset=13)  # fmt: skip
    real = make.node("DequantizeLinear", [shares, *operands])
    model = make.finished(helper.make_tensor_value_info(real, TensorProto.FLOAT, ["N", 4]))
    expected, got = answers(model, Network.from_onnx(model))
    # onnxruntime looks powers up in a table: a step is allowed.
    assert np.abs(expected - got).max() <= 1 / 256
    assert expected.max() > 0.5


def test_nothing_follows_classes():
    make = Maker("qdq")
    last = make.dense(make.input(3, 4, 5), 4)
    classes = make.node("ArgMax", [make.real(last)], axis=1)
    model = model_of(make, make.node("ArgMax", [classes], axis=1), TensorProto.INT64)
    with pytest.raises(InputError, match="works on classes or integers; leave it away"):
        Network.from_onnx(model)


def test_a_step_that_the_host_does_not_know_is_refused():
    values = np.zeros((1, 1, 1, 3), np.float32)
    with pytest.raises(AcceleratorError, match="'median' that is not known; use a newer host"):
        finished(values, ["median"], None)
    with pytest.raises(AcceleratorError, match="'quantize' that is not known"):
        finished(values, ["quantize"], Integers.of(None))
