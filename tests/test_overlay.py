"""The block design's rules: what it may hold, and the hand-off that must describe it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lowered import CONV, GEMM, engine

from hls.boards import board
from hls.errors import CheckFailed, InputError, ToolFailed
from hls.handoff import check_handoff
from hls.manifest import manifest
from hls.overlay import Engine, Overlay
from sim.handoff import handoff
from sim.processing_system import processing_system


def with_widths(design: Any, **widths: int) -> Engine:
    """An engine whose manifest has ports of other widths."""
    data = manifest(design)
    ports = [port | {"width_bits": widths.get(port["name"], port["width_bits"])}
             for port in data["ports"]]  # fmt: skip
    return engine(design, ports=ports)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (with_widths(CONV, in_r=2048), "conv: in_r is 2048 bits wide, AXI reaches 1024"),
        (with_widths(GEMM, m_axi_gmem_a=16), "product: m_axi_gmem_a is 16 bits wide, SmartConnect "
         "takes 32 and more"),
        (with_widths(CONV, in_r=8 * 27), r"which the width converter brings to 256 by way of 864 "
         "bytes; it has at most 512"),
    ],
)  # fmt: skip
def test_widths_that_axi_has_not(made: Engine, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Overlay(board("pynq-z2"), 100.0, (made,))


def test_a_port_wider_than_the_board_s_is_converted_but_too_much_traffic_is_told() -> None:
    target = board("pynq-z2")
    wide = with_widths(GEMM, m_axi_gmem_a=256)
    assert Overlay(target, 100.0, (wide,)).slow == []
    costs = manifest(CONV)["costs"] | {"dram_bytes": 1300, "predicted_cycles": 100}
    slow = Overlay(target, 100.0, (engine(CONV, costs=costs),)).slow
    assert slow == [
        "conv moves 13.0 bytes a cycle, its 1 memory ports on pynq-z2 at most 8, so it takes more "
        "cycles than predicted"
    ]


def test_masters_are_spread_over_the_ports() -> None:
    overlay = Overlay(board("pynq-z2"), 100.0, (engine(GEMM),))
    spread = {port.index: [m.interface for m in port.masters] for port in overlay.memory_ports}
    # Reads on ports of their own; writes beside them, as they have their own channels.
    assert spread == {
        0: ["m_axi_gmem_a", "m_axi_gmem_c"], 1: ["m_axi_gmem_b"], 2: ["m_axi_gmem_p"],
    }  # fmt: skip


def test_too_many_engines() -> None:
    engines = tuple(engine(replace(CONV, name=f"c{n}")) for n in range(8))
    with pytest.raises(InputError, match="needs 17 AXI4-Lite slaves, at most 16"):
        Overlay(board("pynq-z2"), 100.0, engines)
    assert len(Overlay(board("pynq-z2"), 100.0, engines[:7]).slaves) == 15


@pytest.mark.parametrize(
    ("name", "words"),
    [("system_ps", "names that begin with system_ belong to the overlay"),
     ("conv_dma", "two cells of the overlay would be called conv_dma")],
)  # fmt: skip
def test_names_of_cells_do_not_collide(name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Overlay(board("pynq-z2"), 100.0, (engine(CONV), engine(replace(CONV, name=name))))


def test_a_name_too_long_for_files() -> None:
    engines = tuple(engine(replace(CONV, name=f"{'c' * 39}{n}")) for n in range(3))
    with pytest.raises(InputError, match="is longer than 100 characters"):
        Overlay(board("pynq-z2"), 100.0, engines)


def test_the_simulated_board_describes_the_same_cells(tmp_path: Path) -> None:
    """The .hwh of sim.device is written by other code, and has to pass as Vivado's does."""
    target = board("pynq-z2")
    overlay = Overlay(target, 100.0, (engine(CONV), engine(GEMM)))
    file = tmp_path / "both.hwh"
    text = handoff(overlay, processing_system(target))
    file.write_text(text)
    check_handoff(file, overlay)
    file.write_text(text.replace('INSTANCE="conv_dma"', 'INSTANCE="dma_0"'))
    with pytest.raises(CheckFailed, match=r"both\.hwh has no conv_dma, on which hosts rely"):
        check_handoff(file, overlay)
    file.write_text(text.replace("lineloom:hls:conv:1.0", "xilinx.com:hls:conv:1.0"))
    with pytest.raises(CheckFailed, match=r"conv as xilinx\.com:hls:conv:1\.0 instead of lineloom"):
        check_handoff(file, overlay)
    file.write_text(text.replace('INSTANCE="product"', 'INSTANCE="gemm"'))
    with pytest.raises(CheckFailed, match="has no product"):
        check_handoff(file, overlay)
    file.write_text("<EDKSYSTEM>")
    with pytest.raises(ToolFailed, match=r"no readable both\.hwh"):
        check_handoff(file, overlay)
