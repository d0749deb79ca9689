"""The tables of the networks: what is no pass, and in which words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.judged import Judged, Sum, verdicts
from benchmarks.networks import RUNS, Run, cycles, resources
from models.zoo import FILES, FOLDER, TASKS

RUN = Run("digits_cnn.onnx", "digits_cnn", "dataflow", 3)


def prediction(**changed: Any) -> Any:
    found = {
        "cycles_per_frame": 1264.0, "bound_cycles": 1152, "accuracy": 1.0, "model_accuracy": 1.0,
        "differing": 1, "outputs": 30, "mismatches": 0, "agreeing": 3, "images": 3, "match": True,
    }  # fmt: skip
    return SimpleNamespace(**found | changed)


def test_a_frame_stands_beside_its_bound() -> None:
    (row,) = cycles([(RUN, prediction())]).rows
    assert row == ("digits_cnn_dataflow", 3, 1152, 1264, 1.097, 79114, "100.0% / 100.0%",
                   "1 of 30", "pass")  # fmt: skip


def test_a_wrong_bit_or_class_is_a_miss() -> None:
    made = cycles([(RUN, prediction(mismatches=2, match=False))])
    assert made.rows[0][-1] == "FAIL"
    assert "2 of 30 outputs are not the golden model's, 3 of 3 classes" in made.misses[0]


@pytest.mark.parametrize(("dsp", "misses"), [(220, 0), (221, 1)])
def test_what_does_not_fit_the_board_is_a_miss(dsp: int, misses: int) -> None:
    usage: Any = SimpleNamespace(lut=1, ff=1, dsp=dsp, bram36=139.5)
    made = resources([(RUN, usage)])
    assert len(made.misses) == misses
    assert made.rows[1][-1] == ("FAIL" if misses else "pass")


def test_the_models_are_there() -> None:
    for run in RUNS:
        assert (FOLDER / run.file).is_file()
        assert run.images <= len(TASKS[run.network]().test.labels)


def judged(name: str, **isolated: Any) -> Judged:
    (file,) = (file for file in FILES if file.name == name)
    found = {"values": 1_000_000, "frames": 9, "top1": 9} | isolated
    return Judged(file, isolated=Sum(**found), whole=Sum(values=1_000_000, frames=9, top1=9))


@pytest.mark.parametrize(
    ("name", "isolated", "misses"),
    [
        ("resnet8.onnx", {"differing": 20, "largest": 1}, 0),
        ("resnet8.onnx", {"differing": 21, "largest": 1}, 1),
        ("resnet8.onnx", {"differing": 99, "halfway": 79, "largest": 1}, 0),
        ("resnet8.onnx", {"differing": 1, "largest": 2}, 1),
        ("resnet8_pow2.onnx", {}, 0),
        ("resnet8_pow2.onnx", {"differing": 1, "largest": 1}, 1),
    ],
)
def test_values_unlike_onnxruntimes_have_a_bound(
    name: str, isolated: dict[str, int], misses: int
) -> None:
    made = verdicts([judged(name, **isolated)])
    assert len(made.misses) == misses
    assert made.rows[0][-1] == ("FAIL" if misses else "pass")


def test_another_class_is_a_miss() -> None:
    made = judged("dscnn.onnx")
    made.whole.top1, made.whole.undecided = 7, 1
    assert verdicts([made]).misses == ["dscnn.onnx: 1 of 9 classes are not onnxruntime's"]
    made.whole.undecided = 2
    assert not verdicts([made]).misses
