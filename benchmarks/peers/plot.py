"""The comparison as a figure: the same data, the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers.environment import VERSION
from benchmarks.peers.measurement import Compared
from hls.errors import InputError, ToolNotFound

__all__ = ["draw"]

_OURS, _THEIRS = "#1f6f8b", "#e0a458"
_HEIGHT = 0.38


def draw(compared: Sequence[Compared], path: Path) -> None:
    """Write an SVG file: MACs a cycle of both, in % of the multipliers.

    Raises:
        ToolNotFound: there is no matplotlib.
        InputError: the file cannot be written.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise ToolNotFound("no matplotlib to draw with; pip install matplotlib") from None
    measured = all(c.nngen is not None for c in compared)
    # Names of clip paths come from a random salt, and the date is written unless forbidden.
    with rc_context({"svg.hashsalt": "lineloom", "font.family": "DejaVu Sans"}):
        figure = Figure(figsize=(8, 0.55 * len(compared) + 1.2), layout="constrained")
        axes = figure.add_subplot()
        for index, c in enumerate(compared):
            theirs = c.peer.given_percent if c.nngen is None else c.percent(c.nngen.cycles)
            for offset, share, color in (
                (-_HEIGHT / 2, c.percent(c.ours.cycles), _OURS),
                (_HEIGHT / 2, theirs, _THEIRS),
            ):
                axes.barh(index + offset, share, _HEIGHT, color=color)
                axes.text(share - 1, index + offset, f"{share:.1f}", ha="right", va="center",
                          color="white" if color == _OURS else "black", fontsize=8)  # fmt: skip
        names = [f"{c.peer.design.name}\n{c.peer.design.multipliers} multipliers" for c in compared]
        axes.set_yticks(range(len(compared)), names, fontsize=8)
        axes.invert_yaxis()
        axes.set_xlim(0, 100)
        axes.set_xlabel("MACs a cycle, % of the multipliers, one frame or product, start to done")
        axes.spines[["top", "right"]].set_visible(False)
        theirs_label = f"NNgen {VERSION}, {'measured' if measured else 'given, not measured'}"
        for label, color in (("Lineloom", _OURS), (theirs_label, _THEIRS)):
            axes.barh(0, 0, color=color, label=label)
        figure.legend(loc="outside upper center", ncols=2, frameon=False, fontsize=9)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, format="svg", metadata={"Date": None})
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror})") from None
