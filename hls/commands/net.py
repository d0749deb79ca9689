"""lineloom net: a quantized ONNX model as a network of integer layers, and its project."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hls.boards import boards
from hls.commands import options
from hls.commands.console import Console
from hls.errors import InputError
from hls.generator import BOARD
from hls.made_for import asked_for
from hls.network import Network
from hls.network.dataflow import DataflowNetwork
from hls.network.generation import generate_network
from hls.network.layers import Convolution, Layer
from hls.network.overlay_network import OverlayNetwork
from hls.network.styles import AUTO, DATAFLOW, STYLES, Choice
from hls.project import Project
from sim.measuring import Measured, measure_fifos

HELP = "generate an accelerator for a whole quantized ONNX model"
EXAMPLE = "lineloom net models/digits_cnn.onnx --board pynq-z2 -o build/net"

MODEL, MEASURED = "model", "measured"
"""What FIFOs are sized by."""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("model", type=Path, metavar="MODEL.onnx",
                        help="a quantized model: QDQ, operators on integers, or QONNX")  # fmt: skip
    parser.add_argument("--board", metavar="BOARD",
                        help=f"which it must fit: {', '.join(boards())} ({BOARD})")  # fmt: skip
    parser.add_argument("--clock", type=float, metavar="MHZ", help="of the engines, to which the "
                        "Verilog is pipelined (the board's)")  # fmt: skip
    parser.add_argument(
        "--style",
        choices=(AUTO, *STYLES),
        default=AUTO,
        help="dataflow: an engine for every layer; overlay: one engine for all, through memory; "
        "auto: the first that fits the board (auto)",
    )
    parser.add_argument("--engine", type=Path, metavar="PROJECT",
                        help="of style overlay: make a program for the engine of that project, "
                        "whose bitstream then runs this model, too, at its clock")  # fmt: skip
    parser.add_argument(
        "--fifos",
        choices=(MODEL, MEASURED),
        default=MODEL,
        help="between layers: as deep as a model of their pace asks for, or as the Verilog turns "
        "out to need in simulation, which takes minutes (model)",
    )
    parser.add_argument("--name", help="name of the top function (default: the folder's)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR",
                        help="folder of the project, for example build/net")  # fmt: skip


def run(args: argparse.Namespace, console: Console) -> int:
    """Import the model, write the project, print the layers."""
    name = args.name or options.name_of(args.output, "network")
    style = _style(args)
    with console.working(f"reading {args.model.name}"):
        network = Network.from_onnx(args.model, name)
        project, choice = generate_network(network, args.output, board=args.board or BOARD,
                                           style=style, clock_mhz=args.clock,
                                           engine=args.engine)  # fmt: skip
    measured = _measured(project, choice, console) if args.fifos == MEASURED else None
    target = asked_for(project)
    speed = target.clock_mhz * 1e6 / choice.design.predicted_cycles
    data = {
        "model": str(args.model), "project": str(project.path), **project.manifest["target"],
        "name": network.name, "macs": network.macs, "weights": network.weight_count,
        "input": _side(network, network.input), "output": _side(network, network.output),
        "style": choice.style, "because": choice.reason,
        "lower_bound_cycles": choice.design.lower_bound_cycles,
        "predicted_cycles": choice.design.predicted_cycles,
        "predicted_frames_per_second": round(speed, 1),
        "fifos": None if measured is None else asdict(measured),
        "layers": [_layer(network, layer) | _engine(choice, layer) for layer in network.layers],
    }  # fmt: skip
    console.tables(data, _tables(data))
    console.text(f"{choice.style}: {choice.reason}")
    console.text(f"{speed:,.0f} frames a second at {target.clock_mhz:g} MHz by the model")
    if measured is not None:
        console.text(
            f"FIFOs as measured: {measured.bits:,} bits, {measured.bits_before - measured.bits:,} "
            f"less than modelled; the Verilog matches, a frame in {measured.cycles:,.0f} cycles"
        )
    console.text(f"{data['macs']:,} MACs a frame, {data['weights']:,} weights; {project.path}")
    return 0


def _style(args: argparse.Namespace) -> str:
    """The style asked for; only one has FIFOs between layers that can be measured."""
    style: str = args.style
    if args.engine is not None and (args.board, args.clock) != (None, None):
        raise InputError("--board and --clock do not apply to the engine of another project, which "
                         "has its own; leave them away")  # fmt: skip
    if args.fifos == MODEL or style == DATAFLOW:
        return style
    if style == AUTO:
        return DATAFLOW
    raise InputError(f"--fifos {MEASURED} does not apply to style {style}, which has no FIFOs "
                     "between layers; leave it away")  # fmt: skip


def _measured(project: Project, choice: Choice, console: Console) -> Measured:
    """Generate the project again, its FIFOs as deep as its Verilog needs."""
    assert isinstance(choice.design, DataflowNetwork)
    with console.working("simulation of what FIFOs hold"):
        return measure_fifos(project, choice.design)


def _side(network: Network, name: str) -> dict[str, Any]:
    """The network's input or output, as its user sees it."""
    tensor = network.tensors[name]
    host = network.source if name == network.input else network.result
    return {
        "name": host.name, "dtype": host.dtype, "axes": host.axes, "steps": list(host.steps),
        "shape": list(tensor.shape), "scale": tensor.scale, "zero_point": tensor.zero_point,
    }  # fmt: skip


def _layer(network: Network, layer: Layer) -> dict[str, Any]:
    product = layer if isinstance(layer, Convolution) else None
    return {
        "name": layer.name,
        "kind": type(layer).__name__.lower(),
        "inputs": [list(network.tensors[name].shape) for name in layer.inputs],
        "output": list(network.tensors[layer.output].shape),
        "macs": product.conv.macs if product else 0,
        "weights": product.parameters.weights.size if product else 0,
        "accumulator": str(product.conv.epilogue.accumulator) if product else None,
        "nodes": list(network.origins.get(layer.name, ())),
    }


def _engine(choice: Choice, layer: Layer) -> dict[str, Any]:
    """The lanes and cycles of a layer that has an engine."""
    if isinstance(choice.design, OverlayNetwork):
        return {"lanes": None, "cycles": choice.design.layer_cycles.get(layer.name, 0)}
    lanes = choice.design.lanes.get(layer.name)
    if lanes is None:
        return {"lanes": None, "cycles": 0}
    return {"lanes": asdict(lanes), "cycles": choice.design.stage_cycles[layer.name]}


def _tables(data: dict[str, Any]) -> Iterator[tuple[str, Sequence[str], list[Sequence[str]]]]:
    yield (
        f"{data['name']}: layers of {data['model']}",
        ("layer", "kind", "input", "output", "MACs", "weights", "sums", "lanes", "cycles", "nodes"),
        [
            (
                layer["name"],
                layer["kind"],
                " + ".join(map(_shape, layer["inputs"])),
                _shape(layer["output"]),
                f"{layer['macs']:,}" if layer["macs"] else "",
                f"{layer['weights']:,}" if layer["weights"] else "",
                layer["accumulator"] or "",
                _lanes(layer["lanes"]),
                f"{layer['cycles']:,}" if layer["cycles"] else "",
                ", ".join(layer["nodes"]),
            )
            for layer in data["layers"]
        ],
    )


def _lanes(lanes: dict[str, Any] | None) -> str:
    """Channels in and out of an engine, and how many taps at once."""
    if lanes is None:
        return ""
    taps = "" if lanes["taps"] == "all" else f", taps {lanes['taps']}"
    return f"{lanes['simd']} x {lanes['pe']}{taps}"


def _shape(sizes: Sequence[int]) -> str:
    return "x".join(map(str, sizes))
