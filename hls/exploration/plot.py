"""The design space in a picture: cycles against DSP blocks. Same points, same bytes."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from hls.algorithms import CANDIDATES
from hls.errors import InputError, ToolNotFound
from hls.exploration import OBJECTIVES, Exploration, Point

__all__ = ["plot", "require_plot"]

_COLORS = dict(zip(CANDIDATES, ("#0072b2", "#d55e00", "#009e73", "#cc79a7"), strict=True))
"""Told apart by all eyes (Okabe and Ito, "Color Universal Design", 2008)."""


def require_plot(path: Path) -> None:
    """Say early what would keep `plot` from drawing.

    Raises:
        InputError: the name has another ending than .svg or .png.
        ToolNotFound: matplotlib is missing.
    """
    if path.suffix not in (".svg", ".png"):
        raise InputError(f"--plot {path}: ends with neither .svg nor .png; use one of them")
    _matplotlib("figure")


def plot(found: Exploration, path: Path) -> None:
    """Draw all points that fit, the front and the winner.

    Raises:
        InputError, ToolNotFound: as `require_plot`; or the file cannot be written.
    """
    require_plot(path)
    with _matplotlib("").rc_context({"svg.hashsalt": "lineloom", "font.family": "DejaVu Sans"}):
        figure = _matplotlib("figure").Figure(figsize=(8, 5), layout="constrained")
        _draw(figure.subplots(), found)
        metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, dpi=150, metadata=metadata)
        except OSError as error:
            raise InputError(f"--plot {path}: cannot be written ({error.strerror})") from None


def _matplotlib(module: str) -> Any:
    try:
        return importlib.import_module(f"matplotlib.{module}" if module else "matplotlib")
    except ImportError:
        raise ToolNotFound(
            "no matplotlib among the Python packages to plot with; pip install 'lineloom[plot]'"
        ) from None


def _draw(axes: Any, found: Exploration) -> None:
    for name, color in _COLORS.items():
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
