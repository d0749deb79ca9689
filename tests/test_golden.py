"""The golden models, judged by onnxruntime and by exact fractions: neither knows this project."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from hls import Conv2d
from sim import golden

Array = npt.NDArray[Any]

ONNX_TYPES = {
    np.dtype(np.uint8): TensorProto.UINT8,
    np.dtype(np.int8): TensorProto.INT8,
    np.dtype(np.int32): TensorProto.INT32,
    np.dtype(np.int64): TensorProto.INT64,
    np.dtype(np.float32): TensorProto.FLOAT,
}


# ---------------------------------------------------------------------- the judge


def judge(
    nodes: list[onnx.NodeProto], inputs: dict[str, Array], constants: dict[str, Array], output: type
) -> Array:
    """What onnxruntime computes for a graph whose last node puts out `y`."""
    graph = helper.make_graph(
        nodes,
        "judge",
        [
            helper.make_tensor_value_info(name, ONNX_TYPES[array.dtype], array.shape)
            for name, array in inputs.items()
        ],
        [helper.make_tensor_value_info("y", ONNX_TYPES[np.dtype(output)], None)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    result: Array = session.run(["y"], inputs)[0]
    return result


def nchw(images: Array) -> Array:
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def nhwc(images: Array) -> Array:
    return images.transpose(0, 2, 3, 1)


def oihw(weights: Array) -> Array:
    """[M, KH, KW, C] -> [M, C, KH, KW]."""
    return np.ascontiguousarray(weights.transpose(0, 3, 1, 2))


def exact_on_this_machine(left: type, right: type) -> bool:
    """Whether onnxruntime's 8-bit products do not saturate: without VNNI, pairs of u8 x s8 do."""
    if (left, right) != (np.uint8, np.int8):
        return True
    a, b = np.full((1, 64), 255, left), np.full((64, 1), -128, right)
    node = helper.make_node("MatMulInteger", ["a", "b"], ["y"])
    return int(judge([node], {"a": a}, {"b": b}, np.int32)[0, 0]) == 64 * 255 * -128


def eight_bits(rng: np.random.Generator, dtype: type, shape: tuple[int, ...]) -> Array:
    """The whole range, corners included."""
    limits = np.iinfo(dtype)
    values = rng.integers(limits.min, limits.max, shape, np.int64, endpoint=True)
    corners = rng.choice([limits.min, limits.max], shape)
    return np.where(rng.random(shape) < 0.2, corners, values).astype(dtype)


def weights_for(rng: np.random.Generator, left: type, right: type, shape: tuple[int, ...]) -> Array:
    """Weights whose products onnxruntime adds exactly, whatever this machine has."""
    weights = eight_bits(rng, right, shape)
    return weights if exact_on_this_machine(left, right) else np.clip(weights, -64, 63)


# ---------------------------------------------------------------------- convolution


CONVOLUTIONS: dict[str, dict[str, Any]] = {
    "valid": {},
    "same": {"pads": (1, 1, 1, 1)},
    "asymmetric padding": {"pads": (0, 2, 1, 0)},
    "padding beyond the kernel's reach": {"kernel": (2, 2), "pads": (3, 2, 0, 4)},
    "stride": {"stride": (2, 3), "pads": (1, 0, 1, 2)},
    "stride over the kernel": {"kernel": (1, 1), "stride": (3, 2)},
    "dilation": {"dilation": (2, 1), "pads": (2, 2, 1, 1)},
    "dilation and stride, not square": {
        "kernel": (3, 2), "dilation": (1, 3), "stride": (2, 1), "pads": (0, 1, 3, 0),
    },
    "groups": {"groups": 2, "channels": 6, "filters": 4},
    "depthwise": {"groups": 5, "channels": 5, "filters": 5, "pads": (1, 1, 1, 1)},
    "depthwise with two filters a channel": {"groups": 3, "channels": 3, "filters": 6},
    "kernel as large as the image": {"kernel": (9, 10)},
}  # fmt: skip


def layer(
    rng: np.random.Generator, left: type, right: type, **options: Any
) -> tuple[Array, Array, dict[str, Any], dict[str, Any]]:
    """Random x and weights, and one layer's geometry in golden's and in ONNX' words."""
    kernel = options.pop("kernel", (3, 3))
    channels, filters = options.pop("channels", 3), options.pop("filters", 4)
    groups = options.get("groups", 1)
    x = eight_bits(rng, left, (2, 9, 10, channels))
    weights = weights_for(rng, left, right, (filters, *kernel, channels // groups))
    top, bottom, left_pad, right_pad = options.get("pads", (0, 0, 0, 0))
    attributes = {
        "group": groups,
        "strides": list(options.get("stride", (1, 1))),
        "dilations": list(options.get("dilation", (1, 1))),
        "pads": [top, left_pad, bottom, right_pad],
        "kernel_shape": list(kernel),
    }
    return x, weights, options, attributes


@pytest.mark.parametrize(
    ("left", "right", "zero_point"),
    [(np.uint8, np.uint8, 131), (np.uint8, np.int8, 131), (np.uint8, np.int8, 0)],
    ids=["u8-u8", "u8-s8", "u8-s8-no-zero-point"],
)
@pytest.mark.parametrize("options", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_sums_of_convolutions_are_those_of_convinteger(
    options: dict[str, Any], left: type, right: type, zero_point: int
) -> None:
    rng = np.random.default_rng(4)
    x, weights, ours, theirs = layer(rng, left, right, **options)
    node = helper.make_node("ConvInteger", ["x", "w", "x_zero"], ["y"], **theirs)
    constants = {"w": oihw(weights), "x_zero": np.array(zero_point, left)}
    expected = nhwc(judge([node], {"x": nchw(x)}, constants, np.int32))
    np.testing.assert_array_equal(
        golden.conv2d(x, weights, zero_point=zero_point, **ours), expected
    )


@pytest.mark.parametrize(
    ("size", "kernel", "stride"),
    [
        ((9, 10), (3, 3), (1, 1)),
        ((9, 10), (2, 4), (1, 1)),
        ((9, 10), (3, 3), (2, 2)),
        ((9, 10), (5, 3), (2, 3)),
        ((8, 8), (2, 2), (3, 3)),
        ((1, 1), (3, 3), (1, 1)),
        ((5, 5), (1, 1), (2, 2)),
    ],
)
def test_padding_same_is_that_of_same_upper(
    size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int]
) -> None:
    rng = np.random.default_rng(5)
    conv = Conv2d(height=size[0], width=size[1], in_channels=2, out_channels=3, kernel=kernel,
                  stride=stride, padding="same")  # fmt: skip
    x = eight_bits(rng, np.uint8, (1, *size, 2))
    weights = weights_for(rng, np.uint8, np.uint8, (3, *kernel, 2))
    # Without dilation, which onnxruntime does not take together with SAME_UPPER.
    node = helper.make_node(
        "ConvInteger", ["x", "w", "x_zero"], ["y"], auto_pad="SAME_UPPER", strides=list(stride),
        kernel_shape=list(kernel),
    )  # fmt: skip
    constants = {"w": oihw(weights), "x_zero": np.array(9, np.uint8)}
    expected = nhwc(judge([node], {"x": nchw(x)}, constants, np.int32))
    pads = conv.pads
    got = golden.conv2d(x, weights, stride=stride, zero_point=9,
                        pads=(pads.top, pads.bottom, pads.left, pads.right))  # fmt: skip
    np.testing.assert_array_equal(got, expected)
    assert got.shape[1:] == conv.output_shape


@pytest.mark.parametrize(
    ("left", "right", "x_zero", "y_zero"),
    [(np.uint8, np.uint8, 100, 20), (np.uint8, np.int8, 100, 128), (np.int8, np.int8, -5, 7)],
    ids=["u8-u8", "u8-s8", "s8-s8"],
)
@pytest.mark.parametrize("per_channel", [False, True], ids=["tensor", "channel"])
@pytest.mark.parametrize("name", ["same", "stride", "dilation", "groups"])
def test_layers_are_those_of_qlinearconv_at_power_of_two_scales(
    name: str, per_channel: bool, left: type, right: type, x_zero: int, y_zero: int
) -> None:
    rng = np.random.default_rng(6)
    x, weights, ours, theirs = layer(rng, left, right, **CONVOLUTIONS[name])
    filters = len(weights)
    bias = rng.integers(-(2**14), 2**14, filters).astype(np.int32)
    shift = rng.integers(6, 12, filters) if per_channel else np.full(filters, 9)
    w_scale = (2.0**-shift).astype(np.float32)
    node = helper.make_node(
        "QLinearConv",
        ["x", "x_scale", "x_zero", "w", "w_scale", "w_zero", "y_scale", "y_zero", "bias"],
        ["y"],
        **theirs,
    )
    constants = {
        "x_scale": np.array(1, np.float32),
        "x_zero": np.array(x_zero, left),
        "w": oihw(weights),
        "w_scale": w_scale if per_channel else w_scale[0].reshape(()),
        "w_zero": np.zeros(filters, right) if per_channel else np.array(0, right),
        "y_scale": np.array(1, np.float32),
        "y_zero": np.array(y_zero, left),
        "bias": bias,
    }
    expected = nhwc(judge([node], {"x": nchw(x)}, constants, left))
    sums = golden.conv2d(x, weights, bias, zero_point=x_zero, **ours)
    limits = np.iinfo(left)
    got = golden.clamp(golden.requantize(sums, 1, shift, y_zero), limits.min, limits.max)
    assert np.unique(expected).size > 20  # not just the limits of the clamp
    np.testing.assert_array_equal(got, expected)


# ---------------------------------------------------------------------- matrix product


@pytest.mark.parametrize(("m", "k", "n"), [(1, 1, 1), (1, 64, 10), (7, 13, 5), (33, 200, 17)])
@pytest.mark.parametrize(
    ("left", "right", "zero_point"),
    [(np.uint8, np.uint8, 77), (np.uint8, np.int8, 77), (np.int8, np.int8, -3)],
    ids=["u8-u8", "u8-s8", "s8-s8"],
)
def test_products_are_those_of_matmulinteger(
    m: int, k: int, n: int, left: type, right: type, zero_point: int
) -> None:
    rng = np.random.default_rng(7)
    a, b = eight_bits(rng, left, (m, k)), weights_for(rng, left, right, (k, n))
    node = helper.make_node("MatMulInteger", ["a", "b", "a_zero"], ["y"])
    constants = {"b": b, "a_zero": np.array(zero_point, left)}
    expected = judge([node], {"a": a}, constants, np.int32)
    np.testing.assert_array_equal(golden.gemm(a.astype(int) - zero_point, b), expected)
    bias = np.arange(n) - 3
    np.testing.assert_array_equal(golden.gemm(a.astype(int) - zero_point, b, bias), expected + bias)


# Magnitudes around 2^53, where float64 no longer tells neighbours apart.
wide_integers = st.one_of(
    st.integers(-(2**31), 2**31), st.sampled_from([2**26, 2**27, -(2**27), 2**27 + 1, 3])
)


@settings(max_examples=200)
@given(st.data(), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_products_of_large_numbers_are_exact(data: st.DataObject, m: int, k: int, n: int) -> None:
    a = np.array(data.draw(st.lists(wide_integers, min_size=m * k, max_size=m * k))).reshape(m, k)
    b = np.array(data.draw(st.lists(wide_integers, min_size=k * n, max_size=k * n))).reshape(k, n)
    wanted = [[sum(x * y for x, y in zip(row, col, strict=True)) for col in b.T.tolist()]
              for row in a.tolist()]  # fmt: skip
    assert all(abs(value) < 2**63 for row in wanted for value in row)
    assert golden.gemm(a, b).tolist() == wanted
    # The same as a convolution of 1x1.
    assert golden.conv2d(a.reshape(1, 1, m, k), b.T.reshape(n, 1, 1, k))[0, 0].tolist() == wanted


def test_products_are_exact_at_the_ends_of_int64() -> None:
    assert golden.gemm([[-(2**63), 1]], [[1], [1]]).tolist() == [[1 - 2**63]]
    assert golden.gemm([[2**63 - 1]], [[1]]).tolist() == [[2**63 - 1]]


# ---------------------------------------------------------------------- requantization


def onnx_requantize(sums: Array, multiplier: Array, shift: Array, zero_point: int) -> Array:
    """round_half_even(sums * multiplier / 2^shift) + zero_point in onnxruntime's integers.

    floor(p / 2d) rounds p / 2d down, so twice the rest against d decides; ONNX' Div truncates, so
    all is first moved above zero by an even multiple of the divisor.
    """
    moved = np.array(1 << 20, np.int64)  # over any |quotient| here, and even
    divisor = (1 << shift).astype(np.int64)
    constants = {
        "factor": multiplier.astype(np.int64),
        "divisor": divisor,
        "lift": moved * divisor,
        "two": np.array(2, np.int64),
        "unlift": np.array(zero_point - int(moved), np.int64),
    }
    nodes = [
        helper.make_node("Cast", ["sums"], ["wide"], to=TensorProto.INT64),
        helper.make_node("Mul", ["wide", "factor"], ["product"]),
        helper.make_node("Add", ["product", "lift"], ["lifted"]),
        helper.make_node("Div", ["lifted", "divisor"], ["floor"]),
        helper.make_node("Mul", ["floor", "divisor"], ["whole"]),
        helper.make_node("Sub", ["lifted", "whole"], ["rest"]),
        helper.make_node("Mul", ["rest", "two"], ["twice"]),
        helper.make_node("Greater", ["twice", "divisor"], ["above"]),
        helper.make_node("Equal", ["twice", "divisor"], ["tie"]),
        helper.make_node("Mod", ["floor", "two"], ["odd"]),
        helper.make_node("Cast", ["odd"], ["is_odd"], to=TensorProto.BOOL),
        helper.make_node("And", ["tie", "is_odd"], ["to_even"]),
        helper.make_node("Or", ["above", "to_even"], ["up"]),
        helper.make_node("Cast", ["up"], ["step"], to=TensorProto.INT64),
        helper.make_node("Add", ["floor", "step"], ["rounded"]),
        helper.make_node("Add", ["rounded", "unlift"], ["y"]),
    ]
    return judge(nodes, {"sums": sums.astype(np.int32)}, constants, np.int64)


@pytest.mark.parametrize("multiplier_bits", [1, 8, 18, 24])
def test_requantization_is_that_of_exact_integer_operators(multiplier_bits: int) -> None:
    rng = np.random.default_rng(8)
    channels = 16
    # Shifts that leave quotients below the lift: sums have 18 bits.
    shift = rng.integers(multiplier_bits, multiplier_bits + 8, channels)
    low = (1 << multiplier_bits) // 2
    multiplier = rng.integers(low, 1 << multiplier_bits, channels)
    multiplier[::4] = 1 << (multiplier_bits - 1)  # whose products tie
    sums = rng.integers(-(2**17), 2**17, (500, channels))
    expected = onnx_requantize(sums, multiplier, shift, -11)
    got = golden.requantize(sums, multiplier, shift, -11)
    np.testing.assert_array_equal(got, expected)
    rests = (sums * multiplier) % (1 << shift)
    assert np.count_nonzero((rests * 2 == 1 << shift) & (shift > 0)) > 10  # ties were among them


def fraction_requantize(value: int, multiplier: int, shift: int, zero_point: int) -> int:
    exact = round(Fraction(value * multiplier, 1 << shift)) + zero_point  # half to even
    return min(max(exact, -(2**63)), 2**63 - 1)


@settings(max_examples=300)
@given(
    st.integers(-(2**47), 2**47 - 1), st.integers(0, 2**31 - 1), st.integers(0, 62),
    st.integers(-(2**15), 2**16),
)  # fmt: skip
@example(0, 1, 62, 0)
@example(1, 1, 1, 0)
@example(3, 1, 1, 0)
@example(-1, 1, 1, 5)
@example(-3, 1, 1, 0)
@example(-5, 1, 1, 0)
@example(2**61, 1, 62, 0)
@example(-(2**61), 1, 62, 0)
@example(-(2**61), 3, 62, 0)
@example(2**61 - 1, 1, 62, 1)
@example(-(2**63), 1, 62, 0)
@example(-(2**63), 1, 61, 0)
@example(2**45, 2**31 - 1, 0, 9)  # what no 64 bits hold is at its limit
@example(-(2**45), 2**31 - 1, 0, 9)
@example(2**63 - 1, 2**31 - 1, 62, 0)
@example(-(2**63), 2**31 - 1, 62, 0)
@example(7, 0, 0, 3)
@example(-7, 1, 0, 3)
def test_requantization_is_exact(value: int, multiplier: int, shift: int, zero_point: int) -> None:
    got = golden.requantize(np.array([value]), multiplier, shift, zero_point)
    assert got.tolist() == [fraction_requantize(value, multiplier, shift, zero_point)]


@settings(max_examples=50)
@given(st.data())
def test_requantization_per_channel_runs_along_the_last_axis(data: st.DataObject) -> None:
    multiplier = data.draw(st.lists(st.integers(0, 2**24 - 1), min_size=3, max_size=3))
    shift = data.draw(st.lists(st.integers(0, 47), min_size=3, max_size=3))
    sums = np.array(
        data.draw(st.lists(st.integers(-(2**30), 2**30), min_size=12, max_size=12))
    ).reshape(2, 2, 3)
    got = golden.requantize(sums, multiplier, shift)
    for index in np.ndindex(2, 2, 3):
        channel = index[-1]
        wanted = fraction_requantize(int(sums[index]), multiplier[channel], shift[channel], 0)
        assert got[index] == wanted


# ---------------------------------------------------------------------- the rest of an epilogue


@settings(max_examples=200)
@given(st.integers(-(2**62), 2**62), st.integers(2, 63))
def test_wrapping_keeps_the_low_bits(value: int, bits: int) -> None:
    wrapped = int(golden.wrap(np.array([value]), bits)[0])
    assert -(2 ** (bits - 1)) <= wrapped < 2 ** (bits - 1)
    assert (value - wrapped) % 2**bits == 0


def test_wrapping_to_64_bits_keeps_everything() -> None:
    limits = np.array([-(2**63), -1, 0, 2**63 - 1])
    np.testing.assert_array_equal(golden.wrap(limits, 64), limits)


def test_clamp_keeps_what_lies_within_and_limits_the_rest() -> None:
    got = golden.clamp(np.array([-9, -8, 0, 7, 8]), -8, 7)
    assert got.tolist() == [-8, -8, 0, 7, 7]


# ---------------------------------------------------------------------- pooling

POOLS = [
    ((2, 2), (2, 2)), ((3, 3), (2, 2)), ((3, 2), (1, 3)), ((1, 1), (2, 1)), ((1, 4), (1, 4)),
    ((9, 10), (1, 1)), ((2, 2), (4, 5)),
]  # fmt: skip


@pytest.mark.parametrize(("size", "stride"), POOLS)
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_maxima_are_those_of_maxpool(
    size: tuple[int, int], stride: tuple[int, int], dtype: type
) -> None:
    x = eight_bits(np.random.default_rng(9), dtype, (2, 9, 10, 3))
    node = helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=list(size), strides=list(stride))
    expected = nhwc(judge([node], {"x": nchw(x)}, {}, dtype))
    np.testing.assert_array_equal(golden.max_pool(x, size, stride), expected)


@pytest.mark.parametrize(("size", "stride"), POOLS)
def test_averages_are_rounded_half_to_even(size: tuple[int, int], stride: tuple[int, int]) -> None:
    x = eight_bits(np.random.default_rng(10), np.int8, (2, 9, 10, 3)).astype(np.int64)
    got = golden.average_pool(x, size, stride)
    rows, cols = ((9 - size[0]) // stride[0] + 1, (10 - size[1]) // stride[1] + 1)
    assert got.shape == (2, rows, cols, 3)
    for frame, row, col, channel in np.ndindex(*got.shape):
        top, left = row * stride[0], col * stride[1]
        window = x[frame, top : top + size[0], left : left + size[1], channel]
        mean = Fraction(int(window.sum()), window.size)
        assert got[frame, row, col, channel] == round(mean)


@pytest.mark.parametrize(
    ("window", "mean"),
    [([1, 0], 0), ([1, 2], 2), ([-1, 0], 0), ([-1, -2], -2), ([-3, -2], -2), ([5, 6], 6)],
)
def test_an_average_half_way_goes_to_the_even_neighbour(window: list[int], mean: int) -> None:
    x = np.array(window).reshape(1, 1, 2, 1)
    assert golden.average_pool(x, (1, 2), (1, 1)).item() == mean
