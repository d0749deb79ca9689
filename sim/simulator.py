"""The cocotb engine: starts the simulator on a bench and collects what it found."""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
from pathlib import Path

import cocotb_tools.config
import find_libpython

from hls import tools
from hls.errors import ToolFailed, ToolNotFound
from sim.bench import JOB_VARIABLE
from sim.calls import Finding, Job
from sim.verilate import Model

__all__ = ["command_of", "environment_of", "run"]

_TIMEOUT_S = 24 * 3600.0


def run(
    model: Model, job: Job, bench: str, *, waves: Path | None = None, folder: Path = Path()
) -> Finding:
    """Run a job in cocotb.

    Args:
        model: the simulator; one with waves if `waves` is given.
        job: what to do.
        bench: the module with the bench, such as sim.bench_conv2d.
        waves: the VCD file to write.
        folder: the working folder of the simulation, for files that the design reads.

    Raises:
        ToolNotFound: there is no shared library of this Python to load into the simulator.
        ToolFailed: the bench broke down.
    """
    with tempfile.TemporaryDirectory(prefix="lineloom-") as scratch:
        (Path(scratch) / "job.pickle").write_bytes(pickle.dumps(job))
        environment = environment_of(job.top, bench, job.seed, Path(scratch))
        command = command_of(model, job.seed, waves)
        log = tools.run(command, what=f"cocotb on {job.top}", cwd=folder, timeout_s=_TIMEOUT_S,
                        env={**environment, JOB_VARIABLE: scratch})  # fmt: skip
        found = Path(scratch) / "finding.pickle"
        if not found.is_file():
            raise ToolFailed(f"cocotb on {job.top} ended without a result:\n{log.strip()}")
        finding = pickle.loads(found.read_bytes())
    assert isinstance(finding, Finding)
    return finding


def command_of(model: Model, seed: int, waves: Path | None) -> list[str | Path]:
    """The command line of the simulator; `seed` decides what is undefined after power-up."""
    command: list[str | Path] = [
        model.executable.resolve(), f"+verilator+seed+{seed % 0x7FFFFFFE + 1}",
        "+verilator+rand+reset+2",
    ]  # fmt: skip
    if waves is not None:
        command += ["--trace", "--trace-file", waves.resolve()]
    return command


def environment_of(top: str, bench: str, seed: int, scratch: Path) -> dict[str, str]:
    """The variables that make cocotb run a bench on module `top`, its results in `scratch`.

    Raises:
        ToolNotFound: there is no shared library of this Python to load into the simulator.
    """
    libpython = os.environ.get("LIBPYTHON_LOC") or find_libpython.find_libpython()
    if libpython is None:
        raise ToolNotFound(
            f"no libpython of {sys.executable} for cocotb: searched beside it; use a Python built "
            "with --enable-shared, set LIBPYTHON_LOC, or simulate with the fast engine"
        )
    return {
        "COCOTB_TEST_MODULES": bench,
        "COCOTB_TOPLEVEL": top,
        "COCOTB_RESULTS_FILE": str(scratch / "results.xml"),
        "COCOTB_LOG_LEVEL": "WARNING",
        "COCOTB_RANDOM_SEED": str(seed),
        "COCOTB_TRUST_INERTIAL_WRITES": "1",
        "GPI_LOG_LEVEL": "WARNING",
        "GPI_USERS": f"{libpython};{cocotb_tools.config.pygpi_entry_point()}",
        "PYGPI_PYTHON_BIN": sys.executable,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "TOPLEVEL_LANG": "verilog",
    }
