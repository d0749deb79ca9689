"""What computes a layer in dataflow style: lanes, processes, and the streams between them.

Every engine takes words of `takes_lanes` channels and puts out words of `puts_lanes`; a frame of a
tensor [H, W, C] is the same elements in the same order whatever the width of the words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from math import prod

import numpy as np

from hls.checks import one_of, reject, require_divides
from hls.conv2d import Conv2d
from hls.errors import DesignError
from hls.fixed import Fixed
from hls.geometry import WindowGeometry
from hls.network import order
from hls.network.layers import (
    ACTIVATION,
    Addition,
    Concatenation,
    Convolution,
    Flattening,
    Layer,
    Pooling,
    Rescaling,
)
from hls.network.network import Network
from hls.network.order import Order
from hls.network.rounding import Rounding, roundings

__all__ = [
    "ConvolutionEngine",
    "ElementEngine",
    "Engine",
    "Lanes",
    "PoolingEngine",
    "Process",
    "Stream",
    "engine_of",
    "lane_limit",
]

BITS = ACTIVATION.bits


@dataclass(frozen=True, kw_only=True)
class Lanes:
    """How parallel a layer is: as of Conv2d; all others have `simd` = `pe` lanes, and no more."""

    simd: int = 1
    pe: int = 1
    taps: str = "all"
    packing: str = "off"


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A FIFO: its C++ name and type, the bits of a word, and how many of them it holds."""

    name: str
    cpp_type: str
    bits: int
    depth: int = 2


@dataclass(frozen=True, kw_only=True)
class Process:
    """A call in the DATAFLOW region, with the streams that it takes from and puts into.

    `orders` has one entry for each stream in `takes`; all streams in `puts` get the same words, one
    in `cycles` cycles at most. A word that is read takes `take_cycles` until the next one.
    """

    namespace: str
    function: str
    takes: tuple[str, ...]
    puts: tuple[str, ...]
    orders: tuple[Order, ...]
    cycles: int = 1
    take_cycles: int = 1

    @property
    def call(self) -> str:
        """The function as C++ names it."""
        return f"{self.namespace}::{self.function}" if self.namespace else self.function


@dataclass(frozen=True, kw_only=True, eq=False)
class ConvolutionEngine:
    """A convolution's line buffer, multipliers and requantizers."""

    layer: Convolution
    conv: Conv2d

    template = "convolution"

    @property
    def takes_lanes(self) -> int:
        """Channels of a word that comes in."""
        return self.conv.simd

    @property
    def puts_lanes(self) -> int:
        """Channels of a word that goes out."""
        return self.conv.pe

    @property
    def window(self) -> WindowGeometry:
        """The sliding window."""
        return self.conv.window

    @property
    def words(self) -> int:
        """Words put out a frame."""
        return self.conv.window.positions * self.conv.output_beats

    @property
    def cycles(self) -> int:
        """Cycles a frame, frames back to back."""
        return self.conv.predicted_cycles

    @property
    def lower_bound_cycles(self) -> int:
        """Cycles a frame that no schedule with these lanes can undercut."""
        return self.conv.lower_bound_cycles

    @property
    def on_chip_bits(self) -> int:
        """Line buffer, windows and weights."""
        return self.conv.on_chip_bits

    @cached_property
    def streams(self) -> tuple[Stream, ...]:
        """Those that it writes; the last one carries its output."""
        conv, name = self.conv, self.layer.name
        words = conv.window.taps * conv.simd * BITS
        sums = conv.pe * conv.epilogue.accumulator.bits
        return (
            Stream(name=f"{name}_windows", cpp_type=f"{name}::Window_t", bits=words,
                   depth=conv.window_fifo_words),
            Stream(name=f"{name}_sums", cpp_type=f"{name}::Sums_t", bits=sums),
            Stream(name=f"{name}_results", cpp_type=f"{name}::Result_t", bits=conv.pe * BITS),
        )  # fmt: skip

    def processes(self, takes: Sequence[str]) -> tuple[Process, ...]:
        """Line buffer, multipliers, requantizers."""
        windows, sums, results = (stream.name for stream in self.streams)
        orders = (order.windows(self.conv.window), order.sums(self.conv),
                  order.one_by_one(self.words))  # fmt: skip
        names = ("slide", "multiply", "finish")
        ends = ((takes[0], windows), (windows, sums), (sums, results))
        cycles = (1, self.conv.steps_per_sum, self.conv.finish_steps)
        slide, multiply, finish = _chain(self.layer.name, names, ends, orders, cycles)
        return slide, replace(multiply, take_cycles=self.conv.tap_folds), finish


@dataclass(frozen=True, kw_only=True, eq=False)
class PoolingEngine:
    """A pooling's line buffer and its maxima or means; a global one needs no line buffer."""

    layer: Pooling
    lanes: int

    @property
    def template(self) -> str:
        """Name of the template of its header."""
        return "global_pooling" if self.is_global else "pooling"

    @property
    def is_global(self) -> bool:
        """Whether one window sees all of the image, and nothing else."""
        axes = (self.layer.rows, self.layer.cols)
        return not self.window.padded and all(axis.kernel == axis.size for axis in axes)

    @property
    def takes_lanes(self) -> int:
        """Channels of a word that comes in."""
        return self.lanes

    @property
    def puts_lanes(self) -> int:
        """Channels of a word that goes out."""
        return self.lanes

    @property
    def window(self) -> WindowGeometry:
        """The sliding window."""
        return self.layer.window(self.lanes)

    @property
    def words(self) -> int:
        """Words put out a frame."""
        return self.window.positions * self.window.beats

    @property
    def cycles(self) -> int:
        """Cycles a frame, frames back to back."""
        return self.window.frame_steps * self.window.beats

    @property
    def lower_bound_cycles(self) -> int:
        """Its input, or its output: a word a cycle."""
        return max(self.window.input_beats, self.words)

    @property
    def on_chip_bits(self) -> int:
        """Rows of the line buffer and columns of the window; or a value for each channel."""
        rows, cols = self.layer.rows, self.layer.cols
        if self.is_global:
            return self.layer.channels * self.rounding.value.bits
        return (rows.reach * cols.grid + rows.kernel * cols.reach) * self.layer.channels * BITS

    @cached_property
    def rounding(self) -> Rounding:
        """Of a maximum or a sum."""
        return roundings(self.layer)[0]

    @property
    def sum_format(self) -> Fixed:
        """Format of what the taps of a window add up to, less their zero points."""
        value = self.rounding
        total, taps = self.layer.total, self.layer.taps
        return Fixed.holding(value.low * taps // total, value.high * taps // total)

    @property
    def keeps(self) -> bool:
        """Whether a maximum leaves as it is."""
        return (
            self.layer.kind == "max"
            and self.layer.finish.identity
            and self.layer.finish.zero_point == self.layer.input_zero_point
        )

    @property
    def padding(self) -> int:
        """What a tap outside of the image sees: what never is the maximum, or counts as zero."""
        return ACTIVATION.minimum if self.layer.kind == "max" else self.layer.input_zero_point

    @cached_property
    def streams(self) -> tuple[Stream, ...]:
        """Those that it writes; the last one carries its output."""
        name, word = self.layer.name, self.lanes * BITS
        windows = Stream(name=f"{name}_windows", cpp_type=f"{name}::Window_t",
                         bits=self.window.taps * word)  # fmt: skip
        results = Stream(name=f"{name}_results", cpp_type=f"{name}::Word_t", bits=word)
        return (results,) if self.is_global else (windows, results)

    def processes(self, takes: Sequence[str]) -> tuple[Process, ...]:
        """Line buffer, then maxima or means."""
        if self.is_global:
            end, own = (takes[0], self.streams[0].name), order.windows(self.window)
            return _chain(self.layer.name, ("reduce",), (end,), (own,), (1,))
        windows, results = (stream.name for stream in self.streams)
        orders = (order.windows(self.window), order.one_by_one(self.words))
        ends = ((takes[0], windows), (windows, results))
        return _chain(self.layer.name, ("slide", "reduce"), ends, orders, (1, 1))


@dataclass(frozen=True, kw_only=True, eq=False)
class ElementEngine:
    """Element by element: an addition, a rescaling, a concatenation."""

    layer: Addition | Rescaling | Concatenation
    lanes: int
    positions: int
    channels: tuple[int, ...]
    """Of each input."""

    @property
    def template(self) -> str:
        """Name of the template of its header."""
        return type(self.layer).__name__.lower()

    @property
    def takes_lanes(self) -> int:
        """Channels of a word that comes in, from each input."""
        return self.lanes

    @property
    def puts_lanes(self) -> int:
        """Channels of a word that goes out."""
        return self.lanes

    @property
    def beats(self) -> tuple[int, ...]:
        """Words of a pixel, from each input."""
        return tuple(channels // self.lanes for channels in self.channels)

    @property
    def words(self) -> int:
        """Words put out a frame."""
        joined = isinstance(self.layer, Concatenation)
        return self.positions * (sum(self.beats) if joined else self.beats[0])

    @property
    def cycles(self) -> int:
        """Cycles a frame: a word each."""
        return self.words

    @property
    def lower_bound_cycles(self) -> int:
        """Cycles a frame that no schedule with these lanes can undercut."""
        return self.words

    @property
    def on_chip_bits(self) -> int:
        """Nothing is kept."""
        return 0

    @cached_property
    def roundings(self) -> tuple[Rounding, ...]:
        """Of the sum, or of each input."""
        return roundings(self.layer)

    @cached_property
    def streams(self) -> tuple[Stream, ...]:
        """The one with its output."""
        name = self.layer.name
        return (Stream(name=f"{name}_results", cpp_type=f"{name}::Word_t", bits=self.lanes * BITS),)

    def processes(self, takes: Sequence[str]) -> tuple[Process, ...]:
        """The one that there is."""
        function = {Addition: "sum", Rescaling: "rescale", Concatenation: "join"}[type(self.layer)]
        if isinstance(self.layer, Concatenation):
            orders = self._turns()
        else:
            orders = (order.one_by_one(self.words),) * len(takes)
        puts = (self.streams[-1].name,)
        return (Process(namespace=self.layer.name, function=function, takes=tuple(takes),
                        puts=puts, orders=orders),)  # fmt: skip

    def _turns(self) -> tuple[Order, ...]:
        """A pixel's words come from one input after the other."""
        beats = np.array(self.beats)
        ends = np.cumsum(beats)
        word = np.arange(1, ends[-1] + 1)
        pixels = np.arange(self.positions)[:, None]
        return tuple(
            (pixels * own + np.clip(word - (end - own), 0, own)).reshape(-1)
            for own, end in zip(beats, ends, strict=True)
        )


Engine = ConvolutionEngine | PoolingEngine | ElementEngine
"""What computes a layer."""


def _chain(
    namespace: str,
    functions: Sequence[str],
    ends: Sequence[tuple[str, str]],
    orders: Sequence[Order],
    cycles: Sequence[int],
) -> tuple[Process, ...]:
    return tuple(
        Process(namespace=namespace, function=function, takes=(take,), puts=(put,), orders=(own,),
                cycles=each)
        for function, (take, put), own, each in zip(functions, ends, orders, cycles, strict=True)
    )  # fmt: skip


def lane_limit(network: Network, layer: Layer) -> int:
    """What the lanes of a layer that does not convolve must divide: channels of all its tensors."""
    return int(np.gcd.reduce([network.tensors[name].shape[2] for name in layer.inputs]))


def engine_of(network: Network, layer: Layer, lanes: Lanes) -> Engine | None:
    """The engine of a layer; None of a Flattening, which leaves a stream as it is.

    Raises:
        DesignError: the lanes do not suit it.
    """
    if isinstance(layer, Flattening):
        return None
    owner = f"Network {network.name}: layer {layer.name}"
    if isinstance(layer, Convolution):
        try:
            conv = replace(layer.conv, **asdict(lanes))
        except DesignError as error:
            raise DesignError(f"{owner}: {error}") from None
        return ConvolutionEngine(layer=layer, conv=conv)
    if lanes.pe != lanes.simd:
        raise reject(
            owner, f"pe={lanes.pe}", f"differs from simd={lanes.simd}, but what goes in comes out",
            f"use pe={lanes.simd}",
        )  # fmt: skip
    one_of(owner, "taps", lanes.taps, ("all",))
    one_of(owner, "packing", lanes.packing, ("off",))
    limit = lane_limit(network, layer)
    require_divides(owner, "simd", lanes.simd, "channels", limit)
    if isinstance(layer, Pooling):
        return PoolingEngine(layer=layer, lanes=lanes.simd)
    shapes = [network.tensors[name].shape for name in layer.inputs]
    return ElementEngine(
        layer=layer,
        lanes=lanes.simd,
        positions=prod(shapes[0][:2]),
        channels=tuple(shape[2] for shape in shapes),
    )
