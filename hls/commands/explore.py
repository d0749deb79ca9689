"""lineloom explore: which design of a layer to build on a board, out of all that are legal."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from hls.algorithms import ACCURACY
from hls.boards import board, boards
from hls.commands.commandline import command_of
from hls.commands.console import Console
from hls.errors import InputError
from hls.exploration import OBJECTIVES, TIMEOUT_S, Exploration, Point, explore, reason
from hls.exploration.plot import plot
from hls.exploration.point import thinned
from hls.exploration.workers import cluster, local
from hls.layerspec import FORM, OPTIONS, layer_of
from hls.pictures import require_picture

HELP = "find the best design of a layer for a board"
EXAMPLE = "lineloom explore --layer 56x56x64:64k3 --board pynq-z2 --synthesize 0"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--layer", required=True, metavar=FORM,
                        help=f"such as 56x56x64:64k3, and behind it {OPTIONS}")  # fmt: skip
    parser.add_argument("--board", default="pynq-z2", metavar="BOARD",
                        help=f"{', '.join(boards())} (pynq-z2)")  # fmt: skip
    parser.add_argument("--objective", default="latency", choices=tuple(OBJECTIVES),
                        help="fewest cycles from start to done; fewest a frame, frames back to "
                        "back; fewest DSPs x cycles (latency)")  # fmt: skip
    parser.add_argument("--batch", type=_count, default=1, metavar="N", help="frames (1)")
    parser.add_argument("--load-weights", action="store_true",
                        help="line buffers read their weights at run time, as arrays always do, "
                        "instead of baking them in")  # fmt: skip
    parser.add_argument("--synthesize", type=_count_or_none, default=4, metavar="N",
                        help="points of the front that Yosys sees, the best first; minutes each, "
                        "kept for later runs (4)")  # fmt: skip
    parser.add_argument("--no-synthesize", dest="synthesize", action="store_const", const=0,
                        help="the model alone: seconds")  # fmt: skip
    parser.add_argument("--timeout", type=_seconds, default=TIMEOUT_S, metavar="SECONDS",
                        help=f"of Yosys on a point ({TIMEOUT_S:g})")  # fmt: skip
    parser.add_argument("--jobs", type=_count, metavar="N", help="processes (one a core)")
    parser.add_argument("--scheduler", metavar="tcp://HOST:PORT",
                        help="synthesize on the workers of this Dask scheduler")  # fmt: skip
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the space: .svg or .png")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE",
                        help="write what --json prints to a file")  # fmt: skip


def run(args: argparse.Namespace, console: Console) -> int:
    """Explore, print the front and the winner."""
    if args.jobs is not None and args.scheduler is not None:
        raise InputError("--jobs does not apply with --scheduler, whose workers are as many as "
                         "they are; leave one away")  # fmt: skip
    if args.plot is not None:
        require_picture(args.plot)
    layer = layer_of(args.layer)
    if args.load_weights:
        layer = replace(layer, weights="load")
    with console.progress() as progress, _executor(args) as executor:
        found = explore(
            layer, board(args.board), objective=args.objective, batch=args.batch,
            syntheses=args.synthesize, executor=executor, timeout_s=args.timeout,
            progress=progress,
        )  # fmt: skip
    for label, why in found.failures.items():
        console.warn(f"{label} was not synthesized: {why.splitlines()[0]}")
    data = _data(found, args.layer)
    if args.output is not None:
        _write(args.output, json.dumps(data, indent=2) + "\n")
    if args.plot is not None:
        plot(found, args.plot)
    console.tables(data, [_table(found, args.layer)])
    console.text(f"best: {found.best.label}: {reason(found)}\n{command_of(found.best.conv)}")
    return 0


def _executor(args: argparse.Namespace) -> AbstractContextManager[Any]:
    if not args.synthesize:
        return nullcontext()
    if args.scheduler is not None:
        return cluster(args.scheduler)
    cores = len(os.sched_getaffinity(0))
    return local(min(args.jobs or cores, args.synthesize))


def _data(found: Exploration, layer: str) -> dict[str, Any]:
    return {
        "layer": layer,
        "board": found.board.name,
        "objective": found.objective,
        "batch": found.batch,
        "points": len(found.points),
        "fitting": found.fitting,
        "front": [point.data() for point in found.front],
        "dropped": [{**point.data(), "problems": list(point.problems)} for point in found.dropped],
        "failures": dict(found.failures),
        "best": {
            **found.best.data(),
            "reason": reason(found),
            "command": command_of(found.best.conv),
        },
    }


_HEAD = ("design", "cycles", "a frame", "DSP", "on chip, Kibit", "DRAM, bytes", "bound", "LUT",
         "FF", "BRAM36")  # fmt: skip


def _table(found: Exploration, layer: str) -> tuple[str, tuple[str, ...], Iterable[list[str]]]:
    shown = thinned(found.front, found.best, found.objective)
    title = (
        f"{layer} on {found.board.name}: {len(found.points)} designs, {found.fitting} fit, "
        f"{len(found.front)} on the front; * best for {found.objective}"
    )
    if len(shown) < len(found.front):
        title += (
            f"\n{len(shown)} shown; one of them is as good as each other one to {ACCURACY:.0%}, "
            "the model's accuracy"
        )
    dropped = [[*_row(point, ""), "does not fit"] for point in found.dropped]
    rows = [_row(point, " *" if point is found.best else "") for point in shown]
    return title, (*_HEAD, "") if dropped else _HEAD, [*rows, *dropped]


def _row(point: Point, mark: str) -> list[str]:
    cost, made = point.cost, point.synthesis
    counted = ["", "", ""]
    if made is not None:
        counted = [f"{made.lut:,}", f"{made.ff:,}", f"{made.bram36:g}"]
    return [
        point.label + mark,
        f"{point.cycles:,}",
        f"{point.frame_cycles:,.0f}",
        f"{point.dsps}",
        f"{cost.on_chip_bits / 1024:,.0f}",
        f"{cost.dram_bytes:,}",
        cost.bound,
        *counted,
    ]


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None


def _count(text: str) -> int:
    return _whole(text, 1, 65536)


def _count_or_none(text: str) -> int:
    return _whole(text, 0, 65536)


def _seconds(text: str) -> float:
    return float(_whole(text, 1, 10**6))


def _whole(text: str, low: int, high: int) -> int:
    if not text.isascii() or not text.isdigit() or not low <= int(text[:9]) <= high:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low} to {high}")
    return int(text)
