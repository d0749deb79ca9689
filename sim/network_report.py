"""A network on a board in figures: what its Verilog takes, and where.

Every figure says how it came about: "rtl" is counted in a run of the Verilog, "yosys" comes out of
a synthesis, "model" is computed from sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from hls.boards import Board
from hls.design import DataflowNetwork, OverlayNetwork
from hls.errors import InputError
from hls.estimate import kept
from hls.memory import Memory
from hls.network import Network
from hls.network.assembly import Stage
from hls.network.costs import layer_cycles
from hls.network.engines import ConvolutionEngine
from hls.network.layers import Convolution, Layer, Pooling
from hls.network.resources import of_network
from hls.project import Project
from sim.cosim import cosim, rtl_of
from sim.timeline import Timeline, timeline

__all__ = ["network_report"]

FORMAT = 1
"""Version of the report."""


def network_report(project: Project, board: Board) -> dict[str, Any]:
    """Run a network's Verilog for a few frames and tell what it takes, as JSON-able data.

    Raises:
        InputError: the project is of something else.
        CheckFailed, ToolNotFound, ToolFailed: as cosimulation.
    """
    design, memory = project.design, Memory.of(board)
    if isinstance(design, DataflowNetwork):
        run = timeline(project)
        interval, match, latency = run.cycles_per_frame, run.match, run.latency_cycles
        layers = [_stage(design.network, stage, interval, run) for stage in design.stages]
        spans = [{"name": row.name, "spans": [list(span) for span in row.spans]}
                 for row in run.rows]  # fmt: skip
    elif isinstance(design, OverlayNetwork):
        found = cosim(project, frames=1, engine="fast", memory_latency=memory.latency_cycles,
                      memory_bandwidth=memory.bytes_per_cycle)  # fmt: skip
        interval, match, latency = found.cycles_per_frame, found.match, found.cycles
        layers = _passes(design, found.layer_cycles, memory)
        spans = _in_turn(found.layer_cycles)
    else:
        raise InputError(f"{project.path}: is no network; make one with lineloom net")
    costs = project.manifest["costs"]
    resources = _resources(project, board)
    dsps = resources["used"]["dsp"]
    return {
        "lineloom": FORMAT,
        "project": str(project.path),
        "name": design.network.name,
        "style": project.manifest["style"],
        "summary": design.summary,
        "board": board.name,
        "part": board.part,
        "clock_mhz": board.clock_mhz,
        "memory": asdict(memory) if project.manifest["style"] == "overlay" else None,
        "match": match,
        "pipelined_for_ns": rtl_of(project).report.get("clock_ns"),
        "cycles_per_frame": {"value": interval, "from": "rtl"},
        "latency_cycles": {"value": latency, "from": "rtl"},
        "frames_per_second": round(board.clock_mhz * 1e6 / interval, 1),
        "bound_cycles": costs["lower_bound_cycles"],
        "predicted_cycles": {"value": costs["predicted_cycles"], "from": "model"},
        "ratio": round(interval / costs["lower_bound_cycles"], 4),
        "macs": design.macs,
        "multipliers": costs["multipliers"],
        "multiplications": costs["multiplications"],
        "efficiency": round(design.macs / (costs["multipliers"] * interval), 4)
        if costs["multipliers"]
        else None,
        "macs_per_dsp_cycle": round(design.macs / (dsps * interval), 4) if dsps else None,
        "layers": layers,
        "resources": resources,
        "timeline": spans,
        "roofline": _roofline(design, board, interval),
    }


def _stage(network: Network, stage: Stage, interval: float, run: Timeline) -> dict[str, Any]:
    """A layer with an engine of its own."""
    engine = stage.engine
    row = next(row for row in run.rows if row.name == stage.name)
    lanes, multipliers, macs = f"{engine.takes_lanes}", 0, 0
    if isinstance(engine, ConvolutionEngine):
        conv = engine.conv
        lanes = f"{conv.simd} x {conv.pe}, {conv.parallel_taps} of {conv.window.taps} taps"
        lanes += ", packed" if conv.packed is not None else ""
        multipliers, macs = conv.multipliers, conv.macs
    # The longest of the frames in the middle: the first fills the pipeline, the last drains it.
    middle = row.spans[1:-1] or row.spans
    return _layer(network, engine.layer) | {
        "lanes": lanes,
        "multipliers": multipliers,
        "cycles": {"value": stage.cycles, "from": "model"},
        "span_cycles": {"value": max(last - first + 1 for first, last in middle), "from": "rtl"},
        "share": round(stage.cycles / interval, 4),
        "efficiency": round(macs / (multipliers * interval), 4) if multipliers else None,
    }


def _passes(
    design: OverlayNetwork, measured: Mapping[str, int], memory: Memory
) -> list[dict[str, Any]]:
    """All layers on one engine, one after the other; `measured` are their cycles in a frame."""
    found = []
    cycles = layer_cycles(design.program, memory.latency_cycles)
    whole = sum(measured.values())
    for layer in design.network.layers:
        own = measured.get(layer.name, 0)
        told = _layer(design.network, layer)
        multiplies = isinstance(layer, Convolution)
        found.append(told | {
            "lanes": f"{design.engine.lanes} x {design.engine.lanes}",
            "multipliers": design.multipliers if multiplies else 0,
            "cycles": {"value": cycles.get(layer.name, 0), "from": "model"},
            "span_cycles": {"value": own, "from": "rtl"},
            "share": round(own / whole, 4),
            "efficiency": round(told["macs"] / (design.multipliers * own), 4)
            if multiplies else None,
        })  # fmt: skip
    return found


def _in_turn(measured: Mapping[str, int]) -> list[dict[str, Any]]:
    """When each layer is at work in a frame."""
    found, begin = [], 0
    for name, cycles in measured.items():
        found.append({"name": name, "spans": [[begin, begin + cycles - 1]]})
        begin += cycles
    return found


def _layer(network: Network, layer: Layer) -> dict[str, Any]:
    """What a layer computes."""
    conv = layer.conv if isinstance(layer, Convolution) else None
    shapes = ["x".join(map(str, network.tensors[name].shape))
              for name in (*layer.inputs, layer.output)]  # fmt: skip
    text = f"{' + '.join(shapes[:-1])} -> {shapes[-1]}"
    if isinstance(layer, Pooling):
        text += f" {layer.kind} {layer.rows.kernel}x{layer.cols.kernel}"
    if conv is not None:
        text += f" k{conv.window.rows.kernel}x{conv.window.cols.kernel}"
        text += f", {conv.groups} groups" if conv.groups > 1 else ""
    return {
        "name": layer.name,
        "kind": type(layer).__name__.lower(),
        "shape": text,
        "macs": 0 if conv is None else conv.macs,
        "weight_bits": 0 if conv is None else conv.weight_bits,
    }


def _resources(project: Project, board: Board) -> dict[str, Any]:
    """By Yosys if the Verilog was synthesized (`lineloom estimate`), else by the model."""
    design = project.design
    usage = kept(rtl_of(project), board.family)
    if usage is not None:
        used: dict[str, Any] = {"lut": usage.lut, "ff": usage.ff, "dsp": usage.dsp,
                                "bram36": usage.bram36}  # fmt: skip
    elif isinstance(design, DataflowNetwork):
        model = of_network(design)
        used = {"lut": model.lut, "ff": None, "dsp": model.dsp, "bram36": model.bram18 / 2}
    else:
        assert isinstance(design, OverlayNetwork)
        engine = design.engine
        used = {"lut": engine.luts, "ff": None, "dsp": engine.dsps, "bram36": engine.bram18 / 2}
    return {
        "from": "model" if usage is None else "yosys",
        "used": used,
        "available": {name: getattr(board, name) for name in used},
    }


def _roofline(
    design: DataflowNetwork | OverlayNetwork, board: Board, interval: float
) -> dict[str, Any] | None:
    """MACs a cycle, and what DSP blocks and memory of the board allow; None without any MAC."""
    if not design.macs:
        return None
    memory = Memory.of(board)
    return {
        "macs_per_byte": float(f"{design.macs / design.dram_bytes:.4g}"),
        "macs_per_cycle": float(f"{design.macs / interval:.4g}"),
        "multipliers": design.multipliers,
        "board_dsp": board.dsp,
        "bytes_per_cycle": round(memory.bytes_per_cycle, 2),
        "dram_bytes": design.dram_bytes,
    }
