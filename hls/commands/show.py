"""lineloom show: a design, its sizes, its bounds."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hls.commands.console import Console
from hls.conv2d import Conv2d
from hls.design import DataflowNetwork, Design, MatrixConv2d, OverlayNetwork
from hls.gemm import Gemm
from hls.generator import summary
from hls.network.assembly import Stage
from hls.network.engines import ConvolutionEngine
from hls.project import Project

HELP = "show a generated design, its sizes and its bounds"
EXAMPLE = "lineloom show build/conv1"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("project", type=Path, help="folder of a generated project")


def run(args: argparse.Namespace, console: Console) -> int:
    """Print the design."""
    describe(console, Project.open(args.project))
    return 0


def describe(console: Console, project: Project) -> None:
    """Print a project: the whole manifest as JSON, or what matters most as a table."""
    design, manifest = project.design, project.manifest
    costs = manifest["costs"]
    bound, predicted = costs["lower_bound_cycles"], costs["predicted_cycles"]
    rows: list[tuple[str, Any]] = [
        ("design", summary(design)),
        *_target(manifest),
        *_chosen(manifest),
        *_lanes(design),
        ("formats", ", ".join(f"{name} {fmt['format']}" for name, fmt in
                              manifest["formats"].items() if fmt)),
        ("multipliers", costs["multipliers"]),
        *_packing(design),
        ("MACs", f"{costs['macs']:,}"),
        ("lower bound", f"{bound:,} cycles"),
        ("predicted", f"{predicted:,} cycles ({predicted / bound:.3f} of the bound)"),
        ("on chip", f"{costs['on_chip_bits'] / 1024:,.1f} Kibit"),
        ("DRAM", f"{costs['dram_bytes']:,} bytes"),
        ("folder", project.path),
    ]  # fmt: skip
    console.result({"path": str(project.path), **manifest}, manifest["name"], rows)


def _packing(design: Design) -> list[tuple[str, Any]]:
    packed = design.packed
    if packed is not None:
        sums = f"sums of {packed.products}" if packed.products > 1 else "each by itself"
        limits = f"weights {packed.weight.minimum}..{packed.weight.maximum}"
        how = f"two products a {packed.block.name}, shift {packed.shift}, {sums}, {limits}"
        return [("packing", how)]
    return [("packing", f"none: {design.unpacked_because}")] if design.unpacked_because else []


def _target(manifest: Mapping[str, Any]) -> list[tuple[str, Any]]:
    target = manifest.get("target")
    if target is None:
        return []
    speed = target["clock_mhz"] * 1e6 / manifest["costs"]["predicted_cycles"]
    return [("for", f"{target['board']} ({target['part']}) at {target['clock_mhz']:g} MHz, "
                    f"{speed:,.0f} frames a second predicted")]  # fmt: skip


def _chosen(manifest: Mapping[str, Any]) -> list[tuple[str, Any]]:
    choice = manifest.get("choice")
    if choice is None:
        return []
    return [("algorithm", f"{choice['algorithm']}, the cheapest on {choice['board']}"),
            ("because", choice["reason"])]  # fmt: skip


def _lanes(design: Design) -> list[tuple[str, Any]]:
    if isinstance(design, Conv2d):
        warning = []
        if design.epilogue.accumulator.bits < design.worst_case.bits:
            narrow = (
                f"{design.epilogue.accumulator} wraps; the worst case needs {design.worst_case}"
            )
            warning = [("accumulator", narrow)]
        return [
            ("lanes", f"simd {design.simd}, pe {design.pe}, taps {design.parallel_taps}"),
            ("weights", "baked in" if design.weights == "rom" else "loaded at run time"),
            *warning,
        ]
    if isinstance(design, DataflowNetwork):
        slowest = max(design.stages, key=lambda stage: stage.cycles)
        return [("words", f"{design.simd} channels in, {design.pe} out"),
                *((stage.name, _stage(stage)) for stage in design.stages),
                ("slowest", slowest.name)]  # fmt: skip
    if isinstance(design, OverlayNetwork):
        return [
            *_array(design.engine.gemm),
            *((name, f"{cycles:,} cycles") for name, cycles in design.layer_cycles.items()),
        ]
    if isinstance(design, MatrixConv2d):
        ring = f"{design.ring_rows} rows, {design.ring_bits / 1024:,.1f} Kibit"
        image = [("image on chip", ring)] if design.ring_rows else []
        traffic = ", ".join(f"{port} {moved:,}" for port, moved in design.traffic_bytes.items())
        return [*_array(design.gemm), *image, ("bytes by port", traffic)]
    return [*_array(design), *_products(design)]


def _stage(stage: Stage) -> str:
    """A layer of a network: its lanes and cycles."""
    engine = stage.engine
    lanes = f"{engine.takes_lanes} lane{'s' if engine.takes_lanes > 1 else ''}"
    if isinstance(engine, ConvolutionEngine):
        conv = engine.conv
        packed = ", packed" if conv.packed is not None else ""
        lanes = f"simd {conv.simd}, pe {conv.pe}, taps {conv.parallel_taps}{packed}"
    return f"{lanes}, {stage.cycles:,} cycles"


def _products(gemm: Gemm) -> list[tuple[str, Any]]:
    """What limits the largest product, in cycles and in bytes."""
    sizes = gemm.max_m, gemm.max_k, gemm.max_n
    bounds = gemm.bounds(*sizes)
    limit = max(bounds, key=lambda name: bounds[name])
    moved = gemm.traffic_bytes(*sizes)
    sums = gemm.tile_rows * gemm.tile_cols
    return [
        ("bound by", f"{limit}: {', '.join(f'{n} {c:,}' for n, c in bounds.items())} cycles"),
        ("traffic", f"{moved:,} bytes, {moved / gemm.traffic_formula_bytes(*sizes):.3f} of "
                    f"mn(1 + k/x + k/y); no order of work with {sums:,} sums on chip moves less "
                    f"than {gemm.traffic_bound_bytes(*sizes, sums):,}"),
    ]  # fmt: skip


def _array(gemm: Gemm) -> list[tuple[str, Any]]:
    return [
        ("array", f"{gemm.rows} x {gemm.cols} PEs"),
        ("tile", f"{gemm.tile_rows} x {gemm.tile_cols}, k in blocks of {gemm.tile_depth}"),
    ]
