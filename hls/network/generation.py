"""A network's design -> its project: every file of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hls import bench
from hls.boards import Board
from hls.boards import board as board_of
from hls.errors import DesignError
from hls.generator import BOARD, conv2d_context, conv2d_summary
from hls.made_for import asked_for, target_data
from hls.manifest import manifest
from hls.network import files
from hls.network.assembly import Stage
from hls.network.dataflow import DataflowNetwork
from hls.network.engines import ConvolutionEngine, ElementEngine
from hls.network.layers import Addition, Concatenation, Pooling
from hls.network.network import Network
from hls.network.overlay_generation import generate_overlay
from hls.network.overlay_network import OverlayNetwork
from hls.network.reference_tables import layer_tables, sources_of, variables_of
from hls.network.sharing import engine_of, share_hardware
from hls.network.styles import AUTO, Choice, choose
from hls.parameters import Parameters
from hls.project import Project, publish
from hls.rendering import render

__all__ = ["generate_dataflow", "generate_network", "texts"]


def generate_network(
    network: Network,
    path: str | Path,
    *,
    board: str = BOARD,
    style: str = AUTO,
    clock_mhz: float | None = None,
    engine: str | Path | None = None,
) -> tuple[Project, Choice]:
    """Write the project of `network` for a board to the folder `path`, and say what was chosen.

    Args:
        network: what is computed.
        path: the folder; an older project of ours there is replaced, anything else is refused.
        board: name of the board that it must fit.
        style: one of `hls.network.styles.STYLES`, or "auto".
        clock_mhz: what it is to be clocked with; the board's default if None.
        engine: folder of a network in overlay style, whose engine runs this one as well; board and
            clock are its own.

    Raises:
        InputError: there is no such board or engine, the board takes no such clock, or the folder
            cannot be written.
        DesignError: there is no such style, or the network does not fit the board or engine.
    """
    if engine is not None:
        return _on_engine(network, Path(path), style, Path(engine))
    target = board_of(board).at(clock_mhz)
    choice = choose(network, target, style)
    if isinstance(choice.design, OverlayNetwork):
        return generate_overlay(choice.design, path, target), choice
    return generate_dataflow(choice.design, path, target), choice


def _on_engine(network: Network, path: Path, style: str, engine: Path) -> tuple[Project, Choice]:
    """A project of `network` for the engine of another one; what is there of that is shared."""
    found, target = engine_of(engine), asked_for(Project.open(engine))
    try:
        choice = choose(network, target, style, found)
    except DesignError as error:
        raise DesignError(
            f"the engine of {engine} does not run {network.name}: {error}; or make this project "
            "first, which gets an engine that does, and the other one for that"
        ) from None
    assert isinstance(choice.design, OverlayNetwork)
    project = generate_overlay(choice.design, path, target)
    share_hardware(engine, project)
    return project, choice


def generate_dataflow(
    design: DataflowNetwork, path: str | Path, target: Board | None = None
) -> Project:
    """Write the complete HLS project of `design` to the folder `path`.

    Its scripts name part and clock of `target`, a PYNQ-Z2 if None.

    Raises:
        InputError: the folder holds something else or cannot be written, or weights do not fit
            a layer's packing.
    """
    arrays = files.weight_arrays(design.network)
    kept = files.model_file(design.network)
    return publish(texts(design, target), {"network.npz": arrays}, Path(path), kept)


def texts(design: DataflowNetwork, target: Board | None = None) -> dict[str, str]:
    """All generated text files of `design`: path inside the project -> content."""
    target = target or board_of(BOARD)
    context = {
        "design": design,
        "manifest": {**manifest(design), "target": target_data(target)},
        "summary": design.summary,
        "common": f"{design.name}_common",
        "steps_bits": _steps_bits(design),
        "part": target.part,
        "clock_ns": target.clock_ns,
    }
    rendered = {
        f"src/{design.name}.hpp": render("network/kernel.hpp.j2", **context),
        f"src/{design.name}_common.hpp": render(
            "network/common.hpp.j2", **context, file=f"{design.name}_common",
            padded=any(_padded(stage) for stage in design.stages),
        ),
        f"src/{design.name}.cpp": render(
            "network/kernel.cpp.j2", **context, streams=design.streams,
            headers=[design.headers(stage.name)[-1] for stage in design.stages],
        ),
        "manifest.json": json.dumps(context["manifest"], indent=2) + "\n",
        "network.json": json.dumps(files.to_data(design.network), indent=1) + "\n",
    }  # fmt: skip
    for stage in design.stages:
        rendered |= _headers(design, stage, context)
    rendered |= _bench(design, context)
    summaries = {stage.name: _summary(stage) for stage in design.stages}
    rendered["README.md"] = render("network/README.md.j2", **context, summaries=summaries)
    for name in ("run_hls.tcl", "hls_config.cfg"):
        rendered[name] = render(f"vitis/{name}.j2", **context)
    return dict(sorted(rendered.items()))


def _headers(design: DataflowNetwork, stage: Stage, context: Mapping[str, Any]) -> dict[str, str]:
    """The headers of a layer."""
    names = design.headers(stage.name)
    engine = stage.engine
    own = {**context, "stage": stage, "engine": engine, "summary": _summary(stage)}
    if not isinstance(engine, ConvolutionEngine):
        return {_path(names[0]): render(f"network/{engine.template}.hpp.j2", **own, file=names[0])}
    parameters = _fitting(design, engine)
    conv = conv2d_context(engine.conv, parameters)
    conv |= {"steps_bits": context["steps_bits"], "stage": stage, "common": context["common"]}
    types, weights, processes = names
    kinds = {types: "convolution_types", weights: "convolution_weights", processes: "convolution"}
    return {
        _path(name): render(f"network/{kind}.hpp.j2", **conv, file=name, types=types,
                            weights=weights)
        for name, kind in kinds.items()
    }  # fmt: skip


def _bench(design: DataflowNetwork, context: Mapping[str, Any]) -> dict[str, str]:
    """The test bench, and the header with the layers that it computes."""
    tables = f"{design.name}_tb_layers"
    return {
        f"src/{design.name}_tb.cpp": render(
            "network/kernel_tb.cpp.j2", **context, calls=bench.calls(design.macs),
            sources=sources_of(design.network),
            last=variables_of(design.network)[design.network.output],
        ),
        _path(tables): layer_tables(design, tables),
    }  # fmt: skip


def _path(name: str) -> str:
    return f"src/{name}.hpp"


def _fitting(design: DataflowNetwork, engine: ConvolutionEngine) -> Parameters:
    """The layer's parameters, checked again for the weights that packing allows."""
    where = f"network {design.name}, layer {engine.layer.name}"
    return Parameters.checked(engine.conv, engine.layer.parameters.arrays, where)


def _padded(stage: Stage) -> bool:
    engine = stage.engine
    return not isinstance(engine, ElementEngine) and engine.window.padded


def _steps_bits(design: DataflowNetwork) -> int:
    """Bits that count the steps of 2^32 frames, of whichever process takes most."""
    most = [design.input_beats, design.output_beats]
    for stage in design.stages:
        engine = stage.engine
        most += [stage.cycles, engine.words]
        if not isinstance(engine, ElementEngine):
            # The last frame is followed by at most as many steps again.
            most.append(2 * engine.window.frame_steps * engine.window.beats)
    return 32 + max(most).bit_length()


def _summary(stage: Stage) -> str:
    """What a layer does, in a line."""
    engine = stage.engine
    if isinstance(engine, ConvolutionEngine):
        return conv2d_summary(engine.conv)
    layer = engine.layer
    if isinstance(layer, Pooling):
        rows, cols = layer.rows, layer.cols
        return (f"{layer.kind} pooling {rows.size}x{cols.size} -> {rows.outputs}x{cols.outputs}, "
                f"{layer.channels} channels, window {rows.kernel}x{cols.kernel}")  # fmt: skip
    assert isinstance(engine, ElementEngine)
    shapes = " and ".join(str(channels) for channels in engine.channels)
    kind = {Addition: "sum", Concatenation: "concatenation"}.get(type(layer), "rescaling")
    return f"{kind} of {engine.positions} pixels of {shapes} channels"
