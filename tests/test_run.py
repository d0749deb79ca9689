"""`lineloom run`: unmodified programs that use pynq, run as `python program` does on a board."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, Lineloom, Outcome

from hls import Conv2d, Project
from hls.commands.run import EXAMPLE
from sim import reference
from sim.overlay_files import prepare

DESIGNS = {
    "conv1": (
        "conv2d --input 6x6x3 --filters 4 --padding same --simd 3 --pe 2 --activation relu --seed 3"
    ),
    "gemm1": "gemm --max-m 8 --max-k 8 --max-n 8 --rows 4 --cols 4 --bias-format none",
}

CONV = """
import sys
import numpy as np
from pynq import Overlay, allocate

overlay = Overlay(sys.argv[1])
conv, dma = overlay.conv1, overlay.conv1_dma
x = allocate((6, 6, 3), np.int8)
y = allocate((6, 6, 4), np.int8)
x[:] = np.load(sys.argv[2])
conv.register_map.frames = 1
conv.register_map.CTRL.AP_START = 1
dma.recvchannel.transfer(y)
dma.sendchannel.transfer(x)
dma.sendchannel.wait()
dma.recvchannel.wait()
np.save(sys.argv[3], y)
print("converted", overlay.bitfile_name)
"""
"""Raw pynq, as PYNQ's documentation writes it."""

GEMM = """
import sys
import numpy as np
from pynq import Overlay, allocate

gemm = Overlay(sys.argv[1]).gemm1
a, b = np.load(sys.argv[2]), np.load(sys.argv[3])
buffers = {"a": allocate(a.shape, np.int8), "b": allocate(b.shape, np.int8),
           "c": allocate((len(a), 8), np.int32)}
buffers["a"][:], buffers["b"][:] = a, b
for name, buffer in buffers.items():
    buffer.flush()
    setattr(gemm.register_map, name + "_1", buffer.physical_address & 0xFFFFFFFF)
    setattr(gemm.register_map, name + "_2", buffer.physical_address >> 32)
gemm.register_map.m, gemm.register_map.k, gemm.register_map.n = len(a), 8, 8
gemm.register_map.CTRL.AP_START = 1
while not gemm.register_map.CTRL.AP_IDLE:
    pass
buffers["c"].invalidate()
np.save(sys.argv[4], buffers["c"])
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the projects; they are lowered once."""
    from hls.__main__ import main

    folder = tmp_path_factory.mktemp("built")
    for name, options in DESIGNS.items():
        assert main([*shlex.split(options), "-o", str(folder / name), "--json"]) == 0
    return folder


def run(*arguments: object, cwd: Path) -> Outcome:
    """`lineloom run` in a process of its own: the board stays plugged in until it ends."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "hls", "run", *map(str, arguments)],
        cwd=cwd, env=environment, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    return Outcome(done.returncode, done.stdout, done.stderr)


def script(folder: Path, text: str) -> Path:
    file = folder / "host_script.py"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("path", "engine"), [("conv1.bit", "cocotb"), ("{built}/conv1/conv1.bit", "fast")]
)
def test_raw_pynq_finds_its_overlay_and_computes(
    built: Path, tmp_path: Path, path: str, engine: str
) -> None:
    project = Project.open(built / "conv1")
    x = np.random.default_rng(1).integers(-128, 128, (6, 6, 3), np.int8)
    np.save(tmp_path / "x.npy", x)
    program = script(tmp_path, CONV)
    where = path.format(built=built)
    done = run(program, "--overlay", built / "conv1", "--engine", engine, "--", where, "x.npy",
               "y.npy", cwd=tmp_path)  # fmt: skip
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("converted /")
    assert done.out.endswith("conv1/conv1.bit\n")
    assert np.array_equal(np.load(tmp_path / "y.npy"), expected(project, x))


def expected(project: Project, x: np.ndarray) -> np.ndarray:
    assert isinstance(project.design, Conv2d)
    assert project.parameters is not None
    return reference.conv2d_output(project.design, project.parameters, x[None])[0]


def test_the_example_of_the_verb_works(built: Path, tmp_path: Path) -> None:
    script(tmp_path, CONV.replace("sys.argv[2]", "'x.npy'").replace("sys.argv[3]", "sys.argv[2]"))
    np.save(tmp_path / "x.npy", np.zeros((6, 6, 3), np.int8))
    (tmp_path / "build").symlink_to(built)
    command, verb, *arguments = shlex.split(EXAMPLE.replace("--frames 3", "conv1.bit y.npy"))
    assert (command, verb) == ("lineloom", "run")
    done = run(*arguments, cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert (tmp_path / "y.npy").is_file()


def test_raw_pynq_multiplies_with_two_engines_in_one_overlay(built: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    a = rng.integers(-128, 128, (5, 8), np.int8)
    b = rng.integers(-128, 128, (8, 8), np.int8)
    np.save(tmp_path / "a.npy", a)
    np.save(tmp_path / "b.npy", b)
    both = f"{built / 'conv1'},{built / 'gemm1'}"
    done = run(script(tmp_path, GEMM), "--overlay", both, "--board", "kv260", "--stalls", 0.3,
               "--", "conv1_gemm1.bit", "a.npy", "b.npy", "c.npy", cwd=tmp_path)  # fmt: skip
    assert (done.code, done.err) == (0, "")
    assert np.array_equal(np.load(tmp_path / "c.npy"), a.astype(int) @ b.astype(int))


def test_json_is_one_object_whatever_the_script_prints(built: Path, tmp_path: Path) -> None:
    program = script(
        tmp_path,
        """
import atexit, os, sys
from pynq import Overlay
Overlay("conv1.bit").conv1.read(0)
print("printed", sys.argv[1:])
os.system("echo from a child")
atexit.register(print, "at the end")
sys.exit(7)
""",
    )
    done = run(program, "--overlay", built / "conv1", "--json", "--", "--json", cwd=tmp_path)
    assert done.code == 7
    assert done.json["exit_code"] == 7
    assert done.json["overlays"] == [str(built / "conv1" / "conv1.bit")]
    assert done.json["cycles"] > 0
    for words in ("printed ['--json']", "from a child", "at the end"):
        assert words in done.err


@pytest.mark.parametrize(
    ("text", "code", "out", "err"),
    [
        ("import sys\nsys.exit()", 0, "", ""),
        ("import sys\nsys.exit('words')", 1, "", "words\n"),
        ("print(__name__, __file__)", 0, "__main__ host_script.py\n", ""),
        ("import helper_of_script; print(helper_of_script.NAME)", 0, "near\n", ""),
        (
            "def f():\n    raise ValueError('mine')\nf()\n",
            1,
            "",
            "Traceback (most recent call last):\n"
            '  File "host_script.py", line 3, in <module>\n    f()\n'
            "  File \"host_script.py\", line 2, in f\n    raise ValueError('mine')\n"
            "ValueError: mine\n",
        ),
        ("raise KeyboardInterrupt", 130, "", None),
        (
            "import threading, time, pynq\ndef late():\n    time.sleep(0.3)\n"
            "    print(pynq.Device.active_device.name[:18])\n"
            "threading.Thread(target=late).start()",
            0,
            "lineloom_simulated\n",
            "",
        ),
    ],
)
def test_a_script_behaves_as_under_python(
    tmp_path: Path, text: str, code: int, out: str, err: str | None
) -> None:
    script(tmp_path, text)
    (tmp_path / "helper_of_script.py").write_text("NAME = 'near'\n")
    done = run("host_script.py", cwd=tmp_path)
    assert (done.code, done.out) == (code, out)
    assert done.err.startswith("Traceback") if err is None else done.err == err


def test_a_syntax_error_shows_the_line_alone(tmp_path: Path) -> None:
    script(tmp_path, "x = = 1")
    done = run("host_script.py", cwd=tmp_path)
    assert done.code == 1
    assert done.err.startswith('  File "host_script.py", line 1\n')


def test_pdb_stops_in_the_script(tmp_path: Path) -> None:
    script(tmp_path, "x = 41\nbreakpoint()\nprint(x)")
    done = subprocess.run(
        [sys.executable, "-m", "hls", "run", "host_script.py"], cwd=tmp_path, timeout=600,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, input="x += 1\nc\n", capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stdout.endswith("42\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("absent.py", "absent.py: no such file; name a script or notebook"),
        ("host_script.py --overlay absent", "absent: no such project"),
        ("host_script.py --board zx81", "zx81"),
        ("host_script.py --stalls 1", "stalls=1.0 is outside 0..0.9"),
        ("host_script.py -o made.ipynb", "-o is for the executed notebook"),
        ("empty.ipynb -- --frames", "a notebook takes no arguments; leave --frames away"),
        ("empty.ipynb", "empty.ipynb: cannot be read as a notebook"),
    ],
)
def test_bad_input_is_one_line(
    lineloom: Lineloom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str,
    message: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    script(tmp_path, "print('ran')")
    (tmp_path / "empty.ipynb").write_text("")
    done = lineloom("run", *shlex.split(arguments))
    assert done.code == 2
    assert done.out == ""
    assert message in done.err
    assert done.err.count("\n") == 1


# ---------------------------------------------------------------------- the project's folder


def test_a_project_with_an_overlay_is_generated_again_without_it(
    built: Path, tmp_path: Path, lineloom: Lineloom
) -> None:
    folder = tmp_path / "conv1"
    shutil.copytree(built / "conv1", folder)
    prepare([folder])
    assert {"conv1.bit", "conv1.hwh"} <= {file.name for file in folder.iterdir()}
    done = lineloom("conv2d", "--input", "8x8x1", "--filters", 2, "-o", folder)
    assert done.code == 0
    assert not [*folder.glob("*.bit"), *folder.glob("*.hwh")]


def test_a_bitstream_by_vivado_is_not_replaced(
    built: Path, tmp_path: Path, lineloom: Lineloom
) -> None:
    folder = tmp_path / "conv1"
    shutil.copytree(built / "conv1", folder)
    real = b"\x00\x09\x0f\xf0\x0f\xf0"
    (folder / "conv1.bit").write_bytes(real)
    done = lineloom("conv2d", "--input", "8x8x1", "--filters", 2, "-o", folder)
    assert done.code == 2
    assert "did not make (conv1.bit)" in done.err
    done = lineloom("run", script(tmp_path, ""), "--overlay", folder)
    assert done.code == 2
    assert "conv1.bit: is a bitstream for a real board and is not replaced" in done.err
    assert (folder / "conv1.bit").read_bytes() == real
    assert json.loads((folder / "manifest.json").read_text())["name"] == "conv1"
