"""lineloom predict: the held-out digits through Verilog, C++ and the simulated board."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from conftest import ROOT, Lineloom
from onnx import numpy_helper

import sim
from hls.boards import board
from hls.commands import predict
from hls.network import Network
from hls.network.balancing import balance
from hls.network.generation import generate_dataflow
from host import Accelerator
from models.digits import digits

MODEL = ROOT / "models" / "digits_cnn.onnx"
TEST = digits().test


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    design = balance(Network.from_onnx(MODEL, "digits"), board("pynq-z2"))
    folder = tmp_path_factory.mktemp("prediction") / "build" / "net"
    return generate_dataflow(design, folder).path


@pytest.fixture
def copied(project: Path, tmp_path: Path) -> Path:
    """The project, to be damaged."""
    made = tmp_path / "digits"
    shutil.copytree(project, made, ignore=shutil.ignore_patterns("sim", "rtl", "reports"))
    return made


def data(folder: Path, **arrays: npt.NDArray[Any]) -> Path:
    file = folder / "data.npz"
    np.savez(file, **arrays)
    return file


def test_all_held_out_digits_in_verilog(
    project: Path, lineloom: Lineloom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The example of the verb's help."""
    monkeypatch.chdir(project.parent.parent)
    np.savez("test.npz", images=TEST.images, labels=TEST.labels)
    done = lineloom(*shlex.split(predict.EXAMPLE)[1:], "--json")
    assert (done.code, done.err) == (0, "")
    found = done.json
    assert found["match"]
    assert (found["images"], found["mismatches"], found["top1_agreeing"]) == (450, 0, 450)
    assert found["accuracy"] == found["model_accuracy"] >= 0.98
    correct = np.array(found["classes"])[:, 0] == TEST.labels
    assert found["accuracy"] == correct.mean()
    # Its scales are no powers of two.
    assert found["differing_outputs"] <= 10
    assert found["largest_difference"] <= 1
    cycles = found["cycles_per_frame"]
    assert found["frames_per_second"] == pytest.approx(1e8 / cycles, rel=1e-3)
    assert cycles >= found["bound_cycles"]


def test_all_held_out_digits_on_the_simulated_board(project: Path) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(MODEL, providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"input": TEST.images})
    with sim.board(project), Accelerator(project) as net:
        predicted = net.predict(TEST.images)
    assert predicted.dtype == np.float32
    np.testing.assert_array_equal(predicted.argmax(axis=1), expected.argmax(axis=1))
    step = net._result.scale
    np.testing.assert_allclose(predicted, expected, rtol=0, atol=1.01 * step)


def test_without_labels_through_c_sim(project: Path, lineloom: Lineloom, tmp_path: Path) -> None:
    """Under the name of the model's input."""
    file = data(tmp_path, input=TEST.images)
    done = lineloom("predict", project, "--data", file, "--engine", "csim", "--images", 40)
    assert done.code == 0
    assert "40 of 40 images as onnxruntime" in done.out
    assert "0 of 400 outputs differ" in done.out
    for word in ("accuracy", "frames a second"):
        assert word not in done.out


def test_a_wrong_weight_is_found(copied: Path, lineloom: Lineloom, tmp_path: Path) -> None:
    header = copied / "src" / "digits_dense2_weights.hpp"
    text, count = re.subn(r"(kWeights\[.*\n{\n  {{{)-?\d+}}}", r"\g<1>-128}}}", header.read_text())
    assert count == 1
    header.write_text(text)
    file = data(tmp_path, images=TEST.images[:30], labels=TEST.labels[:30])
    done = lineloom("predict", copied, "--data", file, "--engine", "csim", "--json")
    assert done.code == 1
    assert not done.json["match"]
    assert 0 < done.json["mismatches"] <= 300
    index = done.json["first_mismatch"]["index"]
    assert len(index) == 4
    assert done.json["first_mismatch"]["got"] != done.json["first_mismatch"]["expected"]


def test_another_model_is_found(copied: Path, lineloom: Lineloom, tmp_path: Path) -> None:
    """The engine is what it should be, but its model says that all digits are sevens."""
    model = onnx.load(copied / "model.onnx")
    last = next(tensor for tensor in model.graph.initializer if "bias" in tensor.name
                and tuple(tensor.dims) == (10,))  # fmt: skip
    array = numpy_helper.to_array(last).copy()
    array[7] += 100_000
    last.CopyFrom(numpy_helper.from_array(array, last.name))
    onnx.save(model, copied / "model.onnx")
    file = data(tmp_path, images=TEST.images[:30], labels=TEST.labels[:30])
    done = lineloom("predict", copied, "--data", file, "--engine", "csim", "--json")
    assert done.code == 1
    assert done.json["mismatches"] == 0
    assert done.json["top1_agreeing"] == (TEST.labels[:30] == 7).sum()
    assert done.json["accuracy"] > 0.9 > done.json["model_accuracy"]


@pytest.mark.parametrize(
    ("arrays", "options", "words"),
    [
        ({"pictures": TEST.images}, (), "holds pictures; it must hold images, or input"),
        ({"images": TEST.images[:2, 0]}, (), r"shape (2, 8, 8), the model takes [N, 1, 8, 8]"),
        ({"images": TEST.images.astype(float)}, (), "is float64, the model takes float32"),
        ({"images": TEST.images[0]}, (), "images is one image; give several, [N, ...]"),
        ({"images": TEST.images, "labels": TEST.labels[:9]}, (), "a class for each of the 450"),
        ({"images": TEST.images, "labels": TEST.labels + 0.5}, (), "labels are float64"),
        ({"images": TEST.images}, ("--images", 451), "--images=451 is outside 1..450"),
        ({"images": TEST.images}, ("--images", 0), "--images=0 is outside 1..450"),
        ({"images": TEST.images}, ("--board", "arty"), "arty"),
    ],
)  # fmt: skip
def test_data_that_is_refused(
    project: Path, lineloom: Lineloom, tmp_path: Path, arrays: dict[str, Any],
    options: tuple[object, ...], words: str,
) -> None:  # fmt: skip
    done = lineloom("predict", project, "--data", data(tmp_path, **arrays), *options)
    assert done.code == 2
    assert words in done.err


def test_projects_that_are_refused(copied: Path, lineloom: Lineloom, tmp_path: Path) -> None:
    file = data(tmp_path, images=TEST.images[:1])
    done = lineloom("predict", copied, "--data", tmp_path / "none.npz")
    assert (done.code, "none.npz: cannot be read (No such file or directory)" in done.err) == (
        2,
        True,
    )
    (copied / "model.onnx").unlink()
    done = lineloom("predict", copied, "--data", file)
    assert (done.code, "has no model.onnx to compare with" in done.err) == (2, True)
    conv = tmp_path / "conv"
    assert (
        lineloom("conv2d", "--input", "4x4x1", "--filters", 1, "--kernel", 3, "-o", conv).code == 0
    )
    done = lineloom("predict", conv, "--data", file)
    assert (done.code, "is no network; make one with lineloom net" in done.err) == (2, True)


def test_in_overlay_style(lineloom: Lineloom, tmp_path: Path) -> None:
    made = lineloom("net", MODEL, "--style", "overlay", "-o", tmp_path / "net", "--json")
    assert made.code == 0
    file = data(tmp_path, images=TEST.images, labels=TEST.labels)
    done = lineloom("predict", tmp_path / "net", "--data", file, "--engine", "csim", "--json")
    assert done.code == 0
    assert (done.json["mismatches"], done.json["top1_agreeing"]) == (0, 450)
    assert done.json["accuracy"] == done.json["model_accuracy"] >= 0.98
