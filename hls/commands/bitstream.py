"""lineloom bitstream: generated projects to .bit and .hwh for a PYNQ board, by Vivado."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from hls.bitstream import Bitstream, implement, write
from hls.boards import board, boards
from hls.commands.console import Console
from hls.project import Project

HELP = "build a bitstream for a PYNQ board with Vivado, or the scripts for it"
EXAMPLE = "lineloom bitstream build/conv1 --board pynq-z2"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("projects", type=Path, nargs="+", metavar="project",
                        help="folders of generated projects; all become engines of one "
                        "bitstream")  # fmt: skip
    parser.add_argument("--board", required=True, metavar="BOARD", help=", ".join(boards()))
    parser.add_argument("-o", "--output", type=Path, metavar="DIR",
                        help="folder of scripts, reports and bitstream (beside the first project, "
                        "called after overlay and board)")  # fmt: skip
    parser.add_argument("--clock", type=float, metavar="MHZ",
                        help="of the engines (what a network was "
                        "generated for, or the board's)")  # fmt: skip
    parser.add_argument("--force", action="store_true",
                        help="build what sizes or kept estimates say cannot fit")  # fmt: skip


def run(args: argparse.Namespace, console: Console) -> int:
    """Write the scripts and run them.

    Raises:
        ToolNotFound: there is no Vivado; the scripts have been written.
    """
    target = board(args.board)
    projects = [Project.open(path) for path in args.projects]
    with console.working("writing Verilog and scripts"):
        made = write(projects, target, folder=args.output, clock_mhz=args.clock, force=args.force)
    for reason in made.overlay.slow:
        print(f"lineloom: warning: {reason}", file=sys.stderr)
    with console.working(f"Vivado on {made.overlay.name}: minutes to hours"):
        slack = implement(made)
    console.result(_data(made, slack), f"{made.overlay.name} on {target.name}", _rows(made, slack))
    return 0


def _data(made: Bitstream, slack: str) -> dict[str, Any]:
    overlay = made.overlay
    return {
        "name": overlay.name,
        "board": overlay.board.name,
        "part": overlay.board.part,
        "clock_mhz": overlay.clock_mhz,
        "slack": slack,
        "warnings": overlay.slow,
        "engines": {engine.name: engine.vlnv for engine in overlay.engines},
        "files": [str(file) for file in made.files],
        "reports": str(made.folder / "reports"),
    }


def _rows(made: Bitstream, slack: str) -> list[tuple[str, Any]]:
    engines = [(engine.name, engine.vlnv) for engine in made.overlay.engines]
    return [
        ("clock", f"{made.overlay.clock_mhz:g} MHz, {slack}"),
        *engines,
        ("to the board", ", ".join(file.name for file in made.files) + f" in {made.delivery}"),
        ("reports", "timing.rpt, utilization.rpt, power.rpt in " + str(made.folder / "reports")),
    ]
