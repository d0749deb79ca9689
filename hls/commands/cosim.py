"""lineloom cosim: run the Verilog and compare it with the golden model, or with the C++ itself."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hls.commands import options
from hls.commands.console import Console
from hls.design import framed, layer
from hls.errors import InputError
from hls.gemm import MEMORY_LATENCY_CYCLES
from hls.kernels import KERNEL, Kernel
from hls.project import Project
from sim.cosim import ENGINES, CosimResult, cosim
from sim.kernel import KernelResult, cosim_kernel

HELP = (
    "run the Verilog under stalls and compare it bit for bit with the golden model; that of a C++ "
    "file of your own (lower --source) with the C++ itself"
)
EXAMPLE = "lineloom cosim build/conv1 --frames 3 --stalls 0.3 --seed 1"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("project", type=Path,
                        help="folder of a generated project, or of a lowered C++ file")  # fmt: skip
    parser.add_argument(
        "--frames", type=int, help="frames back to back, for a convolution (3, or the batch)"
    )
    for size in ("m", "k", "n"):
        parser.add_argument(f"--{size}", type=int, help=f"{size} of a GEMM (its maximum)")
    parser.add_argument("--inputs", type=Path, metavar="FILE.npz",
                        help="arrays by argument of a C++ file, side channels as in.TLAST; "
                        "what is not given is random: scalars from 0 to 16, arrays of the depth in "
                        "their pragma, 4096 beats on offer to a stream")  # fmt: skip
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="scalars",
                        help="a scalar argument of a C++ file; may be given again")  # fmt: skip
    parser.add_argument("--calls", type=int,
                        help="of a C++ file's function, without a reset between (2)")  # fmt: skip
    parser.add_argument("--stalls", type=float, default=0.0, metavar="SHARE",
                        help="of cycles in which each port pauses, 0 to 0.9 (0)")  # fmt: skip
    parser.add_argument("--seed", type=options.seed, default=0, help="of stimuli and stalls (0)")
    parser.add_argument("--engine", choices=ENGINES, default="cocotb",
                        help="fast has drivers in C++, for large designs (cocotb)")  # fmt: skip
    parser.add_argument("--memory-latency", type=int, default=MEMORY_LATENCY_CYCLES,
                        metavar="CYCLES", help="from an address to its first word, for the fast "
                        f"engine ({MEMORY_LATENCY_CYCLES})")  # fmt: skip
    parser.add_argument("--memory-bandwidth", type=float, metavar="BYTES",
                        help="a cycle of all ports together, for the fast engine "
                        "(no limit)")  # fmt: skip
    parser.add_argument("--waves", action="store_true", help="write a VCD file")


def run(args: argparse.Namespace, console: Console) -> int:
    """Run and compare; 1 if anything differs or a rule was broken."""
    if (args.project / KERNEL).is_file():
        return _run_kernel(args, console)
    for option in ("inputs", "calls"):
        _refuse({f"--{option}": getattr(args, option)}, "a generated project")
    _refuse({"--set": args.scalars or None}, "a generated project")
    project = Project.open(args.project)
    design = project.design
    asked: dict[str, Any] = {}
    given = [getattr(args, name) for name in "mkn"]
    if framed(design) is not None:
        kind = "a network" if layer(design) is None else "a convolution"
        _refuse(dict(zip(("--m", "--k", "--n"), given, strict=True)), kind)
        asked["frames"] = args.frames
    else:
        _refuse({"--frames": args.frames}, "a GEMM")
        limits = [getattr(design, f"max_{name}") for name in "mkn"]
        asked["sizes"] = tuple(limit if size is None else size
                               for size, limit in zip(given, limits, strict=True))  # fmt: skip
    with console.working(f"cosimulation of {design.name}"):
        result = cosim(project, stalls=args.stalls, seed=args.seed, engine=args.engine,
                       waves=args.waves, memory_latency=args.memory_latency,
                       memory_bandwidth=args.memory_bandwidth, **asked)  # fmt: skip
    console.result(_data(result), f"Cosimulation of {design.name}", _rows(result))
    return 0 if result.match else 1


def _run_kernel(args: argparse.Namespace, console: Console) -> int:
    for option in ("frames", "m", "k", "n"):
        _refuse({f"--{option}": getattr(args, option)}, "a C++ file")
    _refuse({"--memory-bandwidth": args.memory_bandwidth}, "a C++ file")
    kernel = Kernel.open(args.project)
    given: dict[str, Any] = {} if args.inputs is None else {**options.arrays(args.inputs)}
    given |= dict(_scalar(text) for text in args.scalars)
    with console.working(f"cosimulation of {kernel.top}"):
        result = cosim_kernel(kernel, calls=2 if args.calls is None else args.calls, given=given,
                              stalls=args.stalls, seed=args.seed, engine=args.engine,
                              waves=args.waves)  # fmt: skip
    data = {**vars(result), "cycles_per_second": round(result.cycles_per_second),
            "waves": None if result.waves is None else str(result.waves)}  # fmt: skip
    console.result(data, f"Cosimulation of {kernel.top}", _kernel_rows(result))
    return 0 if result.match else 1


def _scalar(text: str) -> tuple[str, int]:
    name, _, value = text.partition("=")
    try:
        return name, int(value, 0)
    except ValueError:
        raise InputError(f"--set {text}: is not NAME=INTEGER") from None


def _kernel_rows(result: KernelResult) -> list[tuple[str, Any]]:
    cycles = ", ".join(f"{cycles:,}" for cycles in result.cycles)
    rows: list[tuple[str, Any]] = [
        ("match", result.match),
        ("mismatches", f"{result.mismatches:,} of {result.outputs:,} outputs"),
        ("cycles", f"{cycles} from start to done, by call"),
        ("stalls", f"{result.stalls:g}, seed {result.seed}"),
        ("FIFOs", _fills(result.fifos)),
        ("engine", f"{result.engine}, {result.cycles_per_second:,.0f} cycles/s"),
    ]
    if result.first_mismatch is not None:
        rows.insert(2, ("first mismatch", result.first_mismatch))
    rows += [("violation", text) for text in result.violations]
    rows += [] if result.waves is None else [("waves", result.waves)]
    return rows


def _fills(fifos: Mapping[str, Mapping[str, int]]) -> str:
    return ", ".join(f"{name} {fill['most']}/{fill['depth']}" for name, fill in fifos.items())


def _refuse(given: dict[str, Any], kind: str) -> None:
    for option, value in given.items():
        if value is not None:
            raise InputError(f"{option} does not apply to {kind}; leave it away")


def _data(result: CosimResult) -> dict[str, Any]:
    return {
        "match": result.match,
        "mismatches": result.mismatches,
        "first_mismatch": result.first_mismatch,
        "violations": result.violations,
        "outputs": result.outputs,
        "calls": result.calls,
        "cycles": result.cycles,
        "setup_cycles": result.setup_cycles,
        "stream_cycles": result.stream_cycles,
        "cycles_per_frame": result.cycles_per_frame,
        "bound_cycles": result.bound_cycles,
        "ratio": round(result.ratio, 4),
        "ii": result.ii,
        "fifos": result.fifos,
        "memory_bytes": result.memory_bytes,
        "layer_cycles": result.layer_cycles,
        "first_layer": result.first_layer,
        "stalls": result.stalls,
        "seed": result.seed,
        "engine": result.engine,
        "cycles_per_second": round(result.cycles_per_second),
        "waves": None if result.waves is None else str(result.waves),
    }


def _rows(result: CosimResult) -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = [
        ("match", result.match),
        ("mismatches", f"{result.mismatches:,} of {result.outputs:,} outputs"),
        ("cycles", f"{result.cycles:,} from start to done, {result.calls} calls in all"),
        ("cycles a frame", f"{result.cycles_per_frame:,.1f}, {result.ratio:.3f} of the bound "
                           f"{result.bound_cycles:,}"),
        ("stalls", f"{result.stalls:g}, seed {result.seed}"),
        ("FIFOs", _fills(result.fifos)),
        ("engine", f"{result.engine}, {result.cycles_per_second:,.0f} cycles/s"),
    ]  # fmt: skip
    if result.first_mismatch is not None:
        rows.insert(2, ("first mismatch", result.first_mismatch))
    if result.first_layer is not None:
        rows.insert(3, ("first layer", result.first_layer))
    rows += [("violation", text) for text in result.violations]
    rows += [] if result.waves is None else [("waves", result.waves)]
    return rows
