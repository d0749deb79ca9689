"""The boards that a design can be sized for, from boards.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from hls.errors import InputError

__all__ = ["LOWERED_FOR", "RESOURCES", "Board", "board", "boards"]

_FILE = Path(__file__).with_name("boards.toml")

RESOURCES = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram36": "BRAM36"}
"""What designs use of a board: name of the field -> as it is called in print."""

LOWERED_FOR = {"xc7": "xc7z020", "xcup": "xczu3eg"}
"""Family -> the device whose delays the open lowering takes for it."""

MIN_CLOCK_MHZ = 1.0


@dataclass(frozen=True, kw_only=True)
class Board:
    """A board: its device, what the fabric holds, its clock and its way to memory.

    Attributes:
        part: the device with package and speed grade.
        family: the fabric as Yosys calls it, xc7 or xcup.
        lut, ff, dsp, bram36, uram: how many of each the device has.
        clock_mhz: clock that the processing system gives the fabric by default.
        ddr_bits: width of the memory bus of the processing system.
        dram_mb_s: nominal bandwidth of that bus in 10^6 bytes a second.
        dram_latency_ns: from an address on a port to the first word; assumed.
        ports, port_bits: number and width of the AXI ports from the fabric to that memory.
        max_clock_mhz: limit of the clock of those ports.
        board_part: Vivado's name of the board's files, as a glob pattern.
        board_files: where these come from.
    """

    name: str
    part: str
    family: str
    lut: int
    ff: int
    dsp: int
    bram36: int
    uram: int
    clock_mhz: float
    ddr_bits: int
    dram_mb_s: float
    dram_latency_ns: float
    ports: int
    port_bits: int
    max_clock_mhz: float
    board_part: str
    board_files: str

    @property
    def clock_ns(self) -> float:
        """The clock's period."""
        return round(1000 / self.clock_mhz, 3)

    def at(self, clock_mhz: float | None) -> Board:
        """This board with another clock, or itself for None.

        Raises:
            InputError: its ports to memory do not take that clock.
        """
        if clock_mhz is None:
            return self
        if not MIN_CLOCK_MHZ <= clock_mhz <= self.max_clock_mhz:
            raise InputError(
                f"clock {clock_mhz:g} MHz is outside {MIN_CLOCK_MHZ:g}..{self.max_clock_mhz:g}, "
                f"which the ports of {self.name} take; use --clock {self.clock_mhz:g}"
            )
        return replace(self, clock_mhz=clock_mhz)


@cache
def boards() -> dict[str, Board]:
    """All boards by name, in the order of boards.toml."""
    tables = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {name: Board(name=name, **fields) for name, fields in tables.items()}


def board(name: str) -> Board:
    """The board called `name`.

    Raises:
        InputError: there is none; the text names those that there are.
    """
    try:
        return boards()[name]
    except KeyError:
        raise InputError(f"board {name!r} is unknown; use one of {', '.join(boards())}") from None
