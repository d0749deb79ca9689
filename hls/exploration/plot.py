"""The design space in a picture: cycles against DSP blocks. Same points, same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hls.exploration import OBJECTIVES, Exploration, Point
from hls.pictures import COLORS, picture

__all__ = ["plot"]


def plot(found: Exploration, file: Path) -> None:
    """Draw all points that fit, the front and the winner, as SVG or PNG by the file's ending.

    Raises:
        ToolNotFound: there is no matplotlib.
        InputError: the file cannot be written.
    """
    with picture(file, 8, 5) as figure:
        _draw(figure.subplots(), found)


def _draw(axes: Any, found: Exploration) -> None:
    for name, color in COLORS.items():
        fitting = [p for p in found.points if not p.problems and p.conv.algorithm == name]
        on_front = [p for p in found.front if p.conv.algorithm == name]
        _scatter(axes, found, fitting, s=9, color=color, alpha=0.25, linewidths=0)
        _scatter(axes, found, on_front, s=26, color=color, label=name)
    steps, fewest = [], float("inf")
    for point in sorted(found.front, key=lambda p: (p.dsps, _time(found, p))):
        if _time(found, point) < fewest:
            steps.append(point)
            fewest = _time(found, point)
    axes.step([p.dsps for p in steps], [_time(found, p) for p in steps], where="post",
              color="black", linewidth=0.8, zorder=1)  # fmt: skip
    best = found.best
    _scatter(axes, found, [best], s=170, marker="*", color="black", zorder=4, label="best")
    right = best.dsps > found.board.dsp / 2
    axes.annotate(best.label, (best.dsps, _time(found, best)), xytext=(-9 if right else 9, 7),
                  textcoords="offset points", ha="right" if right else "left")  # fmt: skip
    axes.axvline(found.board.dsp, color="gray", linestyle=":", linewidth=1)
    axes.set_yscale("log")
    axes.set_xlabel(f"DSP blocks ({found.board.name} has {found.board.dsp})")
    axes.set_ylabel(OBJECTIVES["latency" if found.objective == "dsp" else found.objective][1])
    axes.set_title(f"{found.layer.name}: {len(found.points)} designs, {len(found.front)} that no "
                   "other one dominates", fontsize=10)  # fmt: skip
    axes.legend(frameon=False)


def _time(found: Exploration, point: Point) -> float:
    return point.frame_cycles if found.objective == "throughput" else point.cycles


def _scatter(axes: Any, found: Exploration, points: list[Point], **look: Any) -> None:
    axes.scatter([p.dsps for p in points], [_time(found, p) for p in points], **look)
