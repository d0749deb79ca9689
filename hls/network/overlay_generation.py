"""A network in overlay style -> its project: the engine's C++, the program, and what they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hls.generator import CLOCK_NS, PART
from hls.manifest import manifest
from hls.network import files
from hls.network.engine_sources import sources
from hls.network.instructions import PARTS, RECORD_WORDS, WORD_BITS, places
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
    context = {
        "design": design,
        "manifest": manifest(design),
        "summary": design.summary,
        "part": PART,
        "clock_ns": CLOCK_NS,
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
