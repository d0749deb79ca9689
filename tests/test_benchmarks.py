"""The benchmarks at sizes that take no time; their figures are not judged here."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from benchmarks import __main__ as command
from benchmarks import area, csim_speed, host_path, rtl
from benchmarks.bounds import bounds
from benchmarks.designs import DESIGNS, MARKS, Mark
from benchmarks.projects import prepared
from benchmarks.tables import Benchmark, Table
from hls.conv2d import Conv2d
from hls.errors import CheckFailed
from hls.estimate import Depth, Usage
from sim import vectors

TINY = Conv2d(
    height=6, width=6, in_channels=2, out_channels=4, padding="same", simd=2, pe=4, name="tiny"
)


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


def shown(table: Table) -> str:
    """The table as a terminal of 80 columns shows it."""
    written = StringIO()
    table.show(Console(file=written, width=80))
    return written.getvalue()


def test_every_design_has_a_mark() -> None:
    assert MARKS.keys() == {design.name for design in DESIGNS}
    assert Mark.share(92).most_ratio == pytest.approx(1 / 0.92)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> rtl.Measured:
    with contextlib.chdir(tmp_path_factory.mktemp("tiny")):
        return rtl.measure(TINY)


def test_a_design_is_lowered_and_simulated(tiny: rtl.Measured) -> None:
    assert tiny.result.match
    assert tiny.result.engine == "fast"
    assert tiny.result.cycles_per_frame >= tiny.result.bound_cycles == TINY.lower_bound_cycles
    assert 0 < tiny.lowering.seconds < 60
    assert 50 < tiny.lowering.peak_mb < 4096
    assert tiny.verilog_lines > 300


@pytest.mark.parametrize(("most", "verdict"), [(1.5, "pass"), (0.5, "FAIL")])
def test_a_mark_is_reached_or_named(tiny: rtl.Measured, most: float, verdict: str) -> None:
    table = rtl.cycle_table([tiny], {"tiny": Mark.ratio(most)})
    assert table.rows[0][0] == "tiny"
    assert table.rows[0][-2:] == (f"<= {most:g} x", verdict)
    assert [miss.split(":")[0] for miss in table.misses] == ["tiny"] * (verdict == "FAIL")


def test_lowering_beyond_its_mark_is_named(tiny: rtl.Measured) -> None:
    assert not rtl.cost_table([tiny]).misses
    slow = dataclasses.replace(tiny, lowering=dataclasses.replace(tiny.lowering, seconds=30.1))
    assert ["30.1 s" in miss for miss in rtl.cost_table([tiny, slow]).misses] == [True]


def test_a_wrong_design_is_not_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    wrong = SimpleNamespace(match=False, mismatches=3, outputs=9, violations=["late"])
    monkeypatch.setattr(rtl, "cosim", lambda *_, **__: wrong)
    with pytest.raises(CheckFailed, match="tiny: RTL differs from NumPy in 3 of 9 outputs; late"):
        rtl.checked(prepared(TINY, "rtl"), 1)


def test_an_unchanged_project_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    kept = prepared(TINY, "rtl").path / "reports" / "estimate.json"
    kept.parent.mkdir()
    kept.touch()
    prepared(TINY, "rtl")
    assert kept.is_file()
    prepared(dataclasses.replace(TINY, activation="relu"), "rtl")
    assert not kept.exists()


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the small convolution is built, once."""
    return tmp_path_factory.mktemp("board")


def test_the_host_path_moves_what_raw_calls_move(
    board: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(board)
    called = host_path.overhead(host_path.SMALL, calls=10)
    frame, result = 6 * 7 * 3, 6 * 7 * 4
    assert called.host_bytes == called.raw_bytes == frame + result
    assert 0 < called.raw_us < 10_000
    assert 0 < called.host_us < 10_000


def test_a_host_path_beyond_its_marks_is_named() -> None:
    table = host_path.overhead_table(host_path.Overhead(90, 40, 105, 100))
    assert [row[-1] for row in table.rows] == ["pass", "pass"]
    assert table.misses == []
    table = host_path.overhead_table(host_path.Overhead(90.2, 40, 106, 100))
    assert [row[-1] for row in table.rows] == ["FAIL", "FAIL"]
    assert table.misses == [
        "host path: 50.2 us of Python more than raw pynq calls, the mark is 50 us",
        "host path: 106 bytes, 6.0 % more than raw pynq calls, the mark is 5 %",
    ]


def test_a_call_is_split(board: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(board)
    one, many = (host_path.split(host_path.SMALL, frames, calls=2) for frames in (1, 4))
    assert many.moved_bytes == 4 * one.moved_bytes == 4 * 294
    for measured in (one, many):
        assert measured.cycles >= measured.bound_cycles > 0
        assert measured.running_s > 0 < measured.packing_s
    monkeypatch.setattr(host_path.reference, "conv2d_output", lambda *_: np.zeros(1))
    with pytest.raises(CheckFailed, match="small_conv: a result of the simulated board differs"):
        host_path.split(host_path.SMALL, 1)


def usage(**changes: float) -> Usage:
    depth = Depth(levels=9, start="", through=(), logic_ns=None)
    counts = {"lut": 2000, "ff": 1600, "dsp": 64, "bram36": 16.5} | changes
    return Usage(lut_logic=0, lut_ram=0, lut_shift=0, cells={}, depth=depth, yosys="", seconds=0,
                 **counts)  # type: ignore[arg-type]  # fmt: skip


def test_more_than_a_dsp_a_multiplier_is_named() -> None:
    one = next(design for design in DESIGNS if design.name == area.NNGEN_LAYER)
    whole, each = area.sizes([(one, usage(), 2345)])
    assert [row[0] for row in whole.rows] == [one.name, "  NNgen, given"]
    assert whole.rows[0][1:] == (2000, 1600, 64, 16.5, "2,345")
    assert each.rows[0][1:] == (64, 1, 31.25, 25, "pass")
    assert each.misses == []
    _, each = area.sizes([(TINY, usage(dsp=73), 1)])
    assert each.misses == ["tiny: 1.01 DSP a multiplier, the mark is 1.0"]
    _, each = area.sizes([(one, usage(bram36=20.5), 1)])
    assert each.misses == [f"{one.name}: 20.5 BRAM36, NNgen's given figure is 20"]


# Designs whose synthesis takes a minute; the one named "bad" fails as soon as another has begun.
SLOW = """
import sys
from pathlib import Path
from types import SimpleNamespace
from benchmarks import area
from hls import tools

def size(project):
    name = project.design.name
    slow = "import os, time; from pathlib import Path; "
    slow += f"Path({name!r}).write_text(str(os.getpid())); time.sleep(60)"
    bad = "import time; from pathlib import Path\\n"
    bad += "while not Path('slow').exists(): time.sleep(0.02)\\n1 / 0"
    tools.run([sys.executable, "-c", bad if name == "bad" else slow], what=name)

area.prepared = lambda design, group: SimpleNamespace(design=design)
area.lower_project = lambda project: None
area.size = size
area.size_all([SimpleNamespace(name=name) for name in sys.argv[1:]], print)
"""


@pytest.mark.parametrize("names", [("slow", "other", "third"), ("slow", "bad", "third")])
def test_no_synthesis_outlives_the_benchmarks(names: tuple[str, ...], tmp_path: Path) -> None:
    root = Path(area.__file__).parent.parent
    with subprocess.Popen([sys.executable, "-c", SLOW, *names], cwd=tmp_path,
                          env=os.environ | {"PYTHONPATH": str(root)},
                          stderr=subprocess.PIPE, text=True) as process:  # fmt: skip
        files = [tmp_path / name for name in names[:2] if name != "bad"]
        while not all(file.exists() and file.read_text() for file in files):
            assert process.poll() is None
            time.sleep(0.02)
        started = time.monotonic()
        if "bad" not in names:
            process.terminate()
        _, err = process.communicate(timeout=30)
    assert time.monotonic() - started < 25
    assert process.returncode == (1 if "bad" in names else 128 + signal.SIGTERM)
    assert ("bad failed with exit code 1" in err) == ("bad" in names)
    for file in filter(Path.exists, map(tmp_path.joinpath, names)):
        with pytest.raises(ProcessLookupError):
            os.kill(int(file.read_text()), 0)


def test_tables_fit_80_columns(tiny: rtl.Measured) -> None:
    largest = max(DESIGNS, key=lambda design: (design.lower_bound_cycles, len(design.name)))
    named = dataclasses.replace(
        tiny, design=dataclasses.replace(TINY, name="conv_14x14x128_128_k1"),
        result=dataclasses.replace(tiny.result, cycles_per_frame=200_704, bound_cycles=200_704),
    )  # fmt: skip
    mark = {named.design.name: Mark.ratio(1.03)}
    tables = [
        rtl.cycle_table([named], mark), rtl.cost_table([named]),
        host_path.split_table([host_path.Split(largest, 256, 0.1, 99.0, 99_999_999, 10**8)]),
        host_path.overhead_table(host_path.Overhead(1234.5, 1000, 10**9, 10**9)),
        *area.sizes([(largest, usage(lut=123_456, ff=123_456, dsp=1024), 12_345)]),
    ]  # fmt: skip
    for table in tables:
        assert "…" not in shown(table)
        rows = shown(table).splitlines()
        assert sum(str(table.rows[0][0]) in row for row in rows) == 1


def test_a_missed_mark_is_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = Table(title="t", caption="c", columns=("what",), rows=[("x",)], misses=["x: too slow"])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "BENCHMARKS", (Benchmark("slow", "", lambda _: [table]),))
    assert command.main([]) == 1
    assert capsys.readouterr().err == "lineloom: mark missed: x: too slow\n"
    written = json.loads((tmp_path / "build" / "bench" / "bench.json").read_text())
    assert written["benchmarks"]["slow"][0]["misses"] == ["x: too slow"]


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
    assert err == "good: at work\nlineloom: it differs\n"
    assert not (tmp_path / "build").exists()


def test_a_folder_that_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "build").touch()
    monkeypatch.chdir(tmp_path)
    assert command.main(["--only", "bounds"]) == 2
    assert "\nlineloom: build/bench/bench.json: cannot be written" in capsys.readouterr().err
