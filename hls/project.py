"""A generated project on disk: written whole or not at all, opened again from its manifest."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hls.design import Design, engine, from_dict, layer
from hls.errors import InputError
from hls.manifest import FORMAT
from hls.network import dataflow, files, overlay_network
from hls.parameters import Parameters, load_parameters

if TYPE_CHECKING:
    from sim.csim import CsimResult

__all__ = ["Project", "publish"]

_OURS = {
    "README.md", "hls_config.cfg", "manifest.json", "model.onnx", "network.json", "network.npz",
    "parameters.npz", "program.npz", "reports", "rtl", "run_hls.tcl", "sim", "src", "vitis",
    "vitis_hls.log", "vivado_hls.log",
}  # fmt: skip
"""What a project folder may hold at its top; a folder with anything else is not replaced."""


@dataclass(frozen=True)
class Project:
    """The folder of one generated design."""

    path: Path

    @classmethod
    def open(cls, path: str | Path) -> Project:
        """Open a folder that `generate` wrote.

        Raises:
            InputError: there is no project of ours, or it is of another version.
        """
        project = cls(Path(path))
        if not os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises on a name too long
            raise InputError(
                f"{path}: no such project; generate one with lineloom conv2d, gemm or net"
            )
        found = project.manifest.get("lineloom")
        if found != FORMAT:
            raise InputError(
                f"{path}: manifest.json has format {found!r}, this Lineloom reads {FORMAT}; "
                "generate the project again"
            )
        for entry in ("name", "design", "formats", "costs"):
            if not project.manifest.get(entry):
                raise InputError(f"{path}: manifest.json has no {entry}; generate it again")
        return project

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """manifest.json."""
        file = self.path / "manifest.json"
        try:
            data = json.loads(file.read_text())
        except FileNotFoundError:
            raise InputError(
                f"{self.path}: has no manifest.json; generate the project with lineloom"
            ) from None
        except (OSError, ValueError) as error:
            raise InputError(f"{file}: cannot be read ({error}); generate it again") from None
        if not isinstance(data, dict):
            raise InputError(f"{file}: is not a JSON object; generate it again")
        return data

    @cached_property
    def design(self) -> Design:
        """The design that the project was generated from."""
        data = self.manifest["design"]
        if not isinstance(data, dict):
            raise InputError(f"{self.path}: manifest.json has no design; generate it again")
        if data.get("kind") == "network":
            network = files.load(self.path)
            if data.get("style") == "overlay":
                return overlay_network.from_data(network, data)
            return dataflow.from_data(network, data)
        return engine(from_dict(data))

    @cached_property
    def parameters(self) -> Parameters | None:
        """The parameters of a convolution (baked in, or the first to load); None for a Gemm."""
        conv = layer(self.design)
        return None if conv is None else load_parameters(conv, self.path / "parameters.npz")

    def source(self, suffix: str) -> Path:
        """A generated source file: `source(".cpp")`, `source("_tb.cpp")`."""
        return self.path / "src" / f"{self.design.name}{suffix}"

    def csim(self, *arrays: Any, **named: Any) -> CsimResult:
        """Run the generated C++ on NumPy arrays; see `sim.csim.csim`."""
        from sim.csim import csim

        return csim(self, *arrays, **named)


def publish(
    texts: Mapping[str, str],
    arrays: Mapping[str, Mapping[str, Any]],
    path: Path,
    kept: Mapping[str, bytes] | None = None,
) -> Project:
    """Write a project beside its place and move it there, so that no half of one can be seen.

    Args:
        texts: path inside the project -> content.
        arrays: name of an .npz file -> its arrays by name.
        path: the folder.
        kept: name of a file that is kept as it is -> its content.

    Raises:
        InputError: the folder holds something else or cannot be written.
    """
    _refuse_foreign(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as scratch:
            made = Path(scratch) / "project"
            for name, text in texts.items():
                file = made / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            for name, held in arrays.items():
                np.savez(made / name, **held)
            for name, content in (kept or {}).items():
                (made / name).write_bytes(content)
            replaced = Path(scratch) / "replaced"
            if path.exists():
                path.rename(replaced)
            try:
                made.rename(path)
            except OSError:
                if replaced.exists():
                    replaced.rename(path)
                raise
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror or error}); choose another folder with -o"
        ) from None
    return Project(path)


def _refuse_foreign(path: Path) -> None:
    try:
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            raise InputError(f"{path}: is not a folder; choose another one with -o")
        if not path.is_dir():
            return
        names = {entry.name for entry in path.iterdir()}
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); choose another one") from None
    foreign = sorted(names - _OURS - _overlay_files(path))
    if foreign or (names and "manifest.json" not in names):
        what = foreign[0] if foreign else "files without a manifest.json"
        raise InputError(
            f"{path}: holds something that Lineloom did not make ({what}); choose another folder "
            "with -o, or empty it"
        )


def _overlay_files(path: Path) -> set[str]:
    """Names of the files of overlays for the simulated board, whose .bit is a text.

    A bitstream by Vivado takes too long to be replaced as lightly.
    """
    found = set()
    for bit in path.glob("*.bit"):
        try:
            text = json.loads(bit.read_text())
        except (OSError, ValueError):
            continue
        if isinstance(text, dict) and "lineloom" in text:
            found |= {bit.name, f"{bit.stem}.hwh"}
    return found


def remove_outputs(project: Project, kind: str) -> Path:
    """An empty folder `kind` (sim, rtl, reports) in the project, whatever was there before."""
    folder = project.path / kind
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
