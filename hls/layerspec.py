"""A layer in a word: 56x56x64:64k3s2 is 64 filters of 3x3 at stride 2 on a 56x56x64 image."""

from __future__ import annotations

import re
from typing import Any

from hls.conv2d import Conv2d
from hls.errors import DesignError, InputError

__all__ = ["FORM", "OPTIONS", "layer_of", "name_of"]

FORM = "HxWxC:MkK"
EXAMPLE = "56x56x64:64k3"

_SHAPE = re.compile(r"(\d+)x(\d+)x(\d+)")
_FILTERS = re.compile(r"(\d+)k(\d+(?:x\d+)?)")
_OPTION = re.compile(r"(s|d)(\d+(?:x\d+)?)|(g)(\d+)|(p)(same|valid|\d+)")
_FIELDS = {"s": "stride", "d": "dilation", "g": "groups", "p": "padding"}
OPTIONS = "s2 or s2x1 (stride), d2 (dilation), g64 (groups), p1, psame or pvalid (padding)"


def layer_of(text: str) -> Conv2d:
    """The layer that `text` spells, with one lane.

    HEIGHTxWIDTHxCHANNELS:FILTERSkKERNEL, then options in any order, each once: s stride, d
    dilation, g groups, p padding ("same" unless given). Kernel, stride and dilation are a number or
    VERTICALxHORIZONTAL. Operands have 8 bits, biases 32, and each filter has a scale of its own.

    Raises:
        InputError: it is not understood; the text names the part.
        DesignError: a number breaks a rule of Conv2d.
    """
    image, colon, rest = text.partition(":")
    shape = _SHAPE.fullmatch(image)
    if not text.isascii() or shape is None or not colon:
        raise _wrong(text, f"{image!r} is not HEIGHTxWIDTHxCHANNELS before a colon")
    filters = _FILTERS.match(rest)
    if filters is None:
        raise _wrong(text, f"{rest!r} does not begin with FILTERSkKERNEL")
    fields: dict[str, Any] = {"padding": "same"}
    seen: set[str] = set()
    place = filters.end()
    while place < len(rest):
        found = _OPTION.match(rest, place)
        if found is None:
            raise _wrong(text, f"{rest[place:]!r} is no option; the options are {OPTIONS}")
        letter, value = (part for part in found.groups() if part is not None)
        if letter in seen:
            raise _wrong(text, f"{_FIELDS[letter]} ({letter}) is given twice; give it once")
        seen.add(letter)
        fields[_FIELDS[letter]] = value if value in ("same", "valid") else _numbers(text, value)
        place = found.end()
    try:
        return Conv2d(
            height=_number(text, shape[1]), width=_number(text, shape[2]),
            in_channels=_number(text, shape[3]), out_channels=_number(text, filters[1]),
            kernel=_numbers(text, filters[2]), bias="s32", requantize="channel",
            name=name_of(text), **fields,
        )  # fmt: skip
    except DesignError as error:
        raise DesignError(f"layer {text!r}: {error}") from None


def name_of(text: str) -> str:
    """A layer's spelling as the name of a design: conv_56x56x64_64k3."""
    return f"conv_{text.replace(':', '_')}"[:40].rstrip("_")


def _numbers(text: str, value: str) -> int | tuple[int, int]:
    first, *second = (_number(text, part) for part in value.split("x"))
    return (first, second[0]) if second else first


def _number(text: str, digits: str) -> int:
    if len(digits) > 6:  # far beyond what any field takes
        raise _wrong(text, f"{digits} is too large; the largest size is 65536")
    return int(digits)


def _wrong(text: str, rule: str) -> InputError:
    return InputError(
        f"layer {text!r} is not understood: {rule}; write {FORM}, as in {EXAMPLE} or {EXAMPLE}s2p1"
    )
