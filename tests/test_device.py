"""The simulated board under raw pynq code, written as the PYNQ documentation writes it.

Right programs give right results on both families; wrong programs show what a board shows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pynq
import pytest
from overlays import convolved, generate, multiplied
from pynq import MMIO, Clocks, Overlay, allocate

import sim
from hls.errors import InputError
from sim.axi_intc import AxiIntc
from sim.device import SimulatedDevice
from sim.failures import BoardHang, BusError

SHAPE, RESULT = (6, 7, 3), (6, 7, 4)


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return generate(tmp_path_factory.mktemp("device"), "conv1", "gemm1")


@pytest.fixture(params=["pynq-z2", "kv260"])
def device(request: pytest.FixtureRequest, projects: list[Path]) -> Iterator[SimulatedDevice]:
    """Both families: 32-bit addresses, and buffers above 4 GiB."""
    with sim.board(*projects, board=request.param) as made:
        yield made


@pytest.fixture
def z2(projects: list[Path]) -> Iterator[SimulatedDevice]:
    with sim.board(*projects, patience_cycles=30_000) as made:
        yield made


def overlay(projects: list[Path]) -> Any:
    return Overlay(str(projects[0].parent / "conv1_gemm1" / "conv1_gemm1.bit"))


def image(seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(-128, 128, SHAPE).astype(np.int8)


def convolution(found: Any, x: Any, *, start: bool = True) -> tuple[Any, Any]:
    """Everything of a convolution but the waiting."""
    source, sink = allocate(SHAPE, np.int8), allocate(RESULT, np.int8)
    source[:] = x
    found.conv1.register_map.frames = 1
    if start:
        found.conv1.register_map.CTRL.AP_START = 1
    found.conv1_dma.recvchannel.transfer(sink)
    found.conv1_dma.sendchannel.transfer(source)
    return source, sink


# ---------------------------------------------------------------------- right programs


def test_a_convolution(device: SimulatedDevice, projects: list[Path]) -> None:
    found = overlay(projects)
    assert pynq.Device.active_device is device
    assert found.is_loaded()
    assert found.ip_dict["conv1"]["type"] == "lineloom:hls:conv1:1.0"
    assert {"conv1", "conv1_dma", "gemm1", "system_interrupts"} <= set(found.ip_dict)
    for seed in range(3):
        x = image(seed)
        source, sink = convolution(found, x)
        found.conv1_dma.sendchannel.wait()
        found.conv1_dma.recvchannel.wait()
        assert (sink == convolved(projects[0], x)).all()
        assert found.conv1_dma.recvchannel.transferred == sink.nbytes
        assert (source.physical_address >= 1 << 32) is (device.arch == "aarch64")
        source.freebuffer()
        sink.freebuffer()
    assert found.conv1.register_map.CTRL.AP_IDLE == 1


def test_a_product_through_pointers(device: SimulatedDevice, projects: list[Path]) -> None:
    found = overlay(projects)
    rng = np.random.default_rng(1)
    a, b = rng.integers(-128, 128, (2, 8, 8)).astype(np.int8)
    left, right = allocate((8, 8), np.int8), allocate((8, 8), np.int8)
    product = allocate((8, 8), np.int32)
    left[:], right[:] = a, b
    left.flush()
    right.flush()
    registers = found.gemm1.register_map
    registers.m = registers.k = registers.n = 8
    for name, buffer in (("a", left), ("b", right), ("c", product)):
        setattr(registers, f"{name}_1", buffer.physical_address & 0xFFFF_FFFF)
        setattr(registers, f"{name}_2", buffer.physical_address >> 32)
    registers.CTRL.AP_START = 1
    while not registers.CTRL.AP_IDLE:
        pass
    assert not (product == multiplied(projects[1], a, b)).all()  # not invalidated yet
    product.invalidate()
    assert (product == multiplied(projects[1], a, b)).all()


def test_interrupts(device: SimulatedDevice, projects: list[Path]) -> None:
    found = overlay(projects)

    async def run(x: Any) -> Any:
        source, sink = convolution(found, x)
        send, receive = found.conv1_dma.sendchannel, found.conv1_dma.recvchannel
        await asyncio.gather(send.wait_async(), receive.wait_async())
        assert source.nbytes == send.transferred
        return np.array(sink)

    async def kernel(x: Any) -> None:
        found.conv1.write(0x04, 1)  # GIER
        found.conv1.write(0x08, 1)  # IER
        _, sink = convolution(found, x)
        await found.conv1.interrupt.wait()
        assert found.conv1.read(0x0C) == 1
        found.conv1.write(0x0C, 1)
        found.conv1_dma.recvchannel.wait()
        assert (sink == convolved(projects[0], x)).all()

    async def both() -> None:
        for seed in range(3):
            x = image(seed)
            assert (await run(x) == convolved(projects[0], x)).all()
        await kernel(image(4))

    asyncio.run(both())


def test_registers_through_mmio(device: SimulatedDevice, projects: list[Path]) -> None:
    found = overlay(projects)
    entry = found.ip_dict["conv1"]
    registers = MMIO(entry["phys_addr"], entry["addr_range"])
    registers.write(0x10, 12345)
    assert registers.read(0x10) == 12345 == int(found.conv1.register_map.frames)
    assert registers.read(0x00) == 0x04  # idle
    with pytest.raises(ValueError, match="Data type must be int or bytes"):
        registers.write(0x10, np.uint32(1))


def test_clocks(device: SimulatedDevice, projects: list[Path]) -> None:
    overlay(projects)
    assert Clocks.fclk0_mhz == pytest.approx(100, abs=0.1)
    before = Clocks.fclk0_mhz
    Clocks.fclk0_mhz = 50
    assert Clocks.fclk0_mhz == pytest.approx(50, abs=0.1)
    Clocks.fclk0_mhz = before


def test_under_stalls_the_results_are_the_same(projects: list[Path]) -> None:
    frames = np.stack([image(seed) for seed in range(20)])
    took = []
    for stalls in (0.0, 0.6):
        with sim.board(*projects, stalls=stalls, seed=3) as made:
            found = overlay(projects)
            source, sink = allocate(frames.shape, np.int8), allocate((20, *RESULT), np.int8)
            source[:] = frames
            found.conv1.register_map.frames = 20
            found.conv1.register_map.CTRL.AP_START = 1
            begin = made.cycles
            found.conv1_dma.recvchannel.transfer(sink)
            found.conv1_dma.sendchannel.transfer(source)
            found.conv1_dma.recvchannel.wait()
            took.append(made.cycles - begin)
            assert (sink == convolved(projects[0], frames)).all()
    assert took[1] > 1.5 * took[0]


def test_waves(projects: list[Path]) -> None:
    with sim.board(projects[0], waves=True):
        found = Overlay(str(projects[0] / "conv1.bit"))
        convolution(found, image())
        found.conv1_dma.recvchannel.wait()
    waves = (projects[0] / "sim" / "conv1.vcd").read_text()
    assert "out_r_TDATA" in waves
    assert len(waves) > 10_000


def test_two_boards_one_after_the_other(projects: list[Path]) -> None:
    names = set()
    for name in ("pynq-z2", "kv260", "pynq-z2"):
        with sim.board(*projects, board=name) as made:
            names.add(made.name)
            found = overlay(projects)
            _, sink = convolution(found, image())
            found.conv1_dma.recvchannel.wait()
            assert (sink == convolved(projects[0], image())).all()
    assert len(names) == 3


# ---------------------------------------------------------------------- what a board shows


def test_a_missing_flush_sends_what_was_in_memory(
    z2: SimulatedDevice, projects: list[Path]
) -> None:
    found = overlay(projects)
    source, sink = allocate(SHAPE, np.int8), allocate(RESULT, np.int8)
    source[:] = image()
    found.conv1.register_map.frames = 1
    found.conv1.register_map.CTRL.AP_START = 1
    found.conv1_dma.recvchannel.transfer(sink)
    dma = found.conv1_dma  # registers, since pynq's transfer flushes
    dma.write(0x18, source.physical_address)
    dma.write(0x28, source.nbytes)
    found.conv1_dma.recvchannel.wait()
    assert (sink == convolved(projects[0], np.zeros(SHAPE, np.int8))).all()


def test_a_missing_invalidate_shows_old_data(z2: SimulatedDevice, projects: list[Path]) -> None:
    found = overlay(projects)
    _, sink = convolution(found, image())
    while not found.conv1_dma.recvchannel.idle:
        pass
    assert not sink.any()
    sink.invalidate()
    assert (sink == convolved(projects[0], image())).all()


def test_buffers_that_are_not_cached_need_neither(
    z2: SimulatedDevice, projects: list[Path]
) -> None:
    found = overlay(projects)
    source = allocate(SHAPE, np.int8, cacheable=0)
    sink = allocate(RESULT, np.int8, cacheable=0)
    source[:] = image()
    found.conv1.register_map.frames = 1
    found.conv1.register_map.CTRL.AP_START = 1
    dma = found.conv1_dma  # registers, since pynq's transfer flushes
    assert dma.sendchannel.running
    assert dma.recvchannel.running
    for register, buffer in ((0x30, sink), (0x00, source)):
        dma.write(register + 0x18, buffer.physical_address)
        dma.write(register + 0x28, buffer.nbytes)
    while not dma.recvchannel.idle:
        pass
    assert (sink == convolved(projects[0], image())).all()


def test_a_forgotten_start_hangs(z2: SimulatedDevice, projects: list[Path]) -> None:
    found = overlay(projects)
    convolution(found, image(), start=False)
    with pytest.raises(BoardHang, match=r"conv1_dma offset 0x34 is polled .* cycle [\d,]+; on a "
                       r"board this wait would never end.*conv1 CTRL=0x04"):  # fmt: skip
        found.conv1_dma.recvchannel.wait()


def test_a_forgotten_start_hangs_an_event_loop(z2: SimulatedDevice, projects: list[Path]) -> None:
    found = overlay(projects)
    convolution(found, image(), start=False)
    with pytest.raises(BoardHang, match="an interrupt is awaited although nothing has moved"):
        asyncio.run(found.conv1_dma.recvchannel.wait_async())


def test_a_receive_that_is_too_short_is_an_internal_error(
    z2: SimulatedDevice, projects: list[Path]
) -> None:
    found = overlay(projects)
    source, sink = allocate(SHAPE, np.int8), allocate(RESULT, np.int8)
    found.conv1.register_map.frames = 1
    found.conv1.register_map.CTRL.AP_START = 1
    found.conv1_dma.recvchannel.transfer(sink, nbytes=100)
    found.conv1_dma.sendchannel.transfer(source)
    while found.conv1_dma.recvchannel.running:
        pass
    with pytest.raises(RuntimeError, match="DMA channel not started"):
        found.conv1_dma.recvchannel.wait()
    assert found.conv1_dma.read(0x34) & 0x4011 == 0x4011
    found.conv1_dma.write(0x30, 1)
    assert found.conv1_dma.read(0x34) & 1  # stays halted until a reset
    with pytest.raises(RuntimeError, match="not started"):
        found.conv1_dma.recvchannel.transfer(sink)


def test_a_receive_that_is_too_long_ends_with_the_packet(
    z2: SimulatedDevice, projects: list[Path]
) -> None:
    found = overlay(projects)
    source, sink = allocate(SHAPE, np.int8), allocate((2, *RESULT), np.int8)
    source[:] = image()
    found.conv1.register_map.frames = 1
    found.conv1.register_map.CTRL.AP_START = 1
    found.conv1_dma.recvchannel.transfer(sink)
    found.conv1_dma.sendchannel.transfer(source)
    found.conv1_dma.recvchannel.wait()
    assert found.conv1_dma.recvchannel.transferred == sink.nbytes // 2
    assert (sink[0] == convolved(projects[0], image())).all()


def test_too_few_frames_sent_hang(z2: SimulatedDevice, projects: list[Path]) -> None:
    found = overlay(projects)
    source, sink = allocate(SHAPE, np.int8), allocate((2, *RESULT), np.int8)
    found.conv1.register_map.frames = 2
    found.conv1.register_map.CTRL.AP_START = 1
    found.conv1_dma.recvchannel.transfer(sink)
    found.conv1_dma.sendchannel.transfer(source)
    with pytest.raises(BoardHang, match=r"conv1_dma offset 0x34.*S2MM_DMASR=0x00010000"):
        found.conv1_dma.recvchannel.wait()


def test_nothing_answers_elsewhere(z2: SimulatedDevice, projects: list[Path]) -> None:
    overlay(projects)
    with pytest.raises(BusError, match="nothing answers at 0x4ff00000; there is conv1 at 0x4"):
        MMIO(0x4FF0_0000, 16).read(0)


def test_a_transfer_from_nowhere_is_a_decode_error(
    z2: SimulatedDevice, projects: list[Path]
) -> None:
    dma = overlay(projects).conv1_dma
    dma.write(0x00, 1)
    dma.write(0x18, 0x100)
    dma.write(0x28, 64)
    assert dma.read(0x04) & 0x4041 == 0x4041


def test_a_freed_buffer_is_somebody_elses_memory(z2: SimulatedDevice, projects: list[Path]) -> None:
    found = overlay(projects)
    source, sink = convolution(found, image(), start=False)
    sink.freebuffer()
    other = allocate(RESULT, np.int8)
    assert other.physical_address == sink.physical_address
    found.conv1.register_map.CTRL.AP_START = 1
    found.conv1_dma.recvchannel.wait()
    other.invalidate()
    assert (other == convolved(projects[0], image())).all()
    assert source.physical_address != other.physical_address


def test_an_unaligned_transfer_is_refused(z2: SimulatedDevice, projects: list[Path]) -> None:
    found = overlay(projects)
    sink = allocate(256, np.int8)
    with pytest.raises(RuntimeError, match="does not support unaligned transfers"):
        found.conv1_dma.recvchannel.transfer(sink, start=1)


@pytest.mark.parametrize("channel", [0x00, 0x30])
def test_an_unaligned_transfer_past_pynq_is_told(
    z2: SimulatedDevice, projects: list[Path], channel: int
) -> None:
    """Three bytes a beat travel as four: so much memory a word, and so the alignment."""
    found = overlay(projects)
    buffer, dma = allocate(256, np.int8), found.conv1_dma
    dma.write(channel + 0x18, buffer.physical_address + 6)
    with pytest.raises(BusError, match=r"conv1_dma (MM2S|S2MM) is to begin at 0x\w+6, which is no "
                       r"multiple of 4 bytes; without a data realignment engine"):  # fmt: skip
        dma.write(channel + 0x28, 64)
    assert dma.read(channel + 0x04) & 3 == 0  # nothing has begun
    dma.write(channel + 0x18, buffer.physical_address + 8)
    dma.write(channel + 0x28, 64)  # an aligned one begins


def test_a_transfer_while_halted(z2: SimulatedDevice, projects: list[Path]) -> None:
    found = overlay(projects)
    sink = allocate(256, np.int8)
    found.conv1_dma.recvchannel.stop()
    with pytest.raises(RuntimeError, match="DMA channel not started"):
        found.conv1_dma.recvchannel.transfer(sink)
    found.conv1_dma.write(0x58, 256)  # LENGTH of a halted channel: no effect
    assert found.conv1_dma.read(0x34) & 3 == 1
    found.conv1_dma.recvchannel.start()
    found.conv1_dma.write(0x58, 0)  # only a LENGTH other than 0 starts a transfer
    assert found.conv1_dma.read(0x34) & 3 == 0
    found.conv1_dma.recvchannel.transfer(sink)
    with pytest.raises(RuntimeError, match="DMA channel not idle"):
        found.conv1_dma.recvchannel.transfer(sink)


def test_a_reset_in_the_middle_of_a_transfer(z2: SimulatedDevice, projects: list[Path]) -> None:
    found = overlay(projects)
    convolution(found, image(), start=False)
    dma = found.conv1_dma
    dma.write(0x00, 4)
    for status in (0x04, 0x34):  # a reset through one channel resets both
        assert dma.read(status) == 0x0001_0001
    for control in (0x00, 0x30):
        assert dma.read(control) == 0x0001_0002
    with pytest.raises(RuntimeError, match="DMA channel not started"):
        dma.recvchannel.wait()


def test_frozen_memory_hangs_and_goes_on(z2: SimulatedDevice, projects: list[Path]) -> None:
    found = overlay(projects)
    z2.freeze()
    _, sink = convolution(found, image())
    with pytest.raises(BoardHang):
        found.conv1_dma.recvchannel.wait()
    z2.freeze(False)
    found.conv1_dma.recvchannel.wait()
    assert (sink == convolved(projects[0], image())).all()


def test_memory_ends(projects: list[Path]) -> None:
    with sim.board(*projects, memory_bytes=1 << 16):
        held = allocate(60_000, np.uint8)
        with pytest.raises(MemoryError, match="60,000 bytes do not fit into the 65,536"):
            allocate(60_000, np.uint8)
        held.freebuffer()
        assert allocate(60_000, np.uint8).nbytes == 60_000


def test_a_real_bitstream_is_refused(z2: SimulatedDevice, projects: list[Path]) -> None:
    file = projects[0].parent / "conv1_gemm1" / "real.bit"
    file.write_bytes(b"\x00\x09\x0f\xf0")
    file.with_suffix(".hwh").write_text(file.with_name("conv1_gemm1.hwh").read_text())
    with pytest.raises(InputError, match=r"real.bit: is no overlay for the simulated board"):
        Overlay(str(file))


def test_an_interrupt_controller(z2: SimulatedDevice, projects: list[Path]) -> None:
    """PG099: what is pending is what is active and enabled; level-sensitive inputs come again."""
    found = overlay(projects)
    entry = found.ip_dict["system_interrupts"]
    controller = MMIO(entry["phys_addr"], 32)
    found.conv1.write(0x04, 1)
    found.conv1.write(0x08, 1)
    convolution(found, image())
    found.conv1_dma.recvchannel.wait()
    line = 1 << found.interrupt_pins["conv1/interrupt"]["index"]
    assert controller.read(0x00) == 0  # pynq enables inputs with the first await
    controller.write(0x1C, 3)  # MER
    assert controller.read(0x00) & line
    assert controller.read(0x04) & line == 0
    assert controller.read(0x18) == 0xFFFF_FFFF
    controller.write(0x10, line)  # SIE
    assert controller.read(0x04) == line
    assert 1 << controller.read(0x18) == line
    controller.write(0x0C, line)  # IAR, while the kernel still asks
    assert controller.read(0x00) & line
    found.conv1.write(0x0C, 1)
    controller.write(0x0C, line)
    assert controller.read(0x00) & line == 0
    controller.write(0x14, line)  # CIE
    assert controller.read(0x08) == 0


def test_hardware_interrupts_once_enabled_stay_so() -> None:
    """PG099, MER and ISR: software can raise interrupts until HIE is set, inputs count since."""
    levels = [False, True]
    controller = AxiIntc([lambda: levels[0], lambda: levels[1]])
    controller.write(0x08, 0xFF)  # IER: two inputs, two bits
    assert controller.read(0x08) == 0b11
    controller.write(0x1C, 1)  # MER: master enable alone
    assert not controller.interrupt  # the active input is not looked at
    controller.write(0x00, 0b101)  # ISR
    assert controller.interrupt
    assert [controller.read(offset) for offset in (0x00, 0x04, 0x18)] == [1, 1, 0]
    controller.write(0x00, 0)  # zeros have no effect
    assert controller.read(0x00) == 1
    controller.write(0x0C, 1)  # IAR
    assert not controller.interrupt
    controller.write(0x1C, 0b10)  # MER: hardware enable, which stays
    assert controller.read(0x00) == 0b10
    assert not controller.interrupt
    controller.write(0x1C, 1)
    assert controller.read(0x1C) == 0b11
    assert controller.interrupt
    controller.write(0x00, 1)  # ISR: no effect any more
    assert controller.read(0x00) == 0b10
    levels[1] = False
    controller.write(0x0C, 0b10)
    assert controller.read(0x18) == 0xFFFF_FFFF


# ---------------------------------------------------------------------- Vivado's hand-off


def test_the_hand_off_of_vivado_is_taken_where_there_is_one(projects: list[Path]) -> None:
    """Vivado gives out addresses of its own; one of other engines is of no use."""
    with sim.board(*projects):
        ours = Path(overlay(projects).bitfile_name).with_suffix(".hwh").read_text()
    vivado = projects[0].parent / "conv1_gemm1-pynq-z2" / "overlay" / "conv1_gemm1.hwh"
    vivado.parent.mkdir(parents=True)
    moved = ours.replace("0x40000000", "0x43C00000").replace("0x4000FFFF", "0x43C0FFFF")
    assert moved != ours
    try:
        for text, address in (
            (moved, 0x43C0_0000),
            (moved.replace(":gemm1:", ":other:"), 0x4000_0000),
        ):
            vivado.write_text(text)
            with sim.board(*projects):
                found = overlay(projects)
                assert found.ip_dict["conv1"]["phys_addr"] == address
                _, sink = convolution(found, image())
                found.conv1_dma.recvchannel.wait()
                np.testing.assert_array_equal(sink, convolved(projects[0], image()))
    finally:
        vivado.unlink()
