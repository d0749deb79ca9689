"""Windows as models write them: pools of all attributes, paddings of their own, wide weights."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from random_models import Maker, Tensor

from hls.boards import board
from hls.errors import DesignError, LineloomError
from hls.network import Network
from hls.network.layers import Convolution, Pooling
from hls.network.styles import choose
from sim.judge import judge

DTYPES = st.sampled_from(["int8", "uint8"])


def model_of(make: Maker, last: Tensor, opset: int = 17) -> onnx.ModelProto:
    """A model that ends at `last`, an image."""
    shape = ["N", *[None] * 3]
    output = helper.make_tensor_value_info(make.real(last), TensorProto.FLOAT, shape)
    return make.finished(output, opset)


def agrees(model: onnx.ModelProto) -> Network:
    """All values are onnxruntime's."""
    network = Network.from_onnx(model)
    shape = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim][1:]
    x = np.random.default_rng(1).normal(0, 1, (4, *shape)).astype(np.float32)
    verdict = judge(network, model, x)
    assert verdict.differing == 0, verdict.first
    return network


def image(make: Maker, height: int, width: int, *, relu: bool = False) -> Tensor:
    return make.conv(make.input(2, height, width), 3, (1, 1), relu=relu)


@st.composite
def pools(draw: st.DrawFn) -> tuple[Maker, Tensor, int]:
    """One pool with attributes as they come; the opset says how it is to be understood."""
    form = draw(st.sampled_from(["qdq", "qoperator"]))
    make = Maker(form, seed=draw(st.integers(0, 99)), dtype=draw(DTYPES))
    x = image(make, draw(st.integers(2, 8)), draw(st.integers(2, 8)))
    kind = draw(st.sampled_from(["MaxPool", "AveragePool"]))
    opset = draw(st.sampled_from([17, 20]))
    sides = [draw(st.integers(1, 3)) for _ in range(2)]
    attributes: dict[str, Any] = {
        "kernel_shape": sides,
        "strides": [draw(st.integers(1, 3)) for _ in range(2)],
        "ceil_mode": draw(st.integers(0, 1)),
    }
    if draw(st.integers(0, 3)):
        attributes["pads"] = [draw(st.integers(0, side - 1)) for side in (*sides, *sides)]
        if kind == "MaxPool" or (opset >= 19 and form == "qdq"):
            attributes["dilations"] = [draw(st.integers(1, 2)) for _ in range(2)]
    else:
        attributes["auto_pad"] = draw(st.sampled_from(["SAME_UPPER", "SAME_LOWER", "VALID"]))
    if kind == "AveragePool":
        attributes["count_include_pad"] = draw(st.integers(0, 1))
        return make, make._mean(x, (3, 1, 1), kind, **attributes), opset
    if form == "qoperator":
        return make, Tensor(make.node(kind, [x.name], **attributes), (), x.scale, x.zero), opset
    return make, make.quantized(make.node(kind, [make.real(x)], **attributes), (), x.scale), opset


@given(pools())
@settings(max_examples=150)
def test_any_pool_is_right_or_refused(made):
    """onnxruntime itself refuses padding below zero, which some automatic padding comes to."""
    make, last, opset = made
    said = "has a window of"
    try:
        agrees(model_of(make, last, opset))
    except LineloomError as error:
        said = str(error)
    assert re.search("has a window of|nothing but padding|adds to it|skips pixels|padding values "
                     "must be non-negative", said)  # fmt: skip


@pytest.mark.parametrize("form", ["qdq", "qoperator"])
def test_a_mean_of_the_pixels_alone_is_one_division(form):
    """3x3 windows see 4, 6 or 9 pixels; the sums count 9, 6 or 4 times, and 36 divides all."""
    make = Maker(form, dtype="uint8")
    last = make._mean(image(make, 5, 4), (3, 5, 4), "AveragePool", kernel_shape=[3, 3],
                      pads=[1, 1, 1, 1])  # fmt: skip
    network = agrees(model_of(make, last))
    layer = network.layers[-1]
    assert isinstance(layer, Pooling)
    assert (layer.shares, layer.total) == (((3, 2, 2, 2, 3), (3, 2, 2, 3)), 36)
    assert choose(network, board("pynq-z2")).style == "dataflow"
    with pytest.raises(DesignError, match=r"layer pool1: a mean over fewer.*use style dataflow"):
        choose(network, board("pynq-z2"), "overlay")


@st.composite
def padded(draw: st.DrawFn) -> tuple[onnx.ModelProto, str, bool]:
    """A Pad, of real values or integers, quantized or not, and what reads it."""
    make = Maker("qdq", seed=draw(st.integers(0, 99)), dtype=draw(DTYPES))
    x = image(make, draw(st.integers(3, 7)), draw(st.integers(3, 7)), relu=draw(st.booleans()))
    top, left, bottom, right = (draw(st.integers(0, 2)) for _ in range(4))
    pads = make.constant(np.array([0, 0, top, left, 0, 0, bottom, right]))
    shape = (3, x.shape[1] + top + bottom, x.shape[2] + left + right)
    reader = draw(st.sampled_from(["Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "Add"]))
    how = draw(st.sampled_from(["integers", "quantized", "real"]))
    moved = how == "quantized" and draw(st.booleans())
    if how == "integers":
        zero = make.constant(make.dtype.type(x.zero))
        held = Tensor(make.node("Pad", [x.name, pads, zero]), shape, x.scale, x.zero)
    else:
        real = make.node("Pad", [make.real(x), pads])
        if how == "quantized" or reader == "Conv":
            held = make.quantized(real, shape, x.scale * (1 + moved), x.zero)
    sides = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    own = tuple(draw(st.integers(0, side - 1)) for side in (*sides, *sides))
    if reader == "Conv":
        return model_of(make, make.conv(held, 2, sides, pads=own)), reader, moved
    real = real if how == "real" else make.real(held)
    if reader in ("MaxPool", "AveragePool"):
        given_pads = {"pads": own} if draw(st.booleans()) else {}
        real = make.node(reader, [real], kernel_shape=sides, **given_pads)
    else:
        real = make.node(reader, [real, real] if reader == "Add" else [real])
    return model_of(make, make.quantized(real, shape, x.scale)), reader, moved


@given(padded())
@settings(max_examples=80)
def test_zeros_around_an_image_are_padding_of_what_reads_it(made):
    model, reader, moved = made
    network = agrees(model)
    if reader == "Conv" and not moved:
        assert len(network.layers) == 2
    assert {layer.name for layer in network.layers} == set(network.origins)


@given(st.integers(0, 99), DTYPES, st.sampled_from(["xy", "yx", "xx", "xc", "cx"]), st.booleans())
@settings(max_examples=40)
def test_differences(seed, dtype, order, relu):
    """Of two tensors either way round, of one and itself, and of one and a constant."""
    make = Maker("qdq", seed=seed, dtype=dtype)
    x = image(make, 4, 3, relu=relu)
    y = make.conv(x, 3, (3, 3), pads=(1, 1, 1, 1))
    steps = make.rng.integers(-99, 99, (3, 1, 1)) * x.scale
    real = {"x": make.real(x), "y": make.real(y), "c": make.constant(steps.astype(np.float32))}
    difference = make.node("Sub", [real[name] for name in order])
    agrees(model_of(make, make.quantized(difference, x.shape, x.scale + y.scale)))


@pytest.mark.parametrize("op", ["ReduceMax", "GlobalMaxPool"])
def test_the_largest_of_an_image(op):
    make = Maker("qdq")
    attributes = {"axes": [2, 3]} if op == "ReduceMax" else {}
    x = image(make, 4, 3)
    agrees(model_of(make, make.quantized(make.node(op, [make.real(x)], **attributes), (), x.scale)))


def test_a_quotient_by_what_is_no_power_of_two_is_as_in_float32():
    """In float32 x / 0.2 is 5 x, though 0.2 is more than a fifth; so there are ties."""
    make = Maker("qdq")
    x = image(make, 6, 6)
    real = make.node("Div", [make.real(x), make.constant(np.float32(0.2))])
    agrees(model_of(make, make.quantized(real, x.shape, 8 * x.scale)))


@pytest.mark.parametrize(("zero", "bits"), [(0, 9), (3, 9), (128, 8), (255, 9)])
def test_weights_with_a_zero_point_of_their_own_have_as_many_bits_as_they_need(zero, bits):
    make = Maker("qdq", dtype="uint8")
    x = image(make, 4, 4)
    weights = make.rng.integers(0, 256, (4, 3, 3, 3)).astype(np.uint8)
    operands = [weights, np.float32(1 / 256), np.uint8(zero)]
    real = make.node("DequantizeLinear", [*map(make.constant, operands)])
    y = make.node("Conv", [make.real(x), real], pads=[1, 1, 1, 1])
    network = agrees(model_of(make, make.quantized(y, (4, 4, 4), x.scale * 8)))
    layer = network.layers[-1]
    assert isinstance(layer, Convolution)
    assert layer.conv.weight_format.bits == bits
    if bits == 9:
        with pytest.raises(DesignError, match=r"weights of 9 bits is wider than the engine's 8"):
            choose(network, board("pynq-z2"), "overlay")
