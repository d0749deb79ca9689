"""A network in overlay style -> its project: the engine's C++, the program, and what they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hls.boards import Board
from hls.boards import board as board_of
from hls.generator import BOARD
from hls.made_for import target_data
from hls.manifest import manifest
from hls.network import files
from hls.network.engine_sources import sources
from hls.network.instructions import PARTS, RECORD_WORDS, WORD_BITS, places
from hls.network.overlay_network import OverlayNetwork
from hls.project import Project, publish
from hls.rendering import render

__all__ = ["generate_overlay", "texts"]


def generate_overlay(
    design: OverlayNetwork, path: str | Path, target: Board | None = None
) -> Project:
    """Write the complete project of `design` to the folder `path`.

    program.npz holds what lies in memory: program, b (weights) and p (parameters). The scripts name
    part and clock of `target`, a PYNQ-Z2 if None.

    Raises:
        InputError: the folder holds something else or cannot be written.
    """
    program = design.program
    arrays: dict[str, dict[str, Any]] = {
        "network.npz": files.weight_arrays(design.network),
        "program.npz": {"program": program.records, "b": program.weights, "p": program.parameters},
    }
    return publish(texts(design, target), arrays, Path(path), files.model_file(design.network))


def texts(design: OverlayNetwork, target: Board | None = None) -> dict[str, str]:
    """All generated text files of `design`: path inside the project -> content."""
    target = target or board_of(BOARD)
    context = {
        "design": design,
        "manifest": {**manifest(design), "target": target_data(target)},
        "summary": design.summary,
        "part": target.part,
        "clock_ns": target.clock_ns,
    }
    meanings = {part: (cls.__doc__ or "").splitlines()[0] for part, cls in PARTS.items()}
    rendered = {
        "README.md": render("overlay_engine/README.md.j2", **context, places=places(),
                            meanings=meanings,
                            record_words=RECORD_WORDS, word_bits=WORD_BITS),
        "manifest.json": json.dumps(context["manifest"], indent=2) + "\n",
        "network.json": json.dumps(files.to_data(design.network), indent=1) + "\n",
    }  # fmt: skip
    for name in ("run_hls.tcl", "hls_config.cfg"):
        rendered[name] = render(f"vitis/{name}.j2", **context)
    return dict(sorted((sources(design.engine) | rendered).items()))
