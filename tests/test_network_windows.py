"""Windows as models write them: pools of all attributes, paddings of their own, wide weights."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from one_operator import DTYPES, agrees, image, model_of
from onnx import TensorProto, helper
from random_models import Maker, Tensor

from hls.boards import board
from hls.errors import DesignError, LineloomError
from hls.network.layers import Convolution, Pooling
from hls.network.styles import choose


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


@pytest.mark.parametrize("reader", ["Conv", "MaxPool", "Relu"])
def test_zeros_around_the_input_are_zeros_around_its_integers(reader):
    """Keras pads the image itself; the host sends it as it is."""
    make = Maker("qdq", dtype="uint8")
    kind = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2, 5, 4])
    make.inputs.append(kind)
    real = make.node("Pad", ["x", make.constant(np.array([0, 0, 1, 2, 0, 0, 0, 1]))])
    held = make.quantized(
        make.node("Relu", [real]) if reader == "Relu" else real, (2, 6, 7), 1 / 64
    )
    if reader == "MaxPool":
        held = make.pool(held, "max", (2, 2), (1, 1))
    network = agrees(model_of(make, make.conv(held, 3, (3, 3))))
    assert network.tensors[network.input].shape == (5, 4, 2)
    assert len(network.layers) == {"Conv": 1, "MaxPool": 3, "Relu": 2}[reader]


@pytest.mark.parametrize("op", ["ReduceMax", "GlobalMaxPool"])
def test_the_largest_of_an_image(op):
    make = Maker("qdq")
    attributes = {"axes": [2, 3]} if op == "ReduceMax" else {}
    x = image(make, 4, 3)
    agrees(model_of(make, make.quantized(make.node(op, [make.real(x)], **attributes), (), x.scale)))


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
