"""Cosimulation: the RTL is right under stalls, both engines say so, and every fault is found."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Lineloom

from hls import InputError, Project
from hls.errors import CheckFailed
from sim.cosim import ENGINES, cosim
from sim.protocol import Burst, Bursts, Complaints, Offer, Packet, pauses
from sim.structure import Structure, explain, structure

DESIGNS = {
    "same": "--input 8x9x3 --filters 4 --kernel 3 --padding same --simd 3 --pe 2",
    "valid": "--input 9x8x1 --filters 3 --kernel 5x3 --pe 3 --requantize none",
    "stride": "--input 9x9x4 --filters 6 --kernel 3 --stride 2 --padding 1 --simd 2 --pe 3",
    "pooling": "--input 8x8x2 --filters 4 --padding same --pool max:2 --activation relu --pe 2",
    "groups": "--input 6x6x4 --filters 8 --groups 2 --padding same --simd 2 --pe 2",
    "loaded": (
        "--input 6x5x4 --filters 4 --input-format u4 --weight-format s4 --requantize channel "
        "--simd 2 --pe 2 --load-weights"
    ),
    "wide": (
        "--input 3x4x96 --filters 2 --kernel 1 --input-format u8 --weight-format s2 --simd 96 "
        "--pe 2 --requantize none"
    ),
}
"""Designs that differ in what their hardware is made of; `wide` has a port of 768 bits."""

Build = Callable[[str], Project]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """The project of one of DESIGNS, generated once."""
    from hls.__main__ import main

    made: dict[str, Project] = {}

    def project(name: str) -> Project:
        if name not in made:
            folder = tmp_path_factory.mktemp("designs") / name
            assert main(["conv2d", *shlex.split(DESIGNS[name]), "-o", str(folder), "--json"]) == 0
            made[name] = Project.open(folder)
        return made[name]

    return project


@pytest.fixture
def altered(build: Build, tmp_path: Path) -> Callable[..., Project]:
    """A copy of the lowered project `same` with one piece of its Verilog replaced."""

    def alter(old: str, new: str) -> Project:
        good = build("same")
        cosim(good, engine="fast")
        project = Project(tmp_path / good.path.name)
        shutil.copytree(good.path, project.path, ignore=shutil.ignore_patterns("sim"))
        top = project.path / "rtl" / "same.v"
        assert top.read_text().count(old) == 1
        top.write_text(top.read_text().replace(old, new))
        return project

    return alter


# ---------------------------------------------------------------------- right designs


@pytest.mark.parametrize("name", DESIGNS)
def test_designs_match_under_stalls_in_both_engines(build: Build, name: str) -> None:
    found = {
        (engine, stalls): cosim(build(name), stalls=stalls, seed=5, engine=engine)
        for engine, stalls in itertools.product(ENGINES, (0.0, 0.3))
    }
    for result in found.values():
        assert result.match
        assert (result.mismatches, result.violations) == (0, [])
    outputs = [result.output for result in found.values()]
    assert all(np.array_equal(outputs[0], output) for output in outputs)
    free, fast = found["cocotb", 0.0], found["fast", 0.0]
    assert (free.cycles, free.stream_cycles) == (fast.cycles, fast.stream_cycles)
    assert free.fifos == fast.fifos
    assert free.ii["multiply_steps"] == 1
    assert free.cycles_per_frame <= 1.03 * build(name).manifest["costs"]["predicted_cycles"]
    assert all(slow.cycles > free.cycles for (_, stalls), slow in found.items() if stalls)


def test_sums_of_an_odd_width_match(tmp_path: Path, lineloom: Lineloom) -> None:
    """Three sums of 23 bits beside each other: LLVM once packed them with funnel shifts of i69."""
    options = (
        "--input 4x5x3 --filters 3 --kernel 2 --input-format s12 --weight-format s8 "
        "--requantize none --simd 1 --pe 3"
    )
    folder = tmp_path / "odd"
    assert lineloom("conv2d", *options.split(), "-o", folder).code == 0
    assert cosim(Project.open(folder), stalls=0.3, seed=4, engine="fast").match


def test_one_frame_counts_from_its_first_to_its_last_beat(build: Build) -> None:
    result = cosim(build("same"), frames=1, engine="fast")
    assert result.calls == 1
    assert result.cycles_per_frame == result.stream_cycles
    assert result.ratio == result.stream_cycles / result.bound_cycles


def test_the_seed_decides_the_stalls(build: Build) -> None:
    cycles = [
        cosim(build("same"), stalls=0.5, seed=seed, engine="fast").cycles for seed in (1, 1, 2)
    ]
    assert cycles[0] == cycles[1] != cycles[2]


# ---------------------------------------------------------------------- faults

OUTPUT = "assign {out_r_TLAST, out_r_TSTRB, out_r_TKEEP, out_r_TDATA} ="
VALID = "assign out_r_TVALID = !out_empty;"
TAKE = "assign out_take = out_r_TREADY;"
FLICKERS = "assign out_take = out_r_TREADY && flicker;\n"
FLICKERS += "reg flicker; always @(posedge ap_clk) flicker <= !flicker;"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_wrong_value_is_shown(
    altered: Callable[..., Project], lineloom: Lineloom, engine: str
) -> None:
    project = altered(OUTPUT, f"{OUTPUT} 1'b1 ^ ")
    outcome = lineloom("cosim", project.path, "--engine", engine, "--frames", 2, "--json")
    assert outcome.code == 1
    assert outcome.json["match"] is False
    assert outcome.json["violations"] == []
    assert outcome.json["mismatches"] == outcome.json["outputs"] / 2  # one of two lanes
    first = outcome.json["first_mismatch"]
    assert (first["call"], first["index"]) == (0, [0, 0, 0, 0])
    assert first["got"] == first["expected"] ^ 1


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("old", "new", "violation"),
    [
        (OUTPUT, "wire late; assign out_r_TLAST = 0; " + OUTPUT.replace("out_r_TLAST", "late"),
         "out_r has no TLAST at the end of the packet"),
        (OUTPUT, "wire early; assign out_r_TLAST = 1; " + OUTPUT.replace("out_r_TLAST", "early"),
         "out_r has TLAST before the end of the packet"),
        (f"{TAKE}\n  {VALID}", f"{FLICKERS}\n{VALID.replace(';', ' && flicker;')}",
         "out_r drops VALID before READY"),
    ],
    ids=["no-tlast", "early-tlast", "valid-dropped"],
)  # fmt: skip
def test_a_broken_rule_is_a_failure_though_the_values_are_right(
    altered: Callable[..., Project], engine: str, old: str, new: str, violation: str
) -> None:
    result = cosim(altered(old, new), frames=1, stalls=0.5, engine=engine)
    assert not result.match
    assert result.mismatches == 0
    assert [text.split(": ", 1)[1] for text in result.violations] == [violation]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("old", "new", "reasons"),
    [
        (".full(sums_full), .put(sums_put)", ".full(sums_full), .put(1'b0)",
         ["process finish runs while stream sums is empty",
          "process send runs while stream results is empty"]),
        (".out_full(out_full)", ".out_full(1'b1)",
         ["process multiply runs while stream sums is full",
          "process finish runs while stream results is full",
          "process send runs and waits for none of its streams"]),
        ("assign ap_done = running &&", "assign ap_done = 1'b0 && running &&",
         ["out_r put out 144 of 144 beats"]),
        (".AWVALID(s_axi_control_AWVALID)", ".AWVALID(1'b0)", ["the registers do not answer"]),
    ],
    ids=["lost-words", "blocked-output", "never-done", "dead-registers"],
)  # fmt: skip
def test_a_hang_says_who_waits_for_whom(
    altered: Callable[..., Project],
    lineloom: Lineloom,
    engine: str,
    old: str,
    new: str,
    reasons: list[str],
) -> None:
    project = altered(old, new)
    outcome = lineloom("cosim", project.path, "--engine", engine, "--frames", 1)
    assert outcome.code == 1
    assert "same hangs in call 0: nothing moved for" in outcome.err
    for reason in reasons:
        assert reason in outcome.err


def test_a_missing_beat_is_a_hang(altered: Callable[..., Project]) -> None:
    project = altered(VALID, "assign out_r_TVALID = !out_empty && !out_r_TLAST;")
    for engine in ENGINES:
        with pytest.raises(CheckFailed, match="put out 143 of 144 beats; the kernel says that it"):
            cosim(project, frames=1, engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_verilog_of_vitis_hls_is_run_as_it_is(build: Build, tmp_path: Path, engine: str) -> None:
    """With other instances inside, nothing is known of them, and a hang is told by the ports."""
    cosim(build("same"), engine="fast")
    project = Project(tmp_path / "same")
    shutil.copytree(build("same").path, project.path, ignore=shutil.ignore_patterns("sim"))
    report = project.path / "reports" / "lowering.json"
    report.write_text(json.dumps({"backend": "vitis", "processes": []}))
    for file in project.path.glob("rtl/*.v"):
        text = file.read_text().replace("same_fifo", "same_stream")
        file.write_text(re.sub(r"\bidle\b", "ap_idle_U", text))
    before = (project.path / "rtl" / "same.v").read_text()
    result = cosim(project, stalls=0.2, engine=engine)
    assert result.match
    assert (result.fifos, result.ii) == ({}, {})
    assert (project.path / "rtl" / "same.v").read_text() == before
    (project.path / "rtl" / "same.v").write_text(
        before.replace(".out_full(out_full)", ".out_full(1'b1)")
    )
    with pytest.raises(CheckFailed, match=r"cycles at stalls 0, seed 0; in_r took \d+ of 72 beats"):
        cosim(project, frames=1, engine=engine)


# ---------------------------------------------------------------------- the command


@pytest.mark.parametrize("engine", ENGINES)
def test_the_command_prints_figures_and_writes_waves(
    build: Build, lineloom: Lineloom, engine: str
) -> None:
    path = build("same").path
    options = ("--frames", 2, "--stalls", 0.3, "--seed", 1, "--engine", engine, "--waves")
    outcome = lineloom("cosim", path, *options, "--json")
    assert outcome.code == 0
    said = outcome.json
    assert (said["match"], said["stalls"], said["seed"]) == (True, 0.3, 1)
    assert (said["engine"], said["calls"]) == (engine, 2)
    assert said["bound_cycles"] == build("same").manifest["costs"]["lower_bound_cycles"]
    assert said["ratio"] == pytest.approx(said["cycles_per_frame"] / said["bound_cycles"], abs=1e-4)
    waves = Path(said["waves"])
    assert waves == path.resolve() / "sim" / "same.vcd"
    assert "multiply" in waves.read_text()


def test_the_table_names_the_bound(build: Build, lineloom: Lineloom) -> None:
    out = lineloom("cosim", build("same").path, "--engine", "fast").out
    assert "of the bound 144" in out
    assert "fast, " in out


def test_an_unchanged_design_is_not_built_again(build: Build) -> None:
    project = build("same")
    cosim(project, engine="fast")
    before = {file: file.stat().st_mtime_ns for file in project.path.glob("sim/*/*")}
    cosim(project, engine="cocotb", frames=1)
    assert {file: file.stat().st_mtime_ns for file in project.path.glob("sim/*/*")} == before
    assert before


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--frames 0", "frames=0 is not positive; use 1 or more"),
        ("--stalls 1", "stalls=1.0 is outside 0..0.9"),
        ("--m 4", "--m does not apply to a convolution; leave it away"),
    ],
)
def test_bad_options_are_refused(build: Build, lineloom: Lineloom, options: str, says: str) -> None:
    outcome = lineloom("cosim", build("same").path, *shlex.split(options))
    assert outcome.code == 2
    assert says in outcome.err


def test_a_missing_verilator_says_where_it_was_searched(
    build: Build, lineloom: Lineloom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINELOOM_VERILATOR", "/nowhere")
    outcome = lineloom("cosim", build("same").path)
    assert outcome.code == 3
    assert "no Verilator to simulate with: searched LINELOOM_VERILATOR=/nowhere;" in outcome.err


def test_an_unknown_engine_is_refused(build: Build) -> None:
    with pytest.raises(InputError, match="engine='icarus' is not known; use cocotb or fast"):
        cosim(build("same"), engine="icarus")


# ---------------------------------------------------------------------- rules and structure


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.9])
def test_pauses_take_their_share_of_the_cycles(share: float) -> None:
    drawn = list(itertools.islice(pauses([1, 2], share), 200_000))
    assert np.mean(drawn) == pytest.approx(share, abs=0.02)
    lengths = [len(list(run)) for paused, run in itertools.groupby(drawn) if paused]
    assert not share or max(lengths) > 16


def test_an_offer_stays_until_it_is_taken() -> None:
    said = Complaints()
    offer = Offer("x", said)
    steps: list[tuple[bool, bool, Any]] = [
        (True, False, 1), (True, True, 1), (True, True, 2), (False, True, 0), (True, False, 3),
    ]  # fmt: skip
    assert [offer.step(i, *step) for i, step in enumerate(steps)] == [0, 1, 1, 0, 0]
    assert said.lines() == []
    offer.step(5, True, False, 4)
    offer.step(6, False, False, 0)
    assert said.lines() == [
        "cycle 5: x changes its payload while it waits for READY",
        "cycle 6: x drops VALID before READY",
    ]


def test_a_packet_ends_with_its_last_beat() -> None:
    said = Complaints()
    packet = Packet("x", 3, said)
    beats = [(True, True), (False, False), (False, True), (False, True)]
    assert [packet.step(i, *beat) for i, beat in enumerate(beats)] == [True, True, True, False]
    assert packet.complete
    assert said.lines() == [
        "cycle 0: x has TLAST before the end of the packet",
        "cycle 1: x has TKEEP or TSTRB bits at 0",
        "cycle 2: x has no TLAST at the end of the packet",
        "cycle 3: x puts out more than 3 beats",
    ]


@pytest.mark.parametrize(
    ("burst", "says"),
    [
        (Burst(0x1FC0, 3, 4, 1), None),
        (Burst(0x1FC0, 3, 3, 1), "words narrower than its port"),
        (Burst(0x1FC0, 3, 4, 0), "a burst that is not INCR"),
        (Burst(0x1FC8, 2, 4, 1), "at an unaligned address"),
        (Burst(0x1FD0, 3, 4, 1), "a burst across a 4 KiB boundary"),
        (Burst(0x2000, 16, 4, 1), "outside its buffer"),
    ],
)
def test_a_burst_keeps_to_its_buffer_and_page(burst: Burst, says: str | None) -> None:
    said = Complaints()
    bursts = Bursts("x reads", 16, said)
    bursts.allow(0x1F00, 0x200)
    bursts.step(7, burst)
    assert said.lines() == ([] if says is None else [f"cycle 7: x reads {says}"])


def test_the_structure_of_foreign_verilog_is_empty(tmp_path: Path) -> None:
    (tmp_path / "top.v").write_text("module top (input ap_clk); top_slide slide_U0(); endmodule")
    assert structure("top", tmp_path) == Structure()
    assert structure("other", tmp_path) == Structure()


def test_only_running_processes_are_explained() -> None:
    found = Structure({"a": 2, "b": 4}, {"p": ["a"], "q": ["b"]}, {"p": ["b"], "q": []})
    state = {"a.count": 0, "b.count": 4, "p.idle": 0, "q.idle": 1}
    assert explain(found, state) == ["process p runs while stream a is empty and stream b is full"]
