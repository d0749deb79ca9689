"""A layer as passes of the overlay engine: what each reads, computes and writes.

A convolution is a pass for each run of filters that see the same words of channels: one, unless it
has groups; a depthwise one has a pass for every word of channels, whose weights are a diagonal that
is filled up with zeros, so that 1 / lanes of the products count. Pooling, addition and changes of
scale are windows without weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hls.checks import reject
from hls.geometry import Axis
from hls.network.accumulators import accumulator
from hls.network.layers import (
    ACTIVATION,
    Addition,
    Concatenation,
    Convolution,
    Layer,
    Pooling,
    Requantization,
    Rescaling,
)
from hls.network.layouts import Layout
from hls.network.overlay import OverlayEngine
from hls.network.quotients import quotient

__all__ = ["Feed", "Pass", "Reducing", "copied", "passes"]

_OWNER = "OverlayEngine"
_SPAN = ACTIVATION.maximum - ACTIVATION.minimum
"""The most that a value is away from a zero point."""


@dataclass(frozen=True, kw_only=True)
class Feed:
    """The image that a pass sees: `words` words of each pixel, from word `first` on.

    `reads` names one tensor, or two of one shape that come row by row in turn; rows.size counts
    the rows of both.
    """

    reads: tuple[str, ...]
    pixel_words: int
    first: int
    words: int
    rows: Axis
    cols: Axis
    padding: int

    @property
    def positions(self) -> int:
        """Windows."""
        return self.rows.outputs * self.cols.outputs

    @property
    def taps(self) -> int:
        """Pixels of a window."""
        return self.rows.kernel * self.cols.kernel

    @property
    def line_words(self) -> int:
        """Words of a row."""
        return self.cols.size * self.words

    @property
    def image_rows(self) -> int:
        """Rows that some window sees."""
        seen = self.rows.last_output + self.rows.reach - self.rows.pad_before + 1
        return max(1, min(self.rows.size, seen))

    def least_rows(self, tile_m: int) -> int:
        """Rows that have to be on chip: those that `tile_m` windows in turn see, with padding."""
        last = self.positions - 1
        starts = range(0, last + 1, tile_m)
        return max(self._bottom(min(at + tile_m - 1, last)) - self._top(at) + 1 for at in starts)

    def _top(self, position: int) -> int:
        return position // self.cols.outputs * self.rows.stride - self.rows.pad_before

    def _bottom(self, position: int) -> int:
        top = self._top(position)
        return max(top, min(top + self.rows.reach, self.rows.size - 1))


@dataclass(frozen=True, kw_only=True)
class Reducing:
    """Windows without weights: the sum, or the largest, of x * multiplier, tap by tap in turn."""

    multipliers: tuple[int, int] = (1, 1)
    largest: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Pass:
    """One instruction before it is known where its tensors lie.

    Attributes:
        layer: its layer's name.
        weights: s8 [k, n], or how windows are reduced.
        bias, multiplier, shift: int64 [n], a column a lane of the result.
        bias_fraction: binary places of the bias.
        finish: zero point, limits and ties; its quotient is in the columns.
        slack, grows: what counts as a tie; see `hls.network.quotients`.
        writes: tensor; of its `out_pixel_words` words a pixel those from `out_first` on.
        macs: products that count.
    """

    layer: str
    feed: Feed
    weights: npt.NDArray[np.int8] | Reducing
    bias: npt.NDArray[np.int64]
    multiplier: npt.NDArray[np.int64]
    shift: npt.NDArray[np.int64]
    finish: Requantization
    slack: int
    writes: str
    out_pixel_words: int
    out_first: int
    macs: int = 0
    bias_fraction: int = 0
    grows: bool = False

    @property
    def k(self) -> int:
        """Weights of a filter; 1 of what has none."""
        return 1 if isinstance(self.weights, Reducing) else len(self.weights)

    @property
    def n(self) -> int:
        """Lanes of a result's pixel."""
        return len(self.bias)


def passes(engine: OverlayEngine, layer: Layer, layouts: dict[str, Layout],
           shapes: dict[str, tuple[int, int, int]]) -> Iterator[Pass]:  # fmt: skip
    """The passes of a layer that computes, in order.

    Args:
        engine: what runs it.
        layer: a layer.
        layouts: of all tensors that it reads or writes; those that an Addition reads are the same.
        shapes: [height, width, channels] of them.

    Raises:
        DesignError: the engine is too small; the text names the layer, value, rule and remedy.
    """
    if isinstance(layer, Convolution):
        return _convolution(engine, layer, layouts)
    if isinstance(layer, Pooling):
        feed = _feed(layer.inputs[0], layouts, layer.rows, layer.cols)
        largest = layer.kind == "max"
        if not (largest or layer.counts_padding):
            raise reject(_OWNER, f"layer {layer.name}: a mean over fewer pixels at the edges",
                         "asks for divisors that differ from window to window",
                         "use style dataflow")  # fmt: skip
        outside = ACTIVATION.minimum if largest else layer.input_zero_point
        taps = 1 if largest else layer.taps
        return _reduction(engine, layer.name, replace(feed, padding=outside),
                          Reducing(largest=largest), -taps * layer.input_zero_point,
                          taps * _SPAN, layer.finish, layer.output, layouts)  # fmt: skip
    if isinstance(layer, Addition):
        height, width, _ = shapes[layer.output]
        feed = _feed(layer.inputs[0], layouts, _points(2 * height, 2), _points(width))
        terms = list(zip(layer.zero_points, layer.multipliers, strict=True))
        return _reduction(engine, layer.name, replace(feed, reads=layer.inputs),
                          Reducing(multipliers=layer.multipliers),
                          -sum(zero * factor for zero, factor in terms),
                          _SPAN * sum(map(abs, layer.multipliers)), layer.finish, layer.output,
                          layouts)  # fmt: skip
    if isinstance(layer, Rescaling):
        return _rescaled(engine, layer.name, layer.inputs[0], layer.input_zero_point, layer.finish,
                         layer.output, 0, layouts, shapes)  # fmt: skip
    assert isinstance(layer, Concatenation)
    return _concatenation(engine, layer, layouts, shapes)


def copied(engine: OverlayEngine, layer: str, read: str, written: str, layouts: dict[str, Layout],
           shape: tuple[int, int, int]) -> Iterator[Pass]:  # fmt: skip
    """A tensor whose channels have to change their lanes: a product with ones and zeros."""
    height, width, channels = shape
    taps = np.eye(channels, dtype=np.int64)[:, None, None, :]
    columns = (
        np.zeros(channels, np.int64),
        np.ones(channels, np.int64),
        np.zeros(channels, np.int64),
    )
    feed = _feed(read, layouts, _points(height), _points(width))
    finish = Requantization(multiplier=1, shift=0, zero_point=0)
    return _products(engine, layer, feed, taps, 1, columns, finish, written, layouts, 0)


# ---------------------------------------------------------------------- products


def _convolution(
    engine: OverlayEngine, layer: Convolution, layouts: dict[str, Layout]
) -> Iterator[Pass]:
    conv, parameters = layer.conv, layer.parameters
    out = conv.epilogue
    gemm = engine.gemm
    assert parameters.multiplier is not None
    assert parameters.shift is not None
    bias = np.zeros(conv.out_channels, np.int64) if parameters.bias is None else parameters.bias
    sums = accumulator(parameters.weights, bias >> conv.bias_fraction, conv.input_zero_point)
    for name, bits, most in (
        ("accumulator", sums.bits + conv.bias_fraction, gemm.epilogue.accumulator.bits),
        ("multiplier", int(parameters.multiplier.max()).bit_length(), gemm.multiplier_bits),
        ("weights", conv.weight_format.bits, gemm.weight_format.bits),
    ):
        if bits > most:
            raise reject(_OWNER, f"layer {layer.name}: {name} of {bits} bits",
                         f"is wider than the engine's {most}", "use style dataflow")  # fmt: skip
    if int(parameters.shift.max()) > gemm.max_shift:
        raise reject(_OWNER, f"layer {layer.name}: shift={int(parameters.shift.max())}",
                     f"is over the engine's {gemm.max_shift}", "use style dataflow")  # fmt: skip
    shares = conv.input_zero_point * parameters.weights.sum(axis=(1, 2, 3))
    finish = Requantization(multiplier=1, shift=0, zero_point=out.zero_point, low=out.low,
                            high=out.high)  # fmt: skip
    feed = _feed(layer.inputs[0], layouts, conv.window.rows, conv.window.cols)
    return _products(engine, layer.name, replace(feed, padding=conv.input_zero_point),
                     parameters.weights, conv.groups,
                     (bias - (shares << conv.bias_fraction), parameters.multiplier,
                      parameters.shift), finish, layer.output, layouts, conv.macs,
                     conv.bias_fraction)  # fmt: skip


def _products(
    engine: OverlayEngine, layer: str, feed: Feed, taps: npt.NDArray[np.int64], groups: int,
    columns: tuple[npt.NDArray[np.int64], ...], finish: Requantization, output: str,
    layouts: dict[str, Layout], macs: int, bias_fraction: int = 0,
) -> Iterator[Pass]:  # fmt: skip
    """Weights [M, KH, KW, C / groups] as passes; `columns` are bias, multiplier and shift, [M]."""
    lanes = engine.lanes
    slots = np.array(layouts[feed.reads[0]].slots)
    filters, channels = len(taps), taps.shape[3]
    seen = [slots[filter_ // (filters // groups) * channels :][:channels]
            for filter_ in range(filters)]  # fmt: skip
    for first, last, low, high in _runs(engine, seen):
        own = range(first * lanes, min((last + 1) * lanes, filters))
        n = (last + 1 - first) * lanes
        words = high + 1 - low
        weights = np.zeros((*taps.shape[1:3], words * lanes, n), np.int8)
        table = np.zeros((3, n), np.int64)
        for column, filter_ in enumerate(own):
            weights[:, :, seen[filter_] - low * lanes, column] = taps[filter_]
            table[:, column] = [values[filter_] for values in columns]
        matrix = weights.reshape(-1, n)
        if len(matrix) > engine.max_k:
            raise reject(_OWNER, f"layer {layer}: k={len(matrix)} weights of a filter",
                         f"are over max_k={engine.max_k}", "use style dataflow")  # fmt: skip
        part = replace(feed, first=low, words=words)
        _check_image(engine, layer, part)
        yield Pass(
            layer=layer, feed=part, weights=matrix, bias=table[0], multiplier=table[1],
            shift=table[2], finish=finish, slack=0, writes=output,
            out_pixel_words=layouts[output].words, out_first=first,
            macs=macs * len(own) // filters, bias_fraction=bias_fraction,
        )  # fmt: skip


def _runs(
    engine: OverlayEngine, seen: list[npt.NDArray[np.int64]]
) -> Iterator[tuple[int, int, int, int]]:
    """Words of filters that share a pass: first and last, and the words of channels they see.

    Another word of filters joins if that makes the words of channels no more.
    """
    lanes = engine.lanes
    run: tuple[int, int, int, int] | None = None
    for word in range(-(-len(seen) // lanes)):
        slots = np.concatenate(seen[word * lanes : (word + 1) * lanes])
        low, high = int(slots.min()) // lanes, int(slots.max()) // lanes
        if run is not None:
            joined = run[0], word, min(low, run[2]), max(high, run[3])
            grows = joined[3] - joined[2] > max(high - low, run[3] - run[2])
            if not grows and (word + 1 - run[0]) * lanes <= engine.max_n:
                run = joined
                continue
            yield run
        run = word, word, low, high
    assert run is not None
    yield run


# ---------------------------------------------------------------------- reductions


def _concatenation(
    engine: OverlayEngine, layer: Concatenation, layouts: dict[str, Layout],
    shapes: dict[str, tuple[int, int, int]],
) -> Iterator[Pass]:  # fmt: skip
    word = 0
    parts = zip(layer.inputs, layer.input_zero_points, layer.finishes, strict=True)
    for read, zero_point, finish in parts:
        yield from _rescaled(engine, layer.name, read, zero_point, finish, layer.output, word,
                             layouts, shapes)  # fmt: skip
        word += layouts[read].words


def _rescaled(
    engine: OverlayEngine, layer: str, read: str, zero_point: int, finish: Requantization,
    output: str, out_first: int, layouts: dict[str, Layout],
    shapes: dict[str, tuple[int, int, int]],
) -> Iterator[Pass]:  # fmt: skip
    height, width, _ = shapes[read]
    feed = _feed(read, layouts, _points(height), _points(width))
    return _reduction(engine, layer, feed, Reducing(), -zero_point, _SPAN, finish, output, layouts,
                      out_first)  # fmt: skip


def _reduction(
    engine: OverlayEngine, layer: str, feed: Feed, how: Reducing, bias: int, most: int,
    finish: Requantization, output: str, layouts: dict[str, Layout], out_first: int = 0,
) -> Iterator[Pass]:  # fmt: skip
    """Windows, as many channels in a pass as the engine takes; |sum + bias| is at most `most`."""
    gemm = engine.gemm
    found = quotient(finish, most, gemm.multiplier_bits, gemm.max_shift)
    if found is None or max(map(abs, how.multipliers)) >= 1 << 24:
        raise reject(
            _OWNER,
            f"layer {layer}: {finish.multiplier} / ({finish.divisor} * 2^{finish.shift}), inputs "
            f"times {how.multipliers[0]} and {how.multipliers[1]},",
            f"asks for more than {gemm.multiplier_bits} bits of multiplier, {gemm.max_shift} of "
            "shift or 24 of an input's", "use style dataflow",
        )  # fmt: skip
    words = feed.words
    slice_words = min(words, engine.max_n // engine.lanes)
    while slice_words > 1 and not _fits(engine, replace(feed, words=slice_words)):
        slice_words -= 1
    for first in range(0, words, slice_words):
        count = min(slice_words, words - first)
        part = replace(feed, first=first, words=count)
        _check_image(engine, layer, part)
        same = np.ones(count * engine.lanes, np.int64)
        yield Pass(
            layer=layer, feed=part, weights=how, bias=bias * same,
            multiplier=found.multiplier * same, shift=found.shift * same, finish=finish,
            slack=found.slack, grows=found.grows, writes=output,
            out_pixel_words=layouts[output].words, out_first=out_first + first,
        )  # fmt: skip


# ---------------------------------------------------------------------- images


def _points(size: int, together: int = 1) -> Axis:
    """An axis whose pixels are taken one by one, or `together`."""
    return Axis(size=size, kernel=together, stride=together, dilation=1, pad_before=0, pad_after=0)


def _feed(read: str, layouts: dict[str, Layout], rows: Axis, cols: Axis) -> Feed:
    words = layouts[read].words
    return Feed(reads=(read,), pixel_words=words, first=0, words=words, rows=rows, cols=cols,
                padding=0)  # fmt: skip


def _fits(engine: OverlayEngine, feed: Feed) -> bool:
    return feed.least_rows(engine.tile_m) * feed.line_words <= engine.image_words


def _check_image(engine: OverlayEngine, layer: str, feed: Feed) -> None:
    """Refuse what the ring of image rows, or a counter, is too small for."""
    rows, words = feed.least_rows(engine.tile_m), feed.line_words
    if not _fits(engine, feed):
        need = 1 << (rows * words - 1).bit_length()
        raise reject(
            _OWNER, f"layer {layer}: {rows} rows of {words} words",
            f"are more than image_words={engine.image_words} hold", f"use image_words={need}",
        )  # fmt: skip
    if feed.positions > engine.gemm.max_m:
        raise reject(
            _OWNER, f"layer {layer}: {feed.positions} output positions",
            f"are over {engine.gemm.max_m}", "use smaller images, or style dataflow",
        )  # fmt: skip
