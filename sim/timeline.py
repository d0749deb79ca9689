"""When each layer of a network is at work, in Verilog: the words that enter its output's FIFO."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hls.design import DataflowNetwork
from hls.errors import CheckFailed
from hls.project import Project
from sim import fast, vectors, workload
from sim.calls import Job
from sim.cosim import pace, rtl_of
from sim.verilate import verilate

__all__ = ["Row", "Timeline", "timeline"]


@dataclass(frozen=True)
class Row:
    """A layer, or one of the streams of the network.

    Attributes:
        name: of the layer; "input" or "output" of a stream.
        spans: for each frame the cycles of its first and its last word, from the first input beat.
    """

    name: str
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """What a run of some frames back to back shows, all ports ready in every cycle.

    Attributes:
        rows: input, layers in order, output.
        cycles_per_frame: in steady state.
        latency_cycles: of the first frame, from its first input beat to its last output beat.
        match: every output is the golden model's.
    """

    rows: tuple[Row, ...]
    cycles_per_frame: float
    latency_cycles: int
    match: bool


def timeline(project: Project, *, frames: int = 6, seed: int = 0) -> Timeline:
    """Run `frames` random frames through the Verilog of a network in dataflow style.

    Raises:
        CheckFailed: it hangs; cosimulation says where.
        ToolNotFound, ToolFailed: as `sim.verilate.verilate`.
    """
    design = project.design
    assert isinstance(design, DataflowNetwork)
    load = workload.network(design, project.manifest, [vectors.frames(design, frames, seed)])
    streams = {stage.name: design.results(stage.name).name for stage in design.stages}
    rtl = rtl_of(project)
    job = Job(
        top=rtl.top,
        manifest=project.manifest,
        calls=load.calls,
        stalls=0.0,
        seed=seed,
        patience_cycles=2000 + 2 * sum(design.stage_cycles.values()),
        fifos={},
        processes=[],
        taps=tuple(streams.values()),
    )
    model = verilate(rtl.top, rtl.files, project.path / "sim" / "taps", taps=True)
    finding = fast.run(model, job, folder=rtl.folder / "rtl")
    if finding.hang is not None:
        raise CheckFailed(f"{rtl.top}: hangs; lineloom cosim says which process waits")
    beats = finding.calls[0]
    words = {"input": beats.cycles["in_r"]}
    words |= {layer: finding.tap_cycles[stream] for layer, stream in streams.items()}
    words["output"] = beats.cycles["out_r"]
    begin = int(words["input"][0])
    rows = []
    for name, cycles in words.items():
        each = (cycles - begin).reshape(frames, -1)
        rows.append(Row(name, tuple((int(own[0]), int(own[-1])) for own in each)))
    return Timeline(
        rows=tuple(rows),
        cycles_per_frame=pace(beats, load, beats.done - beats.start)[1],
        latency_cycles=rows[-1].spans[0][1] + 1,
        match=bool(np.array_equal(workload.output(load, 0, finding), load.expected[0])),
    )
