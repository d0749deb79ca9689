"""lineloom predict: images through the Verilog of a network, beside onnxruntime."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.boards import Board, boards
from hls.commands import options
from hls.commands.console import Console
from hls.errors import InputError
from hls.made_for import asked_for
from hls.memory import Memory
from hls.project import Project
from sim.prediction import ENGINES, Prediction, network_of, predict

HELP = "send images through the Verilog of a network and compare with onnxruntime"
EXAMPLE = "lineloom predict build/net --data test.npz"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("project", type=Path, help="folder that lineloom net wrote")
    parser.add_argument("--data", type=Path, required=True, metavar="FILE.npz",
                        help="images as the model takes them (or under the name of its input), "
                        "and labels, the class of each, if there are any")  # fmt: skip
    parser.add_argument("--images", type=int, metavar="N", help="only the first N")
    parser.add_argument("--engine", choices=ENGINES, default=ENGINES[0],
                        help="fast runs the Verilog, csim the generated C++ "
                        f"({ENGINES[0]})")  # fmt: skip
    parser.add_argument("--board", metavar="BOARD",
                        help="whose clock and memory count: "
                        f"{', '.join(boards())} (the project's)")  # fmt: skip


def run(args: argparse.Namespace, console: Console) -> int:
    """Predict and compare; 1 if a bit is wrong, or a class is not onnxruntime's."""
    project = Project.open(args.project)
    target = asked_for(project, args.board)
    images, labels = _data(project, args)
    what = {"fast": "Verilog", "csim": "C++"}[args.engine]
    with console.working(f"{len(images):,} images through the {what} of {project.path}"):
        found = predict(project, images, labels, engine=args.engine, memory=Memory.of(target))
    title = f"{network_of(project).name}: {found.images:,} images through its {what}"
    console.result(_json(found, target), title, _rows(found, target))
    return 0 if found.match else 1


def _data(project: Project, args: argparse.Namespace) -> tuple[npt.NDArray[Any], Any]:
    arrays = options.arrays(args.data)
    source = network_of(project).source.name
    name = next((name for name in ("images", source) if name in arrays), None)
    if name is None:
        names = ", ".join(arrays) or "nothing"
        raise InputError(f"{args.data}: holds {names}; it must hold images, or {source}")
    images = np.atleast_1d(arrays[name])
    if args.images is not None and not 1 <= args.images <= len(images):
        raise InputError(
            f"--images={args.images} is outside 1..{len(images)}, which {args.data} holds"
        )
    labels = np.atleast_1d(arrays["labels"])[: args.images] if "labels" in arrays else None
    return images[: args.images], labels


def _speed(found: Prediction, target: Board) -> float | None:
    """Frames a second at the board's clock."""
    if found.cycles_per_frame is None:
        return None
    return target.clock_mhz * 1e6 / found.cycles_per_frame


def _json(found: Prediction, target: Board) -> dict[str, Any]:
    speed = _speed(found, target)
    return {
        "match": found.match,
        "engine": found.engine,
        "images": found.images,
        "outputs": found.outputs,
        "mismatches": found.mismatches,
        "first_mismatch": found.first_mismatch,
        "first_layer": found.first_layer,
        "accuracy": found.accuracy,
        "model_accuracy": found.model_accuracy,
        "top1_agreeing": found.agreeing,
        "differing_outputs": found.differing,
        "largest_difference": found.largest,
        "classes": found.classes.reshape(found.images, -1).tolist(),
        "cycles_per_frame": found.cycles_per_frame,
        "bound_cycles": found.bound_cycles,
        "board": target.name,
        "clock_mhz": target.clock_mhz,
        "frames_per_second": None if speed is None else round(speed, 1),
    }


def _rows(found: Prediction, target: Board) -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    if found.accuracy is not None and found.model_accuracy is not None:
        rows.append(("accuracy", f"{found.accuracy:.2%}, onnxruntime {found.model_accuracy:.2%}"))
    rows += [
        ("top-1", f"{found.agreeing:,} of {found.images:,} images as onnxruntime"),
        ("golden model", f"{found.mismatches:,} of {found.outputs:,} outputs differ"),
        ("onnxruntime", f"{found.differing:,} of {found.outputs:,} outputs differ, by at most "
                        f"{found.largest}"),
    ]  # fmt: skip
    if found.first_mismatch is not None:
        rows.append(("first mismatch", found.first_mismatch))
    if found.first_layer is not None:
        rows.append(("first layer", found.first_layer))
    speed = _speed(found, target)
    if speed is not None:
        assert found.cycles_per_frame is not None
        ratio = found.cycles_per_frame / found.bound_cycles
        rows.append(("cycles a frame", f"{found.cycles_per_frame:,.1f} in RTL, {ratio:.3f} of the "
                                       f"bound {found.bound_cycles:,}"))  # fmt: skip
        rows.append(("frames a second", f"{speed:,.0f} at {target.clock_mhz:g} MHz "
                                        f"({target.name})"))  # fmt: skip
    return rows
