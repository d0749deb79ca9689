"""The benchmarks at sizes that take no time; their figures are not judged here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks import csim_speed
from benchmarks.bounds import bounds
from benchmarks.designs import DESIGNS
from benchmarks.tables import Benchmark, Table
from hls.conv2d import Conv2d
from hls.errors import CheckFailed
from sim import vectors


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> list[csim_speed.Layer]:
    return csim_speed.compile_network(tmp_path_factory.mktemp("network"), batch=4)


def images(network: list[csim_speed.Layer]) -> csim_speed.Array:
    conv = network[0].project.design
    assert isinstance(conv, Conv2d)
    return vectors.frames(conv, 4, seed=1)


def test_the_network_is_the_one_described(network: list[csim_speed.Layer]) -> None:
    outputs = [4, 4, 4, 42, 64, 10]
    x = images(network)
    for layer, last in zip(network[:3], (16, 16, 24), strict=True):
        x = layer.csim(x)
        assert x.shape[-1] == last
    assert x.shape == (4, 2, 2, 24)
    for layer, last in zip(network[3:], outputs[3:], strict=True):
        x = layer.csim(x)
        assert x.shape == (4, last)
    assert len(np.unique(x)) > 4  # the signal does not die on its way


def test_speed_is_measured_and_checked(network: list[csim_speed.Layer]) -> None:
    speed, layers = csim_speed.measure(network, images(network), runs=1)
    assert [row[0] for row in speed.rows] == ["C-sim", "C-sim, checked by NumPy"]
    alone, checked = (float(row[1]) for row in speed.rows)
    assert alone > checked > 0
    assert [row[2] for row in layers.rows] == [388800, 389376, 55296, 4032, 2688, 640]


def test_a_wrong_layer_is_not_timed(
    network: list[csim_speed.Layer], monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = csim_speed.Layer.golden
    monkeypatch.setattr(csim_speed.Layer, "golden", lambda layer, x: honest(layer, x) + 1)
    with pytest.raises(CheckFailed, match="conv1: C-sim differs from NumPy"):
        csim_speed.measure(network, images(network), runs=1)


def test_bounds_hold_for_every_design() -> None:
    table = bounds(DESIGNS)
    assert len({design.name for design in DESIGNS}) == len(DESIGNS) == len(table.rows)
    for name, bound, predicted, ratio, *_ in table.rows:
        assert int(bound) <= int(predicted), name
        assert 1 <= float(ratio) < 1.11, name


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_the_command_prints_tables_and_writes_json(
    options: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command.main([*options, "--only", "bounds"]) == 0
    out, err = capsys.readouterr()
    written = json.loads((tmp_path / "build" / "bench" / "bench.json").read_text())
    assert list(written["benchmarks"]) == ["bounds"]
    assert written["benchmarks"]["bounds"][0]["rows"][0]["multipliers"] == 216
    assert written["machine"]["cpus"] > 0
    tables = err if options else out
    assert DESIGNS[0].name in tables
    assert "…" not in tables
    if options:
        assert json.loads(out) == written


def test_all_benchmarks_run_in_order_and_errors_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def works(progress: Callable[[str], None]) -> list[Table]:
        progress("at work")
        return [Table(title="t", caption="c", columns=("what", "s"), rows=[("x", 0.5)])]

    def fails(progress: Callable[[str], None]) -> list[Table]:
        raise CheckFailed("it differs")

    good, bad = Benchmark("good", "", works), Benchmark("bad", "", fails)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "BENCHMARKS", (good, bad))
    assert command.main([]) == 1
    out, err = capsys.readouterr()
    assert "0.500" in out
    assert err == "lineloom: it differs\n"
    assert not (tmp_path / "build").exists()


def test_a_folder_that_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "build").touch()
    monkeypatch.chdir(tmp_path)
    assert command.main(["--only", "bounds"]) == 2
    assert capsys.readouterr().err.startswith("lineloom: build/bench/bench.json: cannot be written")
