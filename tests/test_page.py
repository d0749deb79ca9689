"""Plots of a network's report: all lies within the axes, no texts meet, whatever the figures."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hls.network.roofline_plot import roofline_plot
from hls.network.timeline_plot import CHARACTER, timeline_plot

POWERS = str.maketrans({" ": "", "k": "e3", "M": "e6", "G": "e9"})


@st.composite
def timelines(draw: st.DrawFn) -> list[dict]:
    """Rows of as many frames each, one behind the other."""
    frames = draw(st.integers(1, 6))
    rows = []
    for name in draw(st.lists(st.text("abz_019", min_size=1, max_size=40), min_size=1, max_size=8)):
        cycle, spans = draw(st.integers(0, 10**7)), []
        for _ in range(frames):
            last = cycle + draw(st.integers(0, 10**6))
            spans.append([cycle, last])
            cycle = last + draw(st.integers(1, 1000))
        rows.append({"name": name, "spans": spans})
    return rows


@given(timelines())
def test_a_timeline_is_drawn_to_scale_within_its_axes(rows):
    plot = timeline_plot(rows)
    assert plot is not None
    spans = [span for row in rows for span in row["spans"]]
    assert len(plot.boxes) == len(spans)
    scale = (plot.ticks[1].at - plot.ticks[0].at) / int(plot.ticks[1].text.replace(",", ""))
    for box, (first, last) in zip(plot.boxes, spans, strict=True):
        assert plot.left <= box.x <= box.x + box.width <= plot.width
        assert box.x == pytest.approx(plot.left + first * scale)
        assert box.width == pytest.approx(max(1, (last - first + 1) * scale))
        assert len(box.number) * CHARACTER < box.width
    for a, b in pairwise(plot.ticks):
        assert a.at + CHARACTER * (len(a.text) + len(b.text)) / 2 < b.at
    # The last one's text ends inside the picture; names end before the boxes begin.
    assert plot.ticks[-1].at + CHARACTER * len(plot.ticks[-1].text) / 2 <= plot.width + CHARACTER
    assert all(CHARACTER * len(name.text) < plot.left for name in plot.names)
    assert all(a.y + plot.row == b.y for a, b in pairwise(plot.names))


@given(
    st.floats(0.01, 1e6), st.floats(0.001, 1), st.integers(1, 4096), st.floats(0.1, 200),
    st.integers(1, 2000),
)  # fmt: skip
def test_a_roofline_holds_its_network(intensity, busy, multipliers, bandwidth, dsps):
    plot = roofline_plot({
        "macs_per_byte": intensity, "macs_per_cycle": busy * multipliers,
        "multipliers": multipliers, "board_dsp": dsps, "bytes_per_cycle": bandwidth,
    })  # fmt: skip
    x, y = plot.point
    assert plot.left <= x <= plot.right
    assert plot.top <= y <= plot.bottom
    assert plot.top <= plot.own <= y + 1e-6
    for line in (plot.single, plot.packed):
        corners = [tuple(map(float, corner.split(","))) for corner in line.split()]
        assert corners == sorted(corners)
        assert all(plot.left - 0.1 <= a <= plot.right + 0.1 for a, _ in corners)
        assert all(plot.top - 0.1 <= b <= plot.bottom + 0.1 for _, b in corners)
    values = [float(tick.text.translate(POWERS)) for tick in plot.y]
    assert all(b == pytest.approx(10 * a) for a, b in pairwise(values))
    # The roof is where the axes say: the height of its flat part, by interpolation on the ticks.
    low, high = plot.y[0].at, plot.y[-1].at
    share = math.log(dsps / values[0]) / math.log(values[-1] / values[0])
    flat = float(plot.single.split()[-1].split(",")[1])
    assert flat == pytest.approx(low + share * (high - low), abs=0.1)
    for a, b in pairwise(plot.x):
        assert a.at + CHARACTER * (len(a.text) + len(b.text)) / 2 < b.at
