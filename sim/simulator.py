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

__all__ = ["run"]

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
    libpython = os.environ.get("LIBPYTHON_LOC") or find_libpython.find_libpython()
    if libpython is None:
        raise ToolNotFound(
            f"no libpython of {sys.executable} for cocotb: searched beside it; use a Python built "
            "with --enable-shared, set LIBPYTHON_LOC, or simulate with the fast engine"
        )
    with tempfile.TemporaryDirectory(prefix="lineloom-") as scratch:
        (Path(scratch) / "job.pickle").write_bytes(pickle.dumps(job))
        environment = {
            "COCOTB_TEST_MODULES": bench,
            "COCOTB_TOPLEVEL": job.top,
            "COCOTB_RESULTS_FILE": str(Path(scratch) / "results.xml"),
            "COCOTB_LOG_LEVEL": "WARNING",
            "COCOTB_RANDOM_SEED": str(job.seed),
            "COCOTB_TRUST_INERTIAL_WRITES": "1",
            "GPI_LOG_LEVEL": "WARNING",
            "GPI_USERS": f"{libpython};{cocotb_tools.config.pygpi_entry_point()}",
            "PYGPI_PYTHON_BIN": sys.executable,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "TOPLEVEL_LANG": "verilog",
            JOB_VARIABLE: scratch,
        }
        seed = f"+verilator+seed+{job.seed % 0x7FFFFFFE + 1}"
        command: list[str | Path] = [model.executable.resolve(), seed, "+verilator+rand+reset+2"]
        if waves is not None:
            command += ["--trace", "--trace-file", waves.resolve()]
        log = tools.run(command, what=f"cocotb on {job.top}", cwd=folder, timeout_s=_TIMEOUT_S,
                        env=environment)  # fmt: skip
        found = Path(scratch) / "finding.pickle"
        if not found.is_file():
            raise ToolFailed(f"cocotb on {job.top} ended without a result:\n{log.strip()}")
        finding = pickle.loads(found.read_bytes())
    assert isinstance(finding, Finding)
    return finding
