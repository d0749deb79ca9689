"""Boards: the figures that estimates are compared with, and what happens to an unknown name."""

from __future__ import annotations

import fnmatch

import pytest

from hls.boards import board, boards
from hls.errors import InputError

NAMES = ("pynq-z1", "pynq-z2", "kv260", "kria-kr260", "zcu104", "ultra96v2")


def test_all_boards_are_there() -> None:
    assert tuple(boards()) == NAMES
    assert [board(name).name for name in NAMES] == list(NAMES)


def test_the_device_of_the_pynq_boards() -> None:
    found = board("pynq-z2")
    assert (found.lut, found.ff, found.dsp, found.bram36) == (53_200, 106_400, 220, 140)
    assert found.part == board("pynq-z1").part == "xc7z020clg400-1"


@pytest.mark.parametrize("name", NAMES)
def test_figures_agree_with_each_other(name: str) -> None:
    found = board(name)
    assert found.family == ("xc7" if found.part.startswith("xc7") else "xcup")
    assert found.ff == 2 * found.lut  # true of all devices of both families
    assert min(found.dsp, found.bram36, found.ports, found.ddr_bits) > 0
    assert found.port_bits == (64 if found.family == "xc7" else 128)
    assert (found.uram > 0) == found.part.startswith(("xck26", "xczu7"))
    assert found.clock_mhz == 100
    assert found.max_clock_mhz == (250 if found.family == "xc7" else 333)


# As in scripts that Vivado printed with write_bd_tcl.
BOARD_PARTS = {
    "pynq-z1": "www.digilentinc.com:pynq-z1:part0:1.0",
    "pynq-z2": "tul.com.tw:pynq-z2:part0:1.0",
    "kv260": "xilinx.com:kv260_som:part0:1.4",
    "kria-kr260": "xilinx.com:kr260_som:part0:1.1",
    "zcu104": "xilinx.com:zcu104:part0:1.1",
    "ultra96v2": "avnet.com:ultra96v2:part0:1.2",
}


@pytest.mark.parametrize("name", NAMES)
def test_board_files_are_found_by_their_pattern(name: str) -> None:
    matching = {known for known, part in BOARD_PARTS.items()
                if fnmatch.fnmatchcase(part, board(name).board_part)}  # fmt: skip
    assert matching == {name}
    assert board(name).board_files


def test_the_other_spelling_of_avnet() -> None:
    assert fnmatch.fnmatchcase("Avnet-tria:Ultra96v2:part0:1.3", board("ultra96v2").board_part)


def test_an_unknown_board_names_the_known_ones() -> None:
    with pytest.raises(InputError, match="'pynq' is unknown; use one of pynq-z1, pynq-z2, kv260"):
        board("pynq")
