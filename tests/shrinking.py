"""Shrinking: the smallest program that still fails, by leaving out statements (delta debugging).

A statement is a line, or the lines from one that opens a brace to the one that closes it. Parts of
half, a quarter, ... of all statements are left out, then single ones, and blocks are replaced by
what is in them, as long as the rest fails in the same way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

__all__ = ["shrink"]


def shrink(text: str, fails: Callable[[str], bool], seconds: float) -> str:
    """The smallest text found in time of which `fails` is true, as it is of `text`."""
    end = time.monotonic() + seconds
    best = text.splitlines()
    found = True
    while found and time.monotonic() < end:
        found = False
        for candidate in _smaller(best):
            if time.monotonic() > end:
                break
            if fails("\n".join([*candidate, ""])):
                best, found = candidate, True
                break
    return "\n".join([*best, ""])


def _smaller(lines: list[str]) -> Iterator[list[str]]:
    """Programs with less in them, those with much less first."""
    units = _units(lines)
    size = len(units) // 2
    while size > 1:
        for start in range(0, len(units), size):
            dropped = {i for a, b in units[start : start + size] for i in range(a, b)}
            yield [line for i, line in enumerate(lines) if i not in dropped]
        size //= 2
    for a, b in sorted(units, key=lambda unit: unit[0] - unit[1]):
        yield lines[:a] + lines[b:]
        if b - a > 2:
            inner = [line for line in lines[a + 1 : b - 1] if not line.startswith("} else")]
            yield lines[:a] + inner + lines[b:]


def _units(lines: list[str]) -> list[tuple[int, int]]:
    """First line and line after the last one of each statement, blocks and what is in them."""
    units, opened = [], []
    for i, line in enumerate(lines):
        change = line.count("{") - line.count("}")
        if change > 0:
            opened.append(i)
        elif change < 0 and opened:
            units.append((opened.pop(), i + 1))
        elif not line.startswith("} else") and line.strip():
            units.append((i, i + 1))
    return sorted(units)
