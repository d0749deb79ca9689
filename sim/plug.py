"""A simulated board for the rest of a process: what `lineloom run` plugs in, and notebooks do.

Inside a block, `sim.board` is the better choice: it takes the board away again.
"""

from __future__ import annotations

import atexit
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from pynq.pl_server.device import Device

from hls.boards import board as board_named
from hls.errors import InputError
from hls.project import Project
from sim.cosim import rtl_of
from sim.device import SimulatedDevice, plug_in
from sim.overlay_files import prepare
from sim.overlay_path import make_findable
from sim.verilate import verilate

__all__ = ["VARIABLE", "Setting", "overlay", "plug_in_board", "plug_in_from_environment"]

VARIABLE = "LINELOOM_SETTING"
"""Hands a setting to the kernel of a notebook."""


@dataclass(frozen=True)
class Setting:
    """Which board a program finds plugged in, and which overlays.

    Attributes:
        overlays: for each the folders of its projects, one engine each.
        board: its name in `hls.boards`.
        stalls: share of cycles in which memory and DMAs pause.
        seed: of the pauses, and of what is undefined after power-up.
        engine: "fast" or "cocotb".
        waves: write a VCD file into each project's folder sim/.
    """

    overlays: tuple[tuple[str, ...], ...] = ()
    board: str = "pynq-z2"
    stalls: float = 0.0
    seed: int = 0
    engine: str = "fast"
    waves: bool = False

    def __post_init__(self) -> None:
        """Check what is not checked where it is used."""
        board_named(self.board)
        if not 0 <= self.stalls <= 0.9:
            raise InputError(
                f"stalls={self.stalls} is outside 0..0.9, the share of cycles to pause in"
            )

    def build(self) -> list[Path]:
        """Lower and compile what is not yet, and write the overlays' files; their .bit files.

        Raises:
            InputError, ToolNotFound, ToolFailed: as lowering and `sim.verilate.verilate`.
        """
        return [overlay(*projects, board=self.board, waves=self.waves)
                for projects in self.overlays]  # fmt: skip

    def plug_in(self) -> SimulatedDevice:
        """Plug the board in until the process ends: threads of a program may outlive it."""
        device = SimulatedDevice(
            self.board, stalls=self.stalls, seed=self.seed, engine=self.engine, waves=self.waves
        )
        atexit.register(device.close)
        plug_in(device)
        return device

    def text(self) -> str:
        """As JSON, for `plug_in_from_environment`."""
        return json.dumps(asdict(self))


def overlay(*projects: str | Path, board: str = "pynq-z2", waves: bool = False) -> Path:
    """Make an overlay of projects that pynq finds by its bare name, such as conv1.bit.

    Args:
        projects: folders of generated projects; each becomes an engine.
        board: for which board.
        waves: its simulation can write VCD files.

    Returns:
        The .bit file.

    Raises:
        InputError, ToolNotFound, ToolFailed: as lowering and `sim.verilate.verilate`.
    """
    opened = [Project.open(path) for path in projects]
    bit = prepare([project.path for project in opened], board=board)
    for project in opened:
        rtl = rtl_of(project)
        verilate(rtl.top, rtl.files, project.path / "sim", waves=waves)
    make_findable(bit)
    return bit


def plug_in_board() -> SimulatedDevice:
    """The simulated board that is plugged in (as under `lineloom run`), or else a new one."""
    device = getattr(Device, "_active_device", None)
    return device if isinstance(device, SimulatedDevice) else Setting().plug_in()


def plug_in_from_environment() -> None:
    """Plug in what a notebook's kernel was started with."""
    data = json.loads(os.environ[VARIABLE])
    setting = Setting(**data | {"overlays": tuple(tuple(each) for each in data["overlays"])})
    setting.build()
    setting.plug_in()
