"""lineloom gemm: generate a matrix multiplication."""

from __future__ import annotations

import argparse

from hls.commands import options
from hls.commands.console import Console
from hls.commands.show import describe
from hls.design import from_dict
from hls.errors import InputError
from hls.generator import generate

HELP = "generate a systolic matrix multiplication"
EXAMPLE = "lineloom gemm --max-m 64 --max-k 64 --max-n 64 --rows 8 --cols 8 -o build/gemm1"
_PLAIN = ("max_m", "max_k", "max_n", "rows", "cols", "tile_m", "tile_n", "tile_k",
          "on_chip_kbits")  # fmt: skip


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    for size in ("m", "k", "n"):
        parser.add_argument(f"--max-{size}", type=int, help=f"largest {size}")
    parser.add_argument("--rows", type=int, help="PEs along m, a power of two (8)")
    parser.add_argument("--cols", type=int, help="PEs along n, a power of two (8)")
    parser.add_argument("--tile-m", type=int, help="rows of C on chip (four arrays)")
    parser.add_argument("--tile-n", type=int, help="columns of C on chip (four arrays)")
    parser.add_argument("--tile-k", type=int, help="columns of A on chip (64)")
    parser.add_argument(
        "--on-chip-kbits", type=int, metavar="KBITS",
        help="for the sums: the tile that moves least at the largest sizes",
    )  # fmt: skip
    options.add_formats(parser)
    options.add_design(parser)


def run(args: argparse.Namespace, console: Console) -> int:
    """Generate the project."""
    if args.config is None:
        for size in ("max_m", "max_k", "max_n"):
            if getattr(args, size) is None:
                flag = "--" + size.replace("_", "-")
                raise InputError(f"{flag} is missing; give the largest size as in {flag} 64")
    gemm = from_dict(options.configured(args, "gemm", _PLAIN))
    describe(console, generate(gemm, args.output))
    return 0
