"""Instructions of the overlay engine: fields with widths, and how they lie in memory.

An instruction is one pass of the engine over one tensor. Its parts go to one process each. The
generated C++ has a struct for every part, and takes its fields from the places given here.

Addresses and lengths are in words of memory: as many s8 channels as the array has lanes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.errors import DesignError

__all__ = [
    "PARTS", "RECORD_WORDS", "VERSION", "WORD_BITS", "Image", "Instruction", "Limits", "Place",
    "Reduction", "Rows", "Sizes", "Start", "Store", "Window", "decode", "encode", "places",
    "tensor_addresses",
]  # fmt: skip

VERSION = 1
"""Of the instructions: an engine of another one does not understand them. It grows with whatever
changes about fields, their places or their meaning."""

WORD_BITS = 64
"""Of a word of the program's port."""


def _bits(count: int, *, signed: bool = False) -> Any:
    return dataclasses.field(metadata={"bits": count, "signed": signed})


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """What is computed: m output positions, n channels, each of k products.

    With `reduces` the windows are summed up channel by channel, and k is 1.
    """

    m: int = _bits(20)
    k: int = _bits(20)
    n: int = _bits(20)
    reduces: int = _bits(1)


@dataclass(frozen=True, kw_only=True)
class Image:
    """What is read: rows of pixels, `words` words in all.

    Row r begins `step` words behind row r - 2. So two tensors can come row by row in turn.
    """

    first: int = _bits(32)
    second: int = _bits(32)
    step: int = _bits(32)
    words: int = _bits(32)
    last_pixel: int = _bits(16)  # pixels of a row but one
    last_word: int = _bits(16)  # words of a pixel that are read, but one
    pixel_step: int = _bits(16)  # from a pixel to the next


@dataclass(frozen=True, kw_only=True)
class Window:
    """How windows lie on the image, and how far apart their words are in the ring of its rows."""

    height: int = _bits(16)
    width: int = _bits(16)
    last_col: int = _bits(16)  # windows of a row but one
    last_tap_row: int = _bits(12)  # rows of taps but one
    last_tap_col: int = _bits(12)
    stride_rows: int = _bits(12)
    stride_cols: int = _bits(12)
    dilation_rows: int = _bits(12)
    dilation_cols: int = _bits(12)
    pad_top: int = _bits(12)
    pad_left: int = _bits(12)
    last_word: int = _bits(16)  # words of a tap that follow one another, but one
    ring_words: int = _bits(20)
    out_row_words: int = _bits(20)  # from a row of windows to the next, modulo the ring
    out_col_words: int = _bits(20)  # from a window to the next
    tap_row_words: int = _bits(20)  # from a row of taps to the next
    tap_col_words: int = _bits(20)  # from the last word of a tap to the next tap's first
    pad_left_words: int = _bits(20)


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Which rows of the image are on chip."""

    words: int = _bits(32)  # of the whole image
    line_words: int = _bits(20)
    ring_rows: int = _bits(16)
    ring_words: int = _bits(20)
    first: int = _bits(20)  # where the image's first row lies
    pad_top: int = _bits(12)
    padding: int = _bits(8, signed=True)  # what each channel holds outside the image
    reduces: int = _bits(1)


@dataclass(frozen=True, kw_only=True)
class Reduction:
    """How the words of a window become one: the sum, or the largest, of x * multiplier.

    The multipliers take turns from tap to tap.
    """

    results: int = _bits(32)  # words
    last_tap: int = _bits(20)
    passes: int = _bits(1)  # sums of the array come from there, and pass
    largest: int = _bits(1)
    even: int = _bits(25, signed=True)
    odd: int = _bits(25, signed=True)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is the same in all channels of clamp(round(sum * multiplier / 2^shift) + zero_point).

    Sums are those of the array or the reducer << bias_fraction, plus the bias.
    A remainder that is within `slack` / 2 of one half, in units of 2^-shift, is a tie; it ends at
    the neighbor whose last bit is not `leaves`. With `grows` the slack is that of a quotient below
    1, and doubles from there with each power of two, as the last place of a float does.
    """

    zero_point: int = _bits(8, signed=True)
    low: int = _bits(8, signed=True)
    high: int = _bits(8, signed=True)
    leaves: int = _bits(1)
    slack: int = _bits(24)
    grows: int = _bits(1)
    bias_fraction: int = _bits(5)


@dataclass(frozen=True, kw_only=True)
class Start:
    """Where a table in memory begins."""

    first: int = _bits(32)


@dataclass(frozen=True, kw_only=True)
class Store:
    """Where results go: the first one, and words from a pixel to the next."""

    first: int = _bits(32)
    pixel_step: int = _bits(16)


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """One pass of the engine. Tables of weights are read in words, of parameters in columns."""

    sizes: Sizes
    image: Image
    window: Window
    rows: Rows
    weights: Start
    parameters: Start
    reduction: Reduction
    limits: Limits
    store: Store


PARTS: dict[str, type] = {
    "sizes": Sizes,
    "image": Image,
    "window": Window,
    "rows": Rows,
    "weights": Start,
    "parameters": Start,
    "reduction": Reduction,
    "limits": Limits,
    "store": Store,
}
"""Part of an instruction -> its class, in the order of memory."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a field lies: bits low to high of a word."""

    part: str
    field: str
    word: int
    low: int
    bits: int
    signed: bool

    @property
    def high(self) -> int:
        """Its last bit."""
        return self.low + self.bits - 1

    @property
    def limits(self) -> tuple[int, int]:
        """Its least and its largest value."""
        half = 1 << (self.bits - 1)
        return (-half, half - 1) if self.signed else (0, 2 * half - 1)


@cache
def places() -> tuple[Place, ...]:
    """All fields, in the order of memory; none crosses a word."""
    found: list[Place] = []
    word = used = 0
    for part, cls in PARTS.items():
        for field in dataclasses.fields(cls):
            bits = field.metadata["bits"]
            if used + bits > WORD_BITS:
                word, used = word + 1, 0
            found.append(Place(part=part, field=field.name, word=word, low=used, bits=bits,
                               signed=field.metadata["signed"]))  # fmt: skip
            used += bits
    return tuple(found)


RECORD_WORDS = places()[-1].word + 1
"""Words of an instruction."""


def tensor_addresses() -> tuple[Place, ...]:
    """The fields that say where in the memory of tensors something lies."""
    parts = {("image", "first"), ("image", "second"), ("store", "first")}
    return tuple(place for place in places() if (place.part, place.field) in parts)


def encode(instruction: Instruction) -> npt.NDArray[np.uint64]:
    """An instruction as it lies in memory, [RECORD_WORDS].

    Raises:
        DesignError: a value does not fit its field.
    """
    record = [0] * RECORD_WORDS
    for place, value in _values(instruction):
        low, high = place.limits
        if not low <= value <= high:
            raise DesignError(
                f"instruction: {place.part}.{place.field}={value} is outside {low}..{high}; "
                "the layer is too large for the overlay engine"
            )
        record[place.word] |= (value & ((1 << place.bits) - 1)) << place.low
    return np.array(record, np.uint64)


def decode(record: npt.NDArray[np.uint64]) -> Instruction:
    """The instruction of `encode`."""
    fields: dict[str, dict[str, int]] = {part: {} for part in PARTS}
    for place in places():
        value = int(record[place.word]) >> place.low & ((1 << place.bits) - 1)
        if value > place.limits[1]:
            value -= 1 << place.bits
        fields[place.part][place.field] = value
    return Instruction(**{part: cls(**fields[part]) for part, cls in PARTS.items()})


def _values(instruction: Instruction) -> Iterator[tuple[Place, int]]:
    for place in places():
        yield place, getattr(getattr(instruction, place.part), place.field)
