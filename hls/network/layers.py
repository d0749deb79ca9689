"""The layers of a network: integers in, integers out, every constant resolved.

All activations are s8; what a model holds as u8 is shifted by 128, zero point included, which
changes no bit of meaning. A layer knows the names of the tensors that it reads and makes, and what
it computes exactly; scales are gone, only multipliers, shifts and zero points are left:

    requantized(v) = clamp(round_half_even(v * multiplier / 2^shift) + zero_point, low, high)

with one rounding, as `hls.epilogue` has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import lcm, prod

from hls.conv2d import Conv2d
from hls.fixed import Fixed
from hls.geometry import Axis, WindowGeometry
from hls.parameters import Parameters

__all__ = [
    "ACTIVATION",
    "SINGLE_SHIFT",
    "WEIGHT",
    "Addition",
    "Concatenation",
    "Convolution",
    "Flattening",
    "Layer",
    "Pooling",
    "Requantization",
    "Rescaling",
]

ACTIVATION = Fixed(bits=8)
"""Format of every tensor between layers."""

SINGLE_SHIFT = 25
"""Least shift of a quotient that is rounded to float32: half a unit in the last place of one half,
2^-25, then is a whole number of units of 2^-shift."""

WEIGHT = Fixed(bits=9)
"""The widest weights: 8 bits of a model from which a zero point is taken away."""


@dataclass(frozen=True, kw_only=True)
class Requantization:
    """clamp(round_half_even(v * multiplier / (divisor * 2^shift)) + zero_point, low, high).

    `divisor` is that of an average whose division has to be exact: with scales that are powers of
    two multiplier is 1, and a tie is a tie. It is 1 everywhere else.

    `ties` is "even", or "odd" where what has to be even is the sum with an odd zero point: so
    onnxruntime's QLinearAdd, QLinearMul and QLinearAveragePool round, unlike all others.

    With `single` the quotient is rounded to a number of float32 before it is rounded to an integer,
    as onnxruntime's means of whole images in integers are. The multiplier then has 24 bits at most,
    `shift` is `SINGLE_SHIFT` or more, and no integer that comes in passes 2^24.
    """

    multiplier: int
    shift: int
    zero_point: int
    divisor: int = 1
    ties: str = "even"
    single: bool = False
    low: int = ACTIVATION.minimum
    high: int = ACTIVATION.maximum

    @property
    def identity(self) -> bool:
        """Whether s8 values that have `zero_point` taken away come back as they were."""
        limits = self.low, self.high
        return (
            (self.multiplier, self.shift, self.divisor) == (1, 0, 1)
            and limits == (ACTIVATION.minimum, ACTIVATION.maximum)
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Convolution:
    """A Conv, grouped or depthwise ones included, or a Gemm or MatMul as a 1x1 one of one pixel.

    `conv` has lanes of 1 (simd, pe; taps "all"): how parallel it is, is decided by who builds it.
    Its formats are s8 in and out, s8 weights or `WEIGHT` where those do not hold them,
    requantize="channel", and a bias as wide as the values ask for, with binary places if the
    model's is no multiple of a product's scale.
    """

    name: str
    inputs: tuple[str]
    output: str
    conv: Conv2d
    parameters: Parameters


@dataclass(frozen=True, kw_only=True)
class Addition:
    """Element by element: requantized(sum((x_i - zero_points_i) * multipliers_i)).

    A multiplier below zero subtracts. `finish.multiplier` is 1, so that there is one rounding for
    the sum.
    """

    name: str
    inputs: tuple[str, str]
    output: str
    zero_points: tuple[int, int]
    multipliers: tuple[int, int]
    finish: Requantization


@dataclass(frozen=True, kw_only=True)
class Pooling:
    """Windows of each channel: the largest value ("max"), or the mean ("average").

    A maximum sees no padding. A mean is requantized(sum(x - input_zero_point)), padding counting
    as zero; `finish` holds the division by `total`, the number of taps. A maximum takes `finish` as
    well, of max(x) - input_zero_point, which is the identity unless the model changes its scale
    there.

    With `counts_padding` false a mean divides by the taps inside of the image, which at the edges
    are fewer. So that one division does for all windows, sums are multiplied by `shares` first, and
    `total` is what then makes a mean of each.
    """

    name: str
    inputs: tuple[str]
    output: str
    kind: str
    rows: Axis
    cols: Axis
    channels: int
    input_zero_point: int
    finish: Requantization
    counts_padding: bool = True

    @property
    def taps(self) -> int:
        """Values that a window sees."""
        return self.rows.kernel * self.cols.kernel

    @cached_property
    def shares(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """For each row and each column of windows: a sum counts as often as their product says."""
        rows, cols = (lcm(*counts) for counts in self._counts)
        return (
            tuple(rows // count for count in self._counts[0]),
            tuple(cols // count for count in self._counts[1]),
        )

    @cached_property
    def total(self) -> int:
        """What a mean divides by: the taps of any window, times its shares."""
        return prod(lcm(*counts) for counts in self._counts)

    @property
    def _counts(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Taps that a mean divides by, in each row and each column of windows."""
        if self.counts_padding:
            return (self.rows.kernel,) * self.rows.outputs, (self.cols.kernel,) * self.cols.outputs
        return self.rows.taps_inside, self.cols.taps_inside

    def window(self, lanes: int) -> WindowGeometry:
        """The sliding window with `lanes` channels a word."""
        return WindowGeometry(rows=self.rows, cols=self.cols, beats=self.channels // lanes)


@dataclass(frozen=True, kw_only=True)
class Rescaling:
    """Element by element: requantized(x - input_zero_point); a Relu, a Clip, another scale."""

    name: str
    inputs: tuple[str]
    output: str
    input_zero_point: int
    finish: Requantization


@dataclass(frozen=True, kw_only=True)
class Concatenation:
    """Channels behind one another, each input brought to the output's scale on its way.

    Input i puts in requantized_i(x_i - input_zero_points_i).
    """

    name: str
    inputs: tuple[str, ...]
    output: str
    input_zero_points: tuple[int, ...]
    finishes: tuple[Requantization, ...]


@dataclass(frozen=True, kw_only=True)
class Flattening:
    """[H, W, C] becomes [1, 1, H*W*C], in this order; no value changes.

    A model flattens [C, H, W]; the weights behind are permuted to make up for it.
    """

    name: str
    inputs: tuple[str]
    output: str


Layer = Convolution | Addition | Pooling | Rescaling | Concatenation | Flattening
"""What a network consists of."""
