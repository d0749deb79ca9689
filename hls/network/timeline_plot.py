"""Where the boxes of a timeline lie: a row a layer, a box a frame. In pixels, from above left."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Box", "Name", "Tick", "TimelinePlot", "timeline_plot"]

WIDTH = 960
"""Of names and boxes together."""
ROW = 22
CHARACTER = 7
"""Of a name, at most, in the plot's size of text."""
MARGIN = 30
"""At the right, for half of the last tick's text."""
NUMBERED = 18
"""A box of this width has room for its frame's number."""
PALETTE = 4
"""Classes f0, f1, ... of boxes that the style sheet has."""


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    at: float
    text: str


@dataclass(frozen=True)
class Name:
    """A layer's name beside its row."""

    y: int
    text: str


@dataclass(frozen=True)
class Box:
    """A span of a layer for a frame; its number is empty where it has no room."""

    x: float
    y: int
    width: float
    kind: str
    number: str
    told: str


@dataclass(frozen=True)
class TimelinePlot:
    """What the template draws."""

    width: int
    height: int
    left: int
    row: int
    frames: int
    names: list[Name]
    boxes: list[Box]
    ticks: list[Tick]


def timeline_plot(rows: Sequence[Mapping[str, Any]]) -> TimelinePlot:
    """Of rows with a name and [first, last] cycles by frame."""
    left = 10 + CHARACTER * max(len(row["name"]) for row in rows)
    end = max(last for row in rows for _, last in row["spans"]) + 1
    scale = (WIDTH - left) / end
    boxes = []
    for index, row in enumerate(rows):
        for frame, (first, last) in enumerate(row["spans"]):
            width = max(1.0, (last - first + 1) * scale)
            boxes.append(Box(
                x=left + first * scale, y=index * ROW + 3, width=width, kind=f"f{frame % PALETTE}",
                number=str(frame) if width >= NUMBERED else "",
                told=f"{row['name']}, frame {frame}: cycles {first:,} to {last:,}",
            ))  # fmt: skip
    step = _round_step(end / 6)
    return TimelinePlot(
        width=WIDTH + MARGIN,
        height=len(rows) * ROW,
        left=left,
        row=ROW,
        frames=max(len(row["spans"]) for row in rows),
        names=[Name(index * ROW + 15, row["name"]) for index, row in enumerate(rows)],
        boxes=boxes,
        ticks=[Tick(left + at * scale, f"{at:,}") for at in range(0, end + 1, step)],
    )


def _round_step(about: float) -> int:
    """1, 2 or 5 times a power of ten, and not less than `about`."""
    power = 10 ** math.floor(math.log10(max(1.0, about)))
    return int(next(power * n for n in (1, 2, 5, 10) if power * n >= about))
