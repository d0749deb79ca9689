"""Small pieces of C++ text that templates need: types of counters, conditions, initialisers."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.geometry import Axis, WindowGeometry

__all__ = ["counter", "initializer", "reads", "visits", "wrapped"]


def counter(values: int) -> str:
    """The type that counts 0 to `values` - 1."""
    return f"ap_uint<{max(1, (values - 1).bit_length())}>"


def reads(window: WindowGeometry) -> str:
    """When a step of the line buffer reads a word: the grid may be larger than the image."""
    terms = ["frames_left != 0"]
    for name, axis in (("grid_row", window.rows), ("grid_col", window.cols)):
        if axis.entry:
            terms.append(f"{name} >= {axis.entry}")
        if axis.grid > axis.entry + axis.size:
            terms.append(f"{name} < {axis.entry + axis.size}")
    return " && ".join(terms)


def visits(window: WindowGeometry) -> str:
    """When a step completes a window that the stride visits."""
    terms = ["frames_ahead == 0"] if window.lag_steps else []
    terms += _visits("row", window.rows) + _visits("col", window.cols)
    return " && ".join(terms) or "true"


def _visits(name: str, axis: Axis) -> list[str]:
    terms = [f"out_{name} < {axis.unstrided}"] if axis.unstrided < axis.grid else []
    return terms + ([f"{name}_phase == 0"] if axis.stride > 1 else [])


def initializer(array: npt.NDArray[Any], width: int = 100) -> str:
    """A nested C++ initializer, lines up to `width` characters, one innermost run after another."""
    if array.ndim == 1:
        return "{" + ", ".join(str(value) for value in array.tolist()) + "}"
    inner = [initializer(row, width - 2) for row in np.asarray(array)]
    one_line = "{" + ", ".join(inner) + "}"
    if len(one_line) <= width and "\n" not in one_line:
        return one_line
    body = ",\n".join(inner).replace("\n", "\n  ")
    return "{\n  " + body + "\n}"


def wrapped(values: Iterable[Any], width: int = 100) -> str:
    """A flat C++ initializer with as many values a line as fit `width` characters."""
    text = ", ".join(map(str, values))
    return "{\n" + textwrap.fill(text, width, initial_indent="  ", subsequent_indent="  ") + "}"
