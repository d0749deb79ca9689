"""lineloom run: a script or notebook that uses pynq, on a simulated board."""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path

from hls.boards import boards
from hls.commands import options
from hls.commands.console import Console
from hls.errors import InputError, ToolNotFound
from sim.cosim import ENGINES

HELP = "run a script or notebook that uses pynq on a simulated board"
EXAMPLE = "lineloom run host_script.py --overlay build/conv1 -- --frames 3"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options; what follows a -- is in `args.passed`."""
    parser.add_argument("program", type=Path, metavar="SCRIPT",
                        help="a .py or .ipynb file; arguments for it follow after --")  # fmt: skip
    parser.add_argument("--overlay", action="append", default=[], metavar="PROJECT[,PROJECT...]",
                        help="project folders that make one overlay, called after them: conv1.bit; "
                        "may be given again for further overlays")  # fmt: skip
    parser.add_argument("--board", default="pynq-z2", metavar="BOARD",
                        help=f"{', '.join(boards())} (pynq-z2)")  # fmt: skip
    parser.add_argument("--stalls", type=float, default=0.0, metavar="SHARE",
                        help="of cycles in which memory and DMAs pause, 0 to 0.9 (0)")  # fmt: skip
    parser.add_argument("--seed", type=options.seed, default=0, help="of the stalls (0)")
    parser.add_argument("--engine", choices=ENGINES, default="fast",
                        help="cocotb has the AXI models of cocotbext-axi; slow (fast)")  # fmt: skip
    parser.add_argument("--waves", action="store_true",
                        help="write a VCD file into each project's folder sim")  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, metavar="FILE",
                        help="the executed notebook (build/ and its name)")  # fmt: skip


def run(args: argparse.Namespace, console: Console) -> int:
    """Plug the board in and run; the script's exit code."""
    program: Path = args.program
    is_notebook = program.suffix == ".ipynb"
    if not program.is_file():
        raise InputError(f"{program}: no such file; name a script or notebook")
    if is_notebook and args.passed:
        raise InputError(f"{program}: a notebook takes no arguments; leave {args.passed[0]} away")
    if args.output is not None and not is_notebook:
        raise InputError("-o is for the executed notebook; a script writes what it likes")
    try:
        from sim.plug import Setting
    except ModuleNotFoundError as error:
        raise ToolNotFound(
            f"no Python package {error.name} to simulate a board with; pip install pynq"
        ) from None
    setting = Setting(
        overlays=tuple(tuple(each.split(",")) for each in args.overlay),
        board=args.board,
        stalls=args.stalls,
        seed=args.seed,
        engine=args.engine,
        waves=args.waves,
    )
    with console.working("building " + ", ".join(args.overlay)):
        bits = setting.build()
    data = {
        "program": str(program),
        "overlays": [str(bit) for bit in bits],
        "board": setting.board,
        "engine": setting.engine,
        "stalls": setting.stalls,
        "seed": setting.seed,
    }
    begin = time.perf_counter()
    if is_notebook:
        from sim.notebook import run_notebook

        output = Path("build") / program.name if args.output is None else args.output
        with console.working(f"executing {program}"):
            failure = run_notebook(program, setting, output)
        if failure is not None:
            print(failure, file=sys.stderr)
        code = int(failure is not None)
        seconds = time.perf_counter() - begin
        data |= {"exit_code": code, "seconds": round(seconds, 3), "notebook": str(output)}
        said = "a cell failed" if code else "all cells ran"
        console.result(data, f"{program.name} on a simulated {setting.board}",
                       [("cells", f"{said}, {seconds:.1f} s"), ("written", output)])  # fmt: skip
        return code
    from sim.script import run_script

    device = setting.plug_in()
    if not args.json:
        return run_script(program, args.passed)
    with os.fdopen(_stdout_aside(), "w") as kept:
        code = run_script(program, args.passed)
        seconds = time.perf_counter() - begin
        data |= {"exit_code": code, "seconds": round(seconds, 3), "cycles": device.cycles}
        with redirect_stdout(kept):
            console.result(data, "", [])
    return code


def _stdout_aside() -> int:
    """Send all that is printed from now on, by whomever, to stderr; where stdout was."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    return kept
