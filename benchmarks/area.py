"""What the designs take of a device, by Yosys."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait

from benchmarks.designs import DESIGNS
from benchmarks.projects import prepared
from benchmarks.tables import Benchmark, Table, Value
from hls.design import Design, Operator
from hls.estimate import Usage, estimate
from hls.project import Project
from hls.rtl import lower_project
from hls.tools import end_all, unwinding

__all__ = ["AREA", "Sized", "size", "size_all", "sizes"]

FAMILY = "xc7"
AT_ONCE = 2
"""Yosys uses one processor, and up to a gigabyte."""
MOST_DSP = 1.0
"""DSP blocks a multiplier."""

NNGEN_LAYER = "conv_14x14x128_128_k1"
NNGEN = {"LUT": 11_000, "FF": 20_200, "DSP": 80, "BRAM36": 20}
"""NNgen's 1x1 layer 14x14x128 -> 128 with 64 multipliers; given, not measured here."""

Sized = tuple[Design, Usage, int]
"""A design, what it takes, and the lines of its Verilog."""


def size(project: Project) -> Sized:
    """Estimate a project; one whose Verilog did not change is not synthesized again."""
    rtl, usage = estimate(project, FAMILY, timeout_s=4 * 3600)
    return project.design, usage, sum(len(file.read_text().splitlines()) for file in rtl.files)


def size_all(designs: Sequence[Operator], progress: Callable[[str], None]) -> list[Sized]:
    """Estimate designs, some at once; if one fails or the program is to end, all others end.

    Raises:
        ToolFailed: one cannot be lowered or synthesized.
    """

    def sized(number: int, project: Project) -> Sized:
        progress(
            f"resources {number}/{len(designs)}: {project.design.name}: synthesis by Yosys, a "
            "minute or more unless it is known from an earlier run"
        )
        return size(project)

    jobs: list[Future[Sized]] = []
    with unwinding(), ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            for number, design in enumerate(designs, start=1):
                project = prepared(design, "rtl")
                lower_project(project)  # by one thread: LLVM has one context
                jobs.append(pool.submit(sized, number, project))
            for job in wait(jobs, return_when=FIRST_EXCEPTION).done:
                job.result()  # raises what the job raised
            return [job.result() for job in jobs]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            while not all(job.done() for job in jobs):
                end_all()
                time.sleep(0.1)
            raise


def sizes(sized: Sequence[Sized]) -> list[Table]:
    """LUTs, registers, DSP blocks and block RAMs: whole, and for each multiplier."""
    whole: list[tuple[Value, ...]] = []
    each: list[tuple[Value, ...]] = []
    misses = []
    for design, usage, lines in sized:
        used = _used(usage)
        problems = _problems(design, used)
        misses += [f"{design.name}: {problem}" for problem in problems]
        whole.append((design.name, *used.values(), f"{lines:,}"))
        each.append(_shares(design.name, design.multipliers, used, "FAIL" if problems else "pass"))
        if design.name == NNGEN_LAYER:
            whole.append(("  NNgen, given", *NNGEN.values(), "27k-230k"))
            each.append(_shares("  NNgen, given", design.multipliers, NNGEN, ""))
    return [
        Table(
            title=f"Resources, estimated by Yosys for {FAMILY}",
            caption=(
                "Synthesis without placement. NNgen's row is given, not measured here; its lines "
                "are the span over layers."
            ),
            columns=("design", *NNGEN, "lines of Verilog"),
            rows=whole,
        ),
        Table(
            title="The same for each multiplier",
            caption=(
                f"Mark: {MOST_DSP} DSP a multiplier, and less of everything than NNgen for its "
                "layer. A MAC unit is one multiplier with its share of everything else. Where a "
                "multiplier has only one weight (28x28x1), or the same one in each of its folds, "
                "the lowering makes the product with that constant of shifts and additions: LUTs "
                "instead of a DSP."
            ),
            columns=("design", "MAC units", "DSP/MAC", "LUT/MAC", "FF/MAC", ""),
            rows=each,
            misses=misses,
        ),
    ]


def _used(usage: Usage) -> dict[str, float]:
    return {"LUT": usage.lut, "FF": usage.ff, "DSP": usage.dsp, "BRAM36": usage.bram36}


def _shares(
    name: str, multipliers: int, used: Mapping[str, float], verdict: str
) -> tuple[Value, ...]:
    parts = (used[kind] / multipliers for kind in ("DSP", "LUT", "FF"))
    return (name, multipliers, *(round(part, 2) for part in parts), verdict)


def _problems(design: Design, used: Mapping[str, float]) -> list[str]:
    dsp = used["DSP"] / design.multipliers
    found = [f"{dsp:.2f} DSP a multiplier, the mark is {MOST_DSP}"] if dsp > MOST_DSP else []
    if design.name == NNGEN_LAYER:
        found += [
            f"{used[kind]:,g} {kind}, NNgen's given figure is {given:,g}"
            for kind, given in NNGEN.items()
            if used[kind] > given
        ]
    return found


def _run(progress: Callable[[str], None]) -> list[Table]:
    return sizes(size_all(DESIGNS, progress))


AREA = Benchmark("area", "LUT, FF, DSP, BRAM and lines of Verilog; some minutes", _run)
