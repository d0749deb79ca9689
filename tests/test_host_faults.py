"""Faults while the host library waits: what they are called, and that it works on afterwards."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from overlays import LIMIT_S, convolved, good, images

import sim
from hls import Project
from hls.parameters import random_parameters
from host import Accelerator, AcceleratorError
from host.errors import decode_dma_status
from sim import vectors
from sim.cosim import rtl_of
from sim.device import SimulatedDevice

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
    def start(self: Any, count: int) -> None:
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


@pytest.fixture
def endless(folder: Path, tmp_path: Path) -> Iterator[Any]:
    """conv1 without TLAST at its output."""
    shutil.copytree(folder / "conv1", tmp_path / "conv1")
    rtl = rtl_of(Project.open(tmp_path / "conv1"))
    top = rtl.folder / "rtl" / "conv1.v"
    output = "assign {out_r_TLAST,"
    text = top.read_text()
    assert output in text
    top.write_text(text.replace(output, "wire last; assign out_r_TLAST = 0; assign {last,"))
    with (
        sim.board(tmp_path / "conv1"),
        Accelerator(tmp_path / "conv1", timeout_s=LIMIT_S) as made,
    ):
        yield made


def test_a_missing_tlast(endless: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AcceleratorError, match=r"DMA S2MM: 0x\w+11 \(halted, internal error: the "
                       r"packet is longer than the buffer or has no TLAST"):  # fmt: skip
        endless(images(2))
    # A buffer that is not even filled: half of the frames are sent, and all of those are computed.
    start = endless._channels["in_r"].start
    with monkeypatch.context() as patched:
        patched.setattr(type(endless), "_start", _with_length(-1))
        patched.setattr(endless._channels["in_r"], "start", lambda b: start(b[: len(b) // 2]))
        with pytest.raises(AcceleratorError, match=r"the kernel is done, but out_r did not end "
                           r"\(missing TLAST, wrong length\); CTRL=0x0\w"):  # fmt: skip
            endless(images(2))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0x0000, "0x00000000 (busy)"),
        (0x1002, "0x00001002 (idle)"),
        (0x4011, "0x00004011 (halted, internal error: the packet is longer than the buffer or has "
         "no TLAST, or its length is 0)"),
        (0x4021, "0x00004021 (halted, slave error: memory answered with an error)"),
        (0x4041, "0x00004041 (halted, decode error: there is no memory at the address)"),
        (0x0701, "0x00000701 (halted, scatter-gather internal error, scatter-gather slave error, "
         "scatter-gather decode error)"),
    ],
)  # fmt: skip
def test_a_dma_status_in_words(status: int, words: str) -> None:
    assert decode_dma_status(status) == words


def test_memory_that_is_not_there(conv: Any, folder: Path) -> None:
    """A decode error, in the words of a call."""
    start = conv._channels["in_r"].start

    def elsewhere(buffer: Any) -> None:
        conv._channels["in_r"]._dma.write(0x18, 0x100)
        conv._channels["in_r"]._dma.write(0x28, buffer.nbytes)
        conv._channels["in_r"].under_way = True

    conv._channels["in_r"].start = elsewhere
    with pytest.raises(AcceleratorError, match=r"DMA MM2S: 0x\w+ \(halted, decode error: there is "
                       r"no memory at the address\)"):  # fmt: skip
        conv(images(1))
    conv._channels["in_r"].start = start
    assert good(conv, folder)


def test_a_dma_that_does_not_come_out_of_its_reset(
    conv: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(buffer: Any) -> None:
        raise RuntimeError("DMA channel not started")

    channel = conv._channels["out_r"]
    with monkeypatch.context() as patched:
        patched.setattr(channel, "start", late)
        for each in conv._channels.values():
            patched.setattr(type(each._dma), "read", lambda self, offset=0: 4)
        with pytest.raises(AcceleratorError, match=r"conv1 did not recover .* \(the DMA does "
                           r"not come out of its reset; load the overlay again\)"):  # fmt: skip
            conv(images(1))
    conv.reload()
    assert good(conv, folder)


def test_registers_that_cannot_be_read(
    conv: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("bus error")

    with monkeypatch.context() as patched:
        patched.setattr(conv._channels["out_r"], "start", broken)
        patched.setattr(type(conv._kernel), "describe", broken)
        with pytest.raises(
            AcceleratorError, match=r"conv1: bus error; its registers cannot be read"
        ):
            conv(images(1))
    assert good(conv, folder)


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
    held = random_parameters(design, 8)
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
