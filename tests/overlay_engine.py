"""The one overlay engine that all tests of networks run on, compiled once a process."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.network.compiling import Program
from hls.network.engine_sources import sources
from hls.network.overlay import OverlayEngine
from sim import overlay_network
from sim.csim import run_program
from sim.layerwise import first_difference

__all__ = ["ENGINE", "first_wrong_layer", "folder"]

ENGINE = OverlayEngine(name="engine", image_words=2048)

_FOLDER = tempfile.TemporaryDirectory(prefix="lineloom-overlay-")


@cache
def folder(engine: OverlayEngine = ENGINE) -> Path:
    """The folder of an engine's C++."""
    place = Path(_FOLDER.name) / f"{engine.name}{engine.lanes}"
    for name, text in sources(engine).items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    return place / "src"


def first_wrong_layer(program: Program, frame: npt.NDArray[np.int8]) -> dict[str, Any] | None:
    """Which layer goes wrong first in C-sim, of a program that keeps all tensors; None: none."""
    sources = folder(program.engine)
    after = run_program(program, sources, overlay_network.fresh_tensors(program, frame))
    found = overlay_network.traces(program, [after])
    assert [*found] == [layer.name for layer in program.network.layers]
    return first_difference(program.network, frame[None], found)
