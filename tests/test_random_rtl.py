"""Random designs of both templates in RTL, under stalls, against the golden models."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import conv2ds, gemms, parameters, sizes

from hls import Conv2d, generate
from hls.project import Project
from sim.cosim import cosim

# Each example is a lowering and a build of a simulator, so a steady run has few and does not look
# for a smaller one when it fails; a soak run has many.
STEADY = (hypothesis.Phase.explicit, hypothesis.Phase.generate)

_SETTINGS = st.tuples(st.sampled_from([0.0, 0.3]), st.integers(0, 2**31 - 1))
_counts = {"conv2d": 0, "gemm": 0}


def missed(project: Project) -> list[dict[str, Any]]:
    """The loops that do not run as often as their pragma asks for."""
    report = json.loads((project.path / "reports" / "lowering.json").read_text())
    loops = [loop for process in report["processes"] for loop in process["loops"]]
    assert loops
    return [loop for loop in loops if loop.get("ii_wanted") not in (None, loop.get("ii"))]


def judge(design: Any, held: Any, how: tuple[float, int], **asked: Any) -> None:
    folder = Path(tempfile.mkdtemp(prefix="lineloom-random-"))
    try:
        project = generate(design, folder / "p", parameters=held)
        result = cosim(project, engine="fast", stalls=how[0], seed=how[1], **asked)
        assert result.match, (design, how, asked, result.first_mismatch, result.violations)
        assert not missed(project), (design, missed(project))
        _counts["conv2d" if isinstance(design, Conv2d) else "gemm"] += 1
    finally:
        shutil.rmtree(folder)


def convolutions() -> Callable[[], None]:
    @given(data=st.data(), how=_SETTINGS, frames=st.integers(1, 3))
    def examples(data: st.DataObject, how: tuple[float, int], frames: int) -> None:
        conv = data.draw(conv2ds("any"), label="design")
        judge(conv, data.draw(parameters(conv)), how, frames=frames)

    return examples


def products() -> Callable[[], None]:
    @given(data=st.data(), how=_SETTINGS)
    def examples(data: st.DataObject, how: tuple[float, int]) -> None:
        gemm = data.draw(gemms("any"), label="design")
        judge(gemm, None, how, sizes=data.draw(sizes(gemm), label="m, k, n"))

    return examples


KINDS = {"conv2d": convolutions, "gemm": products}


@pytest.mark.parametrize("kind", KINDS)
def test_random_designs_match_in_rtl(kind: str) -> None:
    steady = settings(max_examples=2, phases=STEADY)
    hypothesis.seed(kind)(steady(KINDS[kind]()))()


@pytest.mark.soak
def test_random_designs_match_in_rtl_for_a_long_time(
    soak_seconds: float, capsys: pytest.CaptureFixture[str]
) -> None:
    end, rounds = time.monotonic() + soak_seconds, 0
    while time.monotonic() < end or not rounds:
        seed = random.SystemRandom().getrandbits(32)
        kind = list(KINDS)[rounds % len(KINDS)]
        with capsys.disabled():
            print(f"\n{kind} in RTL with hypothesis.seed({seed})", end="", flush=True)
        hypothesis.seed(seed)(settings(max_examples=3)(KINDS[kind]()))()
        rounds += 1
    with capsys.disabled():
        print(f"\n{_counts['conv2d']} convolutions and {_counts['gemm']} products in RTL match")
