"""What Yosys is asked in an exploration, what is kept of it, and what becomes of failures."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from exploring import SMALLEST, SYNTHESIS, TINY, Z2, Recorder, run

from hls.design import engine, to_dict
from hls.errors import DesignError, ToolFailed
from hls.estimate import Depth, Usage
from hls.exploration import OBJECTIVES, explore, reason
from hls.exploration.space import designs
from hls.exploration.synthesis import Records, Synthesis, synthesize
from hls.layerspec import layer_of
from hls.project import Project


def test_yosys_sees_the_best_of_the_front_once(recorded: Callable[..., Recorder]) -> None:
    recorder = recorded()
    model = explore(layer_of(TINY), Z2)
    found = run()
    assert len(recorder.asked) == 3
    assert recorder.asked[0] == model.best.conv
    measured = [point for point in found.front if point.synthesis is not None]
    assert found.best in measured
    assert {point.dsps for point in measured} == {SYNTHESIS.dsp}
    run()
    assert len(recorder.asked) == 3, "what is known is not asked again"
    run(count=4)
    assert len(recorder.asked) == 4
    assert not explore(layer_of(TINY), Z2, syntheses=2).failures, "no executor, no synthesis"


def test_what_does_not_fit_by_yosys_is_dropped(recorded: Callable[..., Recorder]) -> None:
    first = explore(layer_of(TINY), Z2).best.conv
    recorded(lambda conv: replace(SYNTHESIS, lut=99_999) if conv == first else SYNTHESIS)
    found = run()
    assert [point.conv for point in found.dropped] == [first]
    assert found.dropped[0].problems == ("needs 99,999 LUT, pynq-z2 has 53,200 (Yosys)",)
    assert found.best.conv != first
    assert found.best.synthesis is not None
    assert all(point.conv != first for point in found.front)


def test_if_none_that_yosys_saw_fits_the_winner_is_the_model_s(
    recorded: Callable[..., Recorder],
) -> None:
    recorder = recorded(lambda conv: replace(SYNTHESIS, lut=99_999))
    found = run(count=3)
    assert len(found.dropped) == 3
    assert found.best.conv not in recorder.asked
    assert "by the model: 3 that Yosys saw do not fit, so ask for more with --synthesize" in reason(
        found
    )


def test_nothing_is_left_by_yosys(recorded: Callable[..., Recorder]) -> None:
    recorded(lambda conv: replace(SYNTHESIS, lut=99_999))
    one = replace(Z2, dsp=5)
    fits = [point for point in explore(layer_of(SMALLEST), one).points if not point.problems]
    assert len(fits) == 1
    with pytest.raises(DesignError, match=r"no design fits pynq-z2 by Yosys; .* needs 99,999 LUT"):
        run(SMALLEST, count=1, target=one)


def test_fewer_luts_decide_between_equals(recorded: Callable[..., Recorder]) -> None:
    recorded(lambda conv: replace(SYNTHESIS, lut=1000 - conv.simd))
    found = run("8x8x16:16k3", count=4)
    seen = [point for point in found.front if point.synthesis is not None]
    assert len(seen) > 1
    score = OBJECTIVES["latency"][0]
    near = [p for p in seen if score(p) <= 1.03 * min(map(score, seen))]
    assert found.best.conv.simd == max(p.conv.simd for p in near)


def test_a_failure_is_told_and_not_kept(recorded: Callable[..., Recorder]) -> None:
    first = explore(layer_of(TINY), Z2).best
    recorder = recorded(lambda conv: ToolFailed("Yosys: took longer than 1 s and was ended")
                        if conv == first.conv else SYNTHESIS)  # fmt: skip
    found = run()
    assert found.failures == {first.label: "Yosys: took longer than 1 s and was ended"}
    assert found.best.synthesis is not None
    run()
    assert [conv for conv in recorder.asked if conv == first.conv] == [first.conv] * 2


def test_a_run_that_is_killed_goes_on_where_it_was(recorded: Callable[..., Recorder]) -> None:
    recorder = recorded()
    recorder.answer = lambda conv: SYNTHESIS if len(recorder.asked) < 3 else KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        run(count=4)
    assert len(recorder.asked) >= 3
    before = len(recorder.asked)
    recorder.answer = lambda conv: SYNTHESIS
    run(count=4)
    assert len(recorder.asked) == before + 2, "two were known"


SPOILED = {
    "empty": lambda text: "",
    "cut": lambda text: text[: len(text) // 2],
    "a list": lambda text: "[]",
    "changed": lambda text: text.replace('"lut": 900', '"lut": 100'),
    "without a sum": lambda text: json.dumps({"synthesis": SYNTHESIS.data()}),
    "of another kind": lambda text: text.replace('"lut": 900', '"lut": "900"'),
    "binary": lambda text: "\x00\x01",
}


@pytest.mark.parametrize("how", SPOILED)
def test_a_spoiled_record_is_made_again(
    recorded: Callable[..., Recorder], tmp_path: Path, how: str
) -> None:
    recorder = recorded()
    run(count=1)
    (file,) = (tmp_path / "cache" / "explore").iterdir()
    good = file.read_text()
    assert SPOILED[how](good) != good
    file.write_text(SPOILED[how](good))
    assert run(count=1).best.synthesis == SYNTHESIS
    assert len(recorder.asked) == 2
    assert file.read_text() == good


def test_records_belong_to_a_design_a_family_and_a_yosys(
    recorded: Callable[..., Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded()
    conv = layer_of(TINY)
    Records("xc7").put(conv, SYNTHESIS)
    assert Records("xc7").get(conv) == SYNTHESIS
    assert Records("xcup").get(conv) is None
    assert Records("xc7").get(replace(conv, pe=2)) is None
    monkeypatch.setattr("hls.exploration.synthesis.yosys", lambda: (("yosys",), "Yosys 1"))
    assert Records("xc7").get(conv) is None


def test_a_cache_that_cannot_be_written_costs_no_more_than_the_records(
    recorded: Callable[..., Recorder], tmp_path: Path
) -> None:
    recorder = recorded()
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "explore").write_text("a file")
    assert run(count=1).best.synthesis == SYNTHESIS
    assert run(count=1).best.synthesis == SYNTHESIS
    assert len(recorder.asked) == 2


def test_a_synthesis_is_what_estimate_says_of_the_generated_project(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usage = Usage(
        lut=11, lut_logic=9, lut_ram=2, lut_shift=0, ff=12, dsp=3, bram36=1.5, cells={},
        depth=Depth(levels=7, start="a", through=(), logic_ns=None), yosys="Yosys 0", seconds=4.5,
    )  # fmt: skip

    def estimate(project: Project, family: str, *, timeout_s: float) -> tuple[None, Usage]:
        assert (family, timeout_s) == ("xcup", 60)
        assert project.design == engine(conv)
        assert project.source(".cpp").is_file()
        return None, usage

    monkeypatch.setattr("hls.exploration.synthesis.estimate", estimate)
    for conv in designs(layer_of("3x3x1:2k1")):
        if conv.simd <= 2 and conv.pe == 2:
            found = Synthesis.of(json.loads(json.dumps(synthesize(to_dict(conv), "xcup", 60))))
            assert found == Synthesis(lut=11, ff=12, dsp=3, bram36=1.5, levels=7, yosys="Yosys 0",
                                      seconds=4.5)  # fmt: skip
