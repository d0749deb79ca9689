"""What the host library refuses before anything moves: arguments, files, further users."""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pynq
import pytest
from overlays import good, images

import host.session
import sim
from hls import Project
from hls.parameters import random_parameters
from host import Accelerator, AcceleratorError
from host.lock import BoardLock
from sim.device import SimulatedDevice
from sim.overlay_files import SimulatedBit

# ---------------------------------------------------------------------- refused arguments


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (
            np.zeros((7, 6, 3), np.int8),
            r"the input has shape \(7, 6, 3\), .* takes 6 x 7 x 3; resh",
        ),
        (np.zeros((0, 6, 7, 3), np.int8), r"shape \(0, 6, 7, 3\), .* takes N x 6 x 7 x 3"),
        (np.zeros(5, np.int8), r"the input has shape \(5,\)"),
        (np.zeros((6, 7, 3)), r"is float64, .* takes int8; quantize it, then .*astype\(np.int8\)"),
        (np.zeros((6, 7, 3), np.uint8), "is uint8, the accelerator takes int8"),
        ([[1, 2], [3]], "the input is no array .*rows differ in length"),
    ],
)
def test_arguments_that_are_refused(conv: Any, folder: Path, x: Any, words: str) -> None:
    with pytest.raises(AcceleratorError, match=words):
        conv(x)
    assert re.search(words, conv.info.last_error)
    assert good(conv, folder)


def test_parameters_that_a_design_has_not(both: Path, folder: Path, tmp_path: Path) -> None:
    eye = np.eye(3, dtype=np.int8)
    with Accelerator(both, "gemm1") as gemm:
        for named in ({"bias": [1, 2, 3]}, {"multiplier": 1, "shift": 1}):
            with pytest.raises(AcceleratorError, match=r"gemm1 computes A . B alone; generate it"):
                gemm(eye, eye, **named)
        assert (gemm(eye, eye) == eye).all()


def test_what_load_weights_refuses(conv: Any, folder: Path) -> None:
    with pytest.raises(AcceleratorError, match="conv1 has its weights built in; generate it with"):
        conv.load_weights(np.zeros((4, 3, 3, 3), np.int8))
    conv.close()
    design = Project.open(folder / "loaded").design
    held = random_parameters(design, 3)
    weights, scale = held.weights, (held.multiplier, held.shift)
    wrong: list[tuple[Any, Any, Any, str]] = [
        (weights[:1], held.bias, scale, r"weights has shape \(1, 2, 2, 4\), the .* \(4, 2, 2, 4\)"),
        (weights * 0.5, held.bias, scale, "weights is float64, the accelerator takes integers"),
        (weights * 0 + 9, held.bias, scale, "weights has values 9..9, s4 holds -8..7"),
        (weights, held.bias, None, r"loaded requantizes; give requant=\(multiplier, shift\)"),
        (weights, held.bias, (1 << 24, 1), "multiplier has values 16777216..16777216"),
        (weights, held.bias, (1, 48), "shift has values 48..48, this design holds 0..47"),
        (weights, held.bias, (0.5, 1), "multiplier is float64, the accelerator takes integers"),
    ]
    with sim.board(folder / "loaded"), Accelerator(folder / "loaded") as loaded:
        for w, bias, requant, words in wrong:
            with pytest.raises(AcceleratorError, match=words):
                loaded.load_weights(w, bias, requant)


# ---------------------------------------------------------------------- overlays that do not fit


@pytest.fixture
def copied(folder: Path, device: SimulatedDevice) -> Path:
    """A copy of conv1's overlay beside it, to be damaged."""
    place = folder / "copied"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for name in ("conv1.hwh", "manifest.json"):
        shutil.copy(folder / "conv1" / name, place)
    SimulatedBit((folder / "conv1",), "pynq-z2", 100.0).write(place / "conv1.bit")
    return place


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def _remove(name: str) -> Callable[[Path], None]:
    return lambda place: (place / name).unlink()


MISFITS: dict[str, tuple[Callable[[Path], None], str]] = {
    "no manifest": (_remove("manifest.json"), r"manifest.json is missing; copy the manifest.json"),
    "no hwh": (_remove("conv1.hwh"), r"conv1.hwh is missing; copy the .hwh of the same build"),
    "no bit": (_remove("conv1.bit"), r"copied must hold one .bit file, it holds none"),
    "vlnv": (
        lambda place: _edit(place / "manifest.json", "hls:conv1:1.0", "hls:conv1:2.0"),
        r"conv1.bit has lineloom:hls:conv1:1.0 as conv1, the manifest is for lineloom:hls:conv1:2.0"
        r"; conv1.bit and manifest.json must come from the same build",
    ),
    "instance": (
        lambda place: _edit(place / "manifest.json", '"name": "conv1"', '"name": "conv7"'),
        "conv1.bit has no conv7; conv1.bit and manifest.json must come from the same build",
    ),
    "register": (
        lambda place: _edit(place / "manifest.json", '"offset": 16', '"offset": 32'),
        "conv1 has no register at 0x20, where the manifest has frames",
    ),
    "version": (
        lambda place: _edit(place / "manifest.json", '"lineloom": 1', '"lineloom": 2'),
        "is not a Lineloom manifest of version 1",
    ),
    "damaged": (
        lambda place: _edit(place / "manifest.json", "{", "["),
        r"manifest.json cannot be read .*; copy it again",
    ),
    "kind": (
        lambda place: _edit(place / "manifest.json", '"kind": "conv2d"', '"kind": "fir"'),
        "conv1 is of kind fir, this host library drives conv2d, matrix_conv2d, dataflow, overlay, "
        "gemm; update it",
    ),
    "lacking": (
        lambda place: _edit(place / "manifest.json", '"costs"', '"prices"'),
        "manifest.json has no 'costs'; copy it again",
    ),
}


@pytest.mark.parametrize("case", MISFITS)
def test_files_that_do_not_belong_together(copied: Path, folder: Path, case: str) -> None:
    damage, words = MISFITS[case]
    damage(copied)
    with pytest.raises(AcceleratorError, match=words):
        Accelerator(copied)
    with Accelerator(folder / "conv1") as conv:  # nothing is left taken
        assert good(conv, folder)


def test_an_overlay_that_pynq_cannot_load(
    device: SimulatedDevice, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overlay(_: str) -> None:
        raise RuntimeError("Could not find a PS")

    with monkeypatch.context() as patched:
        patched.setattr(pynq, "Overlay", overlay)
        with pytest.raises(AcceleratorError, match=r"pynq cannot load conv1.bit: Could not find a"):
            Accelerator(folder / "conv1")
    with Accelerator(folder / "conv1") as conv:
        assert good(conv, folder)


def test_a_simulated_overlay_on_a_real_board(
    device: SimulatedDevice, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host.session, "_device", lambda: SimpleNamespace(name="a real board"))
    with pytest.raises(AcceleratorError, match=r"conv1.bit is for the simulated board; build one"):
        Accelerator(folder / "conv1")


def test_names_that_are_unknown(both: Path) -> None:
    with pytest.raises(AcceleratorError, match=r"several accelerators; choose .* conv1, gemm1"):
        Accelerator(both)
    with pytest.raises(AcceleratorError, match="no accelerator 'fir'; it has conv1, gemm1"):
        Accelerator(both, "fir")
    with pytest.raises(AcceleratorError, match=r"none.bit: no such overlay; copy .bit, .hwh and"):
        Accelerator(both / "none.bit")


def test_without_a_board(folder: Path, device: SimulatedDevice) -> None:
    code = f"from host import Accelerator; Accelerator({str(folder / 'conv1')!r})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "AcceleratorError: pynq finds no board (No Devices Found" in ran.stderr


# ---------------------------------------------------------------------- several users


def test_two_users_in_a_process(both: Path) -> None:
    with Accelerator(both, "conv1"):
        with pytest.raises(AcceleratorError, match="conv1 is in use by another Accelerator; share"):
            Accelerator(both, "conv1")
        with Accelerator(both, "gemm1"):
            pass
        with pytest.raises(AcceleratorError, match=r"conv1_gemm1.bit is in use \(conv1\); close"):
            Accelerator(both.parent / "conv1")
    Accelerator(both, "conv1").close()


def test_a_user_that_is_collected_while_the_next_one_joins(
    both: Path, device: SimulatedDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Garbage collection closes an accelerator in the same thread, wherever it happens to be."""
    first = Accelerator(both, "gemm1")
    take = host.session.Session._take

    def collecting(session: host.session.Session, name: str | None) -> Any:
        first.close()
        return take(session, name)

    monkeypatch.setattr(host.session.Session, "_take", collecting)
    lock = Path(tempfile.gettempdir()) / f"lineloom-{device.name}.lock"
    with Accelerator(both, "conv1") as conv:
        assert lock.is_file()
        assert conv.info.name == "conv1"
        with pytest.raises(AcceleratorError, match="conv1 is in use"):
            Accelerator(both, "conv1")
    assert not lock.exists()


def test_two_processes(device: SimulatedDevice, folder: Path) -> None:
    lock = Path(tempfile.gettempdir()) / f"lineloom-{device.name}.lock"
    code = (
        "import fcntl, sys; file = open(sys.argv[1], 'a'); fcntl.flock(file, fcntl.LOCK_EX); "
        "print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(lock)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as other:  # fmt: skip
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(AcceleratorError, match="another process uses the accelerators of this"):
            Accelerator(folder / "conv1")
        other.communicate()
    with Accelerator(folder / "conv1") as conv:
        assert good(conv, folder)


def test_a_lock_that_somebody_else_left(
    device: SimulatedDevice, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    place = tmp_path / f"lineloom-{device.name}.lock"
    place.mkdir()
    with pytest.raises(AcceleratorError, match=r"cannot be opened \(Is a directory\); delete"):
        Accelerator(folder / "conv1")
    place.rmdir()
    place.touch()  # of a process that died: nobody holds it
    with Accelerator(folder / "conv1"):
        assert place.is_file()
    assert not place.exists()


def test_a_lock_that_is_deleted_while_it_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who locks a file that its last owner has just deleted has locked nothing."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    flock, deleted = fcntl.flock, []

    def late(file: Any, how: int) -> None:
        if not deleted:
            deleted.append(file)
            (tmp_path / "lineloom-board.lock").unlink()
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    lock = BoardLock("board")
    assert deleted
    with pytest.raises(AcceleratorError, match="another process uses"):
        BoardLock("board")
    lock.release()
    lock.release()
    BoardLock("board").release()
    assert not list(tmp_path.iterdir())


def test_another_overlay_loaded_over_it(both: Path) -> None:
    with Accelerator(both, "conv1") as conv, Accelerator(both, "gemm1") as gemm:
        pynq.Overlay(str(both / "conv1_gemm1.bit"))
        for call in (lambda: conv(images(1)), lambda: gemm(np.eye(2, dtype=np.int8), np.eye(2))):
            with pytest.raises(AcceleratorError, match=r"another overlay was loaded over conv1_g"
                               r"emm1.bit; call reload\(\)"):  # fmt: skip
                call()
        conv.reload()
        assert good(conv, both.parent)
        eye = np.eye(4, dtype=np.int8)
        assert (gemm(eye, eye) == eye).all()
