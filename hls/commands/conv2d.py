"""lineloom conv2d: generate a convolution."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from hls.boards import boards
from hls.commands import options
from hls.commands.console import Console
from hls.commands.show import describe
from hls.conv2d import ALGORITHMS, AUTO
from hls.design import Conv2d, from_dict
from hls.errors import InputError
from hls.generator import BOARD, generate
from hls.parameters import load_parameters

HELP = "generate a line-buffer 2D convolution"
EXAMPLE = (
    "lineloom conv2d --input 32x32x3 --filters 16 --kernel 3 --padding same --simd 3 --pe 4 "
    "--activation relu -o build/conv1"
)
_PLAIN = ("groups", "simd", "pe", "taps", "algorithm", "batch", "bias_fraction")


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--input", metavar="HxWxC", help="shape of a frame")
    parser.add_argument("--filters", type=int, help="output channels")
    parser.add_argument("--kernel", metavar="K|KHxKW", help="1 to 11 (3)")
    parser.add_argument("--stride", metavar="S|SHxSW", help="(1)")
    parser.add_argument("--dilation", metavar="D|DHxDW", help="(1)")
    parser.add_argument("--padding", metavar="valid|same|P|T,B,L,R", help="(valid)")
    parser.add_argument("--groups", type=int, help="(1); --input's C for a depthwise layer")
    parser.add_argument("--pool", metavar="KIND:SIZE[:STRIDE]", help="max or average, as in max:2")
    parser.add_argument("--simd", type=int, help="input channels a beat (1)")
    parser.add_argument("--pe", type=int, help="output channels in parallel (1)")
    parser.add_argument(
        "--taps", choices=("all", "row", "one"), help="kernel taps in parallel (all)"
    )
    parser.add_argument("--algorithm", choices=(*ALGORITHMS, AUTO),
                        help="direct: line buffer; the others on a systolic array of simd x pe, "
                        "with the weights in memory (kn2row_partials, naive: baselines to measure "
                        "against); auto: the cheapest on a board with simd x pe multipliers, no "
                        "baseline (direct)")  # fmt: skip
    parser.add_argument("--board", metavar="BOARD",
                        help=f"for --algorithm auto: {', '.join(boards())} ({BOARD})")  # fmt: skip
    parser.add_argument("--batch", type=int, help="frames of a call, on the array (1)")
    parser.add_argument("--weights", type=Path, metavar="FILE.npz",
                        help="weights, bias, multiplier, shift (default: random)")  # fmt: skip
    parser.add_argument("--bias-fraction", type=int, metavar="PLACES",
                        help="binary places of the bias (0)")  # fmt: skip
    parser.add_argument("--load-weights", action="store_true",
                        help="read weights at run time instead of baking them in")  # fmt: skip
    parser.add_argument("--seed", type=options.seed, default=0, help="of random weights (0)")
    options.add_formats(parser)
    options.add_design(parser)


def run(args: argparse.Namespace, console: Console) -> int:
    """Generate the project."""
    conv = design(args)
    if args.board is not None and conv.algorithm != AUTO:
        raise InputError("--board does not apply without --algorithm auto; leave it away")
    parameters = None if args.weights is None else load_parameters(conv, args.weights)
    project = generate(conv, args.output, parameters=parameters, seed=args.seed,
                       board=args.board or BOARD)  # fmt: skip
    describe(console, project)
    return 0


def design(args: argparse.Namespace) -> Conv2d:
    """The design that the options ask for."""
    fields = options.configured(args, "conv2d", _PLAIN)
    if args.input is not None:
        sizes = args.input.split("x")
        if len(sizes) != 3 or not all(re.fullmatch(r"-?[0-9]+", size) for size in sizes):
            raise InputError(f"--input={args.input!r} is not HEIGHTxWIDTHxCHANNELS; use 32x32x3")
        fields |= zip(("height", "width", "in_channels"), map(int, sizes), strict=True)
    elif args.config is None:
        raise InputError("--input is missing; give the frame's shape as in --input 32x32x3")
    if args.filters is not None:
        fields["out_channels"] = args.filters
    elif args.config is None:
        raise InputError("--filters is missing; give the output channels as in --filters 16")
    for option in ("kernel", "stride", "dilation"):
        if getattr(args, option) is not None:
            fields[option] = options.size_pair(f"--{option}", getattr(args, option))
    if args.padding is not None:
        fields["padding"] = options.padding(args.padding)
    if args.pool is not None:
        fields["pooling"] = options.pooling(args.pool)
    if args.load_weights:
        fields["weights"] = "load"
    made = from_dict(fields)
    assert isinstance(made, Conv2d)
    return made
