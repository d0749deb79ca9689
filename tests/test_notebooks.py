"""The notebooks: executed on the simulated board, with their pictures, as a student would."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Lineloom

from sim.overlay_path import make_findable

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

SAID = {
    "01_first_convolution": [
        "a simulated board",
        "C-sim equals NumPy: True",
        "Verilog equals the golden model: True",
        "the hardware equals NumPy: True",
    ],
    "02_gemm": [
        "equals NumPy: True",
        "all equal to NumPy",
        "a product takes [m, k] and [k, n]",
        "a is float64, the accelerator takes int8",
        "m=65 is outside 1..64",
    ],
    "03_bring_up": [
        "fabric 100 MHz",
        "CTRL=0x4",
        "what came is what was sent: True",
        "CTRL 0x4: idle, so not started",
        "on a board this wait would never end",
        "DMA S2MM: 0x00014011 (halted, internal error: the packet is longer than the buffer",
        "works again: True",
    ],
    "04_inference": [
        "dataflow: an engine a layer fits pynq-z2",
        "accuracy 99.11%: 446 of 450",
        "same class as onnxruntime: 450 of 450",
        "images/s would be these cycles at 100 MHz",
        "no power sensor here, so no figure of energy",
    ],
}
"""What the executed notebooks must say."""
PICTURES = {"01_first_convolution": 2, "02_gemm": 1, "03_bring_up": 1, "04_inference": 1}
RICH = {
    "01_first_convolution": "photo",
    "02_gemm": "tiles",
    "03_bring_up": "through",
    "04_inference": "digits",
}


def outputs(notebook: Path) -> list[dict[str, Any]]:
    cells = json.loads(notebook.read_text())["cells"]
    return [output for cell in cells for output in cell.get("outputs", ())]


def test_all_notebooks_are_here() -> None:
    assert [notebook.stem for notebook in NOTEBOOKS] == sorted(SAID)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(notebook: Path) -> None:
    held = json.loads(notebook.read_text())
    assert not outputs(notebook)
    assert all(cell.get("execution_count") is None for cell in held["cells"])
    expected = [f"{notebook.stem[:2]}-{place:02}" for place in range(1, len(held["cells"]) + 1)]
    assert [cell["id"] for cell in held["cells"]] == expected


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_on_the_simulated_board(
    notebook: Path, lineloom: Lineloom, tmp_path: Path
) -> None:
    # A process that has overlays of its own keeps them to itself.
    make_findable(tmp_path / "elsewhere.bit")
    executed = tmp_path / notebook.name
    done = lineloom("run", notebook, "-o", executed, "--json")
    assert (done.code, done.err) == (0, "")
    assert done.json["notebook"] == str(executed)
    made = outputs(executed)
    text = "".join("".join(output.get("text", "")) for output in made)
    for words in SAID[notebook.stem]:
        assert words in text
    assert not [output for output in made if output.get("name") == "stderr"]
    pictures = [base64.b64decode(output["data"]["image/png"])
                for output in made if "image/png" in output.get("data", {})]  # fmt: skip
    assert len(pictures) == PICTURES[notebook.stem]
    assert all(picture.startswith(b"\x89PNG") and len(picture) > 5000 for picture in pictures)
    html = "".join("".join(output.get("data", {}).get("text/html", "")) for output in made)
    assert f"<b>{RICH[notebook.stem]}</b>" in html


def test_a_cell_that_fails_is_reported_and_the_rest_is_kept(
    lineloom: Lineloom, tmp_path: Path
) -> None:
    import nbformat

    cells = ["import pynq; print(pynq.Device.active_device.board)", "x = 1 / 0", "print('later')"]
    held = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(held, tmp_path / "bad.ipynb")
    done = lineloom(
        "run", tmp_path / "bad.ipynb", "-o", tmp_path / "made" / "bad.ipynb", "--board", "kv260"
    )
    assert done.code == 1
    assert "ZeroDivisionError: division by zero" in done.err
    assert "\x1b" not in done.err
    assert "a cell failed" in done.out
    first, second = outputs(tmp_path / "made" / "bad.ipynb")
    assert first["text"] == ["kv260\n"]
    assert second["ename"] == "ZeroDivisionError"


ON_A_BOARD = """
import json, os, sys
import matplotlib
from pynq.pl_server.device import Device

matplotlib.use("Agg")
os.chdir(os.path.dirname(sys.argv[1]))
cells = [cell for cell in json.load(open(sys.argv[1]))["cells"] if cell["cell_type"] == "code"]
cells = ["".join(cell["source"]) for cell in cells]
names = {}
for cell in cells[:2]:
    exec(cell, names)  # makes the overlay
Device._devices = [Device.active_device]  # from here on it was found
sys.modules["hls"] = sys.modules["sim"] = None  # and neither can be imported
names = {}
for cell in cells:
    exec(cell, names)
"""


def test_a_board_needs_neither_generator_nor_workbench(tmp_path: Path) -> None:
    script = tmp_path / "on_a_board.py"
    script.write_text(ON_A_BOARD)
    done = subprocess.run(
        [sys.executable, "-m", "hls", "run", script, "--", ROOT / "notebooks/03_bring_up.ipynb"],
        cwd=ROOT, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = done.stdout[done.stdout.index("a real board") :]
    for words in ("skipped on a board: the bitstream", "works again: True"):
        assert words in said
    assert "skipped on a board: this wait would never end" in said
