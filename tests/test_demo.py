"""The demo's stages on a small crop of its photograph."""

from __future__ import annotations

import importlib.util
import json
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from hls.errors import ToolFailed
from hls.project import Project
from sim import demo, demo_images, demo_layers, demo_stages
from sim.csim import CsimResult
from sim.demo_stages import STAGES, Demo, Row

HEIGHT, WIDTH = 42, 64  # of the crop; the height fills no whole number of blocks


def crop() -> demo_images.Pixels:
    return np.ascontiguousarray(demo_images.photograph()[160 : 160 + HEIGHT, 200 : 200 + WIDTH])


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the demo runs on a crop."""
    photo = crop()
    monkeypatch.setattr(demo_images, "photograph", lambda: photo)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_photograph_is_in_colour_and_large() -> None:
    photo = demo_images.photograph()
    assert photo.shape == (427, 640, 3)
    assert photo.dtype == np.uint8
    assert photo.std(axis=(0, 1)).min() > 20


def test_every_stage_matches_and_the_picture_is_written(tmp_path: Path) -> None:
    made = Demo(crop(), tmp_path)
    rows = demo.run(made, Console(quiet=True))
    assert [(row.design, row.tool) for row in rows] == [
        ("filters", "C-sim"), ("cosines", "C-sim"), ("filters", "RTL"), ("cosines", "RTL"),
    ]  # fmt: skip
    assert [row.mismatches for row in rows] == [0] * 4
    assert [row.outputs for row in rows] == [HEIGHT * WIDTH * 8, 3 * 48 * WIDTH] * 2
    assert all(1 <= row.ratio < 1.5 for row in rows)
    with Image.open(tmp_path / "demo.png") as sheet:
        assert sheet.width > 1000
        assert sheet.height > 600
    # The features are what they are called.
    luminance = made.photo.astype(np.int64) @ [2, 5, 1] / 8
    assert np.array_equal(made.features[..., 0], np.rint(luminance))
    assert demo_images.psnr_db(made.photo, made.decoded()) > 20


def test_json_is_one_object_and_tables_go_to_stderr(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo.main(["--json"]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert report["match"] is True
    assert [row["mismatches"] for row in report["rows"]] == [0] * 4
    assert [row["cycles"] >= row["bound_cycles"] for row in report["rows"]] == [True] * 4
    assert (small / report["picture"]).is_file()
    assert "Bit-exact" in err


def test_the_table_fits_80_columns() -> None:
    row = Row(
        design="cosines",
        layer="3 x 4320x64x64",
        tool="C-sim",
        multipliers=216,
        bound_cycles=829_440,
        cycles=831_042,
        outputs=2_186_240,
        mismatches=0,
        seconds=12.34,
    )
    written = StringIO()
    Console(file=written, width=80).print(demo._table([row, row]))
    assert "…" not in written.getvalue()
    assert len(written.getvalue().splitlines()) == 6  # a title, two lines of names, a rule, rows


@pytest.fixture
def csim_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the stages in RTL away, which take long to build."""
    monkeypatch.setattr(demo, "STAGES", STAGES[:2])


def corrupt(output: Any) -> None:
    output[(-1,) * output.ndim] ^= 1


def failed_rows(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    """Design and tool of the rows of a demo that found mismatches and said so."""
    assert demo.main(["--json"]) == 1
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert report["match"] is False
    assert "MISMATCH" in err
    return [(row["design"], row["tool"]) for row in report["rows"] if row["mismatches"]]


@pytest.mark.usefixtures("small", "csim_only")
@pytest.mark.parametrize("name", ["filters", "cosines"])
def test_a_wrong_output_of_the_cpp_is_a_failure(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    honest = Project.csim

    def corrupted(project: Project, *arrays: Any, **named: Any) -> CsimResult:
        result = honest(project, *arrays, **named)
        if project.design.name == name:
            corrupt(result.output)
        return result

    monkeypatch.setattr(Project, "csim", corrupted)
    assert (name, "C-sim") in failed_rows(capsys)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("violations", [[], ["cycle 7: c is written twice"]])
def test_a_wrong_output_of_the_verilog_is_a_failure(
    violations: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """C-sim stands in for the simulator, with one wrong bit or a broken rule."""

    def simulated(project: Project, *, inputs: dict[str, Any], **_: Any) -> SimpleNamespace:
        output = project.csim(**inputs).output
        faulty = project.design.name == "cosines"
        if faulty and not violations:
            corrupt(output)
        return SimpleNamespace(output=output, violations=violations if faulty else [],
                               mismatches=0, outputs=output.size, cycles=9, stream_cycles=9,
                               cycles_per_second=1.0)  # fmt: skip

    monkeypatch.setattr(demo_stages, "cosim", simulated)
    if violations:
        assert demo.main([]) == 1
        assert "cosines in RTL: cycle 7: c is written twice" in capsys.readouterr().err
    else:
        assert failed_rows(capsys) == [("cosines", "RTL")]


@pytest.mark.parametrize("module", ["sklearn", "PIL"])
def test_a_missing_package_is_one_line(
    module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == module else real(name)
    )
    assert demo.main([]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("lineloom: the demo needs the Python package")
    assert err.count("\n") == 1


def test_an_error_of_ours_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing() -> demo_images.Pixels:
        raise ToolFailed("it broke")

    monkeypatch.setattr(demo_images, "photograph", failing)
    assert demo.main([]) == 1
    assert capsys.readouterr().err == "lineloom: it broke\n"


@pytest.mark.parametrize(("height", "width"), [(8, 8), (42, 64), (1, 1), (9, 15)])
def test_blocks_are_put_back(height: int, width: int) -> None:
    plane = np.random.default_rng(0).integers(0, 256, (height, width)).astype(np.float64)
    blocks = demo_images.blocks_of(plane, 8)
    assert np.array_equal(demo_images.pixels_of(blocks, 8, height, width), plane)


def test_filters_fit_int8_and_keep_their_level() -> None:
    conv = demo_layers.convolution(8, 8)
    weights = demo_layers.bank(conv)["weights"]
    assert weights.shape == conv.weight_shape
    assert conv.weight_format.holds(weights)
    gains = weights.sum(axis=(1, 2, 3))
    # A flat grey stays as it is where the level counts, and is 128 in all other channels.
    assert gains.tolist() == [0 if f.centred else f.divisor for f in demo_layers.BANK]


def test_the_transform_decodes_to_what_went_in() -> None:
    pixels = np.random.default_rng(0).integers(-128, 128, (5, 64))
    gemm = demo_layers.transform(5)
    operands = demo_layers.operands(gemm, colour=False)
    exact = pixels @ operands["b"] * (operands["multiplier"] / 2.0 ** operands["shift"])
    assert np.abs(demo_layers.decode(exact, colour=False) - pixels).max() < 2
