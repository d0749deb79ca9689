"""The host library on the simulated board: right results, one message for each error, recovery."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pynq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from overlays import convolved, generate, multiplied

import host.buffers
import host.convolution
import sim
from hls import Project
from host import Accelerator, AcceleratorError
from sim import vectors
from sim.device import SimulatedDevice
from sim.overlay_files import SimulatedBit

LIMIT_S = 0.001
"""Of the simulated board's time: 100,000 cycles."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("host")
    generate(made, "conv1", "gemm1", "loaded", "wide", "scaled")
    return made


@pytest.fixture(params=["pynq-z2", "kv260"])
def both(request: pytest.FixtureRequest, folder: Path) -> Iterator[Path]:
    """conv1 and gemm1 on a board of each family: the overlay's folder."""
    with sim.board(folder / "conv1", folder / "gemm1", board=request.param):
        yield folder / "conv1_gemm1"


@pytest.fixture
def device(folder: Path) -> Iterator[SimulatedDevice]:
    with sim.board(folder / "conv1") as made:
        yield made


@pytest.fixture
def conv(device: SimulatedDevice, folder: Path) -> Iterator[Any]:
    with Accelerator(folder / "conv1", timeout_s=LIMIT_S) as made:
        yield made


def images(count: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    return rng.integers(-128, 128, (count, 6, 7, 3)).astype(np.int8)


def good(conv: Any, folder: Path, seed: int = 5) -> bool:
    x = images(2, seed)
    return bool((conv(x) == convolved(folder / "conv1", x)).all())


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
    monkeypatch.setattr(host.convolution, "_CHUNK_BYTES", 300)  # two frames
    monkeypatch.setattr(host.convolution, "_CALL_BYTES", 1000)  # five frames
    for frames in (1, 2, 4, 5, 6, 11):
        x = images(frames, frames)
        assert (conv(x) == convolved(folder / "conv1", x)).all()


def test_packing_overlaps_the_transfer(conv: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host.convolution, "_CHUNK_BYTES", 300)
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
            held = _parameters(design, seed)
            conv.load_weights(held.weights, held.bias, (held.multiplier, held.shift))
            assert (conv(x) == convolved(folder / "loaded", x, held)).all()
        conv.reload()
        assert (conv(x) == convolved(folder / "loaded", x, held)).all()
        assert conv.info.calls == 5


def _parameters(design: Any, seed: int) -> Any:
    from hls.parameters import random_parameters

    return random_parameters(design, seed)


def test_what_load_weights_refuses(conv: Any, folder: Path) -> None:
    with pytest.raises(AcceleratorError, match="conv1 has its weights built in; generate it with"):
        conv.load_weights(np.zeros((4, 3, 3, 3), np.int8))
    conv.close()
    design = Project.open(folder / "loaded").design
    held = _parameters(design, 3)
    weights, scale = held.weights, (held.multiplier, held.shift)
    wrong: list[tuple[Any, Any, Any, str]] = [
        (weights[:1], held.bias, scale, r"weights has shape \(1, 2, 2, 4\), the .* \(4, 2, 2, 4\)"),
        (weights * 0.5, held.bias, scale, "weights is float64, the accelerator takes integers"),
        (weights * 0 + 9, held.bias, scale, "weights has values 9..9, s4 holds -8..7"),
        (weights, held.bias, None, r"loaded requantizes; give requant=\(multiplier, shift\)"),
        (weights, held.bias, (1 << 24, 1), "multiplier has values 16777216..16777216"),
        (weights, held.bias, (1, 48), "shift has values 48..48, this design holds 0..47"),
        (weights, held.bias, (0.5, 1), "multiplier is float64, the accelerator takes integers"),
    ]
    with sim.board(folder / "loaded"), Accelerator(folder / "loaded") as loaded:
        for w, bias, requant, words in wrong:
            with pytest.raises(AcceleratorError, match=words):
                loaded.load_weights(w, bias, requant)


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


def test_a_product_is_awaited_by_its_interrupt(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slow memory, so that the kernel has not ended when it is looked at first."""
    used: list[str] = []
    interrupt = pynq.Interrupt
    monkeypatch.setattr(pynq, "Interrupt", lambda pin: (used.append(pin), interrupt(pin))[1])
    with sim.board(folder / "gemm1", stalls=0.8), Accelerator(folder / "gemm1") as gemm:
        used.clear()
        for seed in range(3):
            drawn = vectors.gemm_operands(Project.open(folder / "gemm1").design, 12, 10, 9, seed)
            c = asyncio.run(gemm.run(*drawn.values()))
            assert (c == multiplied(folder / "gemm1", *drawn.values())).all()
    assert used == ["gemm1/interrupt"] * 3


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


# ---------------------------------------------------------------------- refused arguments


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (
            np.zeros((7, 6, 3), np.int8),
            r"the input has shape \(7, 6, 3\), .* takes 6 x 7 x 3; resh",
        ),
        (np.zeros((0, 6, 7, 3), np.int8), r"shape \(0, 6, 7, 3\), .* takes N x 6 x 7 x 3"),
        (np.zeros(5, np.int8), r"the input has shape \(5,\)"),
        (np.zeros((6, 7, 3)), r"is float64, .* takes int8; quantize it, then .*astype\(np.int8\)"),
        (np.zeros((6, 7, 3), np.uint8), "is uint8, the accelerator takes int8"),
        ([[1, 2], [3]], "the input is no array .*rows differ in length"),
    ],
)
def test_arguments_that_are_refused(conv: Any, folder: Path, x: Any, words: str) -> None:
    with pytest.raises(AcceleratorError, match=words):
        conv(x)
    assert re.search(words, conv.info.last_error)
    assert good(conv, folder)


# ---------------------------------------------------------------------- overlays that do not fit


@pytest.fixture
def copied(folder: Path, device: SimulatedDevice) -> Path:
    """A copy of conv1's overlay beside it, to be damaged."""
    place = folder / "copied"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for name in ("conv1.hwh", "manifest.json"):
        shutil.copy(folder / "conv1" / name, place)
    SimulatedBit((folder / "conv1",), "pynq-z2", 100.0).write(place / "conv1.bit")
    return place


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def _remove(name: str) -> Callable[[Path], None]:
    return lambda place: (place / name).unlink()


MISFITS: dict[str, tuple[Callable[[Path], None], str]] = {
    "no manifest": (_remove("manifest.json"), r"manifest.json is missing; copy the manifest.json"),
    "no hwh": (_remove("conv1.hwh"), r"conv1.hwh is missing; copy the .hwh of the same build"),
    "no bit": (_remove("conv1.bit"), r"copied must hold one .bit file, it holds none"),
    "vlnv": (
        lambda place: _edit(place / "manifest.json", "hls:conv1:1.0", "hls:conv1:2.0"),
        r"conv1.bit has lineloom:hls:conv1:1.0 as conv1, the manifest is for lineloom:hls:conv1:2.0"
        r"; conv1.bit and manifest.json must come from the same build",
    ),
    "instance": (
        lambda place: _edit(place / "manifest.json", '"name": "conv1"', '"name": "conv7"'),
        "conv1.bit has no conv7; conv1.bit and manifest.json must come from the same build",
    ),
    "register": (
        lambda place: _edit(place / "manifest.json", '"offset": 16', '"offset": 32'),
        "conv1 has no register at 0x20, where the manifest has frames",
    ),
    "version": (
        lambda place: _edit(place / "manifest.json", '"lineloom": 1', '"lineloom": 2'),
        "is not a Lineloom manifest of version 1",
    ),
    "damaged": (
        lambda place: _edit(place / "manifest.json", "{", "["),
        r"manifest.json cannot be read .*; copy it again",
    ),
    "lacking": (
        lambda place: _edit(place / "manifest.json", '"costs"', '"prices"'),
        "manifest.json has no 'costs'; copy it again",
    ),
}


@pytest.mark.parametrize("case", MISFITS)
def test_files_that_do_not_belong_together(copied: Path, folder: Path, case: str) -> None:
    damage, words = MISFITS[case]
    damage(copied)
    with pytest.raises(AcceleratorError, match=words):
        Accelerator(copied)
    with Accelerator(folder / "conv1") as conv:  # nothing is left taken
        assert good(conv, folder)


def test_names_that_are_unknown(both: Path) -> None:
    with pytest.raises(AcceleratorError, match=r"several accelerators; choose .* conv1, gemm1"):
        Accelerator(both)
    with pytest.raises(AcceleratorError, match="no accelerator 'fir'; it has conv1, gemm1"):
        Accelerator(both, "fir")
    with pytest.raises(AcceleratorError, match=r"none.bit: no such overlay; copy .bit, .hwh and"):
        Accelerator(both / "none.bit")


def test_without_a_board(folder: Path, device: SimulatedDevice) -> None:
    code = f"from host import Accelerator; Accelerator({str(folder / 'conv1')!r})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "AcceleratorError: pynq finds no board (No Devices Found" in ran.stderr


# ---------------------------------------------------------------------- several users


def test_two_users_in_a_process(both: Path) -> None:
    with Accelerator(both, "conv1"):
        with pytest.raises(AcceleratorError, match="conv1 is in use by another Accelerator; share"):
            Accelerator(both, "conv1")
        with Accelerator(both, "gemm1"):
            pass
        with pytest.raises(AcceleratorError, match=r"conv1_gemm1.bit is in use \(conv1\); close"):
            Accelerator(both.parent / "conv1")
    Accelerator(both, "conv1").close()


def test_two_processes(device: SimulatedDevice, folder: Path) -> None:
    lock = Path(f"/tmp/lineloom-{device.name}.lock")
    code = (
        "import fcntl, sys; file = open(sys.argv[1], 'a'); fcntl.flock(file, fcntl.LOCK_EX); "
        "print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(lock)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as other:  # fmt: skip
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(AcceleratorError, match="another process uses the accelerators of this"):
            Accelerator(folder / "conv1")
        other.communicate()
    with Accelerator(folder / "conv1") as conv:
        assert good(conv, folder)
    lock.unlink()


def test_another_overlay_loaded_over_it(both: Path) -> None:
    with Accelerator(both, "conv1") as conv, Accelerator(both, "gemm1") as gemm:
        pynq.Overlay(str(both / "conv1_gemm1.bit"))
        for call in (lambda: conv(images(1)), lambda: gemm(np.eye(2, dtype=np.int8), np.eye(2))):
            with pytest.raises(AcceleratorError, match=r"another overlay was loaded over conv1_g"
                               r"emm1.bit; call reload\(\)"):  # fmt: skip
                call()
        conv.reload()
        assert good(conv, both.parent)
        eye = np.eye(4, dtype=np.int8)
        assert (gemm(eye, eye) == eye).all()


# ---------------------------------------------------------------------- faults and recovery


def test_a_time_out_says_what_waits(device: SimulatedDevice, conv: Any, folder: Path) -> None:
    device.freeze()
    with pytest.raises(
        AcceleratorError,
        match=r"conv1: time-out after 0.001 s: the kernel does not take what in_r sends .*; "
        r"CTRL=0x01 \(started\), MM2S_DMASR=0x\w+ \(busy\), S2MM_DMASR=0x\w+ \(busy\)\. "
        r"The overlay was loaded again; the accelerator is ready",
    ):
        conv(images(2))
    assert "time-out" in conv.info.last_error
    assert "loaded again" in conv.info.recovered
    device.freeze(False)
    assert good(conv, folder)


def test_a_forgotten_start(conv: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(type(conv._kernel), "start", lambda self: None)
        with pytest.raises(AcceleratorError, match=r"the kernel rests while in_r has data to send "
                           r"\(not started, wrong length\); CTRL=0x04 \(idle\)"):  # fmt: skip
            conv(images(2))
    assert good(conv, folder)


def _with_length(frames: int) -> Callable[[Any], Any]:
    def start(self: Any, count: int, *, load: bool) -> None:
        self._kernel.argument(self._engine.registers["frames"], count + frames)
        self._kernel.start()

    return start


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (1, "all input was sent, but out_r did not end (too little input)"),
        (-1, "DMA S2MM: TLAST came after 168 bytes of 336 (wrong length)"),
    ],
)
def test_a_wrong_length(
    conv: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, extra: int, words: str
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(type(conv), "_start", _with_length(extra))
        with pytest.raises(AcceleratorError, match=re.escape(words)):
            conv(images(2))
    for seed in range(3):
        assert good(conv, folder, seed)


def test_an_internal_error_of_the_dma(
    conv: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = conv._channels["out_r"]
    start = channel.start
    with monkeypatch.context() as patched:
        patched.setattr(channel, "start", lambda buffer: start(buffer[:100]))
        with pytest.raises(
            AcceleratorError,
            match=r"conv1: time-out after 0.001 s: DMA S2MM: 0x\w+ \(halted, internal error: the "
            r"packet is longer than the "
            r"buffer or has no TLAST.*; CTRL=.* the accelerator is ready",
        ):
            conv(images(2))
    assert good(conv, folder)


def test_a_dma_that_is_reset_in_mid_transfer(
    conv: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = conv._channels["in_r"]
    start = channel.start
    with monkeypatch.context() as patched:
        patched.setattr(channel, "start", lambda buffer: (start(buffer), channel.reset()))
        with pytest.raises(AcceleratorError, match="in the middle of a transfer: somebody reset"):
            conv(images(2))
        with pytest.raises(AcceleratorError, match="in the middle of a transfer: somebody reset"):
            asyncio.run(conv.run(images(2)))
    assert good(conv, folder)


def test_a_buffer_that_is_released(conv: Any, folder: Path) -> None:
    conv(images(1))
    conv._buffers._held["in_r 0"].freebuffer()
    with pytest.raises(AcceleratorError, match=r"the buffer in_r 0 was released by somebody else"):
        conv(images(1))
    assert good(conv, folder)


def test_memory_that_is_used_up(folder: Path) -> None:
    with (
        sim.board(folder / "conv1", memory_bytes=1 << 14),
        Accelerator(folder / "conv1") as conv,
    ):
        with pytest.raises(AcceleratorError, match="no 32,768 bytes of contiguous memory for"):
            conv(images(150))
        assert good(conv, folder)


def test_an_interrupted_call(conv: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(conv._channels["in_r"], "start", interrupt)
        with pytest.raises(KeyboardInterrupt):
            conv(images(2))
    assert "loaded again" in conv.info.recovered
    assert good(conv, folder)


def test_a_cancelled_call(device: SimulatedDevice, conv: Any, folder: Path) -> None:
    async def cancelled() -> None:
        device.freeze()
        task = asyncio.ensure_future(conv.run(images(2)))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    device.freeze(False)
    assert good(conv, folder)


def test_a_time_out_of_an_awaited_call(device: SimulatedDevice, conv: Any, folder: Path) -> None:
    device.freeze()
    with pytest.raises(AcceleratorError, match="time-out after"):
        asyncio.run(conv.run(images(2)))
    device.freeze(False)
    assert good(conv, folder)


def test_a_product_whose_memory_is_frozen(folder: Path) -> None:
    eye = np.eye(6, dtype=np.int8)
    with (
        sim.board(folder / "gemm1") as device,
        Accelerator(folder / "gemm1", timeout_s=LIMIT_S) as gemm,
    ):
        device.freeze()
        with pytest.raises(AcceleratorError, match=r"time-out after 0.001 s: the kernel does "
                           r"not finish \(memory does not answer.* CTRL=0x"):  # fmt: skip
            gemm(eye, eye)
        device.freeze(False)
        assert (gemm(eye, eye) == eye).all()


def test_a_stuck_kernel_beside_others_asks_for_a_reload(folder: Path) -> None:
    with sim.board(folder / "conv1", folder / "gemm1") as device:
        place = folder / "conv1_gemm1"
        with (
            Accelerator(place, "conv1", timeout_s=LIMIT_S) as conv,
            Accelerator(place, "gemm1", timeout_s=LIMIT_S) as gemm,
        ):
            device.freeze()
            for _ in range(2):
                with pytest.raises(AcceleratorError, match=r"conv1 did not recover .*the kernel is "
                                   r"stuck .* load the overlay again with reload\(\)"):  # fmt: skip
                    conv(images(1))
            device.freeze(False)
            eye = np.eye(4, dtype=np.int8)
            assert (gemm(eye, eye) == eye).all()  # the others work on
            gemm.reload()
            assert good(conv, folder)
            assert (gemm(eye, eye) == eye).all()


def test_loaded_weights_come_back_after_a_fault(folder: Path) -> None:
    design = Project.open(folder / "loaded").design
    held = _parameters(design, 8)
    x = vectors.frames(design, 2, 4)
    with (
        sim.board(folder / "loaded") as device,
        Accelerator(folder / "loaded", timeout_s=LIMIT_S) as conv,
    ):
        conv.load_weights(held.weights, held.bias, (held.multiplier, held.shift))
        start = conv._channels["out_r"].start
        conv._channels["out_r"].start = lambda buffer: None
        with pytest.raises(AcceleratorError, match="The overlay was loaded again"):
            conv(x)
        conv._channels["out_r"].start = start
        assert (conv(x) == convolved(folder / "loaded", x, held)).all()
        device.freeze()
        with pytest.raises(AcceleratorError, match="did not recover"):
            conv(x)  # nor can the weights be loaded
        device.freeze(False)
        conv.reload()
        assert (conv(x) == convolved(folder / "loaded", x, held)).all()


# ---------------------------------------------------------------------- display


def test_display_and_info(conv: Any) -> None:
    conv(images(2))
    assert repr(conv) == "<Convolution conv1 of conv1.bit>"
    assert "conv1" in conv._repr_html_()
    assert int(conv.register_map.CTRL.AP_IDLE) == 1
    json.dumps(dict(conv.info.design))
