"""The comparison of algorithms as a picture: a roofline, and cycles and bytes a network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hls.algorithms import CANDIDATES
from hls.pictures import COLORS, picture

__all__ = ["plot"]

_MARKS = dict(zip(CANDIDATES, "osv^", strict=True))


def plot(found: Mapping[str, Any], file: Path) -> None:
    """Write what `hls.comparison.compare` found as SVG or PNG, by the file's ending.

    The same data makes the same bytes.

    Raises:
        ToolNotFound: there is no matplotlib.
        InputError: the file cannot be written.
    """
    with picture(file, 12, 4.2) as figure:
        roofline, cycles, moved = figure.subplots(1, 3)
        _roofline(roofline, found)
        _bars(cycles, found, "cycles", "cycles, millions")
        _bars(moved, found, "dram_bytes", "DRAM, millions of bytes")
        frames = "a frame" if found["batch"] == 1 else f"{found['batch']} frames"
        lanes = found["array"][0] * found["array"][1]
        figure.suptitle(f"Convolution algorithms for {frames} on {found['board']}, "
                        f"{lanes} multipliers: model")  # fmt: skip


def _roofline(axes: Any, found: Mapping[str, Any]) -> None:
    """MACs a cycle over MACs a byte, below what multipliers and memory allow."""
    top = found["array"][0] * found["array"][1]
    for name in CANDIDATES:
        points = [(layer["macs"] / cost["dram_bytes"], layer["macs"] / cost["cycles"])
                  for layer in found["layers"]
                  if (cost := layer["algorithms"].get(name)) is not None]  # fmt: skip
        if points:
            axes.scatter(*zip(*points, strict=True), s=14, marker=_MARKS[name], label=name,
                         facecolors="none", edgecolors=COLORS[name])  # fmt: skip
    width = found["memory"]["bytes_per_cycle"]
    low, high = axes.get_xlim()
    start = min(max(low, 0.1), top / width / 4)
    axes.plot([start, top / width, max(high, 2 * top / width)], [start * width, top, top],
              color="black", linewidth=1)  # fmt: skip
    axes.set(xscale="log", yscale="log", title="Roofline: all layers",
             xlabel="MACs a byte of DRAM", ylabel="MACs a cycle")  # fmt: skip
    axes.legend(frameon=False)


def _bars(axes: Any, found: Mapping[str, Any], field: str, label: str) -> None:
    """The networks' sums side by side; hatched where some layers do not fit or cannot be."""
    networks = list(found["networks"].values())
    width = 0.8 / len(CANDIDATES)
    for index, name in enumerate(CANDIDATES):
        for place, network in enumerate(networks):
            sums = network["algorithms"][name]
            partly = sums["unfit"] or sums["refused"]
            axes.bar(place + (index - 1.5) * width, sums[field] / 1e6, width,
                     color="none" if partly else COLORS[name], edgecolor=COLORS[name],
                     hatch="////" if partly else None)  # fmt: skip
    axes.set_xticks(range(len(networks)), [network["name"] for network in networks])
    axes.set(yscale="log", title=label)
    axes.tick_params("x", labelrotation=20)
    axes.set_xlabel("hatched: not all layers fit the board")
