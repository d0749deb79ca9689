"""Models that are imported compute what onnxruntime computes, layer by layer."""

from __future__ import annotations

from math import prod

import numpy as np
import onnx
import pytest
import random_models
from hypothesis import given, settings
from hypothesis import strategies as st

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


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("form", RUN_BY_ONNXRUNTIME)
def test_arbitrary_scales_are_off_by_one_at_most_and_seldom(form, dtype):
    """Each layer reads what onnxruntime's has read: it is onnxruntime that rounds twice."""
    model = random_models.every_kind(form, dtype=dtype, exact=False)
    network = Network.from_onnx(model)
    verdict = judge(network, model, images(model, 64), isolated=True)
    assert verdict.largest <= 1
    assert verdict.differing <= 2e-5 * verdict.values
    assert judge(network, model, images(model, 64)).top1 == 64


@st.composite
def models(draw):
    """A chain of random layers with a branch now and then; the last is dense."""
    form = draw(st.sampled_from(RUN_BY_ONNXRUNTIME))
    make = random_models.Maker(
        form, seed=draw(st.integers(0, 2**16)), dtype=draw(st.sampled_from(["int8", "uint8"]))
    )
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
    # onnxruntime multiplies by 1 / pixels in float32, so it has ties only where that is exact.
    count = prod(x.shape[1:])
    if (form == "qdq" or count & (count - 1) == 0) and draw(st.booleans()):
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
