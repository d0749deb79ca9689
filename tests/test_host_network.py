"""Networks on the simulated board: images of the model in, the model's predictions out."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import networks
import numpy as np
import onnxruntime
import pytest
from conftest import Lineloom
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

import host.network
import host.watched
import sim
from hls.network.dataflow import DataflowNetwork
from hls.network.engines import Lanes
from hls.network.generation import generate_dataflow
from host import Accelerator, AcceleratorError
from host.model_tensor import ModelTensor
from host.watched import Watched
from sim import network as golden
from sim.device import SimulatedDevice

CHAIN = networks.chain()


def tensor(
    dtype: str = "float32",
    axes: str = "CHW",
    shape: tuple[int, int, int] = (4, 5, 3),
    scale: float = 0.5,
    zero_point: int = 0,
    steps: tuple[str, ...] = (),
) -> ModelTensor:
    entry = {"name": "x", "dtype": dtype, "axes": axes, "steps": steps, "scale": scale,
             "zero_point": zero_point}  # fmt: skip
    return ModelTensor.of(entry, shape)


def judged(operator: str, x: Any, *constants: Any) -> Any:
    """What onnxruntime makes of `x` and scalars by an operator of ONNX."""
    held = [helper.np_dtype_to_tensor_dtype(np.asarray(each).dtype) for each in (x, *constants)]
    names = ["x", *(f"c{index}" for index in range(len(constants)))]
    graph = helper.make_graph(
        [helper.make_node(operator, names, ["y"])],
        "judge",
        [helper.make_tensor_value_info("x", held[0], [None] * np.ndim(x))],
        [helper.make_empty_tensor_value_info("y")],
        [helper.make_tensor(name, dtype, [], [value])
         for name, dtype, value in zip(names[1:], held[1:], constants, strict=True)],
    )  # fmt: skip
    graph.output[0].type.tensor_type.elem_type = (
        held[-1] if operator == "QuantizeLinear" else TensorProto.FLOAT
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": x})[0]


# ---------------------------------------------------------------------- quantization


@given(
    scale=st.floats(2.0**-40, 2.0**40, width=32),
    dtype=st.sampled_from([np.int8, np.uint8]),
    zero=st.integers(0, 255),
    data=st.data(),
)
@settings(max_examples=150)
def test_quantization_is_that_of_onnxruntime(
    scale: float, dtype: type[np.integer[Any]], zero: int, data: st.DataObject
) -> None:
    """Any float, and steps and halves of steps, where rounding decides."""
    anything = st.floats(width=32, allow_nan=False)
    halves = st.integers(-600, 600).map(lambda n: np.float32(n / 2) * np.float32(scale))
    drawn = data.draw(st.lists(st.one_of(anything, halves), min_size=12, max_size=12))
    x = np.array(drawn, np.float32).reshape(1, 3, 2, 2)
    offset = 0 if dtype == np.uint8 else 128
    shifted = zero - 128
    made = tensor(shape=(2, 2, 3), scale=float(np.float32(scale)), zero_point=shifted)
    frames, single = made.batch(x)
    expected = judged("QuantizeLinear", x, np.float32(scale), dtype(zero - offset))
    wanted = (expected.astype(int) - (128 - offset)).astype(np.int8)
    np.testing.assert_array_equal(frames[:], wanted.transpose(0, 2, 3, 1))
    assert not single


def test_infinity_saturates() -> None:
    x = np.array([np.inf, -np.inf, 3e38, -3e38], np.float32)
    frames, _ = tensor(axes="C", shape=(1, 1, 4), scale=1e-3, zero_point=7).batch(x)
    np.testing.assert_array_equal(frames[:].ravel(), [127, -128, 127, -128])


@pytest.mark.parametrize("axes", ["CHW", "HWC", "WCH"])
@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_integers_keep_their_bits(dtype: str, axes: str) -> None:
    made = tensor(dtype, axes)
    rng = np.random.default_rng(1)
    x = rng.integers(0, 256, (2, *made.model_shape)).astype(np.uint8).view(dtype)
    frames, _ = made.batch(x)
    assert frames[0:2].shape == (2, 4, 5, 3)
    picked = frames[1:2][0, 3, 1, 2]
    place = [dict(zip("HWC", (3, 1, 2), strict=True))[letter] for letter in axes]
    assert picked == int(x[(1, *place)]) - (128 if dtype == "uint8" else 0)
    np.testing.assert_array_equal(made.of_hardware(frames[:]), x)


@pytest.mark.parametrize(
    ("axes", "shape"), [("CHW", (4, 5, 3)), ("HWC", (4, 5, 3)), ("CW", (1, 5, 3)), ("C", (1, 1, 9))]
)
def test_results_are_those_of_onnxruntime(axes: str, shape: tuple[int, int, int]) -> None:
    q = np.random.default_rng(2).integers(-128, 128, (6, *shape)).astype(np.int8)
    made = tensor(axes=axes, shape=shape, scale=0.0371, zero_point=-9)
    order = [dict(zip("HWC", (1, 2, 3), strict=True))[letter] for letter in axes]
    left = tuple(place for place in (1, 2, 3) if place not in order)
    inner = np.argsort(np.argsort(order)) + 1
    held = q.squeeze(left).transpose(0, *inner)
    expected = judged("DequantizeLinear", held, np.float32(0.0371), np.int8(-9))
    np.testing.assert_array_equal(made.of_hardware(q), expected)
    channels = axes.index("C") + 1
    best = tensor(axes=axes, shape=shape, steps=("softmax", "argmax")).of_hardware(q)
    np.testing.assert_array_equal(best, held.argmax(axis=channels))
    shares = tensor(axes="C", shape=(1, 1, q[0].size), scale=0.0371, steps=("softmax",))
    flat = q.reshape(6, 1, 1, -1)
    np.testing.assert_allclose(
        shares.of_hardware(flat),
        judged("Softmax", (flat.reshape(6, -1) * np.float32(0.0371))),
        rtol=1e-5,
    )


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((2, 8, 8, 1), np.float32), r"shape \(2, 8, 8, 1\), the model takes \[N, 1, 8, 8\]"
         r" \(axes NCHW\), or one image \[1, 8, 8\]; reshape or transpose"),
        (np.float32(1), r"images has shape \(\), the model takes"),
        (np.zeros((0, 1, 8, 8), np.float32), "holds no image; give one or more"),
        (np.zeros((1, 8, 8)), r"is float64, the model takes float32; .* \.astype\(np.float32\)"),
        (np.zeros((1, 8, 8), np.int8), r"is int8, the model takes float32; convert it with"),
        (np.full((2, 1, 8, 8), np.nan, np.float32), r"holds NaN, the first at \(0, 0, 0, 0\); no "
         "integer stands for it"),
        ([[1.0], [2.0, 3.0]], "images is no array .*rows differ in length"),
    ],
)  # fmt: skip
def test_images_that_are_refused(images: Any, words: str) -> None:
    with pytest.raises(AcceleratorError, match=words):
        tensor(shape=(8, 8, 1)).batch(images)


# ---------------------------------------------------------------------- the bar


class Terminal(io.StringIO):
    """A stream that says that somebody watches."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("shown", [True, False])
def test_a_bar_for_who_watches(monkeypatch: pytest.MonkeyPatch, shown: bool) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setattr(host.watched, "_PATIENCE_S", 0.0)
    x = np.arange(4000)
    with Watched(x, shown=shown) as watched:
        assert len(watched) == 4000
        np.testing.assert_array_equal(watched[2000:3000], x[2000:3000])
    said = terminal.getvalue()
    assert ("###############............... 2,000 of 4,000 images" in said) is shown
    assert said.endswith("\r\033[K") is shown


def test_no_bar_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", log := io.StringIO())
    monkeypatch.setattr(host.watched, "_PATIENCE_S", 0.0)
    with Watched(np.arange(4), shown=True) as watched:
        watched[2:3]
    assert not log.getvalue()


# ---------------------------------------------------------------------- on the board


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chain of layers, with lanes that do not divide one another."""
    lanes = {layer.name: Lanes(pe=2) for layer in CHAIN.convolutions}
    design = DataflowNetwork(network=CHAIN, lanes=lanes)
    return generate_dataflow(design, tmp_path_factory.mktemp("networks") / "net").path


@pytest.fixture
def board(project: Path) -> Iterator[SimulatedDevice]:
    with sim.board(project) as made:
        yield made


@pytest.fixture
def net(board: SimulatedDevice, project: Path) -> Iterator[Any]:
    with Accelerator(project) as made:
        yield made


def pictures(count: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(0, 40, (count, 1, 8, 8)).astype(np.float32)


def predicted(images: Any) -> Any:
    """The class of each image by the golden model, quantized by onnxruntime."""
    given = CHAIN.tensors[CHAIN.input]
    scale, zero = np.float32(given.scale), np.int8(given.zero_point)
    x = judged("QuantizeLinear", images, scale, zero).transpose(0, 2, 3, 1)
    return golden.tensors(CHAIN, x)[CHAIN.output].argmax(axis=3)[:, 0, 0]


def test_predictions_are_those_of_the_model(net: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    x = pictures(7)
    expected = predicted(x)
    assert len(set(expected)) > 1
    y = net.predict(x)
    assert y.dtype == np.int64
    np.testing.assert_array_equal(y, expected)
    assert (net.info.sent_bytes, net.info.received_bytes) == (7 * 64, 7 * 10)
    assert net.predict(x[3]) == expected[3]
    assert net.predict(x[3]).shape == ()
    order: list[str] = []
    channel = net._channels["in_r"]
    start, quantized = channel.start, ModelTensor.quantized
    monkeypatch.setattr(channel, "start", lambda buffer: (order.append("send"), start(buffer)))
    monkeypatch.setattr(ModelTensor, "quantized", lambda self, images: (
        order.append(f"quantize {len(images)}"), quantized(self, images))[1])  # fmt: skip
    monkeypatch.setattr(host.network, "_PIECE_S", 3.2 * net.info.costs["predicted_cycles"] / 1e8)
    np.testing.assert_array_equal(net.predict(x), expected)
    # Each piece is quantized while the one before it is on its way.
    assert order == ["quantize 3", "send", "quantize 3", "send", "quantize 1", "send"]


def test_a_call_computes_with_integers(net: Any) -> None:
    x = np.random.default_rng(3).integers(-128, 128, (3, 8, 8, 1)).astype(np.int8)
    expected = golden.tensors(CHAIN, x)[CHAIN.output]
    np.testing.assert_array_equal(net(x), expected)
    np.testing.assert_array_equal(net(x[1]), expected[1])
    assert "network of 4 layers 8 x 8 x 1 to 1 x 1 x 10" in net._repr_html_()
    assert repr(net) == "<Network net of net.bit>"


def test_what_is_refused_leaves_the_network_ready(net: Any) -> None:
    x = pictures(5)
    x[4, 0, 7, 7] = np.nan
    with pytest.raises(AcceleratorError, match=r"holds NaN, the first at \(4, 0, 7, 7\)"):
        net.predict(x)
    assert "NaN" in net.info.last_error
    np.testing.assert_array_equal(net.predict(x[:4]), predicted(x[:4]))


SCRIPT = """
import sys
import numpy as np
from host import Accelerator
with Accelerator("net.bit") as net:
    np.save(sys.argv[2], net.predict(np.load(sys.argv[1])))
"""


def test_a_script_on_the_simulated_board(project: Path, lineloom: Lineloom, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    x = pictures(4, 1)
    np.save(tmp_path / "x.npy", x)
    done = lineloom("run", tmp_path / "script.py", "--overlay", project, "--",
                    tmp_path / "x.npy", tmp_path / "y.npy")  # fmt: skip
    assert (done.code, done.err) == (0, "")
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), predicted(x))
