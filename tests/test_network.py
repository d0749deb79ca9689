"""Networks: what the golden model computes, what is refused, and the way to disk and back."""

from __future__ import annotations

import dataclasses

import networks
import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from hls.errors import DesignError, InputError
from hls.network import files
from hls.network.layers import Addition, Pooling, Requantization
from hls.network.network import axis_of
from sim import network as golden


def frames(network, count=3, seed=0):
    shape = network.tensors[network.input].shape
    return np.random.default_rng(seed).integers(-128, 128, (count, *shape)).astype(np.int8)


def test_a_network_comes_back_from_disk_as_it_was(tmp_path):
    made = networks.every_kind()
    files.save(made, tmp_path)
    read = files.load(tmp_path)
    assert files.to_data(read) == files.to_data(made)
    x = frames(made)
    for name, value in golden.tensors(made, x).items():
        np.testing.assert_array_equal(golden.tensors(read, x)[name], value, name)


def test_every_tensor_has_its_shape_and_is_not_constant():
    made = networks.every_kind()
    for name, value in golden.tensors(made, frames(made, 8)).items():
        assert value.shape == (8, *made.tensors[name].shape)
        assert value.dtype == np.int8
        assert value.std() > 0, name


def judged(nodes, constants, inputs, *, optimized):
    """What onnxruntime makes of `inputs` [N, H, W, C]; the nodes see [N, C, H, W]."""
    feeds = {name: np.ascontiguousarray(x.transpose(0, 3, 1, 2)) for name, x in inputs.items()}
    graph = helper.make_graph(
        nodes,
        "judge",
        [
            helper.make_tensor_value_info(name, TensorProto.INT8, list(x.shape))
            for name, x in feeds.items()
        ],
        [helper.make_tensor_value_info("y", TensorProto.INT8, [None] * 4)],
        [
            helper.make_tensor(
                name, TensorProto.FLOAT if isinstance(v, float) else TensorProto.INT8, [], [v]
            )
            for name, v in constants.items()
        ],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    options = onnxruntime.SessionOptions()
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, feeds)[0].transpose(0, 2, 3, 1)


@pytest.mark.parametrize("kind", ["max", "average"])
@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pads"),
    [
        ((8, 8), (2, 2), (2, 2), (0, 0, 0, 0)),
        ((9, 7), (3, 3), (2, 2), (1, 1, 1, 1)),
        ((7, 5), (3, 2), (1, 2), (2, 0, 1, 0)),
        ((6, 6), (6, 6), (1, 1), (0, 0, 0, 0)),
    ],
)
def test_pooling_is_that_of_onnx(kind, size, kernel, stride, pads):
    """DequantizeLinear, a pooling in float and QuantizeLinear, one after the other."""
    zero, count = 5, kernel[0] * kernel[1]
    divisor = count if kind == "average" else 1
    layer = Pooling(
        name="pool", inputs=("x",), output="y", kind=kind, channels=3, input_zero_point=zero,
        rows=axis_of(size[0], kernel[0], stride[0], *pads[:2]),
        cols=axis_of(size[1], kernel[1], stride[1], *pads[2:]),
        finish=Requantization(multiplier=1, shift=1, divisor=divisor, zero_point=-7),
    )  # fmt: skip
    x = np.random.default_rng(1).integers(-128, 128, (4, *size, 3)).astype(np.int8)
    operator = "MaxPool" if kind == "max" else "AveragePool"
    attributes = {} if kind == "max" else {"count_include_pad": 1}
    nodes = [
        helper.make_node("DequantizeLinear", ["x", "one", "zero"], ["real"]),
        helper.make_node(
            operator, ["real"], ["pooled"], kernel_shape=kernel, strides=stride,
            pads=[pads[0], pads[2], pads[1], pads[3]], **attributes,
        ),
        helper.make_node("QuantizeLinear", ["pooled", "two", "out_zero"], ["y"]),
    ]  # fmt: skip
    constants = {"one": 1.0, "two": 2.0, "zero": zero, "out_zero": -7}
    expected = judged(nodes, constants, {"x": x}, optimized=False)
    np.testing.assert_array_equal(golden.layer_output(layer, [x]), expected)


@pytest.mark.parametrize("form", ["nodes of ONNX", "QLinearAdd"])
@pytest.mark.parametrize("zero", [0, -7, -128])
def test_addition_is_that_of_onnxruntime(form, zero):
    """The two forms round ties differently where the zero point is odd."""
    fused = form == "QLinearAdd"
    layer = Addition(
        name="add", inputs=("a", "b"), output="y", zero_points=(3, -5), multipliers=(2, 1),
        finish=Requantization(
            multiplier=1, shift=3, zero_point=zero, ties="odd" if fused and zero % 2 else "even"
        ),
    )  # fmt: skip
    rng = np.random.default_rng(2)
    a, b = (rng.integers(-128, 128, (2, 16, 16, 8)).astype(np.int8) for _ in "ab")
    constants = {"sa": 0.5, "za": 3, "sb": 0.25, "zb": -5, "sy": 2.0, "zy": zero}
    parts = ["a", "sa", "za", "b", "sb", "zb", "sy", "zy"]
    nodes = [
        helper.make_node("DequantizeLinear", parts[:3], ["real_a"]),
        helper.make_node("DequantizeLinear", parts[3:6], ["real_b"]),
        helper.make_node("Add", ["real_a", "real_b"], ["sum"]),
        helper.make_node("QuantizeLinear", ["sum", "sy", "zy"], ["y"]),
    ]
    if fused:
        nodes = [helper.make_node("QLinearAdd", parts, ["y"], domain="com.microsoft")]
    expected = judged(nodes, constants, {"a": a, "b": b}, optimized=False)
    np.testing.assert_array_equal(golden.layer_output(layer, [a, b]), expected)


def test_a_tensor_that_does_not_fit_its_layer_is_refused():
    made = networks.chain()
    wrong = dict(made.tensors)
    wrong[made.output] = dataclasses.replace(wrong[made.output], shape=(1, 1, 11))
    with pytest.raises(DesignError, match=r"puts out \(1, 1, 10\), its tensor has \(1, 1, 11\)"):
        dataclasses.replace(made, tensors=wrong)


def test_a_window_larger_than_its_image_is_refused():
    builder = networks.Builder((1, 8, 3))
    with pytest.raises(DesignError, match=r"pool0 does not fit its inputs \[\(1, 8, 3\)\]"):
        builder.pool("x", "max", (3, 3), (1, 1))


def test_layers_out_of_order_are_refused():
    made = networks.chain()
    with pytest.raises(DesignError, match="is read before it is made"):
        dataclasses.replace(made, layers=made.layers[::-1])


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "network.npz").unlink(),
        lambda folder: (folder / "network.npz").write_bytes(b"PK"),
        lambda folder: (folder / "network.json").write_text("{"),
        lambda folder: (folder / "network.json").write_text('{"lineloom": 99}'),
    ],
)
def test_a_damaged_file_is_one_message(tmp_path, damage):
    files.save(networks.chain(), tmp_path)
    damage(tmp_path)
    with pytest.raises(InputError, match="lineloom net"):
        files.load(tmp_path)
