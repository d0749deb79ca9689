"""The files in models/: valid, small, as accurate as stated, and what their float files become."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from conftest import ROOT

from hls.network.quantization import quantize
from hls.network.scales import are_powers_of_two, scales_of
from models import __main__ as making
from models.accuracy import accuracy
from models.counting import macs, parameters
from models.digits import digits
from models.zoo import CALIBRATION, FILES, FOLDER, TASKS, File

BY_NAME = {file.name: file for file in FILES}
EACH_FILE = pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)


def stated() -> dict[str, list[str]]:
    """Name of a file -> the other columns of its row in models/README.md."""
    rows = re.findall(r"^\| `(\S+)` \| (.*) \|$", (FOLDER / "README.md").read_text(), re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in rows}


def test_readme_and_folder_have_the_same_files() -> None:
    kept = {path.name for path in FOLDER.glob("*.onnx")}
    assert kept == set(BY_NAME) == set(stated())


@EACH_FILE
def test_a_file_is_valid_small_and_takes_any_batch(file: File) -> None:
    path = FOLDER / file.name
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert path.stat().st_size < 400_000
    assert int(stated()[file.name][5].replace(",", "")) == path.stat().st_size
    (given,), (made,) = model.graph.input, model.graph.output
    assert [given.name, made.name] == ["input", "logits"]
    assert [value.type.tensor_type.shape.dim[0].dim_param for value in (given, made)] == ["N", "N"]


@EACH_FILE
def test_accuracy_is_the_one_that_is_stated(file: File) -> None:
    reached = accuracy(FOLDER / file.name, TASKS[file.network]().test)
    assert reached >= file.goal
    # A sum in another order may move an input between two classes, and no more.
    assert abs(reached - float(stated()[file.name][4].rstrip("%")) / 100) < 0.006


def test_float_accuracy_is_that_of_the_float_file() -> None:
    for name, (_, _, _, exact, *_) in stated().items():
        network = f"{BY_NAME[name].network}_float.onnx"
        if network in BY_NAME:
            assert exact == stated()[network][4]


@pytest.mark.parametrize("network", ["digits_cnn", "digits_mlp"])
def test_sizes_stated_are_those_of_the_float_file(network: str) -> None:
    model = onnx.load(FOLDER / f"{network}_float.onnx")
    for name, (_, parameter_count, mac_count, *_) in stated().items():
        if BY_NAME[name].network == network:
            assert parameter_count == f"{parameters(model):,}"
            assert mac_count == f"{macs(model):,}"


def test_counting_agrees_with_the_arithmetic_of_the_mlp() -> None:
    model = onnx.load(FOLDER / "digits_mlp_float.onnx")
    assert macs(model) == 64 * 64 + 64 * 32 + 32 * 10
    assert parameters(model) == macs(model) + 64 + 32 + 10


@pytest.mark.parametrize(
    "file", [f for f in FILES if f.scheme and f.network.startswith("digits")], ids=lambda f: f.name
)
def test_a_float_file_still_becomes_the_quantized_one(file: File, tmp_path: Path) -> None:
    made = tmp_path / "made.onnx"
    assert file.scheme is not None
    trained = FOLDER / f"{file.network}_float.onnx"
    quantize(trained, FOLDER / CALIBRATION, made, file.scheme)
    assert made.read_bytes() == (FOLDER / file.name).read_bytes()


@EACH_FILE
def test_scales_are_powers_of_two_where_the_name_says_so(file: File) -> None:
    scales = scales_of(onnx.load(FOLDER / file.name))
    assert bool(scales) == (file.scheme is not None)
    if scales:
        assert all(map(are_powers_of_two, scales)) == file.name.endswith("_pow2.onnx")


@pytest.mark.parametrize("file", [f for f in FILES if f.name.endswith("_pow2.onnx")], ids=str)
def test_integers_and_floats_agree_at_powers_of_two(file: File) -> None:
    """Whether onnxruntime fuses to integer operators or computes in float between them."""
    images = TASKS[file.network]().test.images[:100]
    plain = onnxruntime.SessionOptions()
    plain.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    in_float, in_integers = (
        onnxruntime.InferenceSession(FOLDER / file.name, options).run(None, {"input": images})[0]
        for options in (plain, onnxruntime.SessionOptions())
    )
    assert np.array_equal(in_float, in_integers)


def test_without_its_training_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(making, "TRAINER", tmp_path / "python")
    assert making.main([]) == 3
    assert "run make models" in capsys.readouterr().err


def test_digits_are_split_once_and_for_all() -> None:
    task = digits()
    assert [len(split.images) for split in task] == [1347, 128, 450]
    assert all(split.images.shape[1:] == (1, 8, 8) for split in task)
    assert all(split.images.dtype == np.float32 for split in task)
    assert task.train.images.min() == 0
    assert task.train.images.max() == 1
    with np.load(FOLDER / CALIBRATION) as kept:
        assert np.array_equal(kept["input"], task.calibration.images)
    # All ten digits are in each split, and calibration is a part of what trained.
    assert all(np.bincount(split.labels, minlength=10).min() >= 5 for split in task)
    trained = {image.tobytes() for image in task.train.images}
    assert all(image.tobytes() in trained for image in task.calibration.images)
    assert not any(image.tobytes() in trained for image in task.test.images)
    # The first of the test: whoever quotes an accuracy means these images.
    assert task.test.labels[:12].tolist() == [9, 6, 7, 7, 5, 9, 3, 5, 9, 8, 0, 4]


def test_make_models_has_its_interpreter_and_lock() -> None:
    """The Makefile and the script name the same place, and the lock pins PyTorch without CUDA."""
    assert f"{making.TRAINER.parent.parent}/ready" in (ROOT / "Makefile").read_text()
    lock = (ROOT / "requirements-training.lock").read_text()
    assert re.search(r"^torch==[\d.]+\+cpu", lock, re.MULTILINE)
    assert "nvidia" not in lock
