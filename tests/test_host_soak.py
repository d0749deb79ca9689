"""The host library under faults, for as long as wanted: no hang, no wrong answer, it works on."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from overlays import convolved, generate, multiplied

import sim
from hls import Project
from host import Accelerator, AcceleratorError
from sim import vectors

FAULTS = ("reset", "short", "long", "frozen", "interrupted", "released")


@contextmanager
def _fault(kind: str, rng: Any, device: Any, one: Any) -> Any:
    """Something goes wrong in the calls of `one`, as long as the context lasts."""
    channel = one._channels["out_r" if rng.random() < 0.5 else "in_r"] if one._channels else None
    if kind == "frozen" or (channel is None and kind != "released"):
        device.freeze()
        yield
        device.freeze(False)
        return
    if kind == "released":
        for held in one._buffers._held.values():
            held.freebuffer()
        yield
        return
    start = channel.start

    def faulty(buffer: Any) -> None:
        if kind == "interrupted":
            raise KeyboardInterrupt
        start(buffer[: max(1, len(buffer) // 2)] if kind == "short" else buffer)
        if kind == "reset":
            channel.reset()

    if kind == "long":
        argument = one._kernel.argument
        one._kernel.argument = lambda place, value: argument(place, value + 1)
    channel.start = faulty
    yield
    channel.start = start
    vars(one._kernel).pop("argument", None)


@pytest.mark.soak
def test_random_calls_with_faults(
    tmp_path: Path, soak_seconds: float, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(time.time())
    with capsys.disabled():
        print(f"\nhost under faults, seed {seed}")
    rng = np.random.default_rng(seed)
    projects = generate(tmp_path, "conv1", "gemm1")
    design, product = (Project.open(project).design for project in projects)
    counts: Counter[str] = Counter()
    end = time.monotonic() + soak_seconds
    while time.monotonic() < end or not counts:
        name = str(rng.choice(["pynq-z2", "kv260"]))
        stalls = float(rng.choice([0.0, 0.4]))
        with (
            sim.board(*projects, board=name, stalls=stalls, seed=int(rng.integers(99))) as device,
            Accelerator(tmp_path / "conv1_gemm1", "conv1", timeout_s=0.001) as conv,
            Accelerator(tmp_path / "conv1_gemm1", "gemm1", timeout_s=0.001) as gemm,
        ):

            def call(one: Any, *, wait: bool) -> None:
                if one is conv:
                    x = vectors.frames(design, int(rng.integers(1, 6)), int(rng.integers(1 << 30)))
                    arguments, wanted = (x,), convolved(projects[0], x)
                else:
                    m, k, n = (int(rng.integers(1, most + 1)) for most in (12, 10, 9))
                    drawn = vectors.gemm_operands(product, m, k, n, int(rng.integers(1 << 30)))
                    arguments = (drawn["a"], drawn["b"])
                    if rng.random() < 0.5:
                        arguments = (*arguments, drawn["bias"]) if "bias" in drawn else arguments
                    wanted = multiplied(projects[1], *arguments)
                found = one(*arguments) if wait else asyncio.run(one.run(*arguments))
                assert (found == wanted).all(), f"seed {seed}: a wrong answer after {counts}"

            for _ in range(40):
                one = conv if rng.random() < 0.6 else gemm
                if rng.random() < 0.4:
                    kind = str(rng.choice(FAULTS))
                    with _fault(kind, rng, device, one):
                        try:
                            call(one, wait=rng.random() < 0.7)
                            counts[f"{kind}: no harm"] += 1
                        except (AcceleratorError, KeyboardInterrupt):
                            counts[kind] += 1
                for each in (conv, gemm):
                    try:
                        call(each, wait=rng.random() < 0.7)
                    except AcceleratorError as error:
                        if "released" in str(error):
                            counts["released: told later"] += 1
                        else:
                            if "reload()" not in str(error):
                                raise
                            each.reload()
                            counts["reloads"] += 1
                    else:
                        counts["right answers"] += 1
            for each in (conv, gemm):
                for _ in range(4):  # each buffer that was released is told of once
                    try:
                        call(each, wait=True)
                        break
                    except AcceleratorError as error:
                        if "released" not in str(error):
                            raise
                call(each, wait=True)
    assert counts["right answers"] > sum(counts[kind] for kind in FAULTS)
    with capsys.disabled():
        print(f"host under faults: {dict(sorted(counts.items()))}")
