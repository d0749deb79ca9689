"""Programs of the overlay engine in RTL: memory, calls, and what they left behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.errors import CheckFailed
from hls.gemm import MEMORY_LATENCY_CYCLES
from hls.network.compiling import Program
from hls.rtl import Rtl
from sim import fast, simulator
from sim.calls import Call, Finding, Job, Region
from sim.hang import hang_text
from sim.overlay_network import contents, kept
from sim.placement import Placement, view
from sim.structure import structure
from sim.verilate import verilate

__all__ = ["RtlRun", "run_program"]

Tensors = dict[str, npt.NDArray[np.int8]]

PATIENCE_CYCLES = 20_000
"""Without anything moving at a port, but for stalls: longer than the longest computation."""


@dataclass(frozen=True)
class RtlRun:
    """What the RTL made of some frames."""

    tensors: list[Tensors]
    """Of each frame, every tensor that is still there."""
    cycles: list[int]
    """From start to done, by frame."""
    moved_bytes: list[dict[str, tuple[int, int]]]
    """Port -> words read and written, by frame."""
    complaints: list[str]
    """Broken rules of the protocols, and memory that changed beside the tensors."""


def run_program(
    program: Program,
    rtl: Rtl,
    manifest: Mapping[str, Any],
    frames: Sequence[npt.NDArray[np.int8]],
    *,
    stalls: float = 0.0,
    seed: int = 0,
    engine: str = "fast",
    memory_latency: int = MEMORY_LATENCY_CYCLES,
) -> RtlRun:
    """Run one call for each of `frames` [H, W, C], without a reset in between.

    Args:
        program: what to run.
        rtl: the engine's Verilog.
        manifest: with its ports and registers.
        frames: the inputs.
        stalls: share of cycles in which each port pauses.
        seed: of the stalls.
        engine: "cocotb" or "fast".
        memory_latency: cycles from an address to its first word; of the fast engine.

    Raises:
        CheckFailed: the design hangs.
    """
    placement = Placement()
    fixed = placement.place(
        {"program": program.records, "b": program.weights, "p": program.parameters}, writable=()
    )
    calls, homes = [], []
    for frame in frames:
        home = placement.place({"y": contents(program, frame)}, writable="y")["y"]
        placed = {**fixed, "x": replace(home, port="m_axi_gmem_x", writable=False), "y": home}
        addresses = {name: region.address for name, region in placed.items()}
        steps = {"steps": len(program.instructions)}
        calls.append(Call(addresses | steps, regions=list(placed.values())))
        homes.append(home)
    inside = structure(rtl.top, rtl.folder / "rtl")
    job = Job(
        top=rtl.top,
        manifest=manifest,
        calls=calls,
        stalls=stalls,
        seed=seed,
        patience_cycles=int(PATIENCE_CYCLES / (1 - stalls)),
        fifos=inside.depths,
        processes=list(inside.reads),
        memory=placement.contents(),
        memory_latency=memory_latency,
    )
    model = verilate(rtl.top, rtl.files, rtl.folder / "sim")
    if engine == "fast":
        finding = fast.run(model, job, folder=rtl.folder / "rtl")
    else:
        finding = simulator.run(model, job, "sim.bench_gemm", folder=rtl.folder / "rtl")
    if finding.hang is not None:
        raise CheckFailed(hang_text(job, finding, finding.hang, inside))
    assert finding.memory is not None
    memory = finding.memory
    return RtlRun(
        tensors=[_tensors(program, memory, home) for home in homes],
        cycles=[call.done - call.start for call in finding.calls],
        moved_bytes=[call.memory_beats for call in finding.calls],
        complaints=[*finding.complaints, *_strays(job, finding, homes)],
    )


def _tensors(program: Program, memory: npt.NDArray[np.uint8], home: Region) -> Tensors:
    words = view(memory, home).view(np.int8).reshape(-1, program.engine.lanes)
    return kept(program, words)


def _strays(job: Job, finding: Finding, homes: Sequence[Region]) -> list[str]:
    assert job.memory is not None
    assert finding.memory is not None
    changed = (job.memory != finding.memory).view(np.uint8)
    for home in homes:
        view(changed, home)[:] = 0
    count = int(changed.sum())
    return [f"memory beside the tensors changed: {count} bytes"] if count else []
