"""Design spaces: complete, legal, with fronts that nothing dominates and winners nothing beats."""

from __future__ import annotations

import itertools
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from conftest import Lineloom
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import conv2ds

import hls.exploration as exploration
from hls import Conv2d
from hls.__main__ import _parser
from hls.boards import Board, board
from hls.commands import conv2d as conv2d_verb
from hls.commands.commandline import command_of
from hls.design import engine, from_dict, to_dict
from hls.errors import DesignError, InputError, ToolFailed, ToolNotFound
from hls.estimate import Depth, Usage
from hls.exploration import OBJECTIVES, Exploration, Point, explore, reason
from hls.exploration.plot import plot
from hls.exploration.point import best, front, point_of, thinned
from hls.exploration.space import ARRAY_SIDES, designs
from hls.exploration.synthesis import Records, Synthesis, synthesize
from hls.exploration.workers import cluster, local
from hls.layerspec import layer_of
from hls.project import Project

Z2 = board("pynq-z2")
TINY = "6x6x2:2k3"
SMALLEST = "1x1x1:1k1"
SYNTHESIS = Synthesis(lut=900, ff=800, dsp=7, bram36=0.5, levels=9, yosys="Yosys 0", seconds=1.5)

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


# ---------------------------------------------------------------------- synthesis


class Recorder:
    """Stands for `synthesize`: counts what it is asked for, and answers as it is told."""

    def __init__(self, answer: Callable[[Conv2d], Any] = lambda conv: SYNTHESIS) -> None:
        self.asked: list[Conv2d] = []
        self.answer = answer

    def __call__(self, design: dict[str, Any], family: str, timeout_s: float) -> dict[str, Any]:
        conv = from_dict(design)
        assert isinstance(conv, Conv2d)
        self.asked.append(conv)
        found = self.answer(conv)
        if isinstance(found, BaseException):
            raise found
        assert isinstance(found, Synthesis)
        return found.data()


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Recorder]:
    """Put a Recorder in the place of Yosys, and an empty cache in that of the user's."""
    monkeypatch.setenv("LINELOOM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("hls.exploration.synthesis.yosys", lambda: (("yosys",), "Yosys 0"))

    def put(*answer: Callable[[Conv2d], Any]) -> Recorder:
        recorder = Recorder(*answer)
        monkeypatch.setattr(exploration, "synthesize", recorder)
        return recorder

    return put


def run(text: str = TINY, *, count: int = 3, target: Board = Z2, **options: Any) -> Exploration:
    with ThreadPoolExecutor(1) as executor:
        return explore(layer_of(text), target, syntheses=count, executor=executor, **options)


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


# ---------------------------------------------------------------------- workers


def test_processes_do_what_we_would() -> None:
    with local(2) as executor:
        assert list(executor.map(abs, [-1, 2, -3])) == [1, 2, 3]
        with pytest.raises(ZeroDivisionError):
            executor.submit(divmod, 1, 0).result()


KILLED = """
import signal, sys
# A job in the background of a shell ignores it, and so do all that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
from hls.exploration.workers import local
from workers_task import hold
if __name__ == "__main__":
    with local(1) as executor:
        executor.submit(hold, sys.argv[1]).result()
"""
TASK = """
import sys
from pathlib import Path
from hls.tools import run
def hold(place):
    run([sys.executable, "-c", "import os, pathlib, sys, time; "
         "pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); time.sleep(300)", place],
        what="a tool")
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_workers_and_their_tools_end_with_us(tmp_path: Path, how: signal.Signals) -> None:
    (tmp_path / "main.py").write_text(KILLED)
    (tmp_path / "workers_task.py").write_text(TASK)
    place = tmp_path / "pid"
    paths = os.pathsep.join([str(tmp_path), str(Path(__file__).parent.parent)])
    process = subprocess.Popen([sys.executable, "main.py", str(place)], cwd=tmp_path,
                               env=os.environ | {"PYTHONPATH": paths}, start_new_session=True,
                               stderr=subprocess.PIPE, text=True)  # fmt: skip
    wait_for(lambda: place.is_file() and place.read_text() != "")
    tool = int(place.read_text())
    assert alive(tool)
    process.send_signal(how)
    _, told = process.communicate(timeout=60)
    wait_for(lambda: not alive(tool))
    if how == signal.SIGTERM:
        assert told == ""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.05)


def test_a_worker_that_dies_is_told(recorded: Callable[..., Recorder]) -> None:
    from concurrent.futures.process import BrokenProcessPool

    recorded(lambda conv: BrokenProcessPool("died"))
    with pytest.raises(ToolFailed, match=r"a worker died while it synthesized .*--jobs 1"):
        run(count=1)


class Cluster(ModuleType):
    """Stands for the package distributed: records what is called, as its documentation has it."""

    def __init__(self) -> None:
        super().__init__("distributed")
        self.calls: list[Any] = []
        self.error: Exception | None = None

    def Client(self, address: str, *, timeout: float) -> Any:  # noqa: N802 - its name there
        self.calls.append(("Client", address, timeout))
        if self.error is not None:
            raise self.error
        return _Client(self.calls)


class _Client:
    def __init__(self, calls: list[Any]) -> None:
        self.calls = calls

    def __enter__(self) -> _Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.calls.append("close")

    def get_executor(self, *, pure: bool) -> Executor:
        self.calls.append(("get_executor", pure))
        return _ClusterExecutor(self.calls)


class _ClusterExecutor(Executor):
    def __init__(self, calls: list[Any]) -> None:
        self.calls = calls

    def submit(self, function: Any, /, *arguments: Any, **_: Any) -> Future[Any]:
        # A cluster gets bytes: what it is sent and what comes back must pass as such.
        json.dumps(arguments)
        self.calls.append(("submit", function))
        future: Future[Any] = Future()
        threading.Timer(0.01, lambda: self._answer(future, function, arguments)).start()
        return future

    @staticmethod
    def _answer(future: Future[Any], function: Any, arguments: Any) -> None:
        try:
            future.set_result(json.loads(json.dumps(function(*arguments))))
        except Exception as error:
            future.set_exception(error)


@pytest.fixture
def distributed(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    stub = Cluster()
    monkeypatch.setitem(sys.modules, "distributed", stub)
    return stub


def test_a_cluster_finds_what_processes_find(
    recorded: Callable[..., Recorder], distributed: Cluster, tmp_path: Path, lineloom: Lineloom,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    recorder = recorded(lambda conv: ToolFailed("no")
                        if conv.packing == "off" else SYNTHESIS)  # fmt: skip
    here = run(count=3)
    asked = len(recorder.asked)
    monkeypatch.setenv("LINELOOM_CACHE", str(tmp_path / "other"))
    found = lineloom("explore", "--layer", TINY, "--synthesize", 3, "--scheduler",
                     "tcp://10.0.0.1:8786", "--json").json  # fmt: skip
    assert found["front"] == [point.data() for point in here.front]
    assert found["failures"] == here.failures
    assert len(recorder.asked) == 2 * asked
    assert distributed.calls == [
        ("Client", "tcp://10.0.0.1:8786", 10),
        ("get_executor", False),
        *[("submit", recorder)] * 3,
        "close",
    ]


def test_without_distributed_one_line_says_what_to_install(
    lineloom: Lineloom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    outcome = lineloom("explore", "--layer", TINY, "--scheduler", "tcp://10.0.0.1:8786")
    assert outcome.code == 3
    assert "pip install 'lineloom[explore]'" in outcome.err


@pytest.mark.parametrize(
    ("address", "error", "kind", "words"),
    [
        ("10.0.0.1", None, InputError, "use one like tcp://"),
        ("tcp://x:y", ValueError("port"), InputError, "is no address"),
        ("tcp://a:1", OSError("Timed out"), ToolNotFound, "start one with: dask scheduler"),
        ("tcp://a:1", TimeoutError("Timed out"), ToolNotFound, "nothing answers"),
    ],
)
def test_a_scheduler_that_is_not_there(
    distributed: Cluster, address: str, error: Exception | None, kind: type[Exception], words: str
) -> None:
    distributed.error = error
    with pytest.raises(kind, match=words), cluster(address):
        pass


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


def test_failures_are_warnings(recorded: Callable[..., Recorder], lineloom: Lineloom,
                               distributed: Cluster) -> None:  # fmt: skip
    recorded(lambda conv: ToolFailed("Yosys failed with exit code 1:\nmuch more"))
    outcome = lineloom("explore", "--layer", TINY, "--synthesize", 1, "--scheduler", "tcp://a:1")
    assert outcome.code == 0
    assert "was not synthesized: Yosys failed with exit code 1:" in outcome.err
    assert "much more" not in outcome.err


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
