"""How near the designs' schedules come to what no schedule with their lanes can undercut."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.designs import DESIGNS
from benchmarks.tables import Benchmark, Table
from hls.design import Operator

__all__ = ["BOUNDS", "bounds"]


def bounds(designs: Sequence[Operator]) -> Table:
    """Lower bound and prediction of each design, with the memory and the traffic they take."""
    return Table(
        title="Cycles against the lower bound",
        caption=(
            "Model only, nothing measured. Bound: max(words of each port, MACs / multipliers). A "
            "convolution's cycles are those of a frame in steady state, a product's from start to "
            "done. DRAM bytes of a product count every pass over A and B."
        ),
        columns=(
            "design", "lower bound", "predicted", "ratio", "multipliers", "on-chip kbit",
            "DRAM bytes",
        ),
        rows=[
            (
                design.name,
                design.lower_bound_cycles,
                design.predicted_cycles,
                round(design.predicted_cycles / design.lower_bound_cycles, 4),
                design.multipliers,
                round(design.on_chip_bits / 1024),
                design.dram_bytes,
            )
            for design in designs
        ],
    )  # fmt: skip


def _run(progress: Callable[[str], None]) -> list[Table]:
    progress("predicting cycles")
    return [bounds(DESIGNS)]


BOUNDS = Benchmark("bounds", "cycles, memory and traffic of the model against bounds", _run)
