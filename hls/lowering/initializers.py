"""Initial values of LLVM globals: the text of an initialiser -> its integers, flat."""

from __future__ import annotations

import re

from hls.lowering.llvmir import Layout, Unsupported

__all__ = ["initial_values", "split_type"]


def split_type(text: str) -> tuple[str, str]:
    """`[2 x i8] c"..", align 1` -> (`[2 x i8]`, `c"..", align 1`)."""
    depth = 0
    for i, char in enumerate(text):
        depth += char in "[{<("
        depth -= char in "]}>)"
        if char == " " and depth == 0:
            return text[:i], text[i + 1 :]
    raise ValueError(text)


def initial_values(kind: str, text: str, layout: Layout) -> list[int]:
    """All integers of an initialiser of type `kind`, flat."""
    values, rest = _take(kind, text, layout)
    del rest  # alignment and other attributes
    return values


def _take(kind: str, text: str, layout: Layout) -> tuple[list[int], str]:
    """The integers at the start of `text`, and what follows them."""
    word = re.match(r"(zeroinitializer|undef|poison)", text)
    if word:
        return [0] * len(layout.leaves(kind)), text[word.end() :]
    if text.startswith('c"'):
        end = text.index('"', 2)
        return _string(text[2:end]), text[end + 1 :]
    if text[0] in "[{<":
        values, rest = [], text.lstrip("<")[1:].lstrip()
        while rest[0] not in "]}":
            inner, rest = split_type(rest)
            taken, rest = _take(inner, rest, layout)
            values += taken
            rest = rest.lstrip(", ")
        return values, rest[1:].lstrip(">")
    number = re.match(r"-?\d+|true|false", text)
    if number is None:
        raise Unsupported(f"an initial value that is no integer is not supported: {text[:40]}")
    words = {"true": 1, "false": 0}
    return [words[number[0]] if number[0] in words else int(number[0])], text[number.end() :]


def _string(text: str) -> list[int]:
    values, i = [], 0
    while i < len(text):
        if text.startswith("\\\\", i):
            values.append(ord("\\"))
            i += 2
        elif text[i] == "\\":
            values.append(int(text[i + 1 : i + 3], 16))
            i += 3
        else:
            values.append(ord(text[i]))
            i += 1
    return values
