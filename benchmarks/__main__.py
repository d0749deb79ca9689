"""Run the benchmarks, print their tables, and write build/bench/bench.json."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.algorithms import ALGORITHM_BENCHMARK
from benchmarks.area import AREA
from benchmarks.bounds import BOUNDS
from benchmarks.csim_speed import CSIM_SPEED
from benchmarks.host_path import HOST_PATH
from benchmarks.judged import JUDGED
from benchmarks.networks import NETWORKS
from benchmarks.peers import COMPARISON
from benchmarks.products import PRODUCTS
from benchmarks.rtl import RTL
from benchmarks.tables import Benchmark, Table
from benchmarks.ten_layers import TEN_LAYERS
from hls.errors import CheckFailed, InputError, LineloomError

BENCHMARKS: tuple[Benchmark, ...] = (
    BOUNDS,
    CSIM_SPEED,
    RTL,
    PRODUCTS,
    HOST_PATH,
    COMPARISON,
    ALGORITHM_BENCHMARK,
    TEN_LAYERS,
    JUDGED,
    NETWORKS,
    AREA,
)
"""In the order in which they run; add further ones here."""

REPORT = Path("build/bench/bench.json")


def main(argv: Sequence[str] | None = None) -> int:
    """Run what the command line asks for.

    Returns:
        The exit code: 1 if a design missed a mark, which is named on stderr.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog="\n".join(f"{b.name}: {b.about}" for b in BENCHMARKS),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", choices=[b.name for b in BENCHMARKS], help="run just this one")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    options = parser.parse_args(argv)
    console = Console(stderr=options.json)
    results = {}
    misses: list[str] = []
    try:
        for benchmark in BENCHMARKS:
            if options.only in (None, benchmark.name):
                tables = _run(benchmark)
                for table in tables:
                    table.show(console)
                    misses += table.misses
                results[benchmark.name] = [table.data() for table in tables]
    except LineloomError as error:
        print(f"lineloom: {error}", file=sys.stderr)
        return error.exit_code
    machine = {"cpu": _cpu(), "cpus": os.cpu_count(), "python": platform.python_version()}
    text = json.dumps({"machine": machine, "benchmarks": results}, indent=2)
    try:
        REPORT.parent.mkdir(parents=True, exist_ok=True)
        REPORT.write_text(text + "\n")
    except OSError as error:
        print(f"lineloom: {REPORT}: cannot be written ({error.strerror})", file=sys.stderr)
        return InputError.exit_code
    if options.json:
        print(text)
    else:
        console.print(f"{machine['cpu']}, {machine['cpus']} CPUs; also in {REPORT}")
    for miss in misses:
        print(f"lineloom: mark missed: {miss}", file=sys.stderr)
    return CheckFailed.exit_code if misses else 0


def _run(benchmark: Benchmark) -> list[Table]:
    """Run one, and show what it is doing: a live line on a terminal, a line a step elsewhere."""
    log = Console(stderr=True, highlight=False, soft_wrap=True)
    if not log.is_terminal:
        return benchmark.run(lambda what: log.print(f"{benchmark.name}: {what}"))
    with log.status(benchmark.name) as status:
        return benchmark.run(status.update)


def _cpu() -> str:
    """The processor's name, as far as the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    sys.exit(main())
