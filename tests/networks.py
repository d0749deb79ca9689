"""Small networks made by hand, with all kinds of layers; random ones for hypothesis."""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import strategies as st

from hls.conv2d import Conv2d, Padding
from hls.network import Host, Network, Tensor
from hls.network.layers import (
    Addition,
    Concatenation,
    Convolution,
    Flattening,
    Layer,
    Pooling,
    Requantization,
    Rescaling,
)
from hls.network.network import axis_of, output_shape
from hls.parameters import random_parameters


class Builder:
    """Puts layers one behind the other; every method returns the name of what it made."""

    def __init__(self, shape: tuple[int, int, int], seed: int = 0, zero_point: int = 3) -> None:
        self.rng = np.random.default_rng(seed)
        self.layers: list[Layer] = []
        self.tensors = {"x": Tensor(name="x", shape=shape, scale=0.5, zero_point=zero_point)}

    def zero_point(self) -> int:
        return int(self.rng.choice([0, 0, -128, -128, *self.rng.integers(-20, 20, 2)]))

    def add(self, layer: Layer, zero_point: int) -> str:
        inputs = [self.tensors[name] for name in layer.inputs]
        self.layers.append(layer)
        self.tensors[layer.output] = Tensor(
            name=layer.output, shape=output_shape(layer, inputs), scale=0.25, zero_point=zero_point
        )
        return layer.output

    def conv(
        self, x: str, filters: int, kernel: int | tuple[int, int] = 3, *,
        stride: int | tuple[int, int] = 1, dilation: int | tuple[int, int] = 1,
        padding: Padding | str | tuple[int, int, int, int] = "same", groups: int = 1,
        relu: bool = True, weight: str = "s8", bias_fraction: int = 0,
    ) -> str:  # fmt: skip
        tensor, name, zero = self.tensors[x], f"conv{len(self.layers)}", self.zero_point()
        height, width, channels = tensor.shape
        conv = Conv2d(
            name=name, height=height, width=width, in_channels=channels, out_channels=filters,
            kernel=kernel, stride=stride, dilation=dilation, padding=padding, groups=groups,
            weight=weight, requantize="channel", bias_fraction=bias_fraction,
            input_zero_point=tensor.zero_point, output_zero_point=zero,
            activation="relu" if relu else "none",
        )  # fmt: skip
        parameters = random_parameters(conv, int(self.rng.integers(1 << 30)))
        return self.add(
            Convolution(
                name=name, inputs=(x,), output=f"{name}_out", conv=conv, parameters=parameters
            ),
            zero,
        )

    def add_up(self, a: str, b: str, *, subtracts: bool = False) -> str:
        name, zero = f"add{len(self.layers)}", self.zero_point()
        zeros = self.tensors[a].zero_point, self.tensors[b].zero_point
        factors = (int(self.rng.integers(1 << 20, 1 << 24)), int(self.rng.integers(1, 1 << 24)))
        factors = factors[0], -factors[1] if subtracts else factors[1]
        ties = "odd" if zero % 2 else "even"
        finish = Requantization(multiplier=1, shift=24, zero_point=zero, low=zero, ties=ties)
        return self.add(
            Addition(
                name=name, inputs=(a, b), output=f"{name}_out", zero_points=zeros,
                multipliers=factors, finish=finish,
            ),
            zero,
        )  # fmt: skip

    def pool(
        self, x: str, kind: str, kernel: tuple[int, int], stride: tuple[int, int],
        pads: tuple[int, int, int, int] = (0, 0, 0, 0), *, single: bool = False,
        dilation: tuple[int, int] = (1, 1), counts_padding: bool = True,
    ) -> str:  # fmt: skip
        """`pads` are top, bottom, left, right; with `single` a fourteenth in float32 comes out."""
        tensor, name = self.tensors[x], f"pool{len(self.layers)}"
        height, width, channels = tensor.shape
        finish = Requantization(multiplier=1, shift=0, zero_point=tensor.zero_point)
        layer = Pooling(
            name=name, inputs=(x,), output=f"{name}_out", kind=kind,
            rows=axis_of(height, kernel[0], stride[0], *pads[:2], dilation[0]),
            cols=axis_of(width, kernel[1], stride[1], *pads[2:], dilation[1]),
            channels=channels, input_zero_point=tensor.zero_point, finish=finish,
            counts_padding=counts_padding,
        )  # fmt: skip
        if kind == "average":
            finish = dataclasses.replace(finish, divisor=layer.total)
        if single:
            # Of the ties some are kept by the rounding to float32, and some are not.
            finish = dataclasses.replace(
                finish, multiplier=9_586_981, shift=27, divisor=1, single=True
            )
        return self.add(dataclasses.replace(layer, finish=finish), tensor.zero_point)

    def rescale(self, x: str) -> str:
        name, zero = f"rescale{len(self.layers)}", self.zero_point()
        finish = Requantization(multiplier=11_000_000, shift=23, zero_point=zero, high=100)
        return self.add(
            Rescaling(
                name=name, inputs=(x,), output=f"{name}_out",
                input_zero_point=self.tensors[x].zero_point, finish=finish,
            ),
            zero,
        )  # fmt: skip

    def concatenate(self, *parts: str) -> str:
        name, zero = f"concat{len(self.layers)}", self.zero_point()
        finishes = tuple(
            Requantization(multiplier=1, shift=i % 2, zero_point=zero) for i in range(len(parts))
        )
        zeros = tuple(self.tensors[part].zero_point for part in parts)
        return self.add(
            Concatenation(
                name=name, inputs=parts, output=f"{name}_out", input_zero_points=zeros,
                finishes=finishes,
            ),
            zero,
        )  # fmt: skip

    def flatten(self, x: str) -> str:
        name = f"flatten{len(self.layers)}"
        layer = Flattening(name=name, inputs=(x,), output=f"{name}_out")
        return self.add(layer, self.tensors[x].zero_point)

    def dense(self, x: str, features: int, *, relu: bool = False) -> str:
        return self.conv(x, features, 1, padding="valid", relu=relu)

    def network(self, output: str, name: str = "net") -> Network:
        return Network(
            name=name, tensors=self.tensors, layers=tuple(self.layers), input="x", output=output,
            source=Host(name="image"), result=Host(name="logits", axes="C", steps=("argmax",)),
        )  # fmt: skip


def every_kind(seed: int = 0) -> Network:
    """A network with every kind of layer: branches that meet, strides, odd sizes, padding."""
    b = Builder((9, 7, 3), seed)
    first = b.conv("x", 8)
    left = b.conv(first, 8, 3, groups=8, bias_fraction=9)
    right = b.conv(first, 8, 1, relu=False)
    met = b.add_up(left, right)
    pooled = b.pool(met, "max", (3, 3), (2, 2), (1, 1, 1, 1))
    narrow = b.conv(pooled, 4, (1, 3), stride=1)
    joined = b.concatenate(narrow, b.rescale(pooled))
    mean = b.pool(joined, "average", (2, 2), (2, 2), single=True)
    return b.network(b.dense(b.flatten(mean), 10))


def residual(seed: int = 0) -> Network:
    """A block as in ResNet: the sum of a path of two convolutions and of one of none."""
    b = Builder((8, 8, 4), seed)
    first = b.conv("x", 8)
    second = b.conv(b.conv(first, 8), 8, relu=False)
    met = b.add_up(second, first)
    return b.network(b.dense(b.pool(met, "average", (8, 8), (1, 1)), 4))


def chain(seed: int = 0) -> Network:
    """Layers one behind the other: the simplest network."""
    b = Builder((8, 8, 1), seed)
    pooled = b.pool(b.conv("x", 4), "max", (2, 2), (2, 2))
    return b.network(b.dense(b.flatten(b.conv(pooled, 8, stride=2)), 10))


def resnet8(seed: int = 0) -> Network:
    """The shape of MLPerf Tiny's ResNet-8: three blocks at 32x32x16, 16x16x32 and 8x8x64."""
    b = Builder((32, 32, 3), seed)
    x = b.conv("x", 16)
    for filters, stride in ((16, 1), (32, 2), (64, 2)):
        path = b.conv(b.conv(x, filters, stride=stride), filters, relu=False)
        x = b.add_up(path, x if stride == 1 else b.conv(x, filters, 1, stride=stride, relu=False))
    return b.network(b.dense(b.pool(x, "average", (8, 8), (1, 1)), 10))


@st.composite
def random_networks(draw: st.DrawFn, widest: int = 4) -> Network:
    """A network of a few layers, wired at random, of up to `widest` channels before they join."""
    shape = (draw(st.integers(2, 5)), draw(st.integers(2, 5)), draw(st.integers(1, widest)))
    b = Builder(shape, draw(st.integers(0, 99)), draw(st.integers(-9, 9)))
    made = ["x"]
    for _ in range(draw(st.integers(2, 5))):
        x = draw(st.sampled_from(made[-3:]))
        height, width, channels = b.tensors[x].shape
        kind = draw(st.sampled_from(["conv", "depthwise", "pool", "global", "rescale", "add",
                                     "concat"]))  # fmt: skip
        alike = [t for t in made if b.tensors[t].shape == (height, width, channels)]
        sized = [t for t in made if b.tensors[t].shape[:2] == (height, width)]
        if kind == "conv":
            stride = draw(st.integers(1, 2))
            made.append(b.conv(x, draw(st.integers(1, widest)), draw(st.sampled_from([1, 3])),
                               stride=stride, bias_fraction=draw(st.integers(0, 12))))  # fmt: skip
        elif kind == "depthwise":
            made.append(b.conv(x, channels, 3, groups=channels))
        elif kind == "pool":
            size = draw(st.integers(1, min(2, height, width)))
            pads = (draw(st.integers(0, size - 1)), 0, 0, draw(st.integers(0, size - 1)))
            how = draw(st.sampled_from(["max", "average"]))
            gaps = draw(st.integers(1, 2 if size < min(height, width) else 1))
            made.append(b.pool(x, how, (size, size), (1, 2), pads, dilation=(gaps, 1),
                               counts_padding=draw(st.booleans())))  # fmt: skip
        elif kind == "global":
            how = draw(st.sampled_from(["max", "average"]))
            made.append(b.pool(x, how, (height, width), (1, 1), single=draw(st.booleans())))
        elif kind == "rescale":
            made.append(b.rescale(x))
        elif kind == "add":
            made.append(b.add_up(x, draw(st.sampled_from(alike)), subtracts=draw(st.booleans())))
        else:
            made.append(b.concatenate(x, draw(st.sampled_from(sized))))
    return b.network(made[-1])
