"""Projects with RTL that several modules of tests build bitstreams of; lowered once a process."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from hls import Conv2d, Gemm, Project, generate
from hls.manifest import manifest
from hls.overlay import Engine
from hls.rtl import lower_project

__all__ = ["CONV", "GEMM", "LOADED", "engine", "lowered"]

CONV = Conv2d(name="conv", height=4, width=4, in_channels=3, out_channels=2, simd=3, pe=2)
"""Streams of three bytes, which no DMA has."""
LOADED = Conv2d(name="loaded", height=4, width=4, in_channels=2, out_channels=2, weights="load")
"""Weights at run time: a stream without a way back."""
GEMM = Gemm(name="product", max_m=8, max_k=8, max_n=8, rows=4, cols=4, bias="s32")
"""AXI4 masters."""

_FOLDER = tempfile.TemporaryDirectory(prefix="lineloom-lowered-")


def lowered(design: Any, folder: Path) -> Project:
    """A project of `design` in `folder`, with RTL for a PYNQ-Z2; it may be changed."""
    shutil.copytree(_lowered(design), folder / design.name)
    return Project.open(folder / design.name)


@cache
def _lowered(design: Any) -> Path:
    project = generate(design, Path(_FOLDER.name) / design.name)
    lower_project(project)
    return project.path


def engine(design: Any, **changes: Any) -> Engine:
    """An engine of `design`, whose manifest has `changes`."""
    data = manifest(design) | changes
    return Engine(design.name, data["vlnv"], data)
