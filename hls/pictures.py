"""Pictures: figures of matplotlib as SVG or PNG. The same drawing makes the same bytes."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hls.algorithms import CANDIDATES
from hls.errors import InputError, ToolNotFound

__all__ = ["COLORS", "picture", "require_matplotlib", "require_picture"]

COLORS = dict(zip(CANDIDATES, ("#0072B2", "#D55E00", "#009E73", "#CC79A7"), strict=True))
"""Of algorithms; of Okabe and Ito, which people with any color vision can tell apart."""

_STYLE = {"svg.hashsalt": "lineloom", "font.family": "DejaVu Sans", "font.size": 9}


def require_matplotlib() -> None:
    """Say early that there is nothing to draw with.

    Raises:
        ToolNotFound: there is no matplotlib.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise ToolNotFound(
            "no matplotlib among the Python packages to plot with; pip install 'lineloom[plot]'"
        )


def require_picture(file: Path) -> None:
    """Say early that a file cannot become a picture.

    Raises:
        InputError: its name has another ending than .svg or .png.
        ToolNotFound: there is no matplotlib.
    """
    if file.suffix not in (".svg", ".png"):
        raise InputError(f"--plot {file}: is no .svg or .png; choose one of these endings")
    require_matplotlib()


@contextmanager
def picture(file: Path, width: float, height: float) -> Iterator[Any]:
    """A matplotlib Figure to draw on, of some inches, that is then written by the file's ending.

    Raises:
        ToolNotFound: there is no matplotlib.
        InputError: the file cannot be written.
    """
    require_matplotlib()
    import matplotlib
    from matplotlib.figure import Figure

    style: Any = _STYLE
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        try:
            figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)
        except OSError as error:
            raise InputError(
                f"{file}: cannot be written ({error.strerror}); choose another place"
            ) from None
