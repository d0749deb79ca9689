"""A network for an engine that is loaded: its files found, and checked against the engine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from host.errors import AcceleratorError
from host.manifest import Engine, read_manifest

__all__ = ["model_on"]

_OF_A_MODEL = ("shapes", "formats", "network", "costs", "program")
"""Entries of a manifest that a model brings along; all others are the engine's."""


def model_on(loaded: Engine, path: str | Path) -> Engine:
    """`loaded` as it is with the model at `path`.

    Args:
        loaded: an engine that runs programs.
        path: a folder with manifest.json and the program, or the manifest itself.

    Raises:
        AcceleratorError: files are missing, damaged, or of another engine or version.
    """
    given = Path(path)
    file = given if given.suffix == ".json" else given / "manifest.json"
    manifest = read_manifest(file, "copy manifest.json and program.npz of its project there")
    if "program" not in manifest:
        raise AcceleratorError(
            f"{file} is of no network in overlay style; make one for this engine with lineloom net "
            "--engine"
        )
    missing = next((entry for entry in _OF_A_MODEL if entry not in manifest), None)
    if missing is not None:
        raise AcceleratorError(f"{file} has no {missing!r}; copy it again")
    _check_engine(file, manifest, loaded)
    own = {entry: manifest[entry] for entry in _OF_A_MODEL}
    return Engine(loaded.instance, {**loaded.manifest, **own}, file.parent)


def _check_engine(file: Path, manifest: Mapping[str, Any], loaded: Engine) -> None:
    """Engines of equal sizes are the same hardware, whatever they are called."""
    wanted, there = _sizes(manifest), _sizes(loaded.manifest)
    if wanted != there:
        other = [size for size in {**wanted, **there} if wanted.get(size) != there.get(size)]
        wanted_text, there_text = (
            ", ".join(f"{size}={sizes.get(size)}" for size in other) for sizes in (wanted, there)
        )
        raise AcceleratorError(
            f"{file} is for an engine with {wanted_text}, the loaded one has {there_text}; make "
            "it for this engine with lineloom net --engine"
        )


def _sizes(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What an engine was made of, and how it reads instructions."""
    design = manifest.get("design", {})
    engine = dict(design.get("engine", {}))
    engine.pop("name", None)
    return engine | {"instructions": design.get("instructions")}
