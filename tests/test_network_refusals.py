"""Models that cannot be imported: one message, which names the node, why, and what would do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from random_models import QONNX, Maker, every_kind

from hls.errors import InputError, LineloomError, ToolNotFound
from hls.network import Network
from sim.judge import judge


def of_image(build: Callable[[Maker, str], str], shape=(4, 6, 6)) -> onnx.ModelProto:
    """A model whose dequantized convolution's output `build` makes something of."""
    make = Maker()
    x = make.conv(make.input(*shape), 4, (1, 1)) if len(shape) == 3 else make.input(*shape)
    real = build(make, make.real(x))
    last = make.quantized(real, (1,), 1.0)
    output = helper.make_tensor_value_info(make.real(last), TensorProto.FLOAT, None)
    model = onnx.shape_inference.infer_shapes(make.finished(output))
    if not model.graph.output[0].type.tensor_type.HasField("shape"):
        unknown = helper.make_tensor_value_info("", TensorProto.FLOAT, [None] * len(shape) + [None])
        model.graph.output[0].type.CopyFrom(unknown.type)
    return model


REFUSED = {
    "an activation with curves": (
        lambda m, x: m.node("HardSwish", [x]),
        r"node 'HardSwish_\d+' \(HardSwish\): is not supported; use Relu or Clip",
    ),
    "a resize": (
        lambda m, x: m.node("Resize", [x, "", m.constant(np.float32([1, 1, 2, 2]))]),
        r"\(Resize\): is not supported; use a Conv with strides, or pooling",
    ),
    "a transposed convolution": (
        lambda m, x: m.node("ConvTranspose", [x, m.constant(np.ones((4, 2, 2, 2), np.float32))]),
        r"\(ConvTranspose\): is not supported; use a Conv",
    ),
    "float weights": (
        lambda m, x: m.node("Conv", [x, m.constant(np.ones((2, 4, 1, 1), np.float32))]),
        r"has weights in floating point; quantize them too",
    ),
    "weights with a scale a channel of the input": (
        lambda m, x: m.node("Conv", [x, m.real_weights(
            np.ones((2, 4, 1, 1), np.int8), np.array([1, 2, 3, 4.0]), axis=1)]),
        r"a scale for each input channel; use one for each output channel",
    ),
    "weights of 16 bits": (
        lambda m, x: m.node("Conv", [x, m.node("DequantizeLinear", [
            m.constant(np.full((2, 4, 1, 1), 250, np.int16)), m.constant(np.float32(1)),
            m.constant(np.int16(-6))], domain="com.microsoft")]),
        r"weights from 256 to 256 when their zero point is taken away, over 9 bits; quantize them",
    ),
    "a sum that is not quantized": (
        lambda m, x: m.node("Add", [m.node("Conv", [x, m.real_weights(
            np.ones((4, 4, 1, 1), np.int8), np.ones(4), axis=0)]), x]),
        r"\(Add\): reads the real-valued result of 'Conv_\d+'; put QuantizeLinear and Dequant",
    ),
    "two products": (
        lambda m, x: m.node("Mul", [x, x]),
        r"\(Mul\): multiplies two activations; make one of its inputs constant",
    ),
    "two activations as a matrix product": (
        lambda m, x: m.node("MatMul", [x, m.node("Transpose", [x], perm=[0, 1, 3, 2])]),
        r"\(MatMul\): multiplies two activations",
    ),
    "shapes that are broadcast": (
        lambda m, x: m.node("Add", [x, m.node("MaxPool", [x], kernel_shape=[6, 6])]),
        r"adds \[1, 4, 6, 6\] and \[1, 4, 1, 1\] whose elements lie differently",
    ),
    "a mean that counts some of its padding": (
        lambda m, x: m.node("AveragePool", [x], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1,
                            pads=[1, 1, 1, 1], count_include_pad=1),
        r"counts its padding, but not the pixels that ceil_mode=1 adds to it; use count_include_p",
    ),
    "windows of padding": (
        lambda m, x: m.node("MaxPool", [x], kernel_shape=[1, 2], dilations=[1, 8],
                            pads=[0, 9, 0, 9]),
        r"has windows of nothing but padding; use pads below the kernel",
    ),
    "automatic padding of windows with gaps": (
        lambda m, x: m.node("MaxPool", [x], kernel_shape=[2, 2], dilations=[2, 2],
                            auto_pad="SAME_UPPER"),
        r"leaves the padding of dilated windows open; use pads, not auto_pad",
    ),
    "automatic padding below zero": (
        lambda m, x: m.node("MaxPool", [x], kernel_shape=[1, 1], strides=[3, 3],
                            auto_pad="SAME_UPPER"),
        r"skips pixels at both ends; use pads, not auto_pad",
    ),
    "padding by reflection": (
        lambda m, x: m.node("Pad", [x, m.constant(np.array([0, 0, 1, 1] * 2))], mode="reflect"),
        r"\(Pad, mode='reflect'\): pads by mode reflect; pad with zeros",
    ),
    "padding with ones": (
        lambda m, x: m.node("Pad", [x, m.constant(np.array([0, 0, 1, 1] * 2)),
                                    m.constant(np.float32(1))]),
        r"pads with 1; pad with zero, or integers with the zero point",
    ),
    "padding of channels": (
        lambda m, x: m.node("Pad", [x, m.constant(np.array([0, 1, 0, 0] * 2))]),
        r"pads the batch or channels; pad rows and columns only",
    ),
    "padding below zero": (
        lambda m, x: m.node("Pad", [x, m.constant(np.array([0, 0, -1, 0] * 2))]),
        r"crops its input \(negative pads\); use pads of 0 and more",
    ),
    "a softmax that is rounded and read in another scale": (
        lambda m, x: m.node("DequantizeLinear", [
            m.node("QuantizeLinear", [m.node("Softmax", [x], axis=1), m.constant(np.float32(0.5)),
                                      m.constant(np.uint8(0))]),
            m.constant(np.float32(0.25)), m.constant(np.uint8(0))]),
        r"dequantizes a softmax by another scale or zero point than it was quantized with",
    ),
    "a window larger than Conv2d's": (
        lambda m, x: m.node("Conv", [x, m.real_weights(
            np.ones((1, 4, 13, 13), np.int8), np.ones(1), axis=0)], pads=[6, 6, 6, 6]),
        r"kernel=13 is outside 1\.\.11",
    ),
    "a flattened image that is joined": (
        lambda m, x: m.node("Concat", [m.node("Flatten", [x])] * 2, axis=1),
        r"joins \[1, 144\] and \[1, 144\] along axis 1, which is not that of channels",
    ),
    "a convolution of a transposed image": (
        lambda m, x: m.node("Conv", [m.node("Transpose", [x], perm=[0, 1, 3, 2]), m.real_weights(
            np.ones((1, 4, 1, 1), np.int8), np.ones(1), axis=0)]),
        r"reads \[N, 4, 6, 6\] that is no \[N, C, H, W\] of a layer",
    ),
    "a mean over channels": (
        lambda m, x: m.node("ReduceMean", [x], axes=[1]),
        r"runs over axes \[1\]; use rows and columns",
    ),
    "a constant for each pixel": (
        lambda m, x: m.node("Add", [x, m.constant(np.arange(36, dtype=np.float32).reshape(6, 6))]),
        r"has a constant that differs from pixel to pixel",
    ),
    "integers of 16 bits": (
        lambda m, x: m.node("DequantizeLinear", [m.node("QuantizeLinear", [
            x, m.constant(np.float32(1)), m.constant(np.int16(0))], domain="com.microsoft"),
            m.constant(np.float32(1)), m.constant(np.int16(0))], domain="com.microsoft"),
        r"quantizes to int16; use int8 or uint8",
    ),
    "an activation with a scale a channel": (
        lambda m, x: m.node("DequantizeLinear", [m.node("QuantizeLinear", [
            x, *(each := [m.constant(np.ones(4, np.float32)), m.constant(np.zeros(4, np.int8))])
        ]), *each]),
        r"gives an activation 4 scales or zero points; use one for the whole tensor",
    ),
    "QONNX rounding down": (
        lambda m, x: m.node("Quant", [x, *(m.constant(np.float32(v)) for v in (1, 0, 8))],
                            domain=QONNX, signed=1, narrow=0, rounding_mode="FLOOR"),
        r"rounds by FLOOR; use rounding_mode='ROUND'",
    ),
    "QONNX with 12 bits": (
        lambda m, x: m.node("Quant", [x, *(m.constant(np.float32(v)) for v in (1, 0, 12))],
                            domain=QONNX, signed=1, narrow=0, rounding_mode="ROUND"),
        r"has 12 bits; use 2 to 8 bits",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_node_that_cannot_be_mapped_names_itself(case):
    build, message = REFUSED[case]
    with pytest.raises(InputError, match=message):
        Network.from_onnx(of_image(build))


def test_a_model_in_floating_point_is_sent_to_quantize():
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "float", [x], [y])
    with pytest.raises(InputError, match=r"is not quantized.*lineloom quantize"):
        Network.from_onnx(helper.make_model(graph))


def test_an_output_that_is_not_quantized_is_named():
    make = Maker()
    x = make.input(4)
    weights = make.real_weights(np.ones((2, 4), np.int8), np.ones(2), axis=0)
    y = make.node("Gemm", [make.real(x), weights], transB=1)
    output = helper.make_tensor_value_info(y, TensorProto.FLOAT, ["N", 2])
    with pytest.raises(InputError, match="'t3' is the real-valued result of 'Gemm_3'"):
        Network.from_onnx(make.finished(output))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.graph.input[0].type.tensor_type.shape.dim[2].ClearField("dim_value"),
         r"input 'x' has shape \['N', 3, '\?', 7\]; it must be \[N, C, H, W\]"),
        (lambda m: m.graph.input.add().CopyFrom(
            helper.make_tensor_value_info("z", TensorProto.FLOAT, [1])), r"has 2 inputs \(x, z\)"),
        (lambda m: m.graph.output.add().CopyFrom(
            helper.make_tensor_value_info(m.graph.node[-2].output[0], TensorProto.FLOAT,
                                          [None, None])),
         r"has 2 outputs"),
        (lambda m: m.graph.node[3].input.__setitem__(0, "nowhere"), r"is no valid model"),
        (lambda m: m.graph.node[3].attribute[0].CopyFrom(helper.make_attribute("axis", "no")),
         r"is no valid model"),
    ],
)  # fmt: skip
def test_a_model_that_is_not_whole_is_refused(change, message):
    model = every_kind("qdq")
    change(model)
    with pytest.raises(InputError, match=message):
        Network.from_onnx(model)


def test_an_old_opset_is_refused():
    make = Maker()
    model = make.model(make.dense(make.input(4), 3), opset=9)
    for node in model.graph.node:  # axes of scales came later
        del node.attribute[:]
    with pytest.raises(InputError, match=r"opset 9, older than 10; export it with a newer"):
        Network.from_onnx(model)


@pytest.mark.parametrize("content", [None, b"", b"\x08", b"no model at all, but a text"])
def test_a_file_that_is_no_model_is_one_line(tmp_path, lineloom, content):
    path = tmp_path / "model.onnx"
    if content is not None:
        path.write_bytes(content)
    done = lineloom("net", path, "-o", tmp_path / "net")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"lineloom: {path}: ")
    assert "; " in done.err
    assert not (tmp_path / "net").exists()


def test_missing_external_data_is_named(tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save(every_kind("qdq"), path, save_as_external_data=True, location="weights.bin",
              size_threshold=0)  # fmt: skip
    Network.from_onnx(path)
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(InputError, match=r"weights.*put it where the model says"):
        Network.from_onnx(path)
    with pytest.raises(InputError, match="external data"):
        Network.from_onnx(onnx.load(path, load_external_data=False))


def test_a_missing_package_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr("hls.network.packages.importlib.util.find_spec", lambda name: None)
    with pytest.raises(ToolNotFound, match=r"lineloom\[network\]"):
        Network.from_onnx(tmp_path / "model.onnx")


@given(st.data())
@settings(max_examples=60)
def test_damaged_models_are_refused_in_words(data):
    """A node, an operand or an attribute is changed: there is a message, or all layers are right.

    Most of these models are none that onnxruntime takes either.
    """
    model = every_kind(data.draw(st.sampled_from(["qdq", "qoperator", "qonnx"])), size=6)
    for _ in range(data.draw(st.integers(1, 3))):
        node = model.graph.node[data.draw(st.integers(0, len(model.graph.node) - 1))]
        what = data.draw(st.sampled_from(["operator", "operand", "swap", "attribute"]))
        if what == "operator":
            node.op_type = data.draw(st.sampled_from(
                ["Relu", "Add", "MatMul", "Flatten", "MaxPool", "Concat", "Softmax", "Identity",
                 "QuantizeLinear", "DequantizeLinear", "Conv", "ReduceMean", "Transpose", "Shape"]
            ))  # fmt: skip
        elif what == "operand" and node.input:
            names = [tensor.name for tensor in model.graph.initializer]
            names += [name for each in model.graph.node for name in each.output]
            place = data.draw(st.integers(0, len(node.input) - 1))
            node.input[place] = data.draw(st.sampled_from(names))
        elif what == "swap" and len(node.input) > 1:
            node.input[0], node.input[1] = node.input[1], node.input[0]
        elif node.attribute:
            place = data.draw(st.integers(0, len(node.attribute) - 1))
            del node.attribute[place]
    with suppress(LineloomError):
        network = Network.from_onnx(model)
        x = np.random.default_rng(0).normal(0, 1, (2, 3, 6, 4)).astype(np.float32)
        verdict = judge(network, model, x, isolated=True)
        # A bias may have come to be no whole number of steps; other mistakes are larger.
        assert verdict.largest <= 1, verdict.first
