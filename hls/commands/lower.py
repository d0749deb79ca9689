"""lineloom lower: HLS C++ to Verilog, without a vendor tool, or by Vitis HLS if asked for."""

from __future__ import annotations

import argparse
import re
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
    parser.add_argument(
        "--clock", type=float, metavar="NS", help="period (10, or as the project's scripts)"
    )
    parser.add_argument(
        "--part", help="xc7z020 or xczu3eg (xc7z020, or the nearest to the project's)"
    )
    parser.add_argument("--backend", choices=("open", "vitis"), default="open",
                        help="vitis: synthesize a project with Vitis HLS, for the part and clock "
                        "in its scripts (open)")  # fmt: skip


def run(args: argparse.Namespace, console: Console) -> int:
    """Lower and show the loops."""
    if (args.project is None) == (args.source is None):
        raise InputError("give the folder of a project, or --source with --top and -o")
    if args.backend == "vitis":
        rtl = _by_vitis(args, console)
    elif args.project is not None:
        project = Project.open(args.project)
        with console.working(f"lowering {project.design.name}"):
            rtl = lower_project(project, part=args.part, clock_ns=args.clock)
    else:
        if args.top is None or args.output is None:
            raise InputError("--source needs --top FUNCTION and -o DIR")
        with console.working(f"lowering {args.top}"):
            rtl = lower_source(args.source, args.top, args.output, includes=args.include,
                               part="xc7z020" if args.part is None else args.part,
                               clock_ns=10.0 if args.clock is None else args.clock)  # fmt: skip
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
    else:
        rows.append(("latency", _cycles(rtl.report["latency_cycles"])))
        rows += _region(rtl.report["region"])
    for process in rtl.report["processes"]:
        rows += _process(process)
    return rows


def _region(region: dict[str, Any]) -> list[tuple[str, Any]]:
    """How often a DATAFLOW region runs that is called in a loop."""
    if not region:
        return []
    times = region["times"]
    many = _many(times, "time") if isinstance(times, int) else f"{times or 'any number of'} times"
    where = f" in loop {region['loop']}" if region["loop"] else ""
    each = f", {_cycles(region['latency_cycles'])} each" if region["latency_cycles"] else ""
    return [(f"region {region['name']}", f"run {many} by {region['called_by']}{where}{each}")]


def _process(process: dict[str, Any]) -> list[tuple[str, Any]]:
    """Total of a process, its loops indented as they are nested, its memories."""
    latency = process.get("latency_cycles")
    rows: list[tuple[str, Any]] = [(process["name"], "" if latency is None else _cycles(latency))]
    depth = {"": 0}
    for loop in process["loops"]:
        depth[loop["label"]] = depth[loop.get("inside", "")] + 1
        where = f" (line {loop['line']})" if loop.get("line") else ""
        rows.append((f"{'  ' * depth[loop['label']]}{loop['label']}{where}", _loop(loop)))
    return rows + [(f"  {what}", how) for what, how in _memories(process["memories"])]


def _memories(memories: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Arrays with their banks counted, if all are alike."""
    banks: dict[tuple[str, str], int] = {}
    for m in memories:
        array = re.sub(r"(_\d+)+$", "", m["name"])
        how = f"{m['words']:,} words of {m['bits']} bits, {m['storage']}"
        how += f", ports: {m['read_ports']} read, {m['write_ports']} write"
        banks[array, how] = banks.get((array, how), 0) + 1
    return [(f"{name}[]", f"{count} x {how}" if count > 1 else how)
            for (name, how), count in banks.items()]  # fmt: skip


def _cycles(cycles: int | None) -> str:
    return (
        "depends on trips known at run time"
        if cycles is None
        else f"{cycles:,} cycles without stalls"
    )


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
    trips = "trips known at run time"
    if loop.get("trip_count") is not None:
        least = loop.get("least_trip_count", loop["trip_count"])
        span = f"{least:,} to " if least != loop["trip_count"] else ""
        trips = span + _many(loop["trip_count"], "trip")
    parts = [trips]
    if loop["ii"] is None:
        each = loop.get("iteration_cycles")
        parts += ["not pipelined", *([f"{each:,} cycles each"] if each is not None else [])]
    else:
        wanted = "" if loop["ii_wanted"] is None else f" (wanted {loop['ii_wanted']})"
        parts += [f"II {loop['ii']}{wanted}", _many(loop["stages"], "stage")]
    if loop["latency_cycles"] is not None:
        parts.append(f"{loop['latency_cycles']:,} cycles in all")
    return ", ".join(parts) + (f": {loop['reason']}" if loop["reason"] else "")


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
