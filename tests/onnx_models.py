"""Small ONNX models of every operator that networks are made of, as others write them.

`FLOAT` has the float networks; `quantized` lets onnxruntime's own quantizer write them in either
form. `QONNX` has networks of Quant nodes, as QONNX and Brevitas write them. All inputs and weights
are seeded: the same call makes the same model.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import quantization as ort

Array = npt.NDArray[Any]

_OPSET = 17
_QONNX_DOMAIN = "qonnx.custom_op.general"


class Graph:
    """A graph that is written from its input to its output; a tensor is its name."""

    def __init__(self, shape: Sequence[int], *, batch: int | str = "N", seed: int = 0) -> None:
        """With an input [batch, *shape] of float32."""
        self.rng = np.random.default_rng(seed)
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._input = helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, *shape])

    def node(self, op: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add an operator and return its output."""
        name = f"{op.lower()}_{len(self._nodes)}"
        self._nodes.append(
            helper.make_node(op, inputs, [name], name=f"n_{name}", domain=domain, **attributes)
        )
        return name

    def constant(self, value: Any, name: str = "c") -> str:
        """Add a constant and return its name."""
        name = f"{name}_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def weights(self, *shape: int) -> Array:
        """Weights that keep the size of what they are summed with."""
        scale = 1 / np.sqrt(np.prod(shape[1:]))
        return self.rng.normal(scale=scale, size=shape).astype(np.float32)

    def conv(self, x: str, filters: int, channels: int, kernel: int = 3, **attributes: Any) -> str:
        """A convolution with a bias; channels are those that a filter sees."""
        weights = self.constant(self.weights(filters, channels, kernel, kernel), "w")
        bias = self.constant(self.rng.normal(scale=0.1, size=filters).astype(np.float32), "b")
        return self.node("Conv", x, weights, bias, kernel_shape=[kernel] * 2, **attributes)

    def gemm(self, x: str, outputs: int, inputs: int, *, transposed: bool = True) -> str:
        """A dense layer; its weights are [outputs, inputs] if transposed, as PyTorch has them."""
        weights = self.weights(outputs, inputs)
        b = self.constant(weights if transposed else np.ascontiguousarray(weights.T), "w")
        bias = self.constant(self.rng.normal(scale=0.1, size=outputs).astype(np.float32), "b")
        return self.node("Gemm", x, b, bias, transB=int(transposed))

    def model(self, output: str, shape: Sequence[int], dtype: int = TensorProto.FLOAT) -> Any:
        """The model whose output is [batch, *shape], checked."""
        batch = self._input.type.tensor_type.shape.dim[0]
        sizes = [batch.dim_param or batch.dim_value, *shape]
        graph = helper.make_graph(
            self._nodes, "g", [self._input],
            [helper.make_tensor_value_info(output, dtype, sizes)], self._constants,
        )  # fmt: skip
        domains = {node.domain for node in self._nodes} - {""}
        opsets = [helper.make_opsetid("", _OPSET), *(helper.make_opsetid(d, 1) for d in domains)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        onnx.checker.check_model(model, full_check=not domains)
        return model


# ---------------------------------------------------------------------- float


def convolutions(batch: int | str = "N") -> onnx.ModelProto:
    """Stride, padding on one side, depthwise, groups, 1x1, ReLU between; 8x8x3 -> 4x4x6."""
    g = Graph((3, 8, 8), batch=batch, seed=1)
    y = g.node("Relu", g.conv("x", 8, 3, pads=[1, 1, 1, 1]))
    y = g.node("Relu", g.conv(y, 8, 1, pads=[0, 0, 1, 1], strides=[2, 2], group=8))
    y = g.node("Relu", g.conv(y, 8, 4, pads=[1, 1, 1, 1], group=2))
    return g.model(g.conv(y, 6, 8, kernel=1), (6, 4, 4))


def dense() -> onnx.ModelProto:
    """Gemm both ways round and MatMul with an Add behind it; 24 -> 10."""
    g = Graph((24,), seed=2)
    y = g.node("Relu", g.gemm("x", 16, 24))
    y = g.node("Relu", g.gemm(y, 12, 16, transposed=False))
    y = g.node("MatMul", y, g.constant(g.weights(12, 10), "w"))
    bias = g.constant(g.rng.normal(scale=0.1, size=10).astype(np.float32), "b")
    return g.model(g.node("Add", y, bias), (10,))


def residual() -> onnx.ModelProto:
    """A sum with the input of two convolutions, and one with a 1x1 convolution; 8x8x4 -> 4x4x8."""
    g = Graph((4, 8, 8), seed=3)
    y = g.node("Relu", g.conv("x", 4, 4, pads=[1, 1, 1, 1]))
    y = g.node("Add", g.conv(y, 4, 4, pads=[1, 1, 1, 1]), "x")
    y = g.node("Relu", y)
    body = g.node("Relu", g.conv(y, 8, 4, pads=[1, 1, 1, 1], strides=[2, 2]))
    body = g.conv(body, 8, 8, pads=[1, 1, 1, 1])
    y = g.node("Add", g.conv(y, 8, 4, kernel=1, strides=[2, 2]), body)
    return g.model(g.node("Relu", y), (8, 4, 4))


def pools() -> onnx.ModelProto:
    """MaxPool, AveragePool, GlobalAveragePool and Flatten before a dense layer; 16x16x2 -> 5."""
    g = Graph((2, 16, 16), seed=4)
    y = g.node("Relu", g.conv("x", 6, 2, pads=[1, 1, 1, 1]))
    y = g.node("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    y = g.node("Relu", g.conv(y, 6, 6))
    y = g.node("AveragePool", y, kernel_shape=[2, 2], strides=[2, 2])
    y = g.node("Flatten", g.node("GlobalAveragePool", y))
    return g.model(g.gemm(y, 5, 6), (5,))


def clipped() -> onnx.ModelProto:
    """Clip to 0..0.75 and to -0.4..0.4 behind convolutions; 8x8x3 -> 8x8x4."""
    g = Graph((3, 8, 8), seed=5)
    y = g.conv("x", 8, 3, pads=[1, 1, 1, 1])
    y = g.node("Clip", y, g.constant(np.float32(0)), g.constant(np.float32(0.75)))
    y = g.conv(y, 4, 8, pads=[1, 1, 1, 1])
    y = g.node("Clip", y, g.constant(np.float32(-0.4)), g.constant(np.float32(0.4)))
    return g.model(y, (4, 8, 8))


def concatenated() -> onnx.ModelProto:
    """Two branches of different ranges side by side, then the larger entry; 8x8x3 -> 8x8."""
    g = Graph((3, 8, 8), seed=6)
    left = g.node("Relu", g.conv("x", 4, 3, pads=[1, 1, 1, 1]))
    right = g.conv("x", 2, 3, kernel=1)
    y = g.node("Concat", left, right, axis=1)
    return g.model(g.conv(y, 5, 6, kernel=1), (5, 8, 8))


def classifier() -> onnx.ModelProto:
    """Reshape, a dense layer, ArgMax of the classes; 4x4x3 -> 1."""
    g = Graph((3, 4, 4), seed=7)
    y = g.node("Relu", g.conv("x", 4, 3, pads=[1, 1, 1, 1]))
    y = g.node("Reshape", y, g.constant(np.array([0, -1])))
    y = g.gemm(y, 7, 64)
    return g.model(g.node("ArgMax", y, axis=1, keepdims=1), (1,), TensorProto.INT64)


def normalized() -> onnx.ModelProto:
    """BatchNormalization behind a convolution without a bias, Softmax at the end; 6x6x2 -> 4."""
    g = Graph((2, 6, 6), seed=8)
    y = g.node("Conv", "x", g.constant(g.weights(4, 2, 3, 3), "w"), kernel_shape=[3, 3])
    gain, shift, mean, spread = (
        g.constant(g.rng.uniform(low, high, 4).astype(np.float32), "bn")
        for low, high in ((0.5, 2), (-1, 1), (-1, 1), (0.2, 3))
    )
    y = g.node("Relu", g.node("BatchNormalization", y, gain, shift, mean, spread))
    y = g.gemm(g.node("Flatten", y), 4, 64)
    return g.model(g.node("Softmax", y, axis=1), (4,))


def block() -> onnx.ModelProto:
    """A residual block with many products a sum, and the mean of what follows; 12x12x3 -> 10."""
    g = Graph((3, 12, 12), seed=21)
    first = g.node("Relu", g.conv("x", 16, 3, pads=[1, 1, 1, 1]))
    y = g.node("Relu", g.conv(first, 16, 16, pads=[1, 1, 1, 1]))
    y = g.node("Relu", g.node("Add", g.conv(y, 16, 16, pads=[1, 1, 1, 1]), first))
    y = g.node("Relu", g.conv(y, 24, 16, strides=[2, 2]))
    y = g.node("Flatten", g.node("GlobalAveragePool", y))
    return g.model(g.gemm(y, 10, 24), (10,))


FLOAT: dict[str, Callable[[], onnx.ModelProto]] = {
    builder.__name__: builder
    for builder in (
        convolutions,
        dense,
        residual,
        pools,
        clipped,
        concatenated,
        classifier,
        normalized,
    )
}


def samples(model: onnx.ModelProto, count: int = 16, seed: int = 0) -> Array:
    """Inputs [count, ...] of float32 for a model, -1 to 1."""
    dims = model.graph.input[0].type.tensor_type.shape.dim[1:]
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (count, *(d.dim_value for d in dims))).astype(np.float32)


def run(model: onnx.ModelProto, x: Array) -> Array:
    """What onnxruntime computes."""
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (y,) = session.run(None, {model.graph.input[0].name: x})
    return np.asarray(y)


# ---------------------------------------------------------------------- onnxruntime's quantizer


def quantized(
    model: onnx.ModelProto,
    *,
    form: str = "QDQ",
    activations: str = "QInt8",
    per_channel: bool = True,
    symmetric: bool = False,
    prepared: bool = True,
) -> onnx.ModelProto:
    """`model` as onnxruntime's static quantization writes it.

    Args:
        model: of `FLOAT`.
        form: QDQ or QOperator.
        activations: QInt8 or QUInt8.
        per_channel: a scale for each output channel of the weights.
        symmetric: zero points of activations in the middle; ReLU then stays a node of its own.
        prepared: fold and fuse beforehand, as onnxruntime advises. Else MatMul, Add and
            BatchNormalization stay what they are.
    """

    class Reader(ort.CalibrationDataReader):  # type: ignore[misc]  # has no types
        def __init__(self) -> None:
            self.batches: Iterator[dict[str, Array]] = iter([{"x": samples(model)}])

        def get_next(self) -> dict[str, Array] | None:
            return next(self.batches, None)

    with tempfile.TemporaryDirectory() as scratch:
        plain, made = Path(scratch) / "float.onnx", Path(scratch) / "made.onnx"
        onnx.save(model, plain)
        if prepared:
            ort.shape_inference.quant_pre_process(plain, plain, skip_symbolic_shape=True)
        ort.quantize_static(
            plain,
            made,
            Reader(),
            quant_format=ort.QuantFormat[form],
            activation_type=ort.QuantType[activations],
            weight_type=ort.QuantType.QInt8,
            per_channel=per_channel,
            extra_options={"ActivationSymmetric": symmetric},
        )
        return onnx.load(made)


# ---------------------------------------------------------------------- QONNX


def _quant(
    g: Graph,
    x: str,
    scale: float | Array,
    bits: int,
    *,
    signed: bool = True,
    narrow: bool = False,
    zero_point: float = 0,
    rounding_mode: str = "ROUND",
) -> str:
    """Round to integers of some bits, and back to real numbers."""
    return g.node(
        "Quant",
        x,
        g.constant(np.asarray(scale, np.float32), "scale"),
        g.constant(np.float32(zero_point), "zeropt"),
        g.constant(np.float32(bits), "bits"),
        domain=_QONNX_DOMAIN,
        signed=int(signed),
        narrow=int(narrow),
        rounding_mode=rounding_mode,
    )


def _quant_weights(g: Graph, weights: Array, bits: int, axis: int | None) -> str:
    """Narrow weights: with a scale for each channel along `axis`, or one for all if None."""
    others = None if axis is None else tuple(i for i in range(weights.ndim) if i != axis)
    largest = np.abs(weights).max(axis=others, keepdims=axis is not None)
    return _quant(g, g.constant(weights, "w"), largest / (2 ** (bits - 1) - 1), bits, narrow=True)


def qonnx_cnn(bits: int = 8, *, per_channel: bool = True) -> onnx.ModelProto:
    """Quantized input, two convolutions with unsigned activations, a dense layer; 8x8x3 -> 5."""
    g = Graph((3, 8, 8), seed=10)
    axis = 0 if per_channel else None
    x = _quant(g, "x", 2.0**-7, 8)
    y = g.node("Conv", x, _quant_weights(g, g.weights(6, 3, 3, 3), bits, axis), pads=[1, 1, 1, 1])
    y = _quant(g, g.node("Relu", y), 2.0 ** (1 - bits), bits, signed=False)
    y = g.node("MaxPool", y, kernel_shape=[2, 2], strides=[2, 2])
    y = g.node("Conv", y, _quant_weights(g, g.weights(8, 6, 3, 3), bits, axis))
    y = _quant(g, g.node("Relu", y), 0.9 * 2.0 ** (1 - bits), bits, signed=False)
    weights = _quant_weights(g, g.weights(5, 32), bits, axis)
    bias = g.constant(g.rng.normal(scale=0.1, size=5).astype(np.float32), "b")
    y = g.node("Gemm", g.node("Flatten", y), weights, bias, transB=1)
    return g.model(_quant(g, y, 2.0**-5, 8), (5,))


def qonnx_residual() -> onnx.ModelProto:
    """A sum whose operands have one scale, as Brevitas makes them share it; 6x6x4 -> 6x6x4."""
    g = Graph((4, 6, 6), seed=11)
    x = _quant(g, "x", 2.0**-6, 8)
    y = g.node("Conv", x, _quant_weights(g, g.weights(4, 4, 3, 3), 4, 0), pads=[1, 1, 1, 1])
    y = g.node("Add", _quant(g, y, 2.0**-6, 8), x)
    return g.model(_quant(g, g.node("Relu", y), 2.0**-6, 8, signed=False), (4, 6, 6))


def qonnx_asymmetric() -> onnx.ModelProto:
    """A zero point that is not zero, and rounding towards minus infinity; 12 -> 6."""
    g = Graph((12,), seed=12)
    x = _quant(g, "x", 2.0**-7, 8, signed=False, zero_point=128)
    y = g.node("MatMul", x, _quant_weights(g, g.weights(12, 6), 8, None))
    return g.model(_quant(g, y, 2.0**-5, 8, rounding_mode="FLOOR"), (6,))


QONNX: dict[str, Callable[[], onnx.ModelProto]] = {
    "qonnx_cnn": qonnx_cnn,
    "qonnx_cnn_of_4_bits": lambda: qonnx_cnn(4),
    "qonnx_cnn_per_tensor": lambda: qonnx_cnn(per_channel=False),
    "qonnx_residual": qonnx_residual,
    "qonnx_asymmetric": qonnx_asymmetric,
}
