"""Quantized ONNX models node by node, in each of the forms in which they are written.

`Maker` adds an operator with its quantization in the form that it was made for; `drawn` puts random
ones together. Integers of onnxruntime are exact in float32, as no sum here passes 2^24.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FORMS = ("qdq", "qoperator", "qonnx")
QONNX = "qonnx.custom_op.general"
MICROSOFT = "com.microsoft"


@dataclass(frozen=True)
class Tensor:
    """An activation: its integers (QONNX: what they stand for), [C, H, W] or [C]."""

    name: str
    shape: tuple[int, ...]
    scale: float
    zero: int


class Maker:
    """Nodes of a model, written in `form`.

    Without `exact` scales are arbitrary, else powers of two. `dtype` is that of activations.
    Biases are integers, or `real` numbers of float32, which QLinearConv has none of.
    """

    def __init__(
        self, form: str = "qdq", *, seed: int = 0, exact: bool = True, dtype: str = "int8",
        real: bool = False,
    ) -> None:  # fmt: skip
        self.form, self.exact, self.real_biases = form, exact, real
        self.dtype = np.dtype("uint8" if form == "qonnx" and dtype == "uint8" else dtype)
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []

    # ---- Pieces --------------------------------------------------------------------------

    def constant(self, array: Any) -> str:
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(self, op: str, inputs: list[str], *, domain: str = "", **attributes: Any) -> str:
        output = f"t{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(op, inputs, [output], name=f"{op}_{len(self.nodes)}", domain=domain,
                             **attributes)
        )  # fmt: skip
        return output

    def scale(self, about: float) -> float:
        """A scale of about this size: a power of two if the model is to be exact."""
        if self.exact:
            return float(2.0 ** np.round(np.log2(about)))
        return float(np.float32(about * self.rng.uniform(0.8, 1.25)))

    def zero(self) -> int:
        if self.form == "qonnx":
            return 0
        limits = np.iinfo(self.dtype)
        middle = (limits.min + limits.max + 1) // 2
        anywhere = self.rng.integers(limits.min + 60, limits.max - 60)
        return int(self.rng.choice([limits.min, limits.min, middle, anywhere]))

    def pair(self, tensor: Tensor) -> list[str]:
        return [
            self.constant(np.float32(tensor.scale)), self.constant(self.dtype.type(tensor.zero))
        ]  # fmt: skip

    def real(self, tensor: Tensor) -> str:
        if self.form == "qonnx":
            return tensor.name
        return self.node("DequantizeLinear", [tensor.name, *self.pair(tensor)])

    def quantized(self, real: str, shape: tuple[int, ...], about: float, zero: int | None = None,
                  bits: int = 8) -> Tensor:  # fmt: skip
        scale = self.scale(about)
        zero = self.zero() if zero is None else zero
        made = Tensor("", shape, scale, zero)
        if self.form == "qonnx":
            operands = [np.float32(scale), np.float32(zero), np.float32(bits)]
            name = self.node(
                "Quant", [real, *map(self.constant, operands)], domain=QONNX, narrow=0,
                rounding_mode="ROUND", signed=int(self.dtype == np.int8),
            )  # fmt: skip
        else:
            name = self.node("QuantizeLinear", [real, *self.pair(made)])
        return Tensor(name, shape, scale, zero)

    def input(self, *shape: int) -> Tensor:
        kind = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *shape])
        self.inputs.append(kind)
        return self.quantized("x", shape, 1 / 64)

    def weights(self, *shape: int) -> np.ndarray:
        """Corner values are in; of 7 bits where onnxruntime may saturate 16-bit sums of pairs."""
        most = 63 if self.form == "qoperator" else 127
        low = -most if self.form != "qdq" else -128
        values = self.rng.integers(low, most, shape, endpoint=True)
        corners = self.rng.choice([low, most], shape)
        return np.where(self.rng.random(shape) < 0.1, corners, values).astype(np.int8)

    def real_weights(self, integers: np.ndarray, scales: np.ndarray, axis: int) -> str:
        """Integers with a scale each filter, dequantized."""
        if self.form == "qonnx":
            shape = [-1 if i == axis else 1 for i in range(integers.ndim)]
            steps = scales.reshape(shape).astype(np.float32)
            real = self.constant(integers.astype(np.float32) * steps)
            operands = [steps, np.float32(0), np.float32(8)]
            return self.node("Quant", [real, *map(self.constant, operands)], domain=QONNX,
                             signed=1, narrow=0, rounding_mode="ROUND")  # fmt: skip
        operands = [integers, scales.astype(np.float32), np.zeros(len(scales), np.int8)]
        return self.node("DequantizeLinear", [*map(self.constant, operands)], axis=axis)

    def real_bias(self, integers: np.ndarray, scales: np.ndarray) -> str:
        if self.real_biases:
            return self.constant(
                ((integers + self.rng.uniform(-1, 1, len(scales))) * scales).astype(np.float32)
            )
        if self.form == "qonnx":
            return self.constant((integers * scales).astype(np.float32))
        operands = [integers, scales.astype(np.float32), np.zeros(len(scales), np.int32)]
        return self.node("DequantizeLinear", [*map(self.constant, operands)], axis=0)

    # ---- Layers --------------------------------------------------------------------------

    def _product(self, x: Tensor, weights: np.ndarray, shape: tuple[int, ...], *, axis: int,
                 relu: bool, op: str, **attributes: Any) -> Tensor:  # fmt: skip
        filters = weights.shape[axis]
        per_channel = self.form != "qoperator" or op == "Conv"
        scales = np.array([self.scale(1 / 256) for _ in range(filters if per_channel else 1)])
        if self.exact and per_channel:
            scales *= 2.0 ** self.rng.integers(-1, 2, filters)
        taps = weights.size // filters
        spread = 73 * 40 * np.sqrt(taps) * x.scale * scales.max()
        bias = self.rng.integers(-2000, 2000, filters).astype(np.int32)
        if self.form == "qoperator":
            made = Tensor("", shape, self.scale(spread / 60), self.zero())
            operands = [self.constant(weights), self.constant(scales.astype(np.float32)),
                        self.constant(np.zeros(len(scales), np.int8))]  # fmt: skip
            if op == "Conv":
                inputs = [x.name, *self.pair(x), *operands, *self.pair(made), self.constant(bias)]
                name = self.node("QLinearConv", inputs, **attributes)
            elif attributes.get("transB"):
                inputs = [x.name, *self.pair(x), *operands, self.constant(bias), *self.pair(made)]
                name = self.node("QGemm", inputs, domain=MICROSOFT, **attributes)
            else:
                operands[1:] = [self.constant(np.float32(scales[0])), self.constant(np.int8(0))]
                inputs = [x.name, *self.pair(x), *operands, *self.pair(made)]
                name = self.node("QLinearMatMul", inputs)
            return Tensor(name, shape, made.scale, made.zero)
        real = self.real_weights(weights, scales, axis)
        inputs = [self.real(x), real]
        if op == "MatMul":
            name = self.node("MatMul", inputs)
            name = self.node("Add", [name, self.real_bias(bias, x.scale * scales)])
        else:
            name = self.node(op, [*inputs, self.real_bias(bias, x.scale * scales)], **attributes)
        zero = None
        if relu:
            name = self.node("Relu", [name])
        elif self.dtype == np.uint8 and self.form != "qonnx":
            zero = 128
        return self.quantized(name, shape, spread / 60, zero)

    def conv(self, x: Tensor, filters: int, kernel: tuple[int, int] = (3, 3), *,
             stride: tuple[int, int] = (1, 1), dilation: tuple[int, int] = (1, 1),
             pads: tuple[int, int, int, int] = (0, 0, 0, 0), groups: int = 1,
             relu: bool = False) -> Tensor:  # fmt: skip
        """`pads` are top, left, bottom, right, as in ONNX."""
        channels = x.shape[0]
        sizes = [
            (x.shape[1 + i] + pads[i] + pads[2 + i] - dilation[i] * (kernel[i] - 1) - 1)
            // stride[i] + 1
            for i in (0, 1)
        ]  # fmt: skip
        return self._product(
            x, self.weights(filters, channels // groups, *kernel), (filters, *sizes), axis=0,
            relu=relu, op="Conv", kernel_shape=kernel, strides=stride, dilations=dilation,
            pads=pads, group=groups,
        )  # fmt: skip

    def dense(self, x: Tensor, features: int, *, op: str = "Gemm", relu: bool = False) -> Tensor:
        """A product of the flattened x."""
        flat = self.flatten(x) if len(x.shape) > 1 else x
        if op == "Gemm":
            weights, attributes = self.weights(features, flat.shape[0]), {"transB": 1}
        else:
            weights, attributes = self.weights(flat.shape[0], features), {}
        return self._product(flat, weights, (features,), axis=0 if attributes else 1, relu=relu,
                             op=op, **attributes)  # fmt: skip

    def flatten(self, x: Tensor) -> Tensor:
        return Tensor(self.node("Flatten", [x.name]), (prod(x.shape),), x.scale, x.zero)

    def add(self, a: Tensor, b: Tensor, *, relu: bool = False) -> Tensor:
        about = a.scale + b.scale
        if self.form == "qoperator":
            made = Tensor("", a.shape, self.scale(about), self.zero())
            inputs = [a.name, *self.pair(a), b.name, *self.pair(b), *self.pair(made)]
            name = self.node("QLinearAdd", inputs, domain=MICROSOFT)
            return Tensor(name, a.shape, made.scale, made.zero)
        name = self.node("Add", [self.real(a), self.real(b)])
        return self.quantized(self.node("Relu", [name]) if relu else name, a.shape, about)

    def pool(self, x: Tensor, kind: str, kernel: tuple[int, int], stride: tuple[int, int],
             pads: tuple[int, int, int, int] = (0, 0, 0, 0)) -> Tensor:  # fmt: skip
        """`kind` is max or average."""
        sizes = [
            (x.shape[1 + i] + pads[i] + pads[2 + i] - kernel[i]) // stride[i] + 1 for i in (0, 1)
        ]
        shape = (x.shape[0], *sizes)
        attributes: dict[str, Any] = {"kernel_shape": kernel, "strides": stride, "pads": pads}
        if kind == "max":
            if self.form == "qoperator":
                return Tensor(self.node("MaxPool", [x.name], **attributes), shape, x.scale, x.zero)
            real = self.node("MaxPool", [self.real(x)], **attributes)
            return self.quantized(real, shape, x.scale)
        attributes["count_include_pad"] = 1
        return self._mean(x, shape, "AveragePool", **attributes)

    def global_mean(self, x: Tensor, op: str = "GlobalAveragePool") -> Tensor:
        attributes = {"axes": [2, 3]} if op == "ReduceMean" else {}
        return self._mean(x, (x.shape[0], 1, 1), op, **attributes)

    def _mean(self, x: Tensor, shape: tuple[int, ...], op: str, **attributes: Any) -> Tensor:
        about = x.scale / 2
        if self.form == "qoperator":
            made = Tensor("", shape, self.scale(about), self.zero())
            inputs = [x.name, *self.pair(x), *self.pair(made)]
            name = self.node(f"QLinear{op}", inputs, domain=MICROSOFT, **attributes)
            return Tensor(name, shape, made.scale, made.zero)
        return self.quantized(self.node(op, [self.real(x)], **attributes), shape, about)

    def concat(self, *parts: Tensor) -> Tensor:
        shape = (sum(part.shape[0] for part in parts), *parts[0].shape[1:])
        about = max(part.scale for part in parts)
        if self.form == "qoperator":
            made = Tensor("", shape, self.scale(about), self.zero())
            inputs = self.pair(made)
            for part in parts:
                inputs += [part.name, *self.pair(part)]
            name = self.node("QLinearConcat", inputs, domain=MICROSOFT, axis=1)
            return Tensor(name, shape, made.scale, made.zero)
        return self.quantized(
            self.node("Concat", [self.real(part) for part in parts], axis=1), shape, about
        )

    # ---- The whole -----------------------------------------------------------------------

    def model(self, y: Tensor, *, opset: int = 17, head: str = "") -> onnx.ModelProto:
        """A model that ends at `y`, dequantized, with `head` (Softmax, ArgMax) behind it."""
        output = self.real(y)
        kind, shape = TensorProto.FLOAT, ["N", *y.shape]
        if head:
            kept = {"keepdims": 0} if head == "ArgMax" else {}
            output = self.node(head, [output], axis=1, **kept)
        if head == "ArgMax":
            kind, shape = TensorProto.INT64, ["N", *y.shape[1:]]
        return self.finished(helper.make_tensor_value_info(output, kind, shape), opset)

    def finished(self, output: onnx.ValueInfoProto, opset: int = 17) -> onnx.ModelProto:
        graph = helper.make_graph(self.nodes, "made", self.inputs, [output], self.constants)
        opsets = [helper.make_opsetid(domain, version)
                  for domain, version in (("", opset), (MICROSOFT, 1), (QONNX, 1))]  # fmt: skip
        return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def every_kind(form: str, *, seed: int = 0, size: int = 9, **how: Any) -> onnx.ModelProto:
    """A model with all kinds of layers, branches that meet, odd sizes, a flattened image."""
    make = Maker(form, seed=seed, **how)
    x = make.input(3, size, size - 2)
    first = make.conv(x, 8, pads=(1, 1, 1, 1), relu=True)
    left = make.conv(first, 8, pads=(1, 1, 1, 1), groups=8, relu=True)
    right = make.conv(first, 8, (1, 1))
    met = make.add(left, right, relu=True)
    pooled = make.pool(met, "max", (3, 3), (2, 2), (1, 1, 1, 1))
    narrow = make.conv(pooled, 4, (1, 3), pads=(0, 1, 0, 1))
    joined = make.concat(narrow, pooled)
    mean = make.pool(joined, "average", (2, 2), (2, 2))
    hidden = make.dense(mean, 16, relu=True)
    return make.model(make.dense(hidden, 10, op="MatMul"), head="Softmax")
