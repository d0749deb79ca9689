"""lineloom report: what a network takes on a board, layer by layer, as a table and as a page."""

from __future__ import annotations

import argparse
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hls.boards import RESOURCES, boards
from hls.commands.console import Console
from hls.errors import InputError
from hls.made_for import asked_for
from hls.network.page import is_slow, page
from hls.project import Project
from sim.network_report import network_report

HELP = "report speed, resources and the share of each layer of a network, with plots"
EXAMPLE = "lineloom report build/net -o report.html"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("project", type=Path, help="folder that lineloom net wrote")
    parser.add_argument("--board", metavar="BOARD",
                        help=f"{', '.join(boards())} (the project's)")  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, metavar="FILE.html",
                        help="the page (reports/network.html in the project)")  # fmt: skip


def run(args: argparse.Namespace, console: Console) -> int:
    """Run the Verilog for some frames, write the page; 1 if an output is wrong."""
    project = Project.open(args.project)
    target = asked_for(project, args.board)
    file = args.output or project.path / "reports" / "network.html"
    _write(file, None)
    with console.working(f"running the Verilog of {project.path}"):
        found = network_report(project, target)
    _write(file, page(found))
    console.tables({**found, "page": str(file)}, _tables(found))
    console.text(_summary(found))
    if is_slow(found):
        console.warn(
            f"the Verilog is pipelined for {found['pipelined_for_ns']:g} ns a cycle, more than "
            f"{found['clock_mhz']:g} MHz gives; lineloom lower {args.project} pipelines it for that"
        )
    console.text(f"page: {file}")
    return 0 if found["match"] else 1


def _write(file: Path, text: str | None) -> None:
    """Write the page whole or not at all; for None, only say now what would fail in minutes."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        with tempfile.NamedTemporaryFile("w", dir=file.parent, encoding="utf-8") as scratch:
            if text is not None:
                scratch.write(text)
                scratch.flush()
                shutil.copy(scratch.name, file)
    except OSError as error:
        raise InputError(
            f"{file}: cannot be written ({error.strerror}); choose another file with -o"
        ) from None


def _tables(found: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[str], list[Sequence[str]]]]:
    # On an engine of its own a layer has pauses; on one for all it is the only one at work.
    measured = "all" if found["style"] == "overlay" else "first to last word"
    yield (
        f"{found['name']} on {found['board']}: cycles by the model, {measured} in RTL",
        ("layer", "kind", "MACs", "lanes", "multipliers", "cycles", "in RTL", "share",
         "efficiency", "weights, bits"),
        [
            (
                layer["name"],
                layer["kind"],
                _count(layer["macs"]),
                layer["lanes"],
                _count(layer["multipliers"]),
                f"{layer['cycles']['value']:,}",
                f"{layer['span_cycles']['value']:,}",
                f"{layer['share']:.1%}",
                "" if layer["efficiency"] is None else f"{layer['efficiency']:.1%}",
                _count(layer["weight_bits"]),
            )
            for layer in found["layers"]
        ],
    )  # fmt: skip


def _count(value: int) -> str:
    return f"{value:,}" if value else ""


def _summary(found: Mapping[str, Any]) -> str:
    resources = found["resources"]
    used = ", ".join(
        f"{count:,g} of {resources['available'][name]:,} {RESOURCES[name]}"
        for name, count in resources["used"].items()
        if count is not None
    )
    how = {"yosys": "by Yosys", "model": "by the model"}[resources["from"]]
    right = "every output right" if found["match"] else "OUTPUTS ARE WRONG: run lineloom cosim"
    at_work = (
        f"{found['efficiency']:.1%} of {found['multipliers']:,} multipliers at work"
        if found["multipliers"]
        else "no multipliers"
    )
    return (
        f"{found['frames_per_second']:,.0f} frames a second at {found['clock_mhz']:g} MHz: "
        f"{found['cycles_per_frame']['value']:,.1f} cycles a frame in RTL, {found['ratio']:.3f} of "
        f"the bound {found['bound_cycles']:,}; {right}\n"
        f"{at_work}; {used}, {how}"
    )
