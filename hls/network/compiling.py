"""A network becomes a program for the overlay engine: instructions, weights, places in memory.

    layers -> passes (hls.network.passes) -> places of tensors (memory) -> instructions

Where tensors meet in an addition whose channels lie in different lanes, they are brought to the
same ones first; that happens only behind concatenations of parts that do not fill their words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.checks import reject
from hls.network.instructions import (
    RECORD_WORDS,
    WORD_BITS,
    Image,
    Instruction,
    Limits,
    Reduction,
    Rows,
    Sizes,
    Start,
    Store,
    Window,
    encode,
    tensor_addresses,
)
from hls.network.layers import Addition, Concatenation, Convolution, Flattening, Layer
from hls.network.layouts import Layout
from hls.network.memory import Life, arrange
from hls.network.network import Network
from hls.network.overlay import OverlayEngine
from hls.network.passes import Feed, Pass, Reducing, copied, passes

__all__ = ["Program", "Stored", "compile_network"]


@dataclass(frozen=True)
class Stored:
    """A tensor in memory: [height, width, channels], from word `first` on."""

    first: int
    shape: tuple[int, int, int]
    layout: Layout

    @property
    def words(self) -> int:
        """Words a frame."""
        return self.shape[0] * self.shape[1] * self.layout.words

    def data(self, word_bytes: int) -> dict[str, Any]:
        """In bytes, as JSON-able data: channel c of a pixel is byte slots[c] of it."""
        return {
            "offset": self.first * word_bytes,
            "pixel_bytes": self.layout.words * word_bytes,
            "shape": list(self.shape),
            "slots": list(self.layout.slots),
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Program:
    """What the overlay engine runs for one frame of a network.

    Attributes:
        engine: for which it was compiled.
        network: which it computes.
        passes: one behind the other.
        instructions: of the passes.
        weights: s8 [words, lanes], the table behind port b.
        parameters: uint32 [columns, 4], behind port p: bias (64 bits), multiplier, shift.
        stored: tensor -> where it lies, behind ports x and y; one that is dead by the end may
            have been written over.
        words: of that memory.
    """

    engine: OverlayEngine
    network: Network
    passes: tuple[Pass, ...]
    instructions: tuple[Instruction, ...]
    weights: npt.NDArray[np.int8]
    parameters: npt.NDArray[np.uint32]
    stored: dict[str, Stored]
    words: int

    @property
    def input(self) -> Stored:
        """Where a frame has to be put."""
        return self.stored[self.network.input]

    @property
    def output(self) -> Stored:
        """Where its result is."""
        return self.stored[self.network.output]

    @cached_property
    def records(self) -> npt.NDArray[np.uint64]:
        """The instructions as they lie in memory, [steps, RECORD_WORDS]."""
        return np.stack([encode(instruction) for instruction in self.instructions])

    @property
    def buffer_bytes(self) -> dict[str, int]:
        """Buffer -> its bytes: one for each port, but ports x and y have the tensors in common."""
        return {
            "program": len(self.instructions) * RECORD_WORDS * WORD_BITS // 8,
            "b": self.weights.nbytes,
            "p": self.parameters.nbytes,
            "tensors": self.words * self.engine.word_bytes,
        }

    def data(self) -> dict[str, Any]:
        """All that a host needs to know, as JSON-able data: "program" of manifest.json."""
        word_bytes = self.engine.word_bytes
        return {
            "file": "program.npz",
            "steps": len(self.instructions),
            "tensor_words": self.words,
            "addresses": [{"word": place.word, "low": place.low} for place in tensor_addresses()],
            "buffer_bytes": self.buffer_bytes,
            "buffers": {"program": "program", "b": "b", "p": "p", "x": "tensors", "y": "tensors"},
            "input": self.input.data(word_bytes),
            "output": self.output.data(word_bytes),
        }


def compile_network(network: Network, engine: OverlayEngine, *, keep_all: bool = False) -> Program:
    """The program of `network` for `engine`.

    Args:
        network: what to compute.
        engine: what has to run it.
        keep_all: no tensor is written over, so that all can be looked at afterwards.

    Raises:
        DesignError: the engine is too small for a layer; the text names it and a remedy.
    """
    shapes = {name: tensor.shape for name, tensor in network.tensors.items()}
    layouts: dict[str, Layout] = {
        network.input: Layout.dense(shapes[network.input][2], engine.lanes)
    }
    homes = {network.input: network.input}  # tensor -> the one whose memory it has
    made: list[Pass] = []
    for layer in network.layers:
        if isinstance(layer, Flattening):
            (read,) = layer.inputs
            height, width, _ = shapes[read]
            layouts[layer.output] = layouts[read].flattened(height * width, engine.lanes)
            homes[layer.output] = homes[read]
            continue
        homes[layer.output] = layer.output
        for one in _passes(engine, layer, layouts, shapes, homes):
            made.append(one)
    if not made:
        raise reject("Network", network.name, "computes nothing", "give it a layer")
    words = {name: shapes[name][0] * shapes[name][1] * layouts[name].words
             for name in set(homes.values())}  # fmt: skip
    places = arrange(_lives(network, made, homes, words, keep_all=keep_all))
    weights = _Table(engine.lanes)
    parameters = _Table(4)
    instructions = tuple(_instruction(engine, one, places, homes, weights, parameters)
                         for one in made)  # fmt: skip
    return Program(
        engine=engine,
        network=network,
        passes=tuple(made),
        instructions=instructions,
        weights=weights.rows(np.int8),
        parameters=parameters.rows(np.uint32),
        stored={name: Stored(places[homes[name]], shapes[name], layouts[name]) for name in homes},
        words=max(places[name] + words[name] for name in places),
    )


def _passes(
    engine: OverlayEngine, layer: Layer, layouts: dict[str, Layout],
    shapes: dict[str, tuple[int, int, int]], homes: dict[str, str],
) -> Iterator[Pass]:  # fmt: skip
    """Passes of a layer, those before it that bring its inputs to the same lanes included."""
    dense = Layout.dense(shapes[layer.output][2], engine.lanes)
    if isinstance(layer, Addition):
        if len({layouts[read] for read in layer.inputs}) > 1:
            reads = []
            for read in layer.inputs:
                name = f"{read}/{layer.name}"
                shapes[name], layouts[name], homes[name] = shapes[read], dense, name
                yield from copied(engine, layer.name, read, name, layouts, shapes[read])
                reads.append(name)
            layer = replace(layer, inputs=(reads[0], reads[1]))
        layouts[layer.output] = layouts[layer.inputs[0]]
    elif isinstance(layer, Convolution):
        layouts[layer.output] = dense
    elif isinstance(layer, Concatenation):
        parts = [layouts[read] for read in layer.inputs]
        layouts[layer.output] = Layout.joined(parts, engine.lanes)
    else:
        layouts[layer.output] = layouts[layer.inputs[0]]
    yield from passes(engine, layer, layouts, shapes)


def _lives(
    network: Network, made: list[Pass], homes: dict[str, str], words: dict[str, int], *,
    keep_all: bool,
) -> dict[str, Life]:  # fmt: skip
    """How long each memory is needed, in passes; the input's from before, the output's beyond."""
    first = {network.input: -1}
    last = {network.input: -1}
    for step, one in enumerate(made):
        first.setdefault(one.writes, step)
        last[one.writes] = step
        for read in one.feed.reads:
            last[homes[read]] = step
    last[homes[network.output]] = len(made)
    if keep_all:
        first = dict.fromkeys(first, -1)
    return {name: Life(words[name], first[name], last[name]) for name in first}


class _Table:
    """Rows of numbers, one behind the other in memory."""

    def __init__(self, columns: int) -> None:
        self._parts: list[npt.NDArray[Any]] = []
        self._columns = columns
        self._rows = 0

    def append(self, values: npt.NDArray[Any]) -> Start:
        """Put `values` at the end; where they begin, in rows."""
        rows = values.reshape(-1, self._columns)
        self._parts.append(rows)
        self._rows += len(rows)
        return Start(first=self._rows - len(rows))

    def rows(self, dtype: type[np.generic]) -> npt.NDArray[Any]:
        """All rows."""
        empty = np.zeros((0, self._columns), dtype)
        found: npt.NDArray[Any] = np.concatenate([empty, *self._parts]).astype(dtype)
        return found


def _instruction(
    engine: OverlayEngine, one: Pass, places: dict[str, int], homes: dict[str, str],
    weights: _Table, parameters: _Table,
) -> Instruction:  # fmt: skip
    """A pass with all of its addresses; its tables are put behind those before."""
    feed, reducing = one.feed, isinstance(one.weights, Reducing)
    least = feed.least_rows(engine.tile_m)
    ring_rows = max(least, min(engine.image_words // feed.line_words, feed.image_rows))
    line_words = feed.line_words
    return Instruction(
        sizes=Sizes(
            m=feed.positions,
            k=one.k,
            n=one.n,
            reduces=int(reducing),
        ),
        image=_image(feed, [places[homes[read]] for read in feed.reads]),
        window=_window(feed, ring_rows, reduces=reducing),
        rows=Rows(
            words=feed.image_rows * line_words,
            line_words=line_words,
            ring_rows=ring_rows,
            ring_words=ring_rows * line_words,
            first=feed.rows.pad_before % ring_rows * line_words,
            pad_top=feed.rows.pad_before,
            padding=feed.padding,
            reduces=int(reducing),
        ),
        weights=weights.append(_tiled(engine, one)),
        parameters=parameters.append(_columns(one)),
        reduction=_reduction(engine, one),
        limits=Limits(
            zero_point=one.finish.zero_point,
            low=one.finish.low,
            high=one.finish.high,
            leaves=int(one.finish.ties == "even"),
            slack=one.slack,
            grows=int(one.grows),
            bias_fraction=one.bias_fraction,
        ),
        store=Store(first=places[one.writes] + one.out_first, pixel_step=one.out_pixel_words),
    )


def _image(feed: Feed, firsts: list[int]) -> Image:
    """Every row of one tensor, or the rows of two in turn."""
    line = feed.cols.size * feed.pixel_words
    second, step = (firsts[0] + line, 2 * line) if len(firsts) == 1 else (firsts[1], line)
    return Image(
        first=firsts[0] + feed.first,
        second=second + feed.first,
        step=step,
        words=feed.image_rows * feed.line_words,
        last_pixel=feed.cols.size - 1,
        last_word=feed.words - 1,
        pixel_step=feed.pixel_words,
    )


def _window(feed: Feed, ring_rows: int, *, reduces: bool) -> Window:
    """The walk over the image: all words of a tap for the array, one word's taps to reduce it."""
    rows, cols, words = feed.rows, feed.cols, feed.words
    tap_step = cols.dilation * words
    return Window(
        height=rows.size,
        width=cols.size,
        last_col=cols.outputs - 1,
        last_tap_row=rows.kernel - 1,
        last_tap_col=cols.kernel - 1,
        stride_rows=rows.stride,
        stride_cols=cols.stride,
        dilation_rows=rows.dilation,
        dilation_cols=cols.dilation,
        pad_top=rows.pad_before,
        pad_left=cols.pad_before,
        last_word=0 if reduces else words - 1,
        ring_words=ring_rows * feed.line_words,
        out_row_words=rows.stride % ring_rows * feed.line_words,
        out_col_words=cols.stride * words,
        tap_row_words=rows.dilation * feed.line_words,
        tap_col_words=tap_step if reduces else tap_step - words + 1,
        pad_left_words=cols.pad_before * words,
    )


def _reduction(engine: OverlayEngine, one: Pass) -> Reduction:
    how, results = one.weights, one.feed.positions * one.n // engine.lanes
    if not isinstance(how, Reducing):
        return Reduction(results=results, last_tap=0, passes=1, largest=0, even=0, odd=0)
    even, odd = how.multipliers
    return Reduction(
        results=results, last_tap=one.feed.taps - 1, passes=0, largest=int(how.largest),
        even=even, odd=odd,
    )  # fmt: skip


def _tiled(engine: OverlayEngine, one: Pass) -> npt.NDArray[np.int8]:
    """Weights [k, n] tile by tile of filters, each row by row: bursts are as long as they get."""
    if isinstance(one.weights, Reducing):
        return np.zeros(0, np.int8)
    tiles = range(0, one.n, engine.tile_n)
    parts = [one.weights[:, first : first + engine.tile_n].reshape(-1) for first in tiles]
    return np.concatenate(parts)


def _columns(one: Pass) -> npt.NDArray[np.uint32]:
    table = np.zeros((one.n, 4), "<u4")
    table[:, :2] = one.bias.astype("<i8").view("<u4").reshape(-1, 2)
    table[:, 2] = one.multiplier
    table[:, 3] = one.shift
    return table
