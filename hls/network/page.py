"""The page of a network's report: one HTML file without anything from outside.

Plots are SVG inside the page; where their lines and boxes lie is computed here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hls.boards import RESOURCES
from hls.rendering import render

__all__ = ["page"]

_WIDTH = 900
"""Of a plot, in pixels."""
_NAMES = 130
"""Of them for names at the left."""
_ROW = 22
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
"""Of Okabe and Ito, which people with any color vision can tell apart."""

_ROOF_WIDTH, _ROOF_HEIGHT, _MARGIN = 560, 320, 50


@dataclass(frozen=True)
class _Tick:
    """A mark on an axis."""

    at: float
    text: str


@dataclass(frozen=True)
class _Box:
    """A span of a layer for a frame."""

    x: float
    y: float
    width: float
    color: str
    told: str


def page(report: Mapping[str, Any]) -> str:
    """The HTML of a report of `sim.network_report`; same report, same bytes."""
    return render(
        "report/network.html.j2",
        report=report,
        resources=_resources(report["resources"]),
        timeline=_timeline(report["timeline"]),
        roofline=_roofline(report["roofline"]),
        # No text of the data ends the element that holds it.
        data=json.dumps(report, indent=1).replace("</", "<\\/"),
    )


def _resources(resources: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A bar for each resource that is known."""
    return [
        {"name": RESOURCES[name], "used": used, "available": resources["available"][name],
         "percent": 100 * used / max(1, resources["available"][name])}
        for name, used in resources["used"].items() if used is not None
    ]  # fmt: skip


def _timeline(rows: list[Mapping[str, Any]]) -> dict[str, Any]:
    """A row a layer, a box a frame."""
    end = max(last for row in rows for _, last in row["spans"]) + 1
    scale = (_WIDTH - _NAMES) / end
    boxes = [
        _Box(
            x=_NAMES + first * scale,
            y=index * _ROW + 4,
            width=max(1.0, (last - first + 1) * scale),
            color=_COLORS[frame % len(_COLORS)],
            told=f"{row['name']}, frame {frame}: cycles {first:,} to {last:,}",
        )
        for index, row in enumerate(rows)
        for frame, (first, last) in enumerate(row["spans"])
    ]
    step = _round_step(end / 6)
    ticks = [_Tick(_NAMES + at * scale, f"{at:,}") for at in range(0, end + 1, step)]
    return {
        "width": _WIDTH + 40,
        "height": len(rows) * _ROW,
        "row": _ROW,
        "names": [{"text": row["name"], "y": i * _ROW + 15} for i, row in enumerate(rows)],
        "boxes": boxes,
        "ticks": ticks,
    }


def _round_step(about: float) -> int:
    """1, 2 or 5 times a power of ten, and not less than `about`."""
    power = 10 ** math.floor(math.log10(max(1.0, about)))
    return int(next(power * n for n in (1, 2, 5, 10) if power * n >= about))


def _roofline(roofline: Mapping[str, Any]) -> dict[str, Any]:
    """What memory and multipliers allow, and where the network is, both axes logarithmic."""
    width, top = roofline["bytes_per_cycle"], roofline["board_dsp"]
    at, reached = roofline["macs_per_byte"], roofline["macs_per_cycle"]
    ridge = top / width
    xs = _decades(min(ridge / 10, at / 2), max(ridge * 10, at * 2))
    ys = _decades(min(reached / 2, xs[0] * width), max(2 * top, 2 * reached))

    def x(value: float) -> float:
        share = math.log(value / xs[0]) / math.log(xs[-1] / xs[0])
        return _MARGIN + share * (_ROOF_WIDTH - _MARGIN - 10)

    def y(value: float) -> float:
        share = math.log(value / ys[0]) / math.log(ys[-1] / ys[0])
        return _ROOF_HEIGHT - _MARGIN - share * (_ROOF_HEIGHT - _MARGIN - 10)

    def roof(height: int) -> str:
        start = max(xs[0], ys[0] / width)
        corners = [(start, start * width), (height / width, height), (xs[-1], height)]
        return " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in corners)

    return {
        "width": _ROOF_WIDTH,
        "height": _ROOF_HEIGHT,
        "left": _MARGIN,
        "bottom": _ROOF_HEIGHT - _MARGIN,
        "single": roof(top),
        "packed": roof(2 * top),
        "point": (x(at), y(reached)),
        "own": y(roofline["multipliers"]),
        "x": [_Tick(x(value), f"{value:g}") for value in xs],
        "y": [_Tick(y(value), f"{value:g}") for value in ys],
    }


def _decades(low: float, high: float) -> list[float]:
    """Powers of ten around a range."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return [10.0**n for n in range(first, max(last, first + 1) + 1)]
