"""A network in overlay style -> its project: the engine's C++, the program, and what they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hls.manifest import manifest
from hls.network import files
from hls.network.engine_sources import sources
from hls.network.overlay_network import OverlayNetwork
from hls.project import Project, publish
from hls.rendering import render

__all__ = ["generate_overlay", "texts"]


def generate_overlay(design: OverlayNetwork, path: str | Path) -> Project:
    """Write the complete project of `design` to the folder `path`.

    program.npz holds what lies in memory: program, b (weights) and p (parameters).

    Raises:
        InputError: the folder holds something else or cannot be written.
    """
    program = design.program
    arrays: dict[str, dict[str, Any]] = {
        "network.npz": files.weight_arrays(design.network),
        "program.npz": {"program": program.records, "b": program.weights, "p": program.parameters},
    }
    return publish(texts(design), arrays, Path(path), files.model_file(design.network))


def texts(design: OverlayNetwork) -> dict[str, str]:
    """All generated text files of `design`: path inside the project -> content."""
    told = manifest(design)
    return sources(design.engine) | {
        "README.md": render("overlay_engine/README.md.j2", design=design, manifest=told,
                            program=design.program, layer_cycles=design.layer_cycles),
        "manifest.json": json.dumps(told, indent=2) + "\n",
        "network.json": json.dumps(files.to_data(design.network), indent=1) + "\n",
    }  # fmt: skip
