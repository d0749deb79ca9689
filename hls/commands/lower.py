"""lineloom lower: HLS C++ to Verilog, without a vendor tool."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hls.commands.console import Console
from hls.errors import InputError
from hls.project import Project
from hls.rtl import Rtl, lower_project, lower_source

HELP = "lower HLS C++ to Verilog without a vendor tool"
EXAMPLE = "lineloom lower build/conv1"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("project", type=Path, nargs="?", help="folder of a generated project")
    parser.add_argument("--source", type=Path, metavar="FILE.cpp", help="any C++ file instead")
    parser.add_argument("--top", help="its top function")
    parser.add_argument("--include", type=Path, action="append", default=[], metavar="DIR",
                        help="folder of its headers; may be given again")  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="where its Verilog goes")
    parser.add_argument("--clock", type=float, default=10.0, metavar="NS", help="period (10)")
    parser.add_argument("--part", default="xc7z020", help="xc7z020 or xczu3eg (xc7z020)")


def run(args: argparse.Namespace, console: Console) -> int:
    """Lower and show the loops."""
    if (args.project is None) == (args.source is None):
        raise InputError("give the folder of a project, or --source with --top and -o")
    if args.project is not None:
        project = Project.open(args.project)
        with console.working(f"lowering {project.design.name}"):
            rtl = lower_project(project, part=args.part, clock_ns=args.clock)
    else:
        if args.top is None or args.output is None:
            raise InputError("--source needs --top FUNCTION and -o DIR")
        with console.working(f"lowering {args.top}"):
            rtl = lower_source(args.source, args.top, args.output, includes=args.include,
                               part=args.part, clock_ns=args.clock)  # fmt: skip
    files = [str(file) for file in rtl.files]
    console.result({"top": rtl.top, "files": files, **rtl.report}, f"RTL of {rtl.top}", _rows(rtl))
    return 0


def _rows(rtl: Rtl) -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = [
        ("target", f"{rtl.report['target']}, {rtl.report['clock_ns']:g} ns"),
        ("files", f"{len(rtl.files)} in {rtl.folder / 'rtl'}"),
    ]
    for process in rtl.report["processes"]:
        for loop in process["loops"]:
            why = f": {loop['reason']}" if loop["reason"] else ""
            text = f"II {loop['ii']} (wanted {loop['ii_wanted']}), {loop['stages']} stages{why}"
            rows.append((f"{process['name']}: {loop['label']}", text))
    return rows
