"""The board, at its clock, that a project was generated for: networks are sized for one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hls.boards import Board, board
from hls.errors import InputError
from hls.generator import BOARD
from hls.project import Project

__all__ = ["asked_for", "common_clock", "target_data"]


def target_data(target: Board) -> dict[str, Any]:
    """What a manifest says of the board."""
    return {"board": target.name, "part": target.part, "clock_mhz": target.clock_mhz}


def asked_for(project: Project, name: str | None = None) -> Board:
    """The board called `name`, else that of the project, else a PYNQ-Z2.

    Its clock is the project's if it is the board that the project was generated for.

    Raises:
        InputError: there is no such board.
    """
    made = project.manifest.get("target")
    if made is None:
        return board(name or BOARD)
    target = board(name or made["board"])
    return target.at(made["clock_mhz"]) if target.name == made["board"] else target


def common_clock(projects: Iterable[Project], target: Board) -> float:
    """The clock in MHz that `projects` were generated for, if any was for this board; else its own.

    Raises:
        InputError: for different ones.
    """
    made = [project.manifest.get("target") for project in projects]
    clocks = {each["clock_mhz"] for each in made if each and each["board"] == target.name}
    if len(clocks) > 1:
        told = " and ".join(f"{clock:g}" for clock in sorted(clocks))
        raise InputError(
            f"the projects were generated for {told} MHz; choose one clock for all with --clock"
        )
    return clocks.pop() if clocks else target.clock_mhz
