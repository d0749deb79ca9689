"""The files of an overlay for the simulated board: .bit, .hwh and manifest.json in one folder.

The .bit of a simulated overlay is a small JSON text that says which projects to simulate, so that
the folder needs nothing else, and so that a real board refuses it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hls.boards import board as board_named
from hls.errors import CheckFailed, InputError, ToolFailed
from hls.handoff import check_handoff
from hls.made_for import common_clock
from hls.overlay import Engine, Overlay
from hls.project import Project
from sim.handoff import handoff
from sim.processing_system import processing_system

__all__ = ["SimulatedBit", "prepare"]

_KIND = "simulated bitstream"


@dataclass(frozen=True)
class SimulatedBit:
    """What the .bit of a simulated overlay says."""

    projects: tuple[Path, ...]
    board: str
    clock_mhz: float

    @classmethod
    def read(cls, file: Path) -> SimulatedBit:
        """Read a .bit.

        Raises:
            InputError: it is a bitstream for a real board.
        """
        data = _text(file)
        if data is None:
            raise InputError(
                f"{file}: is no overlay for the simulated board; write one with lineloom run or "
                "sim.board, from the project that it was built of"
            )
        return cls(
            tuple((file.parent / project).resolve() for project in data["projects"]),
            data["board"],
            data["clock_mhz"],
        )

    def write(self, file: Path) -> None:
        """Write the .bit; projects are named relative to it."""
        data = {
            "lineloom": _KIND,
            "projects": [
                os.path.relpath(project.resolve(), file.parent.resolve())
                for project in self.projects
            ],
            "board": self.board,
            "clock_mhz": self.clock_mhz,
        }
        file.write_text(json.dumps(data, indent=2) + "\n")

    def overlay(self) -> Overlay:
        """The overlay that it stands for."""
        engines = []
        for folder in self.projects:
            manifest = Project.open(folder).manifest
            engines.append(Engine(manifest["name"], manifest["vlnv"], manifest))
        return Overlay(board_named(self.board), self.clock_mhz, tuple(engines))


def _text(file: Path) -> dict[str, Any] | None:
    """What a .bit for the simulated board says, or None if it is none."""
    try:
        data = json.loads(file.read_text())
        return data if data["lineloom"] == _KIND else None
    except (ValueError, KeyError, TypeError):
        return None


def prepare(
    projects: Sequence[Path],
    *,
    board: str = "pynq-z2",
    clock_mhz: float | None = None,
    folder: Path | None = None,
) -> Path:
    """Write .bit, .hwh and manifest.json of an overlay and return the path of the .bit.

    The .hwh is Vivado's own where `lineloom bitstream` left one of the same engines for that board
    beside the first project; else it is made here.

    Args:
        projects: folders of generated projects, one engine each.
        board: which board is simulated; Zynq-7000 or Zynq UltraScale+ matters to hosts.
        clock_mhz: clock of the fabric; by default what they were generated for, or the board's.
        folder: where to; one project's files go into its own folder, those of several into a
            folder beside the first one that has all their names.

    Raises:
        InputError: a project or the board is unknown, they do not fit together, or a bitstream for
            a real board is in the place.
    """
    if not projects:
        raise InputError("an overlay needs at least one project; name a folder")
    chosen = board_named(board)
    opened = [Project.open(project) for project in projects]
    bit = SimulatedBit(
        tuple(Path(project) for project in projects),
        board,
        common_clock(opened, chosen) if clock_mhz is None else clock_mhz,
    )
    overlay = bit.overlay()
    first = Path(projects[0])
    place = folder or (first if len(projects) == 1 else first.parent / overlay.name)
    file = place / f"{overlay.name}.bit"
    if file.is_file() and _text(file) is None:
        raise InputError(
            f"{file}: is a bitstream for a real board and is not replaced by one for the simulated "
            "board; move it to another folder"
        )
    texts: dict[str, Any] = {f"{overlay.name}.hwh": _handoff(overlay, first)}
    if not (place / "manifest.json").is_file() or place.resolve() != first.resolve():
        texts["manifest.json"] = json.dumps(overlay.manifests, indent=2) + "\n"
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (place / name).write_text(text)
        for engine, project in zip(overlay.engines, bit.projects, strict=True):
            if engine.program is not None and "manifest.json" in texts:
                held = project / engine.manifest["program"]["file"]
                shutil.copy(held, place / engine.program)
        bit.write(file)
    except OSError as error:
        raise InputError(
            f"{place}: cannot be written ({error.strerror}); choose another folder"
        ) from None
    return file


def _handoff(overlay: Overlay, first: Path) -> str:
    folder = first.resolve().parent / f"{overlay.name}-{overlay.board.name}" / "overlay"
    built = folder / f"{overlay.name}.hwh"
    if built.is_file():
        try:
            check_handoff(built, overlay)
            return built.read_text()
        except (CheckFailed, ToolFailed):
            pass  # of other engines under the same names: they were generated again since
    return handoff(overlay, processing_system(overlay.board))
