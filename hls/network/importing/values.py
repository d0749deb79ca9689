"""What a name in an ONNX graph stands for while it is read: constants, and activations.

All written forms of a quantized model mean the same: integers are dequantized, a real-valued
function is computed, its result is quantized. An activation is therefore either integers that a
network tensor holds, or an expression over such tensors, which becomes a layer when it is quantized
(`emission`). QLinearConv, ConvInteger or a Quant of QONNX are shorter ways to write the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import inf

import numpy as np
import numpy.typing as npt

from hls.geometry import Axis
from hls.network.importing.views import Shape, View
from hls.network.layers import ACTIVATION
from hls.network.network import Integers

__all__ = [
    "Activation",
    "Averaged",
    "Constant",
    "Convolved",
    "Expression",
    "Fed",
    "Head",
    "Joined",
    "Largest",
    "Levels",
    "Limited",
    "Padded",
    "Quantization",
    "Stored",
    "Summed",
    "Value",
    "steps_of",
]

Ints = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Quantization:
    """Integers of an activation: real value = (q - zero_point) * scale, `low` <= q <= `high`.

    All in our s8; `dtype` is NumPy's name of the model's own elements, uint8 ones being 128 more.
    `ties` is as in `layers.Requantization`.
    """

    scale: float
    zero_point: int
    low: int = ACTIVATION.minimum
    high: int = ACTIVATION.maximum
    dtype: str = "int8"
    ties: str = "even"
    single: bool = False
    """Whether a ratio to this scale is a number of float32, as operators on integers have it."""

    def ratio(self, scale: Reals, count: int = 1) -> Reals:
        """Steps of `count` times this scale that one of `scale` is."""
        if not self.single:
            return scale / (self.scale * count)
        divisor = np.float32(self.scale) * np.float32(count)
        ratio: Reals = (scale.astype(np.float32) / divisor).astype(np.float64)
        return ratio

    def level(self, real: float) -> int:
        """`real` as QuantizeLinear makes an integer of it, in float32; not limited."""
        quotient = np.float32(real) / np.float32(self.scale)
        return int(np.clip(np.rint(quotient), -(1 << 16), 1 << 16)) + self.zero_point

    def limited(self, low: float, high: float) -> Quantization:
        """The integers that are left when real values are limited before they are quantized.

        Rounding keeps order, so the limits may be applied behind it.
        """
        bottom = min(max(self.low, self.level(low)), self.high)
        return replace(self, low=bottom, high=max(bottom, min(self.high, self.level(high))))


@dataclass(frozen=True, kw_only=True, eq=False)
class Constant:
    """An array that the model holds, or that follows from such."""

    array: npt.NDArray[np.generic]

    def real(self) -> Reals:
        """Its values."""
        return self.array.astype(np.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Levels:
    """A quantized constant: integers without zero point, and the scale of each (same shape)."""

    integers: Ints
    scale: Reals

    def real(self) -> Reals:
        """Its values."""
        return self.integers * self.scale


@dataclass(frozen=True, kw_only=True, eq=False)
class Fed:
    """The model's float input, before it is quantized; `nodes` of an expression made it."""

    shape: Shape
    nodes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Stored:
    """A tensor of the network, dequantized."""

    tensor: str
    shape: Shape
    quantization: Quantization
    padded: Padded | None = None
    """What it was made of, if all that it adds are zeros around: windows may read that instead."""
    nodes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Padded:
    """A tensor with zeros around its rows and columns."""

    inner: Stored
    pads: tuple[int, int, int, int]
    """Top, bottom, left, right."""
    nodes: tuple[str, ...] = ()

    @property
    def shape(self) -> Shape:
        """[height, width, channels]."""
        height, width, channels = self.inner.shape
        top, bottom, left, right = self.pads
        return top + height + bottom, left + width + right, channels


@dataclass(frozen=True, kw_only=True, eq=False)
class Convolved:
    """A convolution: scale[m] * sum((x - zero_point) * weights[m]) + bias[m].

    `weights` are [M, KH, KW, C/groups] of at most 9 bits, or [M, H*W*C] of a dense layer, which
    sees the whole tensor. `scale` is that of a product; `bias` is a real number.
    """

    source: Stored
    weights: Ints
    scale: Reals
    bias: Reals
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Top, bottom, left, right."""
    groups: int = 1
    shape: Shape
    nodes: tuple[str, ...] = ()

    @property
    def dense(self) -> bool:
        """Whether it is a product with a matrix."""
        return self.weights.ndim == 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Summed:
    """The sum of two tensors, element by element, or their difference."""

    parts: tuple[Stored, Stored]
    subtracts: bool = False
    nodes: tuple[str, ...] = ()

    @property
    def shape(self) -> Shape:
        """[height, width, channels]."""
        return self.parts[0].shape


@dataclass(frozen=True, kw_only=True, eq=False)
class Averaged:
    """Means of windows: of their pixels and of padding, which is zeros, or of pixels alone."""

    source: Stored
    rows: Axis
    cols: Axis
    counts_padding: bool = True
    nodes: tuple[str, ...] = ()

    @property
    def shape(self) -> Shape:
        """[height, width, channels]."""
        return self.rows.outputs, self.cols.outputs, self.source.shape[2]


@dataclass(frozen=True, kw_only=True, eq=False)
class Largest:
    """The largest value of each window; padding is not seen."""

    inner: Expression
    rows: Axis
    cols: Axis
    nodes: tuple[str, ...] = ()

    @property
    def shape(self) -> Shape:
        """[height, width, channels]."""
        return self.rows.outputs, self.cols.outputs, self.inner.shape[2]


@dataclass(frozen=True, kw_only=True, eq=False)
class Joined:
    """Channels behind one another."""

    parts: tuple[Expression, ...]
    nodes: tuple[str, ...] = ()

    @property
    def shape(self) -> Shape:
        """[height, width, channels]."""
        height, width, _ = self.parts[0].shape
        return height, width, sum(part.shape[2] for part in self.parts)


@dataclass(frozen=True, kw_only=True, eq=False)
class Limited:
    """min(max(x, low), high)."""

    inner: Expression
    low: float
    high: float
    nodes: tuple[str, ...] = ()

    @property
    def shape(self) -> Shape:
        """[height, width, channels]."""
        return self.inner.shape


Expression = Fed | Stored | Padded | Convolved | Summed | Averaged | Largest | Joined | Limited
"""A real-valued function of tensors; `nodes` are the names of those of ONNX that it comes from."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Activation:
    """An expression as the model sees it; `integers` if what it sees is quantized, not real.

    Then the expression is a Stored one.
    """

    expression: Expression
    view: View
    integers: bool = False
    name: str = ""
    """Of the model's array."""

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Of the model's array, without the batch."""
        return self.view.shape


@dataclass(frozen=True, kw_only=True, eq=False)
class Head:
    """What is left to the host: `steps` (of `network.HEADS`) on an activation."""

    of: Activation
    steps: tuple[str, ...]
    integers: Integers | None = None
    """Of the steps "quantize" and "dequantize"."""


def steps_of(expression: Expression) -> Quantization | None:
    """The quantization in which `expression` is exact, as it only picks values of tensors."""
    match expression:
        case Stored():
            return expression.quantization
        case Padded(inner=inner):
            held = inner.quantization
            low, high = min(held.low, held.zero_point), max(held.high, held.zero_point)
            return replace(held, low=low, high=high)
        case Largest():
            return steps_of(expression.inner)
        case Limited(low=0.0, high=high) if high == inf:
            return steps_of(expression.inner)
        case Joined():
            found = {steps_of(part) for part in expression.parts}
            return found.pop() if len(found) == 1 else None
    return None


Value = Constant | Levels | Activation | Head
"""What a name stands for."""
