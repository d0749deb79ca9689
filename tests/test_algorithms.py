"""Costs of the algorithms: what the models say of each other, of RTL, and what is chosen."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import Lineloom
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.algorithms import LAYERS, MEMORIES, RUNS, design_of, model_table, predicted
from hls import Conv2d, Pool, Project, generate
from hls.algorithms import (
    CANDIDATES,
    Choice,
    Cost,
    baselines,
    best,
    costs,
    direct_lanes,
    multiplications,
    refusals,
    resolve,
)
from hls.boards import board, boards
from hls.design import MatrixConv2d, engine
from hls.errors import CheckFailed, DesignError, InputError
from hls.memory import Memory

Z2 = board("pynq-z2")
LAYER = Conv2d(height=14, width=14, in_channels=64, out_channels=32, padding="same", simd=8, pe=8,
               algorithm="auto")  # fmt: skip
DEPTHWISE = Conv2d(height=12, width=12, in_channels=16, out_channels=16, groups=16, simd=4, pe=4,
                   padding="same", algorithm="auto")  # fmt: skip


# ---------------------------------------------------------------------- beside RTL


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [pytest.param(*run, marks=[] if run in RUNS[9:11] else [pytest.mark.soak]) for run in RUNS],
)
def test_rtl_takes_the_cycles_and_moves_the_bytes_of_the_model(
    name: str, algorithm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table = model_table([(name, algorithm)], MEMORIES, lambda _: None)
    assert len(table.rows) == len(MEMORIES)
    assert not table.misses


def test_a_missed_mark_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    run = ("12x12x64_24k1_s2", "direct")
    cost = predicted(design_of(*run), 1, Z2, Memory())
    moved = {port: {"read": count, "written": 0} for port, count in cost.port_bytes.items()}
    rtl = SimpleNamespace(
        match=True, cycles=cost.cycles, outputs=7, mismatches=7, memory_bytes=moved
    )
    for name, stand_in in (("prepared", None), ("lowered", None), ("cosim", rtl)):
        monkeypatch.setattr(f"benchmarks.algorithms.{name}", lambda *_, it=stand_in, **__: it)

    def told() -> list[str]:
        return list(model_table([run], MEMORIES[:1], lambda _: None).misses)

    assert told() == []
    rtl.cycles = cost.cycles * 1.04
    assert "cycles and 10,080 bytes predicted" in told()[0]
    rtl.cycles = cost.cycles
    rtl.memory_bytes["in_r"]["written"] = 8
    assert "10,088 in RTL" in told()[0]
    rtl.match = False
    with pytest.raises(CheckFailed, match="RTL differs from NumPy in 7 of 7 outputs"):
        told()


# ---------------------------------------------------------------------- laws of the models


@pytest.mark.parametrize("name", LAYERS)
def test_without_limits_the_models_are_those_of_the_designs(name: str) -> None:
    for algorithm in (*CANDIDATES[1:], "kn2row_partials"):
        made = engine(design_of(name, algorithm))
        assert isinstance(made, MatrixConv2d)
        cost = predicted(made.conv, made.conv.batch, Z2, Memory())
        assert cost.cycles == made.predicted_cycles
        assert cost.port_bytes == made.traffic_bytes
        assert cost.on_chip_bits == made.on_chip_bits


@given(st.sampled_from(sorted(LAYERS)), st.sampled_from([*CANDIDATES, "kn2row_partials"]),
       st.integers(2, 200), st.floats(0.5, 100))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_a_worse_memory_never_helps(name: str, how: str, latency: int, width: float) -> None:
    conv = design_of(name, how)
    memory = Memory(latency_cycles=latency, bytes_per_cycle=width)
    frames = LAYERS[name].get("batch", 1)
    cost, free = (predicted(conv, frames, Z2, m) for m in (memory, Memory()))
    slower = dataclasses.replace(memory, latency_cycles=latency + 10, bytes_per_cycle=width / 2)
    assert free.cycles <= cost.cycles
    # Two waits may be counted as one in one place and not in another, which is little.
    assert cost.cycles <= 1.01 * predicted(conv, frames, Z2, slower).cycles
    assert cost.cycles >= cost.memory_cycles
    assert cost.port_bytes == free.port_bytes
    assert cost.read_bytes + cost.written_bytes == cost.dram_bytes == sum(cost.port_bytes.values())
    assert 0 < cost.bus_efficiency < 1
    assert cost.mean_burst_beats >= 1


def test_ports_share_a_memory_equally() -> None:
    memory = Memory(bytes_per_cycle=8)
    assert memory.cycles_beside(100, 8, []) == 100
    assert memory.cycles_beside(100, 8, [(100, 8)]) == 200
    assert memory.cycles_beside(100, 8, [(1000, 8)]) == 200  # the others go on
    assert memory.cycles_beside(100, 8, [(40, 8), (20, 16)]) == 20 * 4 + 20 * 2 + 60
    assert memory.cycles_beside(100, 4, []) == 100  # a port moves a word a cycle at most
    assert Memory().cycles_beside(100, 8, [(40, 64)]) == 100
    assert Memory(latency_cycles=30).word_cycles(1, 8) == 31 / 16
    assert Memory(latency_cycles=30).word_cycles(4, 8) == 1


def test_the_memory_of_a_board_is_its_bus_or_its_ports() -> None:
    assert Memory.of(Z2) == Memory(latency_cycles=30, bytes_per_cycle=21)
    for found in boards().values():
        memory = Memory.of(found)
        assert memory.bytes_per_cycle <= found.ports * found.port_bits / 8
        assert memory.bytes_per_cycle * found.clock_mhz <= found.dram_mb_s
        rate = 8 * found.dram_mb_s / found.ddr_bits  # Mb/s a pin: DDR3 and DDR4 of these boards
        assert 1000 <= rate <= 2400


def test_a_batch_reads_the_weights_once() -> None:
    one, four = (costs(LAYER, Z2, batch=frames)["kn2row"] for frames in (1, 4))
    assert four.port_bytes["b"] == one.port_bytes["b"]
    assert four.port_bytes["x"] == 4 * one.port_bytes["x"]
    assert four.macs == 4 * one.macs
    direct = costs(LAYER, Z2, batch=4)["direct"]
    assert direct.cycles < 4 * costs(LAYER, Z2)["direct"].cycles


def test_weights_that_are_loaded_count_once() -> None:
    baked, loaded = (
        costs(dataclasses.replace(LAYER, weights=kind), Z2, batch=3)["direct"]
        for kind in ("rom", "load")
    )
    design = loaded.design
    assert isinstance(design, Conv2d)
    assert loaded.dram_bytes == baked.dram_bytes + design.parameter_bytes
    assert loaded.cycles == baked.cycles + loaded.loading_cycles
    assert loaded.loading_cycles >= design.parameter_words
    assert baked.loading_cycles == 0


@pytest.mark.parametrize("packing", ["auto", "dsp48e1"])
def test_packed_products_share_dsps(packing: str) -> None:
    conv = dataclasses.replace(LAYER, packing=packing, weights="load")
    packed, plain = costs(conv, Z2), costs(dataclasses.replace(conv, packing="off"), Z2)
    for name in CANDIDATES:
        assert plain[name].dsps - packed[name].dsps == 32
        assert packed[name].cycles == pytest.approx(plain[name].cycles, rel=0.001)
    ways = baselines(conv, Z2)
    assert ways["im2col_host"].dsps == packed["im2col"].dsps
    assert ways["naive"].multipliers == 1


def test_baselines_move_more() -> None:
    found, ways = costs(LAYER, Z2), baselines(LAYER, Z2)
    assert set(ways) == {"im2col_host", "kn2row_partials", "naive"}
    partials = 14 * 14 * 9 * 32 * 4  # int32 of each tap, written and read
    assert ways["kn2row_partials"].dram_bytes >= 2 * partials + found["kn2row"].port_bytes["x"]
    assert ways["im2col_host"].dram_bytes == found["im2col"].dram_bytes
    assert ways["naive"].dram_bytes > 100 * found["im2col"].dram_bytes
    assert ways["naive"].mean_burst_beats == 1
    assert ways["naive"].cycles > 50 * found["im2col"].cycles
    assert ways["naive"].bound == "waiting"


# ---------------------------------------------------------------------- fast algorithms


def test_winograd_multiplies_less_but_for_its_tiles() -> None:
    def counted(size: int, **fields: Any) -> dict[str, Any]:
        return multiplications(Conv2d(height=size, width=size, in_channels=8, out_channels=4,
                                      padding="same", **fields))  # fmt: skip

    whole = counted(16)
    assert whole["direct"].count / whole["winograd_f2"].count == 2.25
    assert whole["direct"].count / whole["winograd_f4"].count == 4
    waste = counted(7)
    assert waste["winograd_f4"].useful == 49 / 64
    assert waste["direct"].count / waste["winograd_f4"].count == pytest.approx(4 * 49 / 64)
    for fields in ({"stride": 2}, {"kernel": 5}, {"dilation": 2}):
        assert counted(16, **fields)["winograd_f2"] is None


def test_the_fft_pays_for_outputs_that_strides_skip() -> None:
    def fft(stride: int) -> Any:
        conv = Conv2d(height=30, width=30, in_channels=64, out_channels=64, kernel=5,
                      stride=stride, padding=2)  # fmt: skip
        return multiplications(conv)["fft"]

    assert fft(2).count == fft(1).count
    assert fft(2).useful == pytest.approx(fft(1).useful / 4)
    assert fft(1).count < 30 * 30 * 64 * 64 * 25 / 4  # large kernels are what it is for


# ---------------------------------------------------------------------- choosing


def test_lanes_of_a_line_buffer_use_the_multipliers() -> None:
    for channels, filters, kernel, most in ((64, 32, 3, 64), (3, 64, 3, 64), (48, 128, 5, 64)):
        conv = Conv2d(height=8, width=8, in_channels=channels, out_channels=filters,
                      kernel=kernel, padding="same")  # fmt: skip
        found = direct_lanes(conv, most)
        assert most / 2 < found.multipliers <= most
        assert found.algorithm == "direct"
    assert direct_lanes(DEPTHWISE, 36).multipliers == 36  # four channels, nine taps each


def test_depthwise_layers_have_a_line_buffer_only() -> None:
    assert list(costs(DEPTHWISE, Z2)) == ["direct"]
    assert set(refusals(DEPTHWISE)) == {"im2col", "implicit", "kn2row"}
    assert baselines(DEPTHWISE, Z2) == {}
    chosen, choice = resolve(DEPTHWISE, Z2)
    assert chosen.algorithm == "direct"
    assert choice is not None
    assert "kn2row cannot compute it" in choice.reason


def _cost(algorithm: str, cycles: int, moved: int, **fields: Any) -> Cost:
    one = costs(LAYER, Z2)["direct"]
    traffic = (dataclasses.replace(one.traffic[0], beats=moved, beat_bytes=1),)
    return dataclasses.replace(one, algorithm=algorithm, cycles=cycles, traffic=traffic, **fields)


def test_the_best_fits_is_fast_and_among_the_fastest_moves_least() -> None:
    a, b, c = _cost("a", 1000, 9), _cost("b", 1029, 5), _cost("c", 1031, 1)
    assert best({cost.algorithm: cost for cost in (a, b, c)}) == "b"
    misfit = dataclasses.replace(b, problems=("needs too much",))
    assert best({"a": a, "b": misfit, "c": c}) == "a"
    assert best({"b": misfit}) is None
    smaller = dataclasses.replace(a, algorithm="d", on_chip_bits=1)
    assert best({"a": a, "d": smaller}) == "d"
    with pytest.raises(DesignError, match="no algorithm for pynq-z2: b needs too much; use fewer"):
        Choice(board="pynq-z2", costs={"b": misfit}, refused={})


def test_auto_becomes_the_cheapest(tmp_path: Path) -> None:
    project = generate(LAYER, tmp_path / "conv")
    design = Project.open(project.path).design
    assert design == resolve(LAYER, Z2)[0]
    choice = project.manifest["choice"]
    assert choice["algorithm"] == best(costs(LAYER, Z2)) == "direct"
    assert choice["board"] == "pynq-z2"
    assert project.manifest["design"]["algorithm"] == "direct"
    assert set(choice["costs"]) == set(CANDIDATES)
    assert f"{choice['costs']['direct']['cycles']:,} cycles" in choice["reason"]
    # Weights that do not fit on chip are read by the array.
    large = dataclasses.replace(LAYER, in_channels=512, out_channels=512, batch=2)
    chosen, why = resolve(large, Z2)
    assert (chosen.algorithm, chosen.batch, chosen.simd) == ("implicit", 2, 8)
    assert why is not None
    assert "direct needs 18,605 Kibit on chip, pynq-z2 has 5,040 in block RAM" in why.reason


def test_a_given_algorithm_is_not_chosen(tmp_path: Path) -> None:
    given = dataclasses.replace(LAYER, algorithm="kn2row")
    assert resolve(given, Z2) == (given, None)
    assert "choice" not in generate(given, tmp_path / "conv").manifest


def test_what_auto_refuses() -> None:
    with pytest.raises(DesignError, match="algorithm='auto' is not chosen yet; generate does"):
        engine(LAYER)
    with pytest.raises(DesignError, match="taps='row' has no meaning for algorithm='auto'"):
        dataclasses.replace(LAYER, taps="row")
    with pytest.raises(DesignError, match="no algorithm for pynq-z2: direct needs 4128 DSP"):
        resolve(dataclasses.replace(LAYER, in_channels=64, out_channels=64, simd=64, pe=64), Z2)
    with pytest.raises(InputError, match="board 'vck190' is unknown"):
        generate(LAYER, "unused", board="vck190")


def test_auto_keeps_what_only_a_line_buffer_can(tmp_path: Path) -> None:
    pooled = dataclasses.replace(LAYER, pooling=Pool(), in_channels=8, out_channels=8)
    assert generate(pooled, tmp_path / "conv").design == resolve(pooled, Z2)[0]


def test_the_command_chooses_and_says_why(lineloom: Lineloom, tmp_path: Path) -> None:
    options = ("conv2d", "--input", "14x14x64", "--filters", 32, "--padding", "same", "--simd", 8,
               "--pe", 8, "-o", tmp_path / "conv")  # fmt: skip
    made = lineloom(*options, "--algorithm", "auto", "--board", "kv260", "--json").json
    assert made["choice"]["board"] == "kv260"
    shown = " ".join(lineloom("show", tmp_path / "conv").out.split())
    assert "direct, the cheapest on kv260" in shown
    refused = lineloom(*options, "--board", "kv260")
    assert refused.code == 2
    assert "--board does not apply without --algorithm auto; leave it away" in refused.err


def test_json_of_a_cost_has_no_infinity() -> None:
    text = json.dumps(predicted(design_of("7x7x96_64k1", "kn2row"), 1, Z2, Memory()).data())
    assert "Infinity" not in text
    assert math.isinf(Memory().bytes_per_cycle)
