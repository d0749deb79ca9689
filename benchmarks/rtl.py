"""The designs in RTL: cycles against their marks, and what lowering and simulating them takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.designs import DESIGNS, MARKS, Mark
from benchmarks.projects import Lowering, lowered, prepared
from benchmarks.tables import Benchmark, Table
from hls.design import Operator
from hls.errors import CheckFailed
from hls.gemm import MEMORY_LATENCY_CYCLES
from hls.project import Project
from sim.cosim import CosimResult, cosim

__all__ = ["RTL", "Measured", "checked", "cost_table", "cycle_table", "measure"]

FRAMES = 3
MOST_SECONDS, MOST_MB = 30, 4096
"""What lowering may take."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A design that was lowered and simulated, bit-exactly."""

    design: Operator
    lowering: Lowering
    result: CosimResult
    verilog_lines: int


def measure(design: Operator) -> Measured:
    """Lower a design and simulate it without stalls.

    Raises:
        CheckFailed: an output is wrong, or a rule of a protocol was broken.
        ToolFailed: it cannot be lowered or built.
    """
    project = prepared(design, "rtl")
    lowering = lowered(project)
    files = sorted((project.path / "rtl").glob("*.v"))
    return Measured(
        design=design,
        lowering=lowering,
        result=checked(project, FRAMES),
        verilog_lines=sum(len(file.read_text().splitlines()) for file in files),
    )


def checked(
    project: Project, frames: int, *, memory_latency: int = MEMORY_LATENCY_CYCLES
) -> CosimResult:
    """A simulation without stalls by the fast engine, of which every output is right."""
    result = cosim(project, frames=frames, engine="fast", memory_latency=memory_latency)
    if not result.match:
        raise CheckFailed(
            f"{project.design.name}: RTL differs from NumPy in {result.mismatches} of "
            f"{result.outputs} outputs; {'; '.join(result.violations)}"
        )
    return result


def cycle_table(measured: Sequence[Measured], marks: dict[str, Mark]) -> Table:
    """Cycles of each design beside its bound and its mark."""
    rows, misses = [], []
    for m in measured:
        mark = marks[m.design.name]
        cycles, bound = m.result.cycles_per_frame, m.result.bound_cycles
        reached = m.result.ratio <= mark.most_ratio
        rows.append((
            m.design.name, m.design.multipliers, bound, round(cycles), round(m.result.ratio, 4),
            round(100 * m.design.macs / (cycles * m.design.multipliers), 1), mark.text,
            "pass" if reached else "FAIL",
        ))  # fmt: skip
        if not reached:
            misses.append(
                f"{m.design.name}: {cycles:,.0f} cycles are {m.result.ratio:.3f} of the bound "
                f"{bound:,}, the mark is {mark.text}"
            )
    return Table(
        title="Cycles in RTL",
        caption=(
            f"Verilog of the open lowering, fast engine, no stalls, every output compared. "
            f"Convolutions: a frame in steady state, {FRAMES} back to back; products: start to "
            "done. Bound: max(input beats, MACs / multipliers). MACs: share of what the "
            "multipliers could do; the mark in % is on that share."
        ),
        columns=(
            "design", "MAC units", "bound cycles", "cycles", "ratio", "MACs %", "mark", "",
        ),
        rows=rows,
        misses=misses,
    )  # fmt: skip


def cost_table(measured: Sequence[Measured]) -> Table:
    """What lowering and simulating each design took."""
    rows, misses = [], []
    for m in measured:
        seconds, peak_mb = m.lowering.seconds, m.lowering.peak_mb
        reached = seconds <= MOST_SECONDS and peak_mb <= MOST_MB
        rows.append((
            m.design.name, round(seconds, 1), round(peak_mb), m.verilog_lines,
            round(m.result.cycles_per_second), "pass" if reached else "FAIL",
        ))  # fmt: skip
        if not reached:
            misses.append(
                f"{m.design.name}: lowering took {seconds:.1f} s and {peak_mb:.0f} MiB, the marks "
                f"are {MOST_SECONDS} s and {MOST_MB} MiB"
            )
    return Table(
        title="Lowering and simulating them",
        caption=(
            f"Marks: lowering within {MOST_SECONDS} s of processor time, {MOST_MB:,} MiB (Python "
            "and clang together). Simulated cycles are those of the whole bench, drivers included."
        ),
        columns=(
            "design", "lowering CPU s", "peak MiB", "lines of Verilog", "simulated cycles/s", "",
        ),
        rows=rows,
        misses=misses,
    )  # fmt: skip


def _run(progress: Callable[[str], None]) -> list[Table]:
    measured = []
    for number, design in enumerate(DESIGNS, start=1):
        progress(f"RTL {number}/{len(DESIGNS)}: {design.name}: lower, build, simulate")
        measured.append(measure(design))
    return [cycle_table(measured, dict(MARKS)), cost_table(measured)]


RTL = Benchmark("rtl", "cycles of the Verilog against the marks; lowering and simulator", _run)
