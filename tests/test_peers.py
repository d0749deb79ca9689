"""NNgen beside our designs, without NNgen and without a network; `make soak` takes the real one."""

from __future__ import annotations

import dataclasses
import json
import shutil
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from benchmarks import peers
from benchmarks.area import NNGEN_LAYER
from benchmarks.peers import accelerator, bench, environment, measurement, plot, published, tuning
from benchmarks.peers.accelerator import Accelerator, Tensor
from benchmarks.peers.comparison import area_table, cycle_table, setting_table
from benchmarks.peers.layers import PEERS, Lanes, Peer
from benchmarks.peers.measurement import Compared, Measured
from benchmarks.tables import Table
from hls.conv2d import Conv2d
from hls.errors import CheckFailed, ToolFailed, ToolNotFound, ToolTooSlow
from hls.estimate import Depth, Usage
from hls.rtl import Rtl

TINY = Conv2d(
    height=6, width=6, in_channels=2, out_channels=4, padding="same", simd=2, pe=4, name="tiny"
)
PEER = Peer(design=TINY, lanes=Lanes(ich=2, och=4), given_percent=50, port_bits=32, note="slow")


def usage(**changes: float) -> Usage:
    depth = Depth(levels=9, start="", through=(), logic_ns=None)
    counts = {"lut": 2000, "ff": 1600, "dsp": 72, "bram36": 1} | changes
    return Usage(lut_logic=0, lut_ram=0, lut_shift=0, cells={}, depth=depth, yosys="", seconds=0,
                 **counts)  # type: ignore[arg-type]  # fmt: skip


def compared(peer: Peer = PEER, ours: int = 40, nngen: int | None = 50) -> Compared:
    """A comparison with so many cycles."""
    return Compared(
        peer=peer,
        ours=Measured(cycles=ours, verilog_lines=900, usage=usage()),
        steady_cycles=float(ours),
        nngen=nngen
        and Measured(cycles=nngen, verilog_lines=90_000, usage=usage(lut=9000, bram36=0)),
    )


def shown(table: Table) -> str:
    """The table as a terminal of 80 columns shows it."""
    written = StringIO()
    table.show(Console(file=written, width=80))
    return written.getvalue()


# ---------------------------------------------------------------------- layers


def test_both_have_the_same_multipliers() -> None:
    assert [peer.multipliers for peer in PEERS] == [72, 72, 72, 64, 50, 64, 64]
    assert [peer.design.multipliers for peer in PEERS] == [72, 72, 72, 64, 50, 64, 64]


def test_nngen_is_asked_for_the_layer_of_the_design() -> None:
    conv, product = accelerator.job(PEER), accelerator.job(PEERS[-1])
    assert conv == {
        "operator": "conv2d", "input": [1, 6, 6, 2], "weights": [4, 3, 3, 2], "pads": [1, 1, 1, 1],
        "lanes": {"ich": 2, "och": 4, "col": 1, "row": 1}, "port_bits": 32, "shift": 9,
    }  # fmt: skip
    assert product["operator"] == "matmul"
    assert product["input"] == product["weights"] == [128, 128]


@pytest.mark.parametrize("peer", [PEER, PEERS[-2]], ids=lambda peer: peer.design.name)
def test_results_fill_int8_without_being_saturated(peer: Peer) -> None:
    layer = bench.operands(peer.design)
    y = bench.rounded(layer.sums, accelerator.job(peer)["shift"])
    assert 15 < y.std() < 60
    assert ((y == -128) | (y == 127)).mean() < 0.1


@pytest.mark.parametrize(
    ("value", "expected"), [(5, 1), (6, 2), (7, 2), (-5, -1), (-6, -2), (-7, -2), (1000, 127),
                            (-1000, -128), (0, 0)]
)  # fmt: skip
def test_halves_are_rounded_away_from_zero(value: int, expected: int) -> None:
    assert bench.rounded(np.array([value]), 2) == [expected]


def test_every_setting_of_so_many_multipliers_is_tried() -> None:
    tried = [candidate.lanes for candidate in tuning.candidates(PEER, 64)]
    assert len(set(tried)) == len(tried)
    assert {c.port_bits for c in tuning.candidates(PEER, 64)} == {64}
    assert all(lanes.ich <= 2 and lanes.och <= 4 and lanes.col <= 6 for lanes in tried)
    # 8 = ich och col row, with at most 2, 4, 6 and 6 lanes
    assert len(tried) == 13
    for peer in PEERS:
        found = [*tuning.candidates(peer, peer.port_bits)]
        assert peer in found
        assert {candidate.multipliers for candidate in found} == {peer.design.multipliers}


def test_a_search_goes_on_where_it_ended(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    simulated = []

    def made(peer: Peer, home: Path) -> Peer:
        if peer.lanes.row > 1:
            raise ToolFailed("NNgen on tiny failed with exit code 1")
        return peer

    def cycles(peer: Peer, layer: bench.Operands) -> int:
        simulated.append(peer)
        return 1000 // peer.lanes.och

    monkeypatch.setattr(tuning, "PEERS", (PEER,))
    monkeypatch.setattr(tuning, "generate", made)
    monkeypatch.setattr(tuning.bench, "simulate", cycles)
    for _ in range(2):
        assert tuning.main(["tiny", "--port", "32"]) == 0
        rows = [line for line in capsys.readouterr().out.splitlines() if "port=32" in line]
        assert rows[0].split() == ["ich=2", "och=4", "port=32", "250", "14.4"]
        assert len(rows) == len(simulated) == 5


# ---------------------------------------------------------------------- the bench


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Accelerator:
    """A design with NNgen's ports: eight words, inverted."""
    folder = tmp_path_factory.mktemp("nngen")
    (folder / "rtl").mkdir()
    shutil.copy(Path(__file__).parent / "peers" / "nngen.v", folder / "rtl")
    tensors = {
        "input": Tensor(0, (4, 6), (4, 8), 64),
        "output": Tensor(64, (4, 6), (4, 8), 32),
        "weights": Tensor(128, (2, 3), (2, 4), 64),
    }
    registers = {"start": 16, "status": 36, "enable": 40, "scratch": 132}
    return Accelerator(folder=folder, port_bits=32, shift=2, tensors=tensors, registers=registers)


def layer_of(first: int) -> bench.Operands:
    """A layer whose right result is ~source."""
    source = np.random.default_rng(3).integers(-128, 128, (4, 6)).astype(np.int8)
    source[0, 0] = first
    return bench.Operands(source, np.ones((2, 3), np.int8), (~source).astype(np.int64) << 2)


def test_an_accelerator_runs_on_a_memory_without_latency(stand_in: Accelerator) -> None:
    # For each word its address, itself, what becomes of it, and the answer to that; the first
    # address is out a cycle before the answer to the write that starts it all.
    assert bench.simulate(stand_in, layer_of(0)) == 8 * 4 - 1


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (1, "NNgen's RTL hangs"),
        (2, "NNgen's RTL differs from NumPy in 2 outputs"),
        (3, "NNgen's RTL writes outside its output"),
        (4, "NNgen's RTL breaks a rule: .* words narrower than its port"),
    ],
)
def test_a_wrong_accelerator_is_not_measured(
    stand_in: Accelerator, fault: int, message: str
) -> None:
    with pytest.raises(CheckFailed, match=message):
        bench.simulate(stand_in, layer_of(fault))


# ---------------------------------------------------------------------- with and without NNgen


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_a_network_the_reason_is_one_line(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(command: list[str], **_: object) -> str:
        if "pip" in command:
            raise ToolFailed("pip failed with exit code 1:\nWARNING: retrying\nERROR: No network\n")
        return ""

    monkeypatch.setattr(environment.tools, "run", refuse)
    with pytest.raises(ToolNotFound, match=r"^NNgen 1\.3\.4 cannot be installed: No network$"):
        accelerator.generate(PEER)


def test_an_installed_nngen_is_kept_until_its_packages_change(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []

    def pretend(command: list[str], **_: object) -> str:
        commands.append([str(part) for part in command])
        if "venv" in command:
            (elsewhere / environment.HOME / "venv" / "bin").mkdir(parents=True)
            (elsewhere / environment.HOME / "venv" / "bin" / "python").touch()
        return ""

    monkeypatch.setattr(environment.tools, "run", pretend)
    python = environment.interpreter()
    assert python == elsewhere / environment.HOME / "venv" / "bin" / "python"
    assert [("pip" in command) for command in commands] == [False, True, True]
    assert all("--require-hashes" in command for command in commands[1:])
    assert environment.interpreter() == python
    assert len(commands) == 3
    monkeypatch.setattr(environment, "fingerprint", lambda: "other packages")
    environment.interpreter()
    assert len(commands) == 6


def test_every_package_is_pinned_with_its_hash() -> None:
    folder = Path(environment.__file__).parent
    for name in ("requirements-build.txt", "requirements.txt"):
        text = (folder / name).read_text().replace("\\\n", " ")
        packages = [line for line in text.splitlines() if line and line.lstrip()[0] != "#"]
        assert packages
        assert all("==" in line and "--hash=sha256:" in line for line in packages)
    assert f"nngen=={environment.VERSION} " in text


def test_without_nngen_ours_is_measured_and_nngen_asked_for_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def absent(peer: Peer) -> Accelerator:
        asked.append(peer)
        raise ToolNotFound("NNgen 1.3.4 cannot be installed: No network")

    result = SimpleNamespace(cycles=40, cycles_per_frame=36.5)
    latencies: list[int] = []
    monkeypatch.setattr(measurement, "generate", absent)
    monkeypatch.setattr(
        measurement, "prepared", lambda *_: SimpleNamespace(path=Path(), design=TINY)
    )
    monkeypatch.setattr(measurement, "lowered", lambda _: None)
    monkeypatch.setattr(measurement, "usage", lambda _: "no Yosys")
    monkeypatch.setattr(
        measurement, "checked",
        lambda _, frames, memory_latency=2: latencies.append(memory_latency) or result,
    )  # fmt: skip
    said: list[str] = []
    found, why = measurement.compare_all([PEER, PEER], said.append)
    assert why == "NNgen 1.3.4 cannot be installed: No network"
    assert len(asked) == 1
    assert [c.nngen for c in found] == [None, None]
    assert [(c.ours.cycles, c.steady_cycles) for c in found] == [(40, 36.5)] * 2
    assert latencies[0] == bench.MEMORY_LATENCY
    assert said[0] == "1/2: tiny on 72 multipliers: NNgen: generate"


def test_the_command_ends_well_without_nngen(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        peers, "compare_all", lambda *_: ([compared(nngen=None)], "it cannot be installed: no way")
    )
    tables = peers.COMPARISON.run(lambda _: None)
    assert not any(table.misses for table in tables)
    assert "NOT measured in this run, its figures are given ones: it cannot" in tables[0].caption
    assert "given, not measured" in svg_text(elsewhere / peers.PLOT)


def test_a_synthesis_that_takes_too_long_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rtl").mkdir()
    (tmp_path / "rtl" / "x.v").write_text("module x; endmodule\n")
    tried = []

    def slow(rtl: Rtl, family: str, *, timeout_s: float) -> Usage:
        tried.append(timeout_s)
        raise ToolTooSlow("Yosys on x: took longer")

    monkeypatch.setattr(measurement, "synthesize", slow)
    rtl = Rtl(tmp_path, "x", {})
    for seconds, why in ((60, "> 1 min"), (60, "> 1 min"), (30, "> 1 min"), (120, "> 2 min")):
        assert measurement.usage(rtl, seconds) == why
    assert tried == [60, 120]
    (tmp_path / "rtl" / "x.v").write_text("module x; wire y; endmodule\n")
    assert measurement.usage(rtl, 120) == "> 2 min"
    assert tried == [60, 120, 120]


def test_the_same_number_of_multipliers_is_insisted_on(
    stand_in: Accelerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measurement, "generate", lambda _: stand_in)
    with pytest.raises(CheckFailed, match="tiny: NNgen made 0 multipliers, not 72"):
        measurement.compare(PEER, lambda _: None)


# ---------------------------------------------------------------------- tables and figure


def test_a_peer_ahead_is_named() -> None:
    # 36 cycles would keep all 72 multipliers busy
    assert TINY.macs == 36 * 72
    table = cycle_table([compared(), compared(ours=50)], "")
    assert table.rows[0] == ("tiny", 72, 40, 90.0, 50, 72.0, 50.0, "ahead")
    assert [row[-1] for row in table.rows] == ["ahead", "BEHIND"]
    assert table.misses == ["tiny: 72.0 % of 72 multipliers, NNgen's measured figure is 72.0 %"]
    assert "tiny: slow" in table.caption


def test_given_figures_are_marked_as_given() -> None:
    table = cycle_table([compared(nngen=None), compared(ours=72, nngen=None)], "no network")
    assert table.rows[0] == ("tiny", 72, 40, 90.0, "-", "-", 50.0, "ahead")
    assert table.misses == ["tiny: 50.0 % of 72 multipliers, NNgen's given figure is 50.0 %"]
    assert "NNgen was NOT measured in this run, its figures are given ones: no network" in (
        table.caption
    )
    assert setting_table([compared(nngen=None)]).rows == []


def test_settings_and_resources_stand_beside_each_other() -> None:
    assert setting_table([compared()]).rows == [("tiny", "par_ich=2 par_och=4", 32, 900, 90_000)]
    table = area_table([compared()])
    assert table.rows == [
        ("tiny", 2000, 1600, 72, 1, 27.8, "more BRAM36"),
        ("  NNgen", 9000, 1600, 72, 0, 125, ""),
    ]
    slow = compared()
    assert slow.nngen is not None
    slow = dataclasses.replace(slow, nngen=dataclasses.replace(slow.nngen, usage="> 15 min"))
    assert area_table([slow]).rows[0][-1] == ""
    assert area_table([slow]).rows[1] == ("  NNgen", "-", "-", "-", "-", "-", "> 15 min")
    one = next(peer for peer in PEERS if peer.design.name == NNGEN_LAYER)
    assert area_table([compared(one, nngen=None)]).rows[1][0] == "  NNgen, given"


def test_published_figures_are_marked_as_published() -> None:
    table = published.published_table([compared()])
    assert table.rows[0][:2] == ("tiny", 0.9)
    assert {row[0]: row[1] for row in table.rows[1:]} == {
        "Angel-Eye": 1.04, "fpgaConvNet": 0.88, "VTA": 1.16, "AutoSA": 1.98,
    }  # fmt: skip
    assert all(str(row[2]).startswith("published") for row in table.rows[1:])


def test_tables_fit_80_columns() -> None:
    longest = max(PEERS, key=lambda peer: len(peer.design.name))
    wide = compared(longest, 200_704, 300_704)
    assert wide.nngen is not None
    measured = dataclasses.replace(
        wide.nngen, usage=usage(lut=123_456, ff=123_456, dsp=123, bram36=123.5)
    )
    wide = dataclasses.replace(wide, nngen=measured)
    for table in (cycle_table([wide], ""), setting_table([wide]), area_table([wide]),
                  published.published_table([wide])):  # fmt: skip
        lines = shown(table).splitlines()
        assert "…" not in shown(table)
        for row in table.rows:
            assert sum(line.startswith(str(row[0])) for line in lines) >= 1
        assert max(map(len, lines)) <= 80


def svg_text(path: Path) -> str:
    """The comments of the figure, in which matplotlib writes the text that it draws."""
    return "\n".join(
        line for line in path.read_text().splitlines() if line.strip().startswith("<!--")
    )


def test_the_figure_has_the_same_bytes_every_time(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        plot.draw([compared(), compared(PEERS[0], 6300, 9548)], tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    text = svg_text(tmp_path / "a.svg")
    assert "90.0" in text
    assert "72.0" in text
    assert "NNgen 1.3.4, measured" in text


# ---------------------------------------------------------------------- the real NNgen


@pytest.mark.soak
def test_nngen_itself_runs_a_small_layer(elsewhere: Path) -> None:
    made = accelerator.generate(PEER)
    layout = json.loads((made.folder / "layout.json").read_text())
    assert layout["registers"] == {"start": 16, "status": 36, "enable": 40, "scratch": 132}
    assert layout["tensors"]["weights"]["shape"] == [4, 3, 3, 2]
    text = made.verilog.read_text()
    assert made.multipliers == PEER.multipliers == TINY.multipliers == 72
    cycles = bench.simulate(made, bench.operands(TINY))
    assert cycles >= TINY.macs / PEER.multipliers
    (made.folder / "generated").unlink()
    assert accelerator.generate(PEER).verilog.read_text() == text
