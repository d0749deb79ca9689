"""lineloom lower: HLS C++ to Verilog, without a vendor tool, or by Vitis HLS if asked for."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hls import vitis
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
    parser.add_argument("--clock", type=float, metavar="NS", help="period (10)")
    parser.add_argument("--part", help="xc7z020 or xczu3eg (xc7z020)")
    parser.add_argument("--backend", choices=("open", "vitis"), default="open",
                        help="vitis: synthesize a project with Vitis HLS, for the part and clock "
                        "in its scripts (open)")  # fmt: skip


def run(args: argparse.Namespace, console: Console) -> int:
    """Lower and show the loops."""
    if (args.project is None) == (args.source is None):
        raise InputError("give the folder of a project, or --source with --top and -o")
    part = "xc7z020" if args.part is None else args.part
    clock_ns = 10.0 if args.clock is None else args.clock
    if args.backend == "vitis":
        rtl = _by_vitis(args, console)
    elif args.project is not None:
        project = Project.open(args.project)
        with console.working(f"lowering {project.design.name}"):
            rtl = lower_project(project, part=part, clock_ns=clock_ns)
    else:
        if args.top is None or args.output is None:
            raise InputError("--source needs --top FUNCTION and -o DIR")
        with console.working(f"lowering {args.top}"):
            rtl = lower_source(args.source, args.top, args.output, includes=args.include,
                               part=part, clock_ns=clock_ns)  # fmt: skip
    files = [str(file) for file in rtl.files]
    console.result({"top": rtl.top, "files": files, **rtl.report}, f"RTL of {rtl.top}", _rows(rtl))
    return 0


def _by_vitis(args: argparse.Namespace, console: Console) -> Rtl:
    if args.project is None:
        raise InputError("--backend vitis takes the folder of a project; leave --source away")
    for option in ("part", "clock"):
        if getattr(args, option) is not None:
            raise InputError(
                f"--{option} does not apply to --backend vitis; its scripts name part and clock"
            )
    project = Project.open(args.project)
    with console.working(f"Vitis HLS on {project.design.name}"):
        return vitis.synthesize(project)


def _rows(rtl: Rtl) -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = [
        ("target", f"{rtl.report['target']}, {rtl.report['clock_ns']:g} ns"),
        ("files", f"{len(rtl.files)} in {rtl.folder / 'rtl'}"),
    ]
    if rtl.report.get("backend") == "vitis":
        rows += _totals(rtl.report)
    for process in rtl.report["processes"]:
        rows += [(f"{process['name']}: {loop['label']}", _loop(loop)) for loop in process["loops"]]
    return rows


def _totals(report: dict[str, Any]) -> list[tuple[str, Any]]:
    """What Vitis HLS says of the whole design."""
    latency = report["latency_cycles"]
    return [
        ("Vitis HLS", report["version"]),
        ("latency", f"{latency['best']} to {latency['worst']} cycles"),
        ("estimated clock", f"{report['estimated_clock_ns']} ns"),
        ("resources", ", ".join(f"{name} {n}" for name, n in report["resources"].items())),
    ]


def _loop(loop: dict[str, Any]) -> str:
    if loop["ii"] is None:
        return f"not pipelined, {loop['latency_cycles']} cycles"
    wanted = "" if loop["ii_wanted"] is None else f" (wanted {loop['ii_wanted']})"
    why = f": {loop['reason']}" if loop["reason"] else ""
    return f"II {loop['ii']}{wanted}, {loop['stages']} stages{why}"
