"""Random designs through the host library: whatever can be generated can be called."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import conv2ds, gemms, operands, parameters, seeds, sizes

import host.streams
import sim
from hls import Conv2d, Parameters, generate
from hls.boards import board
from hls.errors import InputError
from hls.manifest import manifest
from hls.overlay import Engine, Overlay
from host import Accelerator
from sim import reference, vectors

_counts: Counter[str] = Counter()


def fits(design: Any) -> bool:
    """Whether the vendor's DMAs and interconnect have the widths of its ports."""
    data = manifest(design)
    try:
        Overlay(board("pynq-z2"), 100.0, (Engine(design.name, data["vlnv"], data),))
    except InputError:
        return False
    return True


def call(accelerator: Any, how: str, *operands: Any, **named: Any) -> Any:
    if how == "await":
        return asyncio.run(accelerator.run(*operands, **named))
    if how == "submit":
        return accelerator.submit(*operands, **named).result(600)
    return accelerator(*operands, **named)


ways = st.sampled_from(["call", "await", "submit"])


def convolve(data: st.DataObject, design: Conv2d, held: Parameters, conv: Any) -> None:
    """Up to four calls, with other weights in between where the design takes them."""
    with pytest.MonkeyPatch.context() as patch:
        # So that frames go in pieces, and now and then in several calls of the kernel.
        patch.setattr(host.streams, "_CHUNK_BYTES", data.draw(st.sampled_from([1, 200, 1000])))
        patch.setattr(host.streams, "_CALL_BYTES", data.draw(st.sampled_from([1000, 5000])))
        for turn in range(data.draw(st.integers(1, 4), label="calls")):
            if design.weights == "load" and (turn == 0 or data.draw(st.booleans(), label="load")):
                held = held if turn == 0 else data.draw(parameters(design))
                scale = None if held.multiplier is None else (held.multiplier, held.shift)
                conv.load_weights(held.weights, held.bias, scale)
                _counts["loads of weights"] += 1
            frames = data.draw(st.integers(1, 5), label="frames")
            x = vectors.frames(design, frames, data.draw(seeds))
            y = call(conv, data.draw(ways), x)
            wanted = reference.conv2d_output(design, held, x)
            assert y.dtype == wanted.dtype
            np.testing.assert_array_equal(y, wanted)
            _counts["frames"] += frames


def multiply(data: st.DataObject, design: Any, gemm: Any) -> None:
    """Up to four products of other sizes."""
    for _ in range(data.draw(st.integers(1, 4), label="calls")):
        drawn = data.draw(operands(design, *data.draw(sizes(design), label="m, k, n")))
        c = call(gemm, data.draw(ways), **drawn)
        wanted = reference.gemm_output(design, **drawn)
        assert c.dtype == wanted.dtype
        np.testing.assert_array_equal(c, wanted)
        _counts["products"] += 1


def judge(data: st.DataObject) -> None:
    strategy = data.draw(st.sampled_from([conv2ds(), gemms(), conv2ds()]))
    design = data.draw(strategy.filter(fits), label="design")
    held = data.draw(parameters(design)) if isinstance(design, Conv2d) else None
    name = data.draw(st.sampled_from(["pynq-z2", "kv260"]), label="board")
    stalls = data.draw(st.sampled_from([0.0, 0.4]), label="stalls")
    seed = data.draw(st.integers(0, 2**31 - 1))
    folder = Path(tempfile.mkdtemp(prefix="lineloom-random-"))
    try:
        project = generate(design, folder / "p", parameters=held)
        with (
            sim.board(project.path, board=name, stalls=stalls, seed=seed),
            Accelerator(project.path) as accelerator,
        ):
            if isinstance(design, Conv2d):
                assert held is not None
                convolve(data, design, held, accelerator)
            else:
                multiply(data, design, accelerator)
        _counts[f"designs: {'conv2d' if held else 'gemm'}"] += 1
    finally:
        shutil.rmtree(folder)


def examples() -> Callable[[], None]:
    """A new function each time, as settings can be given to one once only."""
    return given(data=st.data())(lambda data: judge(data))


def test_random_designs() -> None:
    # Each is a lowering and a build of a simulator: few, and no search for a smaller one.
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.seed("host")(settings(max_examples=2, phases=phases)(examples()))()


@pytest.mark.soak
def test_random_designs_for_a_long_time(
    soak_seconds: float, capsys: pytest.CaptureFixture[str]
) -> None:
    end = time.monotonic() + soak_seconds
    while time.monotonic() < end or not _counts:
        seed = random.SystemRandom().getrandbits(32)
        with capsys.disabled():
            print(f"\nrandom designs on a board with hypothesis.seed({seed})", end="", flush=True)
        hypothesis.seed(seed)(settings(max_examples=3)(examples()))()
    with capsys.disabled():
        print(f"\nthrough the host library: {dict(sorted(_counts.items()))}")
