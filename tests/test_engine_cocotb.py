"""Both engines of the simulated board show a host the same: results, states and errors."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pynq
import pytest

import sim
from hls import Conv2d, Project
from hls.errors import ToolFailed
from host import Accelerator
from sim.cosim import ENGINES
from sim.device import SimulatedDevice
from sim.reference import conv2d_output

DESIGNS = {
    "conv1": "conv2d --input 5x6x3 --filters 4 --padding same --simd 3 --pe 2 --seed 3",
    "gemm1": "gemm --max-m 8 --max-k 8 --max-n 8 --rows 4 --cols 4",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from hls.__main__ import main

    folder = tmp_path_factory.mktemp("built")
    for name, options in DESIGNS.items():
        assert main([*shlex.split(options), "-o", str(folder / name), "--json"]) == 0
    return folder


def on_both(scenario: Callable[[SimulatedDevice], Any], *projects: Path, **options: Any) -> Any:
    """What `scenario` observes, which must be the same on both engines."""
    seen = []
    for engine in ENGINES:
        with sim.board(*projects, engine=engine, **options) as device:
            seen.append(scenario(device))
    assert seen[0] == seen[1]
    return seen[0]


def test_a_stream_moves_fails_and_recovers_alike(built: Path) -> None:
    project = Project.open(built / "conv1")
    assert isinstance(project.design, Conv2d)
    assert project.parameters is not None
    x = np.random.default_rng(1).integers(-128, 128, (5, 6, 3), np.int8)
    expected = conv2d_output(project.design, project.parameters, x[None])[0]

    def scenario(device: SimulatedDevice) -> list[Any]:
        overlay = pynq.Overlay(str(built / "conv1" / "conv1.bit"))
        kernel, dma = overlay.conv1, overlay.conv1_dma
        sent, received = pynq.allocate(90, np.int8), pynq.allocate(120, np.int8)
        sent[:] = x.reshape(-1)
        seen: list[Any] = []

        def note() -> None:
            """Registers and data; the order of events, not their cycles."""
            received.invalidate()
            seen.append([hex(dma.read(0x04)), hex(dma.read(0x34)), received.tolist()])

        def settle(offset: int, bits: int) -> None:
            for _ in range(200):
                if dma.read(offset) & bits:
                    return
            raise AssertionError("it does not end")

        def begin(size: int) -> None:
            kernel.register_map.frames = 1
            kernel.register_map.CTRL.AP_START = 1
            dma.recvchannel.transfer(received, nbytes=size)

        # A frame in two transfers, of which the first ends within a beat of three bytes or not.
        begin(120)
        dma.sendchannel.transfer(sent, nbytes=48)
        dma.sendchannel.wait()
        dma.sendchannel.transfer(sent, start=48, nbytes=42)
        dma.sendchannel.wait()
        dma.recvchannel.wait()
        note()
        seen.append(kernel.read(0))
        # More comes out than there is room for: the channel stops with an error.
        received[:] = 0
        received.flush()
        begin(50)
        dma.sendchannel.transfer(sent)
        settle(0x34, 0x10)
        note()
        # Nothing is at that address.
        dma.write(0x00, 4)
        note()
        dma.write(0x00, 1)
        dma.write(0x18, 0x100)
        dma.write(0x28, 30)
        settle(0x04, 0x40)
        note()
        # All begins anew.
        overlay.download()
        dma = overlay.conv1_dma
        dma.write(0x00, 4)
        dma.sendchannel.start()
        dma.recvchannel.start()
        begin(120)
        dma.sendchannel.transfer(sent)
        dma.recvchannel.wait()
        note()
        assert device.system is not None
        seen.append([engine.complaints for engine in device.system.engines.values()])
        return seen

    seen = on_both(scenario, built / "conv1", stalls=0.3, seed=2)
    first, ctrl, overrun, reset, decode, again, complaints = seen
    assert first == ["0x11002", "0x11002", expected.reshape(-1).tolist()]
    assert ctrl & 4
    assert overrun[1] == "0x15011"  # the end of the first packet was not acknowledged
    assert overrun[2] == [*expected.reshape(-1).tolist()[:50], *[0] * 70]
    assert reset[:2] == ["0x10001", "0x10001"]
    assert decode[0] == "0x14041"
    assert again[1:] == first[1:]
    assert complaints == [[]]


def test_two_engines_in_one_overlay_and_threads(built: Path) -> None:
    rng = np.random.default_rng(4)
    x = rng.integers(-128, 128, (2, 5, 6, 3), np.int8)
    a, b = rng.integers(-128, 128, (5, 7), np.int8), rng.integers(-128, 128, (7, 6), np.int8)

    def scenario(device: SimulatedDevice) -> list[Any]:
        folder = built / "conv1_gemm1"
        with Accelerator(folder, "conv1") as conv, Accelerator(folder, "gemm1") as gemm:
            product = gemm.submit(a, b)  # in another thread
            return [conv(x).tolist(), product.result().tolist()]

    seen = on_both(scenario, built / "conv1", built / "gemm1", board="kv260")
    project = Project.open(built / "conv1")
    assert isinstance(project.design, Conv2d)
    assert project.parameters is not None
    assert seen[0] == conv2d_output(project.design, project.parameters, x).tolist()
    assert seen[1] == (a.astype(int) @ b).tolist()


def test_a_wait_without_end_is_ended(built: Path) -> None:
    with sim.board(built / "conv1", engine="cocotb", patience_cycles=2000):
        overlay = pynq.Overlay(str(built / "conv1" / "conv1.bit"))
        overlay.conv1_dma.sendchannel.transfer(pynq.allocate(90, np.int8))
        with pytest.raises(RuntimeError, match="although nothing has moved for"):
            overlay.conv1_dma.sendchannel.wait()


def test_frozen_memory_answers_nothing_until_it_is_let_go(built: Path) -> None:
    with sim.board(built / "conv1", engine="cocotb") as device:
        overlay = pynq.Overlay(str(built / "conv1" / "conv1.bit"))
        assert device.system is not None
        engine: Any = device.system.engines["conv1"]
        overlay.conv1.write(0x10, 1)
        overlay.conv1.write(0x00, 1)
        overlay.conv1_dma.recvchannel.transfer(pynq.allocate(120, np.int8))
        engine.freeze(True)
        overlay.conv1_dma.sendchannel.transfer(pynq.allocate(90, np.int8))
        engine.step(500)
        assert [engine.transferred(port).moved_bytes for port in ("in_r", "out_r")] == [0, 0]
        engine.freeze(False)
        overlay.conv1_dma.recvchannel.wait()
        assert [engine.transferred(port).moved_bytes for port in ("in_r", "out_r")] == [90, 120]


def test_frozen_memory_holds_a_product_up(built: Path) -> None:
    a, b = np.full((4, 4), 3, np.int8), np.eye(4, dtype=np.int8)
    with (
        sim.board(built / "gemm1", engine="cocotb", patience_cycles=2000) as device,
        Accelerator(built / "gemm1") as gemm,
    ):
        assert device.system is not None
        engine: Any = device.system.engines["gemm1"]
        engine.freeze(True)
        with pytest.raises(RuntimeError, match="nothing has moved"):
            gemm(a, b)
        assert np.array_equal(gemm(a, b), a)  # the overlay was loaded again


def test_a_simulator_that_dies_is_an_error_with_its_log(built: Path) -> None:
    with sim.board(built / "conv1", engine="cocotb") as device:
        overlay = pynq.Overlay(str(built / "conv1" / "conv1.bit"))
        assert device.system is not None
        device.system.engines["conv1"]._process.kill()  # type: ignore[attr-defined]
        with pytest.raises(ToolFailed, match="cocotb on conv1 broke down"):
            overlay.conv1.read(0)
