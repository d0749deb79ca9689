"""What the importer makes of each operator and attribute, judged by onnxruntime: all exact."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from random_models import Maker, Tensor

from hls.network import Network
from sim.judge import judge


def ends(make: Maker, real: str, features: int | None = None) -> onnx.ModelProto:
    """A model that quantizes `real` and puts it out; behind a dense layer of `features`."""
    last = make.quantized(real, (), 1 / 4, 3)
    output = helper.make_tensor_value_info(make.real(last), TensorProto.FLOAT, None)
    return onnx.shape_inference.infer_shapes(make.finished(output), data_prop=True)


def agrees(model: onnx.ModelProto, count: int = 8, spread: float = 1.0) -> Network:
    network = Network.from_onnx(model)
    kind = model.graph.input[0].type.tensor_type
    shape = [dim.dim_value for dim in kind.shape.dim][1:]
    rng = np.random.default_rng(5)
    x = rng.normal(0, spread, (count, *shape)).astype(np.float32)
    if network.source.dtype != "float32":
        limits = np.iinfo(network.source.dtype)
        x = rng.integers(limits.min, limits.max + 1, (count, *shape)).astype(network.source.dtype)
    verdict = judge(network, model, x)
    assert verdict.differing == 0, verdict.first
    assert any(layer.values > count for layer in verdict.layers)
    return network


def kinds(network: Network) -> list[str]:
    return [type(layer).__name__ for layer in network.layers]


def weights(make: Maker, *shape: int, axis: int = 0) -> str:
    scales = 2.0 ** make.rng.integers(-9, -6, shape[axis])
    return make.real_weights(make.weights(*shape), scales, axis)


def normalization(make: Maker, channels: int) -> list[str]:
    """gamma (of both signs, powers of two), beta, mean and variance, all exact."""
    gamma = np.where(np.arange(channels) % 2, -0.5, 2.0).astype(np.float32)
    beta = make.rng.integers(-4, 4, channels).astype(np.float32)
    zeros, ones = np.zeros(channels, np.float32), np.ones(channels, np.float32)
    return [make.constant(each) for each in (gamma, beta, zeros, ones)]


def conv(make: Maker, x: Tensor, filters: int = 4, kernel: int = 3, **attributes) -> str:
    """A real convolution without bias; weights of 7 bits, so that any can be negated."""
    integers = make.rng.integers(-63, 64, (filters, x.shape[0], kernel, kernel)).astype(np.int8)
    scales = np.full(filters, 2.0**-7)
    return make.node("Conv", [make.real(x), make.real_weights(integers, scales, 0)], **attributes)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_integers_in_and_out(dtype):
    make = Maker(dtype=dtype)
    make.inputs = [helper.make_tensor_value_info(
        "x", helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), ["N", 3, 6, 5])]  # fmt: skip
    y = make.conv(Tensor("x", (3, 6, 5), 0.25, 7), 4)
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    network = agrees(make.finished(helper.make_tensor_value_info(y.name, kind, ["N", *y.shape])))
    assert (network.source.dtype, network.result.dtype) == (dtype, dtype)


def test_a_normalization_with_negative_factors_is_folded():
    make = Maker()
    real = conv(make, make.input(3, 6, 6))
    real = make.node("BatchNormalization", [real, *normalization(make, 4)], epsilon=0.0)
    network = agrees(ends(make, make.node("Relu", [real])))
    assert kinds(network) == ["Convolution"]
    assert network.origins["conv1"] == ("Conv_3", "BatchNormalization_4", "Relu_5")


def test_a_normalization_of_a_stored_tensor_is_depthwise():
    make = Maker()
    x = make.conv(make.input(3, 6, 6), 4)
    real = make.node("BatchNormalization", [make.real(x), *normalization(make, 4)], epsilon=0.0)
    network = agrees(ends(make, real))
    assert network.convolutions[1].conv.groups == 4


@pytest.mark.parametrize(
    "shape", [(), (1,), (4, 1, 1), (1, 4, 1, 1)], ids=["scalar", "one", "channels", "batch"]
)
@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div"])
def test_constants_that_broadcast(op, shape):
    make = Maker()
    x = make.conv(make.input(3, 6, 6), 4)
    values = 2.0 ** make.rng.integers(-2, 3, shape)
    agrees(ends(make, make.node(op, [make.real(x), make.constant(np.float32(values))])))


@pytest.mark.parametrize("limits", [(0.0, 6.0), (-1.3, 0.77), (None, 2.0), (-1.0, None)])
def test_limits_are_rounded_as_what_they_limit(limits):
    make = Maker()
    inputs = [conv(make, make.input(3, 6, 6))]
    inputs += ["" if limit is None else make.constant(np.float32(limit)) for limit in limits]
    assert kinds(agrees(ends(make, make.node("Clip", inputs)))) == ["Convolution"]


def test_limits_of_a_stored_tensor_are_a_layer_only_where_they_limit():
    make = Maker()
    x = make.quantized(make.node("Relu", [conv(make, make.input(3, 6, 6))]), (4, 4, 4), 1 / 8, -128)
    twice = make.node("Relu", [make.real(x)])
    assert kinds(agrees(ends(make, twice))) == ["Convolution", "Rescaling"]
    make = Maker()
    x = make.quantized(conv(make, make.input(3, 6, 6)), (4, 4, 4), 1 / 8, 3)
    y = make.node("Conv", [make.node("Relu", [make.real(x)]), weights(make, 2, 4, 1, 1)])
    assert kinds(agrees(ends(make, y))) == ["Convolution", "Rescaling", "Convolution"]


@pytest.mark.parametrize("op", ["MaxPool", "GlobalMaxPool"])
def test_a_maximum_before_the_quantization(op):
    make = Maker()
    real = make.node("Relu", [conv(make, make.input(3, 7, 7))])
    attributes = {"kernel_shape": [2, 2], "strides": [2, 2]} if op == "MaxPool" else {}
    assert kinds(agrees(ends(make, make.node(op, [real], **attributes)))) == [
        "Convolution", "Pooling",
    ]  # fmt: skip


def test_channels_are_joined_before_the_quantization():
    make = Maker()
    x = make.input(3, 6, 6)
    parts = [conv(make, x, 2, 1), make.real(x), make.node("Relu", [conv(make, x, 3, 1)])]
    network = agrees(ends(make, make.node("Concat", parts, axis=1)))
    assert kinds(network) == ["Convolution", "Convolution", "Concatenation"]


def test_the_maximum_of_a_stored_tensor_needs_no_quantization():
    make = Maker()
    x = make.conv(make.input(3, 6, 6), 4)
    pooled = make.node("MaxPool", [make.real(x)], kernel_shape=[2, 2])
    both = [make.node("Conv", [pooled, weights(make, 2, 4, 1, 1)]) for _ in range(2)]
    network = agrees(ends(make, make.node("Concat", both, axis=1)))
    assert kinds(network).count("Pooling") == 1


@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER", "VALID"])
@pytest.mark.parametrize("op", ["Conv", "MaxPool"])
def test_automatic_padding(op, mode):
    make = Maker()
    x = make.conv(make.input(3, 8, 7), 4, (1, 1))
    inputs = [make.real(x)] + ([weights(make, 2, 4, 3, 2)] if op == "Conv" else [])
    agrees(ends(make, make.node(op, inputs, kernel_shape=[3, 2], strides=[2, 3], auto_pad=mode)))


def test_a_convolution_of_one_dimension():
    make = Maker()
    x = make.input(3, 20)
    y = make.node("Conv", [make.real(x), weights(make, 4, 3, 5)], pads=[2, 1], strides=[2],
                  dilations=[2])  # fmt: skip
    x = make.quantized(y, (4, 8), 1 / 8)
    y = make.node("MaxPool", [make.real(x)], kernel_shape=[2], strides=[2])
    network = agrees(ends(make, y))
    assert (network.source.axes, network.result.axes) == ("CW", "CW")


def test_images_with_channels_last():
    make = Maker()
    x = make.input(6, 5, 3)
    first = make.node("Transpose", [make.real(x)], perm=[0, 3, 1, 2])
    real = make.node("Conv", [first, weights(make, 4, 3, 3, 3)])
    network = agrees(ends(make, make.node("Transpose", [real], perm=[0, 2, 3, 1])))
    assert (network.source.axes, network.result.axes) == ("HWC", "HWC")
    assert network.tensors[network.input].shape == (6, 5, 3)


@pytest.mark.parametrize("order", [None, (0, 2, 3, 1), (0, 3, 1, 2), (0, 1, 3, 2)])
def test_a_dense_layer_sees_the_order_in_which_an_image_was_flattened(order):
    make = Maker()
    real = make.real(make.conv(make.input(3, 6, 5), 4))
    if order:
        real = make.node("Transpose", [real], perm=order)
    flat = make.node("Reshape", [real, make.constant(np.array([0, -1]))])
    y = make.node("Gemm", [flat, weights(make, 48, 5, axis=1)])
    assert kinds(agrees(ends(make, y))) == ["Convolution", "Flattening", "Convolution"]


def test_shapes_that_the_model_computes():
    """As PyTorch writes x.view(x.size(0), -1)."""
    make = Maker()
    real = make.real(make.conv(make.input(3, 5, 5), 4))
    size = make.node("Gather", [make.node("Shape", [real]), make.constant(np.int64(0))])
    size = make.node("Unsqueeze", [size, make.constant(np.array([0]))])
    shape = make.node("Concat", [size, make.constant(np.array([-1]))], axis=0)
    flat = make.node("Reshape", [real, shape])
    agrees(ends(make, make.node("Gemm", [flat, weights(make, 5, 36)], transB=1)))


def test_axes_of_one_value_come_and_go():
    make = Maker()
    real = make.node("GlobalAveragePool", [make.real(make.conv(make.input(3, 6, 6), 4))])
    real = make.real(make.quantized(real, (4, 1, 1), 1 / 8))
    real = make.node("Squeeze", [real, make.constant(np.array([2, 3]))])
    real = make.node("Unsqueeze", [real, make.constant(np.array([1]))])
    y = make.node("MatMul", [real, weights(make, 4, 6, axis=1)])
    y = make.node("Squeeze", [y, make.constant(np.array([1]))])
    assert agrees(ends(make, y)).result.axes == "C"


def test_means_without_their_axes():
    make = Maker()
    x = make.conv(make.input(3, 6, 6), 4)
    agrees(ends(make, make.node("ReduceMean", [make.real(x)], axes=[-1, -2], keepdims=0)))


@pytest.mark.parametrize("op", ["ConvInteger", "MatMulInteger"])
def test_sums_of_integers_with_their_scale_behind(op):
    make = Maker()
    if op == "ConvInteger":
        x, shape = make.input(3, 6, 6), (4, 3, 3, 3)
        constant = (4, 1, 1)
    else:
        x, shape, constant = make.input(12), (12, 4), (4,)
    inputs = [x.name, make.constant(make.weights(*shape)), make.constant(np.int8(x.zero))]
    sums = make.node("Cast", [make.node(op, inputs)], to=TensorProto.FLOAT)
    real = make.node("Mul", [sums, make.constant(np.float32(2.0**-12))])
    bias = make.constant(make.rng.integers(-9, 9, constant).astype(np.float32))
    real = make.node("Relu", [make.node("Add", [real, bias])])
    assert kinds(agrees(ends(make, real))) == ["Convolution"]


def test_a_batch_that_is_fixed():
    make = Maker()
    real = make.real(make.conv(make.input(3, 5, 5), 4))
    flat = make.node("Reshape", [real, make.constant(np.array([2, 36]))])
    model = ends(make, make.node("Gemm", [flat, weights(make, 5, 36)], transB=1))
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2
    del model.graph.value_info[:]
    model.graph.output[0].type.tensor_type.shape.dim[0].Clear()
    agrees(model, 4)


def test_a_factor_of_zero_leaves_the_bias():
    make = Maker()
    factors = np.float32([0, 1, 0, -2]).reshape(4, 1, 1)
    real = make.node("Mul", [conv(make, make.input(3, 6, 6)), make.constant(factors)])
    bias = np.float32([3, 1, -2, 0.5]).reshape(4, 1, 1)
    network = agrees(ends(make, make.node("Add", [real, make.constant(bias)])))
    assert not network.convolutions[0].parameters.weights[0].any()


@pytest.mark.parametrize("zero", [-128, 0, 127])
def test_no_sum_passes_its_accumulator(zero):
    """Inputs that make the largest sums: all that a filter's signs ask for."""
    make = Maker()
    make.zero = lambda: zero
    x = make.input(3, 6, 6)
    model = ends(make, make.node("Conv", [make.real(x), weights(make, 4, 3, 3, 3)]))
    network = agrees(model, spread=4.0)
    conv = network.convolutions[0]
    rows = conv.parameters.weights.reshape(4, -1)
    for signs in (rows > 0, rows < 0):
        sums = (np.where(signs, 127, -128) - zero) * rows
        assert conv.conv.epilogue.accumulator.holds(sums.sum(axis=1))
        assert conv.conv.epilogue.accumulator.holds(np.where(signs, 127, -128) * rows)
    assert conv.conv.epilogue.accumulator.bits <= conv.conv.worst_case.bits
