"""Cosimulation: the Verilog of a project runs under stalls and is compared with the golden model.

Two engines run the same jobs (`sim.calls`): "cocotb" checks with the AXI models of cocotbext-axi,
"fast" with drivers in C++, for designs of full size. Without stalls both take the same cycles.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.conv2d import Conv2d
from hls.design import DataflowNetwork, MatrixConv2d, OverlayNetwork, framed
from hls.errors import CheckFailed, InputError
from hls.gemm import MEMORY_LATENCY_CYCLES, Gemm
from hls.project import Project
from hls.rtl import Rtl, lower_project
from sim import fast, simulator, vectors, workload
from sim.calls import Beats, Call, Finding, Job, beat_bytes
from sim.hang import hang_text
from sim.layerwise import first_difference
from sim.operands import matrices, pixels
from sim.overlay_network import PROGRAM_PORT, layer_cycles
from sim.structure import structure
from sim.verilate import verilate
from sim.workload import Workload

__all__ = ["ENGINES", "CosimResult", "cosim", "pace", "rtl_of"]

ENGINES = ("cocotb", "fast")


@dataclass(frozen=True)
class CosimResult:
    """What a cosimulation found."""

    match: bool
    """All outputs are right and no rule of a protocol was broken."""
    mismatches: int
    """Wrong values, in all calls."""
    first_mismatch: dict[str, Any] | None
    """Call, index, got and expected of the first wrong value; layer, where layers are compared."""
    violations: list[str]
    """Broken rules of the protocols."""
    outputs: int
    """Compared values, in all calls."""
    calls: int
    """Calls of the kernel without a reset between them; the measured one is that of all frames."""
    cycles: int
    """From the start of the measured call until it is done."""
    setup_cycles: int
    """Of the calls before it, which load parameters or compare layers."""
    stream_cycles: int
    """From its first input beat to its last output beat; `cycles` where there are no streams."""
    cycles_per_frame: float
    """In steady state if there are several frames in a stream; else of all that share a call."""
    bound_cycles: int
    """Cycles a frame (or product) that no schedule can undercut."""
    ii: dict[str, int]
    """Pipelined loop -> its initiation interval."""
    fifos: dict[str, dict[str, int]]
    """Stream -> most words that it held, and its depth."""
    memory_bytes: dict[str, dict[str, int]]
    """Port -> bytes read and written by the measured call, all phases together; streams too."""
    layer_cycles: dict[str, int]
    """Of a network whose layers run one after the other, in the fast engine: layer -> its share of
    `cycles`."""
    first_layer: dict[str, Any] | None
    """Of a network that goes wrong: the first layer that does, index, got and expected."""
    stalls: float
    seed: int
    engine: str
    cycles_per_second: float
    """Speed of the simulation."""
    waves: Path | None
    output: npt.NDArray[Any] = field(repr=False)
    """What the measured call put out; of all frames, also where each has a call of its own."""

    @property
    def ratio(self) -> float:
        """Cycles a frame over their bound."""
        return self.cycles_per_frame / self.bound_cycles


def cosim(
    project: Project,
    *,
    frames: int | None = None,
    stalls: float = 0.0,
    seed: int = 0,
    sizes: tuple[int, int, int] | None = None,
    engine: str = "cocotb",
    waves: bool = False,
    inputs: Mapping[str, Any] | None = None,
    memory_latency: int = MEMORY_LATENCY_CYCLES,
    memory_bandwidth: float | None = None,
) -> CosimResult:
    """Run the Verilog of a project, lowering it first if that was not done.

    A convolution loads its parameters where it has to, runs `frames` frames back to back, and from
    two frames on one more in another call. A Gemm runs one product, then a smaller one.

    Args:
        project: a generated project.
        frames: of the measured call of a convolution: 3, or as many as the array takes, at most.
        stalls: share of cycles in which each port pauses, from 0 to below 1.
        seed: of stimuli and stalls.
        sizes: m, k and n of a Gemm; its maxima unless given.
        engine: "cocotb" or "fast".
        waves: write a VCD file.
        inputs: arrays to run instead of `frames` or `sizes` of random ones, in one call: x
            [N, H, W, C] of a Conv2d; a, b, bias, multiplier and shift of a Gemm, as for C-sim.
        memory_latency: cycles from an address to its first word, and from a last word to its
            answer, when nothing stalls; for the fast engine. Input streams begin as late.
        memory_bandwidth: bytes a cycle that the memory moves for all ports together, streams too;
            None is without limit. For the fast engine.

    Raises:
        InputError: an argument is outside its range.
        CheckFailed: the design hangs; the text says which process waits on which stream.
        ToolNotFound, ToolFailed: as `sim.verilate.verilate`.
    """
    if engine not in ENGINES:
        raise InputError(f"engine={engine!r} is not known; use {' or '.join(ENGINES)}")
    if not 0 <= stalls <= 0.9:
        raise InputError(f"stalls={stalls} is outside 0..0.9, the share of cycles to pause in")
    if not 1 <= memory_latency <= 1000:
        raise InputError(f"memory_latency={memory_latency} is outside 1..1000 cycles")
    if memory_bandwidth is not None and not 0.01 <= memory_bandwidth <= 1e6:
        raise InputError(f"memory_bandwidth={memory_bandwidth} is outside 0.01..1e6 bytes a cycle")
    own_memory = memory_latency == MEMORY_LATENCY_CYCLES and memory_bandwidth is None
    if engine != "fast" and not own_memory:
        raise InputError("the memories of cocotb have a pace of their own; use engine fast")
    load = _workload(project, frames, seed, sizes) if inputs is None else _given(project, inputs)
    rtl = rtl_of(project)
    inside = structure(rtl.top, rtl.folder / "rtl")
    job = Job(
        top=rtl.top,
        manifest=project.manifest,
        calls=load.calls,
        stalls=stalls,
        seed=seed,
        patience_cycles=int((2000 + 2 * _way_through(project)) / (1 - stalls)),
        fifos=inside.depths,
        processes=list(inside.reads),
        memory=load.memory,
        memory_latency=memory_latency,
        memory_bandwidth=memory_bandwidth or 0.0,
        watched=(PROGRAM_PORT,) if isinstance(project.design, OverlayNetwork) else (),
    )
    finding, written = _simulate(project, rtl, job, engine, waves=waves)
    if finding.hang is not None:
        raise CheckFailed(hang_text(job, finding, finding.hang, inside))
    wrong = [(call, *difference) for call, difference in enumerate(_differences(load, finding))]
    first = next((_first(load, call, index, got, wanted)
                  for call, index, got, wanted in wrong if len(index)), None)  # fmt: skip
    violations = [*finding.complaints, *workload.strays(load, finding)]
    mismatches = sum(len(index) for _, index, _, _ in wrong)
    measured = finding.calls[load.measured]
    begin = load.measured + 1 - load.phases
    before, own = finding.calls[:begin], finding.calls[begin : load.measured + 1]
    cycles = sum(call.done - call.start for call in own)
    stream_cycles, cycles_per_frame = pace(measured, load, cycles)
    return CosimResult(
        match=not mismatches and not violations,
        mismatches=mismatches,
        first_mismatch=first,
        violations=violations,
        outputs=sum(expected.size for expected in load.expected),
        calls=len(load.calls),
        cycles=cycles,
        setup_cycles=sum(call.done - call.start for call in before),
        stream_cycles=stream_cycles,
        cycles_per_frame=cycles_per_frame,
        bound_cycles=load.bound_cycles,
        ii=_intervals(rtl),
        fifos={name: {"most": most, "depth": inside.depths[name]}
               for name, most in finding.marks.items()},
        memory_bytes=_memory_bytes(project.manifest, own),
        layer_cycles=_layer_cycles(project, load.calls[begin : load.measured + 1], own),
        first_layer=_first_layer(project, rtl, job) if mismatches else None,
        stalls=stalls,
        seed=seed,
        engine=engine,
        cycles_per_second=finding.cycles / finding.seconds,
        waves=written,
        output=workload.measured_output(load, finding),
    )  # fmt: skip


def _way_through(project: Project) -> int:
    """Cycles after which a frame has gone through all of the design, about."""
    if isinstance(project.design, DataflowNetwork):
        return sum(project.design.stage_cycles.values())
    predicted: int = project.manifest["costs"]["predicted_cycles"]
    return predicted


def _workload(
    project: Project, frames: int | None, seed: int, sizes: tuple[int, int, int] | None
) -> Workload:
    design = project.design
    takes_frames = framed(design)
    if takes_frames is not None:
        if sizes is not None:
            raise InputError("m, k and n do not apply to a convolution; leave them away")
        array = isinstance(design, MatrixConv2d)
        most = design.conv.batch if isinstance(design, MatrixConv2d) else 3
        chosen_frames = min(3, most) if frames is None else frames
        if chosen_frames < 1:
            raise InputError(f"frames={chosen_frames} is not positive; use 1 or more")
        if array and chosen_frames > most:
            raise InputError(
                f"frames={chosen_frames} is over batch={most} of the design; "
                "generate one with a larger batch"
            )
        batches = [vectors.frames(takes_frames, chosen_frames, seed)]
        if array or chosen_frames > 1:
            batches.append(vectors.frames(takes_frames, 1, seed + 1))
        return _framed(project, batches)
    assert isinstance(design, Gemm)
    limits = design.max_m, design.max_k, design.max_n
    chosen = limits if sizes is None else sizes
    for name, size, limit in zip("mkn", chosen, limits, strict=True):
        if not 1 <= size <= limit:
            raise InputError(
                f"{name}={size} is outside the design's 1..{limit}; "
                f"generate one with a larger max_{name}"
            )
    m, k, n = chosen
    large = vectors.gemm_operands(design, m, k, n, seed)
    small = vectors.gemm_operands(design, (m + 1) // 2, (k + 1) // 2, (n + 1) // 2, seed + 1)
    return workload.gemm(design, [large, small])


def _framed(project: Project, batches: list[npt.NDArray[Any]]) -> Workload:
    design, parameters = project.design, project.parameters
    if isinstance(design, DataflowNetwork):
        return workload.network(design, project.manifest, batches)
    if isinstance(design, OverlayNetwork):
        return workload.overlay(design, batches)
    assert parameters is not None
    if isinstance(design, MatrixConv2d):
        return workload.matrix_conv2d(design, parameters, batches)
    assert isinstance(design, Conv2d)
    return workload.conv2d(design, parameters, project.manifest, batches)


def _given(project: Project, inputs: Mapping[str, Any]) -> Workload:
    design = project.design
    takes_frames = framed(design)
    if takes_frames is not None:
        frames = pixels(takes_frames, **inputs)
        if not len(frames):
            raise InputError("x: holds no frame; give one or more")
        return _framed(project, [frames])
    assert isinstance(design, Gemm)
    return workload.gemm(design, [matrices(design, **inputs)])


def rtl_of(project: Project) -> Rtl:
    """The Verilog that is there, of Vitis HLS or of the open lowering for any part; or new."""
    known = project.path / "reports" / "lowering.json"
    if not known.is_file():
        return lower_project(project)
    report = json.loads(known.read_text())
    rtl = Rtl(project.path, project.design.name, report)
    if report.get("backend") == "vitis" and rtl.files:
        return rtl
    return lower_project(project, part=report["target"], clock_ns=report["clock_ns"])


def _simulate(
    project: Project, rtl: Rtl, job: Job, engine: str, *, waves: bool
) -> tuple[Finding, Path | None]:
    place = project.path / "sim"
    sources = rtl.folder / "rtl"
    model = verilate(rtl.top, rtl.files, place, waves=waves)
    file = (place / f"{rtl.top}.vcd").resolve() if waves else None
    # Verilog may read files beside it, as that of Vitis HLS does for its ROMs.
    if engine == "fast":
        return fast.run(model, job, waves=file, folder=sources), file
    streams = isinstance(project.design, Conv2d | DataflowNetwork)
    bench = "sim.bench_conv2d" if streams else "sim.bench_gemm"
    return simulator.run(model, job, bench, waves=file, folder=sources), file


# ---------------------------------------------------------------------- judging


def _first_layer(project: Project, rtl: Rtl, job: Job) -> dict[str, Any] | None:
    """Run a network again and look at what every layer puts into its stream."""
    design = project.design
    if not isinstance(design, DataflowNetwork):
        return None
    streams = {stage.name: design.results(stage.name).name for stage in design.stages}
    model = verilate(rtl.top, rtl.files, project.path / "sim" / "taps", taps=True)
    job = replace(job, taps=tuple(streams.values()))
    tapped = fast.run(model, job, folder=rtl.folder / "rtl").taps
    frames = [call.sends["in_r"].reshape(-1).view(np.int8) for call in job.calls]
    x = np.concatenate(frames).reshape(-1, *design.input_shape)
    traces = {layer: tapped[stream].view(np.int8) for layer, stream in streams.items()
              if stream in tapped}  # fmt: skip
    return first_difference(design.network, x, traces)


def _differences(
    load: Workload, finding: Finding
) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[Any], npt.NDArray[Any]]]:
    """Indices of wrong values, what came and what had to come, for each call."""
    found = []
    for call, expected in enumerate(load.expected):
        got = workload.output(load, call, finding)
        found.append((np.argwhere(got != expected), got, expected))
    return found


def _first(
    load: Workload,
    call: int,
    indices: npt.NDArray[np.int64],
    got: npt.NDArray[Any],
    expected: npt.NDArray[Any],
) -> dict[str, Any]:
    index = tuple(int(i) for i in indices[0])
    return {
        "call": call,
        **workload.locate(load, call, index),
        "got": int(got[index]),
        "expected": int(expected[index]),
    }


def pace(measured: Beats, load: Workload, cycles: int) -> tuple[int, float]:
    """Cycles from the first input beat to the last output beat, and a frame."""
    if load.output_port is None or load.input_port is None:
        return cycles, cycles / load.frames
    put = measured.cycles[load.output_port]
    last_beats = put[len(put) // load.frames - 1 :: len(put) // load.frames]
    spent = int(put[-1] - measured.cycles[load.input_port][0]) + 1
    if load.frames == 1:
        return spent, float(spent)
    steady = last_beats[: load.frames - load.hurried]
    return spent, float(steady[-1] - steady[0]) / (len(steady) - 1)


def _memory_bytes(manifest: Mapping[str, Any], calls: list[Beats]) -> dict[str, dict[str, int]]:
    found = {}
    for port in manifest["ports"]:
        if port["protocol"] == "m_axi":
            beats = [call.memory_beats[port["name"]] for call in calls]
            read, written = (sum(counts) * beat_bytes(port) for counts in zip(*beats, strict=True))
            found[port["name"]] = {"read": read, "written": written}
        elif port["protocol"] == "axis":
            moved = sum(len(call.cycles[port["name"]]) for call in calls) * beat_bytes(port)
            inward = port["direction"] == "in"
            found[port["name"]] = {"read": moved * inward, "written": moved * (not inward)}
    return found


def _layer_cycles(project: Project, calls: list[Call], done: list[Beats]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for call, beats in zip(calls, done, strict=True):
        if beats.asked:
            assert isinstance(project.design, OverlayNetwork)
            found.update(layer_cycles(project.design.program, call, beats))
    return dict(found)


def _intervals(rtl: Rtl) -> dict[str, int]:
    return {
        loop["label"] if loop["label"].startswith(process["name"]) else
        f"{process['name']}.{loop['label']}": loop["ii"]
        for process in rtl.report.get("processes", ())
        for loop in process["loops"]
        if loop["ii"] is not None
    }  # fmt: skip
