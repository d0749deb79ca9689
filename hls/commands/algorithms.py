"""lineloom algorithms: a file of layers by all algorithms, with winners and totals a network."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hls.algorithms import CANDIDATES
from hls.boards import board, boards
from hls.commands.console import Console
from hls.comparison import compare
from hls.errors import InputError
from hls.generator import BOARD
from hls.layers import read_layers
from hls.pictures import require_picture
from hls.plots import plot

HELP = (
    "compare direct, im2col, implicit and kn2row convolution on all layers of a file: cycles, DRAM "
    "bytes, what fits a board"
)
EXAMPLE = "lineloom algorithms --layers benchmarks/layers.csv --board pynq-z2"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--layers", type=Path, required=True, metavar="FILE.csv",
                        help="layers with the columns name, networks, kernel, size, in_channels, "
                        "out_channels and, if wanted, stride")  # fmt: skip
    parser.add_argument("--board", default=BOARD, metavar="BOARD",
                        help=f"{', '.join(boards())} ({BOARD})")  # fmt: skip
    parser.add_argument("--batch", type=int, default=1, metavar="N",
                        help="frames of a call, which share the weights (1)")  # fmt: skip
    for lanes, what in (("simd", "rows"), ("pe", "columns")):
        parser.add_argument(f"--{lanes}", type=int, default=8,
                            help=f"{what} of the systolic array, a power of two from 2 to 64 (8); "
                            "direct gets as many multipliers")  # fmt: skip
    parser.add_argument("--plot", type=Path, metavar="FILE.svg|FILE.png",
                        help="write a roofline and totals a network")  # fmt: skip


def run(args: argparse.Namespace, console: Console) -> int:
    """Compare and print."""
    target = board(args.board)
    for lanes in ("simd", "pe"):
        if getattr(args, lanes) not in (2, 4, 8, 16, 32, 64):
            raise InputError(f"--{lanes}={getattr(args, lanes)} is not the side of a systolic "
                             "array; use 2, 4, 8, 16, 32 or 64")  # fmt: skip
    if not 1 <= args.batch <= 65536:
        raise InputError(f"--batch={args.batch} is outside 1..65536 frames")
    if args.plot is not None:
        require_picture(args.plot)
    layers = read_layers(args.layers)
    with console.working(f"{len(layers)} layers by {len(CANDIDATES)} algorithms") as status:
        found = compare(layers, target, batch=args.batch, simd=args.simd, pe=args.pe,
                        progress=getattr(status, "update", lambda _: None))  # fmt: skip
        if args.plot is not None:
            plot(found, args.plot)
    console.tables(found, _tables(found))
    return 0


def _tables(found: dict[str, Any]) -> Iterator[tuple[str, Sequence[str], list[Sequence[str]]]]:
    memory = found["memory"]
    simd, pe = found["array"]
    frames = "a frame" if found["batch"] == 1 else f"{found['batch']} frames"
    yield (
        f"Thousands of cycles (and of DRAM bytes) for {frames} on {found['board']}, {simd * pe} "
        f"multipliers, memory of {memory['bytes_per_cycle']:g} bytes a cycle and "
        f"{memory['latency_cycles']} cycles of latency; ! does not fit, - cannot be",
        ("layer", *CANDIDATES, "best", "direct/im2col: cycles", "bytes"),
        [_layer(layer) for layer in found["layers"]],
    )
    yield (
        "Networks, their distinct layers summed up: millions of cycles (and of DRAM bytes)",
        ("network", "layers", *CANDIDATES, "best", "direct/im2col: cycles", "bytes"),
        [_network(network) for network in found["networks"].values()],
    )


def _layer(layer: dict[str, Any]) -> Sequence[str]:
    cells = []
    for name in CANDIDATES:
        cost = layer["algorithms"].get(name)
        cells.append("-" if cost is None else _figures(cost, 1e3) + ("" if cost["fits"] else " !"))
    best = layer["best"] or "none fits"
    return layer["name"], *cells, best, *_ratio(layer["direct_to_im2col"])


def _network(network: dict[str, Any]) -> Sequence[str]:
    cells = []
    for cost in (*(network["algorithms"][name] for name in CANDIDATES), network["best"]):
        missing = [f"{cost['unfit']}!"] if cost["unfit"] else []
        missing += [f"{cost['refused']}-"] if cost.get("refused") else []
        cells.append(" ".join([_figures(cost, 1e6), *missing]))
    return (network["name"], str(network["layers"]), *cells,
            *_ratio(network["direct_to_im2col"]))  # fmt: skip


def _figures(cost: dict[str, Any], unit: float) -> str:
    return f"{cost['cycles'] / unit:,.1f} ({cost['dram_bytes'] / unit:,.1f})"


def _ratio(ratio: dict[str, float] | None) -> tuple[str, str]:
    if ratio is None:
        return "-", "-"
    return f"{ratio['cycles']:.3f}", f"{ratio['dram_bytes']:.3f}"
