"""Generated projects of the benchmarks under build/bench; what did not change is kept.

A project whose files come out the same keeps its compiled simulator and its estimate. It is lowered
anew every time, in a process of its own, as that is what is measured.
"""

from __future__ import annotations

import filecmp
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hls import tools
from hls.design import Operator
from hls.generator import generate
from hls.project import Project

__all__ = ["FOLDER", "Lowering", "kept", "lowered", "prepared"]

FOLDER = Path("build/bench")


@dataclass(frozen=True)
class Lowering:
    """What it took to lower a project."""

    seconds: float
    """C++ to Verilog on disk, without starting Python."""
    peak_mb: float
    """Most memory of Python plus most of the compiler that it calls, in MiB."""


def prepared(design: Operator, group: str) -> Project:
    """The project of a design in `group`, a folder of FOLDER; the old one if nothing changed."""
    return kept(FOLDER / group / design.name, lambda path: generate(design, path))


def kept(place: Path, make: Callable[[Path], Project]) -> Project:
    """What `make` writes to `place`; the old project there if nothing changed."""
    fresh = make(FOLDER / "fresh" / place.name)
    names = [str(f.relative_to(fresh.path)) for f in fresh.path.rglob("*") if f.is_file()]
    if filecmp.cmpfiles(fresh.path, place, names, shallow=False)[0] == names:
        return Project.open(place)
    return make(place)


def lowered(project: Project) -> Lowering:
    """Lower a project and say what that took.

    Raises:
        ToolFailed: it cannot be lowered; the text holds the reason.
    """
    name = project.design.name
    printed = tools.run(
        [sys.executable, "-m", "benchmarks.lower_once", project.path.resolve()],
        what=f"lowering {name}",
        cwd=Path(__file__).parent.parent,
    )
    return Lowering(**json.loads(printed))
