"""lineloom csim: run the generated C++ and compare it with the golden model."""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.commands import options
from hls.commands.console import Console
from hls.conv2d import Conv2d
from hls.design import DataflowNetwork, OverlayNetwork, framed, layer
from hls.errors import InputError
from hls.gemm import Gemm
from hls.project import Project
from sim import network as golden_network
from sim import reference, vectors
from sim.csim import traces
from sim.layerwise import first_difference

HELP = "run the generated C++ and compare it bit for bit with the golden model"
EXAMPLE = "lineloom csim build/conv1 --frames 3 --seed 1"
NETWORKS = DataflowNetwork | OverlayNetwork


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("project", type=Path, help="folder of a generated project")
    parser.add_argument("--frames", type=int, help="frames back to back, for a convolution (3)")
    for size in ("m", "k", "n"):
        parser.add_argument(f"--{size}", type=int, help=f"{size} of a GEMM (its maximum)")
    parser.add_argument("--seed", type=options.seed, default=0, help="of the stimuli (0)")
    parser.add_argument("--input", type=Path, metavar="FILE.npy",
                        help="frames [N, H, W, C] instead of random ones")  # fmt: skip
    parser.add_argument("--output", type=Path, metavar="FILE.npy", help="keep what came out")


def run(args: argparse.Namespace, console: Console) -> int:
    """Run and compare; 1 if anything differs."""
    project = Project.open(args.project)
    design = project.design
    takes_frames = framed(design)
    if takes_frames is not None:
        stimuli = _frames(args, takes_frames)
    else:
        assert isinstance(design, Gemm)
        stimuli = _operands(args, design)
    with console.working(f"C-sim of {design.name}"):
        result = project.csim(**stimuli)
        expected = _expected(project, stimuli)
    if args.output is not None:
        _save(args.output, result.output)
    difference = np.argwhere(result.output != expected)
    data: dict[str, Any] = {
        "match": not len(difference),
        "mismatches": len(difference),
        "outputs": int(expected.size),
        "shape": list(expected.shape),
        "seed": args.seed,
        "calls": result.calls,
        "first_mismatch": None,
    }
    if len(difference):
        index = tuple(int(i) for i in difference[0])
        got, wanted = int(result.output[index]), int(expected[index])
        data["first_mismatch"] = {"index": list(index), "got": got, "expected": wanted}
    if isinstance(design, NETWORKS):
        data["first_layer"] = _first_layer(project, stimuli) if len(difference) else None
    console.result(data, f"C-sim of {design.name}", [
        (name, value) for name, value in data.items() if value is not None
    ])  # fmt: skip
    return 1 if len(difference) else 0


def _first_layer(project: Project, stimuli: dict[str, Any]) -> dict[str, Any] | None:
    """Where a network goes wrong."""
    assert isinstance(project.design, NETWORKS)
    found = traces(project, stimuli["x"])
    return first_difference(project.design.network, stimuli["x"], found)


def _frames(
    args: argparse.Namespace, design: Conv2d | DataflowNetwork | OverlayNetwork
) -> dict[str, Any]:
    _refuse(args, ("m", "k", "n"), "frames")
    if args.input is None:
        frames = 3 if args.frames is None else args.frames
        if frames < 1:
            raise InputError(f"--frames={frames} is not positive; use 1 or more")
        return {"x": vectors.frames(design, frames, args.seed)}
    if args.frames is not None:
        raise InputError("--frames and --input exclude each other; the file says how many")
    return {"x": _load(args.input)}


def _operands(args: argparse.Namespace, gemm: Gemm) -> dict[str, Any]:
    _refuse(args, ("frames", "input"), "a GEMM")
    sizes = {}
    for name in ("m", "k", "n"):
        limit, given = getattr(gemm, f"max_{name}"), getattr(args, name)
        sizes[name] = limit if given is None else given
        if not 1 <= sizes[name] <= limit:
            raise InputError(
                f"--{name}={sizes[name]} is outside the design's 1..{limit}; "
                f"generate one with a larger --max-{name}"
            )
    return vectors.gemm_operands(gemm, seed=args.seed, **sizes)


def _refuse(args: argparse.Namespace, options: tuple[str, ...], kind: str) -> None:
    for option in options:
        if getattr(args, option) is not None:
            raise InputError(f"--{option} does not apply to {kind}; leave it away")


def _expected(project: Project, stimuli: dict[str, Any]) -> npt.NDArray[Any]:
    if isinstance(project.design, NETWORKS):
        network = project.design.network
        return golden_network.tensors(network, stimuli["x"])[network.output]
    conv = layer(project.design)
    if conv is not None:
        assert project.parameters is not None
        return reference.conv2d_output(conv, project.parameters, stimuli["x"])
    assert isinstance(project.design, Gemm)
    return reference.gemm_output(project.design, **stimuli)


def _load(path: Path) -> npt.NDArray[Any]:
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: is not a readable .npy file ({error})") from None
    if not isinstance(array, np.ndarray):
        raise InputError(f"{path}: is not a readable .npy file (an .npz holds several arrays)")
    return array


def _save(path: Path, array: npt.NDArray[Any]) -> None:
    try:
        with path.open("wb") as file:
            np.save(file, array)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
