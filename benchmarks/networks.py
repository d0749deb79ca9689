"""Whole networks in RTL: cycles a frame, resources, and predictions beside onnxruntime's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.area import FAMILY
from benchmarks.projects import FOLDER, kept
from benchmarks.tables import Benchmark, Table, Value
from hls.boards import board
from hls.estimate import Usage, estimate
from hls.generator import BOARD, CLOCK_NS
from hls.network import Network
from hls.network.generation import generate_network
from hls.project import Project
from models.zoo import FOLDER as MODELS
from models.zoo import TASKS
from sim.prediction import Prediction, predict

__all__ = ["NETWORKS", "Run", "cycles", "resources"]

SYNTHESIS_S = 3600


@dataclass(frozen=True)
class Run:
    """A model of models/ in a style, and how many of its held-out images go through it."""

    file: str
    network: str
    style: str
    images: int

    @property
    def name(self) -> str:
        """Of the design."""
        return f"{Path(self.file).stem}_{self.style}"


RUNS = (
    Run("digits_cnn.onnx", "digits_cnn", "dataflow", 450),
    Run("digits_cnn.onnx", "digits_cnn", "overlay", 450),
    Run("resnet8.onnx", "resnet8", "dataflow", 20),
    Run("resnet8.onnx", "resnet8", "overlay", 20),
    Run("dscnn.onnx", "dscnn", "dataflow", 20),
    Run("dscnn.onnx", "dscnn", "overlay", 20),
)


def _run(progress: Callable[[str], None]) -> list[Table]:
    found, used = [], []
    for number, run in enumerate(RUNS, start=1):
        where = f"networks {number}/{len(RUNS)}: {run.name}"
        progress(f"{where}: lower, build, simulate {run.images} images")
        project = kept(FOLDER / "networks" / run.name, partial(_made, run))
        test = TASKS[run.network]().test
        found.append((run, predict(project, test.images[: run.images], test.labels[: run.images])))
        progress(f"{where}: synthesis by Yosys, some minutes unless it is known")
        used.append((run, estimate(project, FAMILY, timeout_s=SYNTHESIS_S)[1]))
    return [cycles(found), resources(used)]


def _made(run: Run, path: Path) -> Project:
    network = Network.from_onnx(MODELS / run.file, run.name)
    return generate_network(network, path, board=BOARD, style=run.style)[0]


def cycles(found: list[tuple[Run, Prediction]]) -> Table:
    """Frames, and whether every bit and every class is right."""
    rows: list[tuple[Value, ...]] = []
    misses = []
    for run, prediction in found:
        assert prediction.cycles_per_frame is not None
        accuracy = prediction.accuracy, prediction.model_accuracy
        rows.append((
            run.name, run.images, prediction.bound_cycles, round(prediction.cycles_per_frame),
            round(prediction.cycles_per_frame / prediction.bound_cycles, 3),
            round(1e9 / CLOCK_NS / prediction.cycles_per_frame),
            " / ".join("" if share is None else f"{share:.1%}" for share in accuracy),
            f"{prediction.differing} of {prediction.outputs}",
            "pass" if prediction.match else "FAIL",
        ))  # fmt: skip
        if not prediction.match:
            misses.append(
                f"{run.name}: {prediction.mismatches} of {prediction.outputs} outputs are not the "
                f"golden model's, {prediction.agreeing} of {prediction.images} classes are "
                "onnxruntime's"
            )
    return Table(
        title="Networks",
        caption=(
            "RTL, fast engine, frames back to back, a memory that is always ready. Mark: every "
            "output bit is the golden model's, every class onnxruntime's. Outputs may differ from "
            "onnxruntime's by a step, as scales are no powers of two. Bound: the largest of each "
            "layer's MACs / multipliers (dataflow), all MACs / multipliers (overlay)."
        ),
        columns=(
            "network", "images", "bound", "cycles a frame", "ratio", "frames/s at 100 MHz",
            "accuracy / onnxruntime", "outputs unlike it", "",
        ),
        rows=rows,
        misses=misses,
    )  # fmt: skip


def resources(used: list[tuple[Run, Usage]]) -> Table:
    """What the networks take, beside what the board has."""
    target = board(BOARD)
    has = {"LUT": target.lut, "FF": target.ff, "DSP": target.dsp, "BRAM36": target.bram36}
    rows: list[tuple[Value, ...]] = [(f"  {BOARD} has", *has.values(), "")]
    misses = []
    for run, usage in used:
        takes = {"LUT": usage.lut, "FF": usage.ff, "DSP": usage.dsp, "BRAM36": usage.bram36}
        over = [kind for kind in takes if takes[kind] > has[kind]]
        rows.append((run.name, *takes.values(), "FAIL" if over else "pass"))
        misses += [
            f"{run.name}: {takes[kind]:,g} {kind} are more than the {has[kind]:,} of {BOARD}"
            for kind in over
        ]
    return Table(
        title=f"Resources of networks, estimated by Yosys for {FAMILY}",
        caption="Synthesis without placement. Mark: it fits.",
        columns=("network", "LUT", "FF", "DSP", "BRAM36", ""),
        rows=rows,
        misses=misses,
    )


NETWORKS = Benchmark("networks", "whole networks: cycles, accuracy, resources", _run)
