"""The golden models of whole networks beside onnxruntime, on every image of the test sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from benchmarks.tables import Benchmark, Table, Value
from hls.network import Network
from models.zoo import FILES, FOLDER, TASKS, File
from sim.judge import Verdict, judge

__all__ = ["JUDGED", "Sum", "verdicts"]

SHARE = 2e-5
"""Of the values that may differ, by one step, where scales are no powers of two."""
BATCH = 50
"""Images that are judged at once."""


@dataclass
class Sum:
    """Verdicts of several batches, added up."""

    values: int = 0
    differing: int = 0
    halfway: int = 0
    largest: int = 0
    frames: int = 0
    top1: int = 0
    undecided: int = 0

    def add(self, verdict: Verdict) -> None:
        """Count a batch."""
        self.values += verdict.values
        self.differing += verdict.differing
        self.halfway += verdict.halfway
        self.largest = max(self.largest, verdict.largest)
        self.frames += verdict.frames
        self.top1 += verdict.top1
        self.undecided += verdict.undecided


@dataclass
class Judged:
    """A model: each layer by itself, and end to end."""

    file: File
    isolated: Sum = field(default_factory=Sum)
    whole: Sum = field(default_factory=Sum)

    def misses(self) -> Iterator[str]:
        """What is over the bound, in words."""
        assert self.file.scheme is not None
        bound = 0.0 if self.file.scheme.power_of_two else SHARE
        apart = self.isolated.differing - self.isolated.halfway
        if apart > bound * self.isolated.values or self.isolated.largest > 1:
            yield (
                f"{self.file.name}: {apart:,} of {self.isolated.values:,} values differ, by up to "
                f"{self.isolated.largest}, though each layer reads what onnxruntime has"
            )
        others = self.whole.frames - self.whole.top1 - self.whole.undecided
        if others:
            yield f"{self.file.name}: {others} of {self.whole.frames} classes are not onnxruntime's"


def _run(progress: Callable[[str], None]) -> list[Table]:
    found = []
    files = [file for file in FILES if file.scheme is not None]
    for number, file in enumerate(files, start=1):
        progress(f"judged {number}/{len(files)}: {file.name}")
        found.append(_judged(file, TASKS[file.network]().test.images))
    return [verdicts(found)]


def _judged(file: File, images: npt.NDArray[np.float32]) -> Judged:
    path = FOLDER / file.name
    network = Network.from_onnx(path)
    judged = Judged(file)
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH]
        judged.isolated.add(judge(network, path, batch, isolated=True))
        judged.whole.add(judge(network, path, batch))
    return judged


def verdicts(found: list[Judged]) -> Table:
    """How many values are not onnxruntime's."""
    rows: list[tuple[Value, ...]] = []
    misses: list[str] = []
    for judged in found:
        over = list(judged.misses())
        rows.append((
            judged.file.name.removesuffix(".onnx"), judged.whole.frames, judged.isolated.values,
            judged.isolated.differing, judged.isolated.halfway, judged.isolated.largest,
            judged.whole.differing, judged.whole.largest, judged.whole.top1,
            judged.whole.undecided, "FAIL" if over else "pass",
        ))  # fmt: skip
        misses += over
    return Table(
        title="Networks beside onnxruntime",
        caption=(
            "Every tensor between layers, on the whole test set. By layer: each reads what "
            "onnxruntime has (mark: at most one step on 2e-5 of the values, exact ties not "
            "counted, and none with scales of powers of two). End to end: a layer also sees what "
            "differs before it. Mark: every class is onnxruntime's; undecided is where its outputs "
            "for both classes are at most a step apart."
        ),
        columns=(
            "model", "images", "values", "by layer", "ties", "step", "end to end", "step ",
            "same class", "undecided", "",
        ),
        rows=rows,
        misses=misses,
    )  # fmt: skip


JUDGED = Benchmark("judged", "whole networks: every value beside onnxruntime's", _run)
