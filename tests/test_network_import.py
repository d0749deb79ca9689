"""Models that are imported compute what onnxruntime computes, layer by layer."""

from __future__ import annotations

from math import prod

import numpy as np
import onnx
import pytest
import random_models
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from hls.network import Network, files
from sim import network as golden
from sim.judge import judge

RUN_BY_ONNXRUNTIME = ("qdq", "qoperator")


def images(model, count=16, seed=0):
    shape = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim][1:]
    return np.random.default_rng(seed).normal(0, 1, (count, *shape)).astype(np.float32)


def agrees(model, count=16):
    """Every tensor of every layer is onnxruntime's; the network, for more questions."""
    network = Network.from_onnx(model)
    verdict = judge(network, model, images(model, count))
    assert verdict.differing == 0, verdict.first
    assert verdict.top1 == verdict.frames == count
    return network


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("form", RUN_BY_ONNXRUNTIME)
def test_powers_of_two_make_every_layer_equal(form, dtype):
    network = agrees(random_models.every_kind(form, dtype=dtype))
    x = np.random.default_rng(1).integers(-128, 128, (8, 9, 7, 3)).astype(np.int8)
    for name, value in golden.tensors(network, x).items():
        assert value.std() > 1, name
    assert network.result.steps == ("softmax",)


def keeps_the_promise(model, count=64):
    """Each layer reads what onnxruntime's has read: it is onnxruntime that rounds twice."""
    network = Network.from_onnx(model)
    verdict = judge(network, model, images(model, count), isolated=True)
    assert verdict.largest <= 1
    assert verdict.differing <= 2e-5 * verdict.values
    assert judge(network, model, images(model, count)).top1 == count


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("form", RUN_BY_ONNXRUNTIME)
def test_arbitrary_scales_are_off_by_one_at_most_and_seldom(form, dtype):
    keeps_the_promise(random_models.every_kind(form, dtype=dtype, exact=False))


@pytest.mark.parametrize("form", ["qdq", "qonnx"])
def test_real_biases_are_exact_at_powers_of_two(form):
    make = random_models.Maker(form, seed=3, real=True)
    x = make.conv(make.input(3, 16, 16), 16, pads=(1, 1, 1, 1), relu=True)
    x = make.conv(make.conv(x, 16, (3, 3), groups=16), 8, (1, 1), relu=True)
    network = agrees(make.model(make.dense(x, 10)), 32)
    assert all(layer.conv.bias_fraction > 5 for layer in network.convolutions)


@pytest.mark.parametrize("form", RUN_BY_ONNXRUNTIME)
def test_means_of_one_scale_differ_at_ties_alone(form):
    """Which float32 breaks, as its scale is no power of two."""
    make = random_models.Maker(form, exact=False)
    x = make.input(4, 12, 12)
    make.scale = lambda about: x.scale
    model = make.model(make.pool(x, "average", (2, 2), (2, 2)))
    verdict = judge(Network.from_onnx(model), model, images(model, 100))
    assert verdict.largest == 1
    assert 0 < verdict.halfway == verdict.differing < 0.05 * verdict.values


def test_real_biases_keep_the_promise_at_any_scales():
    keeps_the_promise(random_models.every_kind("qdq", exact=False, real=True))


def test_biases_between_two_steps_break_no_tie_and_no_other():
    """Sums that are ties, but for a bias of a little more, a little less, or of half a step.

    A little is what onnxruntime's float32 still sees, and what no binary places hold.
    """
    make = random_models.Maker("qdq")
    x = make.input(1, 16, 16)
    little = 2.0**-13 / 3
    parts = [0, little, -little, 0.5, -0.5, 0.5 + little, 1 / 3]
    integers = np.ones((len(parts), 1, 1, 1), np.int8)
    steps = np.full(len(parts), 2.0**-6, np.float32)
    bias = make.constant((np.array(parts) * 2.0**-6 * x.scale).astype(np.float32))
    real = make.node("Conv", [make.real(x), make.real_weights(integers, steps, 0), bias])
    model = make.model(make.quantized(real, (len(parts), 16, 16), 2.0**-11))
    network = agrees(model, 64)
    x = np.arange(-128, 128).reshape(1, 16, 16, 1).astype(np.int8)
    made = golden.tensors(network, x)[network.output].reshape(-1, len(parts))
    assert all((made[:, i] != made[:, 0]).any() for i in (1, 2, 3, 4, 5))


def test_a_filter_without_weights_puts_out_its_bias():
    """Whose scale says nothing: in its steps the bias would take over 32 bits."""
    make = random_models.Maker("qdq")
    x = make.input(2, 6, 6)
    integers, scales = make.weights(3, 2, 3, 3), np.array([2.0**-8, 2.0**-40, 2.0**-8])
    integers[1] = 0
    bias = make.constant(np.float32([0.3, -0.7, 0.1]))
    real = make.node("Conv", [make.real(x), make.real_weights(integers, scales, 0), bias])
    agrees(make.model(make.quantized(real, (3, 4, 4), 1 / 16)))


@pytest.mark.parametrize("scales", [(2**-6, 2**-6), (2**-6, 2**-7), (0.0173, 0.0173), (0.03, 0.02)])
@pytest.mark.parametrize("size", [(2, 7), (4, 7), (5, 6), (7, 8), (6, 6), (7, 7), (8, 8)])
def test_a_global_mean_of_integers_is_that_of_onnxruntime_for_every_sum(size, scales):
    """1 / 14, 1 / 30 and others in float32 leave some ties what they are, and break the others."""
    count = prod(size)
    make = random_models.Maker("qoperator", seed=count)
    make.inputs = [helper.make_tensor_value_info("x", TensorProto.INT8, ["N", 1, *size])]
    make.scale = lambda about: scales[1]
    y = make.global_mean(random_models.Tensor("x", (1, *size), scales[0], -3))
    output = helper.make_tensor_value_info(y.name, TensorProto.INT8, ["N", 1, 1, 1])
    sums = np.arange(-128 * count, 127 * count + 1)
    pixels = (sums[:, None] + np.arange(count)) // count  # which add up to them
    frames = pixels.reshape(-1, 1, *size).astype(np.int8)
    model = make.finished(output)
    verdict = judge(Network.from_onnx(model), model, frames)
    assert (verdict.differing, verdict.frames) == (0, 255 * count + 1)


@st.composite
def models(draw):
    """A chain of random layers with a branch now and then; the last is dense."""
    form = draw(st.sampled_from(RUN_BY_ONNXRUNTIME))
    make = random_models.Maker(
        form, seed=draw(st.integers(0, 2**16)), dtype=draw(st.sampled_from(["int8", "uint8"])),
        real=draw(st.booleans()),
    )  # fmt: skip
    size = draw(st.integers(3, 9)), draw(st.integers(3, 9))
    x = make.input(draw(st.sampled_from([1, 3, 4])), *size)
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["conv", "depthwise", "max", "average", "add", "concat"]))
        relu = draw(st.booleans())
        kernel = draw(st.integers(1, min(3, x.shape[1]))), draw(st.integers(1, min(3, x.shape[2])))
        stride = draw(st.integers(1, 2)), draw(st.integers(1, 2))
        pads = tuple(draw(st.integers(0, side - 1)) for side in (*kernel, *kernel))
        if kind == "conv":
            dilation = tuple(
                draw(st.integers(1, 2)) if (side - 1) * 2 < space else 1
                for side, space in zip(kernel, x.shape[1:], strict=True)
            )
            x = make.conv(x, draw(st.integers(1, 6)), kernel, stride=stride, dilation=dilation,
                          pads=pads, relu=relu)  # fmt: skip
        elif kind == "depthwise":
            x = make.conv(x, x.shape[0] * draw(st.integers(1, 2)), kernel, stride=stride,
                          pads=pads, groups=x.shape[0], relu=relu)  # fmt: skip
        elif kind in ("max", "average"):
            x = make.pool(x, kind, kernel, stride, pads)
        elif kind == "add":
            x = make.add(make.conv(x, x.shape[0], (1, 1)), x, relu=relu)
        else:
            x = make.concat(x, make.conv(x, 2, (1, 1), relu=relu), x)
    if draw(st.booleans()):
        x = make.global_mean(x, draw(st.sampled_from(["GlobalAveragePool", "ReduceMean"]))
                             if form == "qdq" else "GlobalAveragePool")  # fmt: skip
    x = make.dense(x, draw(st.integers(1, 5)), op=draw(st.sampled_from(["Gemm", "MatMul"])))
    return make.model(x, head=draw(st.sampled_from(["", "Softmax", "ArgMax"])))


@given(models())
@settings(max_examples=60)
def test_random_models_are_equal(model):
    agrees(model, 4)


def test_a_network_remembers_its_model_on_disk(tmp_path):
    network = agrees(random_models.every_kind("qdq"))
    files.save(network, tmp_path)
    read = files.load(tmp_path)
    assert files.to_data(read) == files.to_data(network)
    assert read.model == network.model
    kept = onnx.load(tmp_path / files.MODEL)
    assert judge(read, kept, images(kept)).differing == 0
    assert read.origins["conv1"] == ("Conv_4", "Relu_5")
    assert read.tensors["conv1_out"].model == network.tensors["conv1_out"].model
