"""The host library on the simulated board: right results, in every way to call."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pynq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from overlays import convolved, good, images, multiplied

import host.buffers
import host.streams
import sim
from hls import Project
from hls.parameters import random_parameters
from host import Accelerator, AcceleratorError
from sim import vectors
from sim.device import SimulatedDevice

# ---------------------------------------------------------------------- results


def test_both_designs_of_an_overlay(both: Path) -> None:
    with Accelerator(both, "conv1") as conv, Accelerator(both, "gemm1") as gemm:
        x = images(3)
        assert (conv(x[0]) == convolved(both.parent / "conv1", x[0])).all()
        y = conv(x)
        assert y.dtype == np.int8
        assert (y == convolved(both.parent / "conv1", x)).all()
        for m, k, n in ((12, 10, 9), (1, 1, 1), (5, 7, 3)):
            drawn = vectors.gemm_operands(Project.open(both.parent / "gemm1").design, m, k, n, m)
            c = gemm(*drawn.values())
            assert c.dtype == np.int32
            assert (c == multiplied(both.parent / "gemm1", *drawn.values())).all()
        assert conv.info.calls == 2
        assert conv.info.sent_bytes == x[0].nbytes + x.nbytes
        assert conv.info.cycles > 0
        assert conv.info.clock_mhz == pytest.approx(100, abs=0.1)


def test_more_frames_than_a_chunk_and_a_call(
    conv: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host.streams, "_CHUNK_BYTES", 300)  # two frames
    monkeypatch.setattr(host.streams, "_CALL_BYTES", 1000)  # five frames
    for frames in (1, 2, 4, 5, 6, 11):
        x = images(frames, frames)
        assert (conv(x) == convolved(folder / "conv1", x)).all()


def test_packing_overlaps_the_transfer(conv: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host.streams, "_CHUNK_BYTES", 300)
    done: list[str] = []
    channel = conv._channels["in_r"]
    start, fill = channel.start, conv._fill
    monkeypatch.setattr(channel, "start", lambda buffer: (done.append("send"), start(buffer)))
    monkeypatch.setattr(conv, "_fill", lambda *a: (done.append("fill"), fill(*a))[1])
    finished = type(channel).finished
    monkeypatch.setattr(type(channel), "finished", property(
        lambda self: (ended := finished.fget(self), ended and done.append("end"))[0]))  # fmt: skip
    conv(images(6))
    order = [word for word, after in zip(done, [*done[1:], ""], strict=True) if word != after]
    assert order[:7] == ["fill", "send", "fill", "end", "send", "fill", "end"]


def test_weights_of_a_design_that_loads_them(folder: Path) -> None:
    design = Project.open(folder / "loaded").design
    with sim.board(folder / "loaded"), Accelerator(folder / "loaded") as conv:
        x = vectors.frames(design, 3, 1)
        assert x.dtype == np.uint8  # u4
        with pytest.raises(AcceleratorError, match=r"loaded has no weights yet; call load_weights"):
            conv(x)
        for seed in (1, 2):
            held = random_parameters(design, seed)
            conv.load_weights(held.weights, held.bias, (held.multiplier, held.shift))
            assert (conv(x) == convolved(folder / "loaded", x, held)).all()
        conv.reload()
        assert (conv(x) == convolved(folder / "loaded", x, held)).all()
        assert conv.info.calls == 5


def test_products_with_bias_and_requantization(folder: Path) -> None:
    project = Project.open(folder / "scaled")
    with sim.board(folder / "scaled"), Accelerator(folder / "scaled") as gemm:
        for m, k, n in ((9, 8, 10), (1, 8, 1), (4, 3, 7)):
            drawn = vectors.gemm_operands(project.design, m, k, n, n)
            assert (gemm(**drawn) == multiplied(folder / "scaled", *drawn.values())).all()
        a, b = drawn["a"], drawn["b"]
        for named, words in (
            ({}, "scaled requantizes; give multiplier and shift"),
            ({"multiplier": 0.5, "shift": 1}, "multiplier is float64"),
            ({"multiplier": 1, "shift": 99}, "shift has values 99..99, this design holds 0..47"),
            ({"multiplier": 1, "shift": 1, "bias": np.full(7, 1 << 20)}, "bias has values 1048576"),
            ({"multiplier": 1, "shift": 1, "bias": [1, 2]}, r"bias has shape \(2,\)"),
        ):
            with pytest.raises(AcceleratorError, match=words):
                gemm(a, b, **named)
        with pytest.raises(AcceleratorError, match=r"a has values 64..64, format u6 holds 0..63"):
            gemm(a * 0 + 64, b, multiplier=1, shift=1)
        with pytest.raises(AcceleratorError, match=r"a has shape \(4, 3\) and b \(7, 3\)"):
            gemm(a, b.T, multiplier=1, shift=1)
        with pytest.raises(AcceleratorError, match=r"m=10 is outside 1..9 of scaled; split"):
            gemm(np.zeros((10, 3), np.uint8), b, multiplier=1, shift=1)
        c = gemm(a, b, multiplier=3, shift=4)
        assert (c == multiplied(folder / "scaled", a, b, None, 3, 4)).all()


@settings(max_examples=15, phases=[Phase.explicit, Phase.generate])
@given(st.data())
def test_any_sizes_and_values(folder: Path, data: st.DataObject) -> None:
    """Odd widths: 12 bits in 16, one channel a beat, 36-bit accumulators; any number of frames."""
    seed, frames = data.draw(st.integers(0, 2**31)), data.draw(st.integers(1, 7))
    stalls = data.draw(st.sampled_from([0.0, 0.5]))
    design = Project.open(folder / "wide").design
    with (
        sim.board(folder / "wide", stalls=stalls, seed=seed % 99),
        Accelerator(folder / "wide") as conv,
    ):
        x = vectors.frames(design, frames, seed)
        assert x.dtype == np.int16
        assert (conv(x) == convolved(folder / "wide", x)).all()
        with pytest.raises(AcceleratorError, match=r"format s12 holds -2048..2047; clip them"):
            conv(np.full((4, 5, 3), 2048, np.int16))


# ---------------------------------------------------------------------- ways to call


def test_await_and_gather(both: Path) -> None:
    project = both.parent / "conv1"

    async def calls() -> None:
        with Accelerator(both, "conv1") as conv, Accelerator(both, "gemm1") as gemm:
            batches = [images(n, n) for n in (1, 3, 2)]
            a, b = np.eye(5, dtype=np.int8), np.full((5, 4), 3, np.int8)
            *found, c = await asyncio.gather(*(conv.run(x) for x in batches), gemm.run(a, b))
            for x, y in zip(batches, found, strict=True):
                assert (y == convolved(project, x)).all()
            assert (c == b).all()

    asyncio.run(calls())
    asyncio.run(calls())  # another event loop


def test_await_after_calls_that_poll(conv: Any, folder: Path) -> None:
    for seed in range(3):
        x = images(2, seed)
        assert good(conv, folder, seed)
        assert (asyncio.run(conv.run(x)) == convolved(folder / "conv1", x)).all()


PINS = {
    "conv1": "conv1_dma/mm2s_introut",
    "gemm1": "gemm1/interrupt",
}


@pytest.mark.parametrize("connected", [True, False])
@pytest.mark.parametrize("name", PINS)
def test_interrupts_are_used_where_there_are_some(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, connected: bool
) -> None:
    """Memory is slow, so that nothing has ended when it is looked at first."""
    used: set[str] = set()
    interrupt = pynq.Interrupt
    with sim.board(folder / name, stalls=0.8), Accelerator(folder / name) as made:
        monkeypatch.setattr(pynq, "Interrupt", lambda pin: (used.add(pin), interrupt(pin))[1])
        if not connected:
            made._kernel._interrupts = {}
            for channel in made._channels.values():
                channel.pin = None
        for seed in range(3):
            if name == "conv1":
                x = images(4, seed)
                y, wanted = asyncio.run(made.run(x)), convolved(folder / name, x)
            else:
                design = Project.open(folder / name).design
                drawn = vectors.gemm_operands(design, 12, 10, 9, seed).values()
                y, wanted = asyncio.run(made.run(*drawn)), multiplied(folder / name, *drawn)
            assert (y == wanted).all()
    assert (PINS[name] in used) is connected
    assert connected or not used


def test_submitted_calls_keep_their_order(conv: Any, folder: Path) -> None:
    batches = [images(1 + n % 3, n) for n in range(8)]
    order: list[int] = []
    futures = [conv.submit(x) for x in batches]
    for index, future in enumerate(futures):
        future.add_done_callback(lambda _, index=index: order.append(index))
    for x, future in zip(batches, futures, strict=True):
        assert (future.result(60) == convolved(folder / "conv1", x)).all()
    assert order == sorted(order)


def test_threads_take_turns(conv: Any, folder: Path) -> None:
    wrong: list[Any] = []

    def work(seed: int) -> None:
        for turn in range(5):
            if not good(conv, folder, 10 * seed + turn):
                wrong.append((seed, turn))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong
    assert conv.info.calls == 15


def test_no_allocation_once_warm(both: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0
    allocate = pynq.allocate

    def counted(*args: Any, **named: Any) -> Any:
        nonlocal count
        count += 1
        return allocate(*args, **named)

    monkeypatch.setattr(host.buffers.pynq, "allocate", counted)
    with Accelerator(both, "conv1") as conv, Accelerator(both, "gemm1") as gemm:
        a = np.zeros((4, 4), np.int8)
        conv(images(4)), gemm(a, a)
        assert count == 5
        for _ in range(3):
            conv(images(4)), conv(images(1)[0]), gemm(a, a)
        assert count == 5
        assert conv.info.buffer_bytes == 2 * 4096


@pytest.mark.parametrize("cacheable", [0, 1])
def test_buffers_cached_or_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch, cacheable: int
) -> None:
    """The simulated board keeps two copies of a cached buffer: what is stale would be wrong."""
    allocate = partial(pynq.allocate, cacheable=cacheable)
    monkeypatch.setattr(host.buffers.pynq, "allocate", allocate)
    held = random_parameters(Project.open(folder / "loaded").design, 6)
    for name in ("conv1", "loaded", "gemm1"):
        design = Project.open(folder / name).design
        with sim.board(folder / name), Accelerator(folder / name) as made:
            if name == "loaded":
                made.load_weights(held.weights, held.bias, (held.multiplier, held.shift))
            for seed in range(2):
                if name == "gemm1":
                    drawn = vectors.gemm_operands(design, 5, 6, 7, seed).values()
                    assert (made(*drawn) == multiplied(folder / name, *drawn)).all()
                else:
                    x = vectors.frames(design, 2, seed)
                    wanted = convolved(folder / name, x, held if name == "loaded" else None)
                    assert (made(x) == wanted).all()


def test_buffers_are_freed(device: SimulatedDevice, folder: Path) -> None:
    with Accelerator(folder / "conv1") as conv:
        conv(images(1))
        assert device.memory._taken
    assert not device.memory._taken
    conv.close()  # twice is allowed
    with pytest.raises(AcceleratorError, match="conv1 is closed; open it again"):
        conv(images(1))
    with pytest.raises(AcceleratorError, match="conv1 is closed; open it again"):
        conv.submit(images(1))


def test_an_accelerator_that_is_forgotten_is_given_back(
    device: SimulatedDevice, folder: Path
) -> None:
    conv = Accelerator(folder / "conv1")
    conv(images(1))
    del conv
    gc.collect()
    assert not device.memory._taken
    with pytest.raises(TypeError):
        Accelerator(folder / "conv1", timeout=3)
    with Accelerator(folder / "conv1") as again:
        assert good(again, folder)


# ---------------------------------------------------------------------- display


def test_display_and_info(conv: Any) -> None:
    conv(images(2))
    assert repr(conv) == "<Convolution conv1 of conv1.bit>"
    assert "conv1" in conv._repr_html_()
    assert int(conv.register_map.CTRL.AP_IDLE) == 1
    json.dumps(dict(conv.info.design))
    assert conv.info.clock_asked_mhz == 100
    assert (conv.info.sent_bytes, conv.info.received_bytes) == (2 * 6 * 7 * 3, 2 * 6 * 7 * 4)
    assert conv.info.packing_s > 0 < conv.info.running_s
    assert conv.info.last_error == conv.info.recovered == ""
