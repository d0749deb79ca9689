"""Make all models anew from scratch, into build/models, and compare them with those kept here."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx

from hls import tools
from hls.commands.console import Console
from hls.errors import LineloomError, ToolNotFound
from hls.network.quantization import quantize
from models.accuracy import accuracy
from models.counting import macs, parameters
from models.task import Split, Task
from models.zoo import CALIBRATION, FILES, FOLDER, TASKS, File

BUILD = Path("build/models")
TRAINER = BUILD / "venv" / "bin" / "python"


def main(argv: Sequence[str] | None = None) -> int:
    """Train, quantize, measure, compare.

    Returns:
        The exit code: 1 if a model misses the accuracy that it is kept for.
    """
    parser = argparse.ArgumentParser(prog="python -m models", description=__doc__)
    parser.add_argument("--update", action="store_true", help="keep what was made in models/")
    options = parser.parse_args(argv)
    console = Console(as_json=False)
    try:
        tasks = {name: task() for name, task in TASKS.items()}
        for name, task in tasks.items():
            with console.working(f"training {name}"):
                _train(name, task)
        for file in FILES:
            _make(file, tasks[file.network])
    except LineloomError as error:
        print(f"models: {error}", file=sys.stderr)
        return error.exit_code
    misses = _show(console, tasks)
    if options.update:
        for name in (*(file.name for file in FILES), CALIBRATION):
            shutil.copyfile(BUILD / name, FOLDER / name)
    return int(misses)


def _train(name: str, task: Task) -> None:
    """Write the trained float network `name` into build/models/float."""
    if not TRAINER.is_file():
        raise ToolNotFound(f"no {TRAINER}, which has PyTorch; run make models")
    folder = BUILD / "float"
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / f"{name}.npz"
    np.savez(data, images=task.train.images, labels=task.train.labels)
    trained = folder / f"{name}.onnx"
    tools.run([TRAINER, "-m", "models.training", name, data, trained], what=f"training {name}")


def _make(file: File, task: Task) -> None:
    """Write a file of build/models from its float network."""
    trained = BUILD / "float" / f"{file.network}.onnx"
    if file.scheme is None:
        shutil.copyfile(trained, BUILD / file.name)
        return
    samples = BUILD / f"{TASKS[file.network].__name__}_calibration.npz"
    np.savez_compressed(samples, input=task.calibration.images)
    quantize(trained, samples, BUILD / file.name, file.scheme)


def _show(console: Console, tasks: dict[str, Task]) -> bool:
    """Print what was made beside what is kept; whether anything misses its goal."""
    head = ("file", "parameters", "MACs", "float", "accuracy", "bytes", "kept in models/")
    rows, misses = [], []
    for file in FILES:
        trained, made = BUILD / "float" / f"{file.network}.onnx", BUILD / file.name
        network, test = onnx.load(trained), tasks[file.network].test
        reached = accuracy(made, test)
        compared = _compared(made, FOLDER / file.name, reached, test)
        rows.append((file.name, f"{parameters(network):,}", f"{macs(network):,}",
                     f"{accuracy(trained, test):.1%}", f"{reached:.1%}",
                     f"{made.stat().st_size:,}", compared))  # fmt: skip
        if reached < file.goal:
            misses.append(f"{file.name}: accuracy {reached:.1%} is below {file.goal:.0%}")
    console.tables({}, [("build/models", head, rows)])
    for miss in misses:
        console.warn(miss)
    return bool(misses)


def _compared(made: Path, kept: Path, reached: float, test: Split) -> str:
    """How the file that is kept compares with the one just made."""
    if not kept.is_file():
        return "not there yet"
    if kept.read_bytes() == made.read_bytes():
        return "the same bytes"
    return f"other weights: {accuracy(kept, test):.2%} there, {reached:.2%} here"


if __name__ == "__main__":
    sys.exit(main())
