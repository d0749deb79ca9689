"""FIFOs of a network as deep as its RTL needs them: what they held, and what rules out a hang.

The model that sizes FIFOs (`hls.network.schedule`) assumes an even pace and one latency for all
processes, and so gives some of them more room than they use. A FIFO that was never full did not
hold up anybody: one word more than it ever held changes nothing in the runs that were measured.
What rules out a hang (`hls.network.fifos`) is kept whatever was measured, and no FIFO gets deeper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hls.errors import CheckFailed
from hls.made_for import asked_for
from hls.network.dataflow import DataflowNetwork
from hls.network.fifos import LEAST_WORDS, safe_depths
from hls.network.generation import generate_dataflow
from hls.project import Project
from sim.cosim import CosimResult, cosim

__all__ = ["Measured", "measure_fifos"]

FRAMES = 5
"""Of a run: the first one fills the pipeline."""

STALLS = (0.0, 0.2)
"""Shares of cycles in which ports pause. Without any the pace is measured as well."""


@dataclass(frozen=True)
class Measured:
    """What became of a network whose FIFOs were measured."""

    bits_before: int
    """Of all FIFOs, as the model sizes them."""
    bits: int
    cycles: float
    """A frame, in steady state without stalls; as before, or fewer."""


def measure_fifos(project: Project, design: DataflowNetwork) -> Measured:
    """Run the Verilog of `project`, generate it again with the FIFOs it needs, and run that.

    Args:
        project: of `design`; its folder is written again.
        design: the FIFOs that it has are the deepest ones.

    Raises:
        CheckFailed: the Verilog differs from the golden model, hangs, or became slower.
        ToolNotFound, ToolFailed: as `sim.cosim.cosim`.
    """
    before = _runs(project)
    found = replace(design, depths=_needed(design, before))
    made = generate_dataflow(found, project.path, asked_for(project))
    after = _runs(made)
    if after[0].cycles_per_frame > before[0].cycles_per_frame:
        raise CheckFailed(
            f"{made.path}: with the FIFOs that were measured a frame takes "
            f"{after[0].cycles_per_frame:,.0f} cycles, {before[0].cycles_per_frame:,.0f} before; "
            "use --fifos model"
        )
    return Measured(bits_before=_bits(design), bits=_bits(found), cycles=after[0].cycles_per_frame)


def _runs(project: Project) -> list[CosimResult]:
    """One for each share of stalls; all of them match."""
    found = []
    for seed, stalls in enumerate(STALLS):
        result = cosim(project, frames=FRAMES, stalls=stalls, seed=seed, engine="fast")
        if not result.match:
            raise CheckFailed(
                f"{project.path}: the Verilog differs from the golden model; "
                f"lineloom cosim {project.path} --engine fast --frames {FRAMES} "
                f"--stalls {stalls:g} --seed {seed} tells where"
            )
        found.append(result)
    return found


def _needed(design: DataflowNetwork, runs: list[CosimResult]) -> Mapping[str, int]:
    """Stream -> words of its FIFO."""
    safe = safe_depths(design.processes)
    return {
        stream.name: min(
            stream.depth,
            max(LEAST_WORDS, safe.get(stream.name, 0),
                1 + max(run.fifos[stream.name]["most"] for run in runs)),
        )
        for stream in design.streams
    }  # fmt: skip


def _bits(design: DataflowNetwork) -> int:
    return sum(stream.bits * stream.depth for stream in design.streams)
