"""Where the lines of a roofline lie: MACs a cycle over MACs a byte, both axes logarithmic."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hls.network.timeline_plot import Tick

__all__ = ["RooflinePlot", "roofline_plot"]

WIDTH, HEIGHT = 640, 340
LEFT, BELOW, EDGE = 64, 44, 12
"""Room for the numbers and names of the axes; and free, at the other sides."""


@dataclass(frozen=True)
class RooflinePlot:
    """What the template draws; lines are points of SVG's polyline, `own` is a height."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    single: str
    packed: str
    own: float
    point: tuple[float, float]
    x: list[Tick]
    y: list[Tick]


def roofline_plot(roofline: Mapping[str, Any]) -> RooflinePlot:
    """What memory and multipliers allow, and where the network is."""
    bandwidth, dsps = roofline["bytes_per_cycle"], roofline["board_dsp"]
    intensity, reached = roofline["macs_per_byte"], roofline["macs_per_cycle"]
    ridge = dsps / bandwidth
    xs = _decades(min(ridge / 10, intensity / 2), max(ridge * 10, intensity * 2))
    ys = _decades(min(reached / 2, xs[0] * bandwidth), 2 * max(dsps, roofline["multipliers"]))
    right, bottom = WIDTH - EDGE, HEIGHT - BELOW

    def x(value: float) -> float:
        return LEFT + _share(value, xs) * (right - LEFT)

    def y(value: float) -> float:
        return bottom - _share(value, ys) * (bottom - EDGE)

    def roof(height: int) -> str:
        start = max(xs[0], ys[0] / bandwidth)
        corners = [(start, start * bandwidth), (height / bandwidth, height), (xs[-1], height)]
        return " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in corners)

    return RooflinePlot(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=right,
        top=EDGE,
        bottom=bottom,
        single=roof(dsps),
        packed=roof(2 * dsps),
        own=y(roofline["multipliers"]),
        point=(x(intensity), y(reached)),
        x=[Tick(x(value), _power(value)) for value in xs],
        y=[Tick(y(value), _power(value)) for value in ys],
    )


def _decades(low: float, high: float) -> list[float]:
    """Powers of ten around a range."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return [10.0**n for n in range(first, max(last, first + 1) + 1)]


def _share(value: float, decades: list[float]) -> float:
    """How far along the axis a value lies: 0 at its start, 1 at its end."""
    return math.log(value / decades[0]) / math.log(decades[-1] / decades[0])


def _power(value: float) -> str:
    """A power of ten, short: 0.01, 1, 100, 1 k, 10 M."""
    for unit, suffix in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= unit:
            return f"{value / unit:.0f}{suffix}"
    return f"{value:g}"
