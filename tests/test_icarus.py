"""A second simulator agrees: Icarus Verilog, which knows X and was written by others.

It is no dependency; where it is not installed, this is skipped.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import cocotb_tools.config
import numpy as np
import pytest

from hls import Conv2d, Gemm, Pool, generate
from sim.cosim import cosim
from sim.verilate import Model

pytestmark = pytest.mark.skipif(
    shutil.which("iverilog") is None or shutil.which("vvp") is None,
    reason="Icarus Verilog is not installed (apt-get install iverilog)",
)

DESIGNS = {
    "convolution": Conv2d(height=7, width=6, in_channels=4, out_channels=4, padding="same",
                          simd=2, pe=2, pooling=Pool(size=2), requantize="channel"),
    "loaded": Conv2d(height=5, width=5, in_channels=2, out_channels=2, stride=2, simd=2, pe=2,
                     weights="load"),
    "product": Gemm(max_m=9, max_k=8, max_n=8, rows=4, cols=4, bias="s16", requantize="tensor"),
}  # fmt: skip


def iverilog(top: str, files: Sequence[Path], folder: Path, *, waves: bool = False) -> Model:
    """What `sim.verilate.verilate` makes, by Icarus; only the program for cocotb."""
    assert not waves
    made = folder / "icarus"
    made.mkdir(parents=True)
    program = made / "simulate.vvp"
    (made / "options").write_text("+timescale+1ns/1ps\n")
    compiled = subprocess.run(
        ["iverilog", "-g2001", "-Wall", "-f", made / "options", "-s", top, "-o", program,
         *files],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (compiled.returncode, compiled.stderr) == (0, "")
    library = cocotb_tools.config.lib_name_path("vpi", "icarus")
    command = ["vvp", "-m", str(library), str(program)]
    script = made / "simulate"
    # Before its version 12, Icarus needs cocotb to schedule writes by itself.
    lines = ["#!/bin/sh", "unset COCOTB_TRUST_INERTIAL_WRITES", f"exec {shlex.join(command)}", ""]
    script.write_text("\n".join(lines))
    script.chmod(0o755)
    return Model(made.resolve(), waves)


@pytest.mark.parametrize("name", DESIGNS)
def test_icarus_and_verilator_agree(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = generate(DESIGNS[name], tmp_path / "project")
    first = cosim(project, frames=2, stalls=0.0, seed=3)
    with monkeypatch.context() as patched:
        patched.setattr("sim.cosim.verilate", iverilog)
        second = cosim(project, frames=2, stalls=0.0, seed=3)
    assert first.match
    assert second.match, (second.first_mismatch, second.violations)
    assert np.array_equal(first.output, second.output)
    assert (first.cycles, first.stream_cycles) == (second.cycles, second.stream_cycles)
    assert first.fifos == second.fifos
