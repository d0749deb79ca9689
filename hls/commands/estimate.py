"""lineloom estimate: what a design takes of a board, before anybody synthesizes it for hours."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hls.boards import RESOURCES, Board, boards
from hls.commands.console import Console
from hls.errors import CheckFailed
from hls.estimate import Usage, estimate, obstacles, shares, shortages
from hls.made_for import asked_for
from hls.project import Project
from hls.rtl import Rtl

HELP = "estimate what a design takes of a board"
EXAMPLE = "lineloom estimate build/conv1 --board pynq-z2"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("project", type=Path, help="folder of a generated project")
    parser.add_argument("--board", metavar="BOARD", help=f"{', '.join(boards())} (pynq-z2, or "
                        "what a network was generated for)")  # fmt: skip
    parser.add_argument("--check", action="store_true", help="exit with 1 if it does not fit")


def run(args: argparse.Namespace, console: Console) -> int:
    """Estimate and compare; what does not fit is a warning, or with --check exit code 1.

    Raises:
        CheckFailed: with --check, the sizes alone tell that it cannot fit; nothing is synthesized.
    """
    project = Project.open(args.project)
    target = asked_for(project, args.board)
    early = obstacles(project, target)
    if early and args.check:
        raise CheckFailed(f"{project.design.name} does not fit: {'; '.join(early)}")
    _warn(project, early)
    with console.working(f"estimating {project.design.name}: synthesis, some minutes if large"):
        rtl, usage = estimate(project, target.family)
    late = shortages(project, usage, target)
    if not early:
        _warn(project, late)
    console.result(
        _data(project, rtl, usage, target, late or early),
        f"{project.design.name} on {target.name} ({target.part})",
        _rows(project, rtl, usage, target),
    )
    return 1 if args.check and (early or late) else 0


def _warn(project: Project, reasons: list[str]) -> None:
    for reason in reasons:
        print(f"lineloom: warning: {project.design.name} {reason}", file=sys.stderr)


def _data(
    project: Project, rtl: Rtl, usage: Usage, target: Board, problems: list[str]
) -> dict[str, Any]:
    return {
        "top": rtl.top,
        "rtl": {"target": rtl.report.get("target"), "clock_ns": rtl.report.get("clock_ns")},
        "board": asdict(target),
        "used": {field: getattr(usage, field) for field in RESOURCES},
        "percent": shares(usage, target),
        "dsp_per_mac": _dsp_per_mac(project, usage),
        "fits": not problems,
        "problems": problems,
        **asdict(usage),
    }


def _rows(project: Project, rtl: Rtl, usage: Usage, target: Board) -> list[tuple[str, Any]]:
    percent = shares(usage, target)
    notes = {
        "lut": f"logic {usage.lut_logic:,}, memory {usage.lut_ram:,}, shift {usage.lut_shift:,}",
        "bram36": "in tiles of 36 Kbit",
    }
    share = _dsp_per_mac(project, usage)
    if share is not None:
        notes["dsp"] = f"{share:.2f} a multiply-accumulate unit"
    rows: list[tuple[str, Any]] = []
    for field, name in RESOURCES.items():
        note = f" ({notes[field]})" if field in notes else ""
        used = f"{getattr(usage, field):,g} of {getattr(target, field):,}"
        rows.append((name, f"{used}, {percent[field]:g} %{note}"))
    depth = usage.depth
    delay = "" if depth.logic_ns is None else f", {depth.logic_ns:.1f} ns without routing"
    rows.append(("logic depth", f"{depth.levels} levels from {depth.start}{delay}"))
    if depth.through:
        rows.append(("passing", ", ".join(depth.through[:6])))
    made = f"{rtl.report.get('target')}, {rtl.report.get('clock_ns'):g} ns"
    return [*rows, ("RTL for", made), ("by", f"{usage.yosys}, {usage.seconds:g} s")]


def _dsp_per_mac(project: Project, usage: Usage) -> float | None:
    """DSP blocks a multiplier; None for a network that only pools, adds or rescales."""
    multipliers = project.design.multipliers
    return round(usage.dsp / multipliers, 3) if multipliers else None
