"""Expressions -> layers: what happens where a model quantizes a real-valued result."""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatchmethod

import numpy as np

from hls.conv2d import Conv2d
from hls.epilogue import Clip
from hls.errors import InputError
from hls.fixed import Fixed
from hls.network.accumulators import accumulator
from hls.network.importing import biases, scaling
from hls.network.importing.values import (
    NO_PADS,
    Activation,
    Averaged,
    Convolved,
    Expression,
    Fed,
    Ints,
    Joined,
    Largest,
    Limited,
    Padded,
    Quantization,
    Stored,
    Summed,
)
from hls.network.importing.views import Shape
from hls.network.layers import (
    ACTIVATION,
    WEIGHT,
    Addition,
    Concatenation,
    Convolution,
    Flattening,
    Layer,
    Pooling,
    Requantization,
    Rescaling,
)
from hls.network.network import Host, Tensor
from hls.parameters import Parameters

__all__ = ["Emitter", "Unquantized"]

INPUT = "image"
"""Name of the network's input tensor."""


class Unquantized(InputError):
    """A real-valued result is needed where only a quantized one can be."""


class Emitter:
    """Collects tensors and layers; `quantize` makes them."""

    def __init__(self, input_dtype: str) -> None:
        """Begin a network whose model has an input of `input_dtype`."""
        self.input_dtype = input_dtype
        self.tensors: dict[str, Tensor] = {}
        self.layers: list[Layer] = []
        self.origins: dict[str, tuple[str, ...]] = {}
        self._flat: dict[str, Stored] = {}
        self._made: dict[tuple[Expression, Quantization], Stored] = {}

    def quantize(self, expression: Expression, target: Quantization, label: str) -> Stored:
        """The tensor that holds `expression` as integers of `target`, for the node `label`.

        The same expression (the same object) makes one layer, however many nodes quantize it.

        Raises:
            Unquantized: it is a function of something that is not quantized itself.
        """
        key = expression, target
        if key not in self._made:
            self._made[key] = self._quantize(expression, target, label)
        return self._made[key]

    def held(self, stored: Stored, array: Activation, dtype: str) -> None:
        """Note that the model's `array` is what `stored` holds; the first one counts."""
        tensor, letters = self.tensors[stored.tensor], array.view.letters
        if tensor.model is None and array.name and letters is not None:
            model = Host(name=array.name, dtype=dtype, axes=letters)
            self.tensors[stored.tensor] = replace(tensor, model=model)

    def drop_unread(self, output: str) -> None:
        """Forget layers that nothing before `output` reads, such as paddings of windows."""
        read = {output}
        for layer in reversed(self.layers):
            if layer.output in read:
                read |= set(layer.inputs)
            else:
                del self.tensors[layer.output], self.origins[layer.name]
        self.layers = [layer for layer in self.layers if layer.output in read]

    def source(self, shape: Shape, quantization: Quantization) -> Stored:
        """The network's input as a tensor."""
        self.tensors.setdefault(INPUT, self._tensor(INPUT, shape, quantization))
        return Stored(tensor=INPUT, shape=shape, quantization=quantization)

    @singledispatchmethod
    def _quantize(self, expression: Expression, target: Quantization, label: str) -> Stored:
        raise AssertionError(f"{label}: {type(expression).__name__} has no layer")

    @_quantize.register
    def _(self, expression: Fed, target: Quantization, label: str) -> Stored:
        if expression.pads != NO_PADS:
            # The host knows of no padding; zeros may as well be put around integers.
            inner = self.quantize(replace(expression, pads=NO_PADS), target, label)
            padded = Padded(inner=inner, pads=expression.pads, nodes=expression.nodes)
            return self.quantize(padded, target, label)
        whole = replace(target, low=ACTIVATION.minimum, high=ACTIVATION.maximum)
        made = self.source(expression.frame, whole)
        held = self.tensors[INPUT]
        if (held.scale, held.zero_point) != (target.scale, target.zero_point):
            raise Unquantized(
                "the model quantizes its input in two ways; let all that reads it share one "
                "QuantizeLinear"
            )
        # The host knows no limits but those of 8 bits; narrower ones are a layer.
        return self._quantize(made, target, label)

    @_quantize.register
    def _(self, expression: Limited, target: Quantization, label: str) -> Stored:
        inner = _with_nodes(expression.inner, expression.nodes)
        return self._quantize(inner, target.limited(expression.low, expression.high), label)

    @_quantize.register
    def _(self, expression: Stored, target: Quantization, label: str) -> Stored:
        held = expression.quantization
        if (
            (held.scale, held.zero_point) == (target.scale, target.zero_point)
            and target.low <= held.low <= held.high <= target.high
        ):  # fmt: skip
            return replace(expression, quantization=replace(held, dtype=target.dtype), nodes=())
        name = self._name("rescale")
        layer = Rescaling(
            name=name, inputs=(expression.tensor,), output=f"{name}_out",
            input_zero_point=held.zero_point, finish=_rescaled(held, target),
        )  # fmt: skip
        return self._emit(layer, expression, target, label)

    @_quantize.register
    def _(self, expression: Padded, target: Quantization, label: str) -> Stored:
        source = expression.inner
        made = self._emit(_padding(self._name("pad"), expression, target), expression, target,
                          label)  # fmt: skip
        held = source.quantization
        same = (held.scale, held.zero_point) == (target.scale, target.zero_point)
        return replace(made, padded=expression) if same else made

    @_quantize.register
    def _(self, expression: Convolved, target: Quantization, label: str) -> Stored:
        source = self._flattened(expression.source) if expression.dense else expression.source
        name = self._name("dense" if expression.dense else "conv")
        layer = _convolution(name, source, expression, target)
        return self._emit(layer, expression, target, label)

    @_quantize.register
    def _(self, expression: Summed, target: Quantization, label: str) -> Stored:
        a, b = expression.parts
        multipliers, shift = scaling.shared_factors(
            [part.quantization.scale / target.scale for part in expression.parts]
        )
        sign = -1 if expression.subtracts else 1
        name = self._name("subtract" if expression.subtracts else "add")
        layer = Addition(
            name=name, inputs=(a.tensor, b.tensor), output=f"{name}_out",
            zero_points=(a.quantization.zero_point, b.quantization.zero_point),
            multipliers=(multipliers[0], sign * multipliers[1]),
            finish=replace(scaling.finish(1.0, target), shift=shift),
        )  # fmt: skip
        return self._emit(layer, expression, target, label)

    @_quantize.register
    def _(self, expression: Averaged, target: Quantization, label: str) -> Stored:
        source = expression.source
        layer = self._pooling(expression, source)
        layer = replace(layer, counts_padding=expression.counts_padding)
        finish = scaling.averaging(source.quantization.scale, layer.total, target)
        layer = replace(layer, finish=finish)
        return self._emit(layer, expression, target, label)

    @_quantize.register
    def _(self, expression: Largest, target: Quantization, label: str) -> Stored:
        # Quantizing keeps order, so a maximum may as well be taken behind it.
        inner = expression.inner
        source = inner if isinstance(inner, Stored) else self._quantize(inner, target, label)
        layer = self._pooling(expression, source)
        layer = replace(layer, finish=_rescaled(source.quantization, target))
        return self._emit(layer, expression, target, label)

    @_quantize.register
    def _(self, expression: Joined, target: Quantization, label: str) -> Stored:
        parts = [
            part if isinstance(part, Stored) else self._quantize(part, target, label)
            for part in expression.parts
        ]
        name = self._name("concat")
        layer = Concatenation(
            name=name, inputs=tuple(part.tensor for part in parts), output=f"{name}_out",
            input_zero_points=tuple(part.quantization.zero_point for part in parts),
            finishes=tuple(_rescaled(part.quantization, target) for part in parts),
        )  # fmt: skip
        return self._emit(layer, expression, target, label)

    def _pooling(self, expression: Averaged | Largest, source: Stored) -> Pooling:
        """The layer, without its requantization."""
        name = self._name("pool")
        zero = source.quantization.zero_point
        return Pooling(
            name=name, inputs=(source.tensor,), output=f"{name}_out",
            kind="max" if isinstance(expression, Largest) else "average",
            rows=expression.rows, cols=expression.cols, channels=source.shape[2],
            input_zero_point=zero,
            finish=Requantization(multiplier=1, shift=0, zero_point=zero),
        )  # fmt: skip

    def _flattened(self, source: Stored) -> Stored:
        """`source` as [1, 1, H*W*C]; the same for all that ask."""
        height, width, channels = source.shape
        if height == width == 1:
            return source
        if source.tensor not in self._flat:
            name = self._name("flatten")
            layer = Flattening(name=name, inputs=(source.tensor,), output=f"{name}_out")
            flat = replace(source, shape=(1, 1, height * width * channels))
            made = self._emit(layer, flat, source.quantization, "")
            self._flat[source.tensor] = made
        return replace(source, tensor=self._flat[source.tensor].tensor,
                       shape=self._flat[source.tensor].shape, padded=None)  # fmt: skip

    def _emit(
        self, layer: Layer, expression: Expression, target: Quantization, label: str
    ) -> Stored:
        self.layers.append(layer)
        self.origins[layer.name] = expression.nodes or ((label,) if label else ())
        self.tensors[layer.output] = self._tensor(layer.output, expression.shape, target)
        # How an operator rounded is nothing that the next one has to know.
        held = replace(target, ties="even", single=False)
        return Stored(tensor=layer.output, shape=expression.shape, quantization=held)

    def _tensor(self, name: str, shape: Shape, held: Quantization) -> Tensor:
        return Tensor(name=name, shape=shape, scale=held.scale, zero_point=held.zero_point)

    def _name(self, kind: str) -> str:
        """conv1, conv2, ... in the order in which they are made."""
        alike = sum(layer.name.rstrip("0123456789") == kind for layer in self.layers)
        return f"{kind}{alike + 1}"


def _with_nodes(expression: Expression, nodes: tuple[str, ...]) -> Expression:
    return replace(expression, nodes=(*expression.nodes, *nodes))


def _rescaled(held: Quantization, target: Quantization) -> Requantization:
    return scaling.finish(held.scale / target.scale, target)


def _convolution(
    name: str, source: Stored, expression: Convolved, target: Quantization
) -> Convolution:
    """The layer; its accumulator is the narrowest that these weights cannot overflow."""
    height, width, channels = source.shape
    weights = expression.weights
    if expression.dense:
        weights = weights[:, None, None, :]
    # A channel of which nothing but the bias is left counts in steps of the output.
    dead = (expression.scale == 0) | ~weights.any(axis=(1, 2, 3))
    scale = np.where(dead, target.scale, expression.scale)
    weights = np.where(dead[:, None, None, None], 0, weights)
    steps = expression.bias / scale
    steps[dead] = [target.level(real) - target.zero_point for real in expression.bias[dead]]
    ratios = target.ratio(scale)
    zero = source.quantization.zero_point
    sums = accumulator(weights, biases.floor(steps), zero)
    fraction, bias = biases.fixed(steps, float(ratios[~dead].max(initial=0)), sums)
    pairs = [scaling.factor(float(ratio)) for ratio in ratios]
    # A tie is a sum that 2^(shift - 1) divides.
    if target.ties == "odd" and any(1 <= shift <= sums.bits for _, shift in pairs):
        raise Unquantized(
            "has a constant, and rounds ties as no convolution does; put the constant into the "
            "layer before it, or use an even zero point"
        )
    multipliers, shifts = [pair[0] for pair in pairs], [pair[1] + fraction for pair in pairs]
    conv = Conv2d(
        name=name, height=height, width=width, in_channels=channels, out_channels=len(weights),
        kernel=(weights.shape[1], weights.shape[2]), stride=expression.stride,
        dilation=expression.dilation, padding=expression.pads, groups=expression.groups,
        weight=ACTIVATION if ACTIVATION.holds(weights) else WEIGHT,
        bias=_holding(bias), bias_fraction=fraction, accumulator=sums, requantize="channel",
        multiplier_bits=max(1, max(multipliers).bit_length()), max_shift=max(shifts),
        input_zero_point=zero, output_zero_point=target.zero_point,
        activation=_activation(target),
    )  # fmt: skip
    arrays = {"weights": weights, "bias": bias, "multiplier": multipliers, "shift": shifts}
    return Convolution(
        name=name, inputs=(source.tensor,), output=f"{name}_out", conv=conv,
        parameters=Parameters.checked(conv, arrays, name),
    )  # fmt: skip


def _padding(name: str, expression: Padded, target: Quantization) -> Convolution:
    """A layer that puts zeros around a tensor: a convolution with one tap of weight 1."""
    source = expression.inner
    channels = source.shape[2]
    taps = Convolved(
        source=source, weights=np.ones((channels, 1, 1, 1), np.int64),
        scale=np.full(channels, source.quantization.scale), bias=np.zeros(channels),
        pads=expression.pads, groups=channels, shape=expression.shape,
    )  # fmt: skip
    return _convolution(name, source, taps, target)


def _activation(target: Quantization) -> str | Clip:
    if (target.low, target.high) == (ACTIVATION.minimum, ACTIVATION.maximum):
        return "none"
    if (target.low, target.high) == (target.zero_point, ACTIVATION.maximum):
        return "relu"
    return Clip(low=target.low, high=target.high)


def _holding(values: Ints) -> Fixed:
    """The narrowest signed format of at least two bits."""
    found = Fixed.holding(int(values.min()), int(values.max()))
    return Fixed(bits=max(2, found.bits))
