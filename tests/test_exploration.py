"""Design spaces: complete, legal, with fronts that nothing dominates and winners nothing beats."""

from __future__ import annotations

import itertools
import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import Lineloom
from exploring import TINY, Z2
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import conv2ds

from hls import Conv2d
from hls.__main__ import _parser
from hls.commands import conv2d as conv2d_verb
from hls.commands.commandline import command_of
from hls.errors import DesignError, ToolNotFound
from hls.exploration import OBJECTIVES, Point, explore, reason
from hls.exploration.plot import plot
from hls.exploration.point import best, front, point_of, thinned
from hls.exploration.space import ARRAY_SIDES, designs
from hls.layerspec import layer_of

layers = st.builds(
    "{}x{}x{}:{}k{}{}".format,
    st.integers(3, 9), st.integers(3, 9), st.sampled_from([1, 2, 3, 4, 6]),
    st.sampled_from([2, 4, 6]), st.sampled_from(["1", "3", "1x3"]), st.sampled_from(["", "s2"]),
)  # fmt: skip


def figures(point: Point, objective: str) -> tuple[float, ...]:
    time = point.frame_cycles if objective == "throughput" else point.cycles
    return time, point.dsps, point.cost.on_chip_bits, point.cost.dram_bytes


def dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


# ---------------------------------------------------------------------- space


@pytest.mark.parametrize("text", ["6x6x4:6k3", "6x6x4:8k1", "6x6x8:8k3g4", "6x6x6:6k3g6"])
def test_the_space_is_all_that_is_legal_and_nothing_twice(text: str) -> None:
    layer = layer_of(text)
    found = list(designs(layer))
    assert len(found) == len(set(map(repr, found)))
    expected = set()
    for simd, pe in itertools.product(range(1, layer.in_channels + 1),
                                      range(1, layer.out_channels + 1)):  # fmt: skip
        for taps in ("all", "row", "one"):
            try:
                made = replace(layer, simd=simd, pe=pe, taps=taps)
            except DesignError:
                continue
            expected.add((simd, pe, made.parallel_taps))
    plain = [conv for conv in found if conv.packing == "off"]
    direct = {(c.simd, c.pe, c.parallel_taps) for c in plain if c.algorithm == "direct"}
    assert direct == expected
    arrays = [conv for conv in plain if conv.algorithm != "direct"]
    assert len(arrays) == (0 if layer.groups > 1 else 3 * len(ARRAY_SIDES) ** 2)


def test_packing_is_an_axis_where_it_saves_dsps() -> None:
    found = list(designs(layer_of("6x6x4:4k3")))
    packed = [conv for conv in found if conv.packing == "auto"]
    assert packed
    for conv in packed:
        assert replace(conv, packing="off") in found
        assert point_of(conv, Z2).dsps < point_of(replace(conv, packing="off"), Z2).dsps


def test_a_batch_is_one_of_arrays_alone() -> None:
    found = list(designs(layer_of(TINY), batch=3))
    assert {(conv.algorithm == "direct", conv.batch) for conv in found} == {(True, 1), (False, 3)}


# ---------------------------------------------------------------------- front and winner


@settings(max_examples=12)
@given(layers, st.sampled_from(sorted(OBJECTIVES)), st.sampled_from([1, 4]))
def test_nothing_on_the_front_is_dominated_and_nothing_beats_the_winner(
    text: str, objective: str, batch: int
) -> None:
    small = replace(Z2, dsp=40)  # so that much does not fit
    found = explore(layer_of(text), small, objective=objective, batch=batch)
    fitting = [point for point in found.points if point.dsps <= 40 and not point.problems]
    everything = {figures(point, objective) for point in fitting}
    kept = [figures(point, objective) for point in found.front]
    assert sorted(kept) == sorted(
        one for one in everything if not any(dominates(other, one) for other in everything)
    )
    score, _ = OBJECTIVES[objective]
    least = min(map(score, fitting))
    near = [point for point in fitting if score(point) <= 1.03 * least]
    assert score(found.best) <= 1.03 * least
    assert found.best.dsps == min(point.dsps for point in near)
    assert any(found.best is point for point in found.front)
    shown = thinned(found.front, found.best, objective)
    assert any(found.best is point for point in shown)
    for point in found.front:
        mine = figures(point, objective)
        assert any(
            all(a <= 1.03 * b for a, b in zip(figures(o, objective), mine, strict=True))
            for o in shown
        )


def test_objectives_differ() -> None:
    layer = layer_of("14x14x8:16k3")
    won = {name: explore(layer, Z2, objective=name).best for name in OBJECTIVES}
    assert won["latency"].cycles <= 1.03 * won["dsp"].cycles
    assert won["dsp"].dsps < won["latency"].dsps
    assert won["dsp"].cycles * won["dsp"].dsps <= won["latency"].cycles * won["latency"].dsps
    assert won["throughput"].frame_cycles <= 1.03 * won["latency"].frame_cycles


def test_the_reason_names_figures_rivals_and_what_would_be_better() -> None:
    found = explore(layer_of("14x14x8:16k3"), replace(Z2, dsp=60))
    text = reason(found)
    best = found.best
    assert text.startswith(f"{best.cycles:,} cycles from start to done, {best.dsps} DSPs; none of ")
    for algorithm in {"direct", "im2col", "implicit", "kn2row"} - {found.best.conv.algorithm}:
        assert f"{algorithm} " in text
    assert "better, but too large: " in text
    assert "DSP, pynq-z2 has 60" in text


def test_when_nothing_fits_the_smallest_says_what_is_short() -> None:
    with pytest.raises(DesignError) as caught:
        explore(layer_of("64x1024x512:8k11"), Z2)
    text = str(caught.value)
    assert text.startswith("explore: none of ")
    assert "designs fits pynq-z2; the smallest, " in text
    assert "Kibit on chip, pynq-z2 has 5,040 in block RAM; use a smaller layer" in text


# ---------------------------------------------------------------------- the command


@settings(max_examples=40)
@given(conv2ds())
def test_a_design_comes_back_from_its_command(conv: Conv2d) -> None:
    made = parsed(command_of(conv))
    assert replace(made, padding=made.pads) == replace(conv, padding=conv.pads)


def test_the_winner_is_one_command_away(lineloom: Lineloom, tmp_path: Path) -> None:
    for objective in OBJECTIVES:
        found = lineloom("explore", "--layer", "8x8x4:4k3s2", "--objective", objective,
                         "--batch", 2, "--no-synthesize", "--json").json  # fmt: skip
        conv = parsed(found["best"]["command"])
        told = {
            name: found["best"][name] for name in ("algorithm", "simd", "pe", "taps", "packing")
        }
        assert {name: getattr(conv, name) for name in told} == told
        assert point_of(conv, Z2, batch=2).cycles == found["best"]["cycles"]
        words = shlex.split(found["best"]["command"])
        made = lineloom(*words[1:-1], tmp_path / conv.name, "--json").json
        assert made["design"]["simd"] == conv.simd


def parsed(command: str) -> Conv2d:
    program, *words = shlex.split(command)
    assert program == "lineloom"
    args = _parser().parse_args(words)
    assert args.verb == "conv2d"
    return conv2d_verb.design(args)


# ---------------------------------------------------------------------- the verb


def test_the_verb_prints_tables_and_the_command(lineloom: Lineloom) -> None:
    outcome = lineloom("explore", "--layer", "8x8x4:4k3", "--no-synthesize")
    assert outcome.code == 0
    assert outcome.err == ""
    assert "8x8x4:4k3 on pynq-z2: 260 designs" in outcome.out
    assert " * " in outcome.out
    assert "\nlineloom conv2d --input 8x8x4 " in outcome.out
    assert "\nbest: " in outcome.out
    assert "…" not in outcome.out


def test_json_is_one_object_and_the_same_in_a_file(lineloom: Lineloom, tmp_path: Path) -> None:
    file = tmp_path / "new" / "found.json"
    found = lineloom("explore", "--layer", TINY, "--board", "kv260", "--load-weights",
                     "--no-synthesize", "--json", "-o", file).json  # fmt: skip
    assert json.loads(file.read_text()) == found
    assert (found["layer"], found["board"], found["objective"]) == (TINY, "kv260", "latency")
    assert found["points"] >= found["fitting"] >= len(found["front"]) > 0
    assert {**found["best"]}.items() >= {"synthesis": None}.items()
    best = {k: v for k, v in found["best"].items() if k not in ("command", "reason")}
    assert best in found["front"]
    if best["algorithm"] == "direct":
        assert "--load-weights" in found["best"]["command"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ("--layer 8x8", 2, "layer '8x8' is not understood"),
        ("--layer 8x8x4:4k3 --board z2", 2, "z2"),
        ("--layer 8x8x4:4k3 --objective speed", 2, "invalid choice: 'speed'"),
        ("--layer 8x8x4:4k3 --jobs 0", 2, "'0' is not a number from 1"),
        ("--layer 8x8x4:4k3 --batch 1e3", 2, "'1e3' is not a number from 1"),
        ("--layer 8x8x4:4k3 --synthesize -1", 2, "synthesize"),
        ("--layer 8x8x4:4k3 --timeout 0", 2, "'0' is not a number from 1"),
        ("--layer 8x8x4:4k3 --plot x.gif", 2, "--plot x.gif: is no .svg or .png"),
        ("--layer 8x8x4:4k3 --jobs 1 --scheduler tcp://a:1", 2, "--jobs does not apply"),
        ("--layer 8x8x4:4k3 --no-synthesize -o /dev/null/x", 2, "cannot be written"),
        ("--layer 8x8x4:4k3 --no-synthesize --plot /dev/null/x.svg", 2, "cannot be written"),
        ("--layer 64x1024x512:8k11 --no-synthesize", 2, "none of "),
    ],
)
def test_what_the_verb_refuses(lineloom: Lineloom, words: str, code: int, told: str) -> None:
    outcome = lineloom("explore", *words.split())
    assert outcome.code == code
    assert told in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_missing_yosys_is_told(lineloom: Lineloom, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise ToolNotFound("no Yosys for estimates")

    monkeypatch.setattr("hls.exploration.synthesis.yosys", missing)
    outcome = lineloom("explore", "--layer", TINY)
    assert outcome.code == 3
    assert "no Yosys" in outcome.err


# ---------------------------------------------------------------------- the picture


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_picture_shows_the_winner_and_is_the_same_each_time(
    tmp_path: Path, ending: str
) -> None:
    pytest.importorskip("matplotlib")
    found = explore(layer_of(TINY), Z2)
    files = [tmp_path / f"{name}.{ending}" for name in ("one", "two")]
    for file in files:
        plot(found, file)
    assert files[0].read_bytes() == files[1].read_bytes()
    other = replace(found, best=found.front[-1], board=replace(Z2, dsp=300))
    plot(other, files[1])
    assert files[0].read_bytes() != files[1].read_bytes()


def test_without_matplotlib_one_line_says_what_to_install(
    lineloom: Lineloom, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("hls.pictures.importlib.util.find_spec", lambda name: None)
    file = tmp_path / "space.svg"
    outcome = lineloom("explore", "--layer", TINY, "--no-synthesize", "--plot", file)
    assert outcome.code == 3
    assert "pip install 'lineloom[plot]'" in outcome.err


def test_best_and_front_need_no_order() -> None:
    points = [point_of(conv, Z2) for conv in designs(layer_of(TINY))]
    backwards = points[::-1]
    assert {figures(p, "latency") for p in front(points, "latency")} == {
        figures(p, "latency") for p in front(backwards, "latency")
    }
    assert figures(best(points, "dsp"), "dsp") == figures(best(backwards, "dsp"), "dsp")
