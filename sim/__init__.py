"""The workbench: golden models, stimuli, C-sim, cosimulation, and a simulated PYNQ board."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.device import board
    from sim.plug import overlay, plug_in_board

__all__ = ["board", "overlay", "plug_in_board"]


def __getattr__(name: str) -> Any:
    """Import on first use: the rest of the workbench needs no pynq."""
    if name == "board":
        from sim.device import board

        return board
    if name in ("overlay", "plug_in_board"):
        return getattr(import_module("sim.plug"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
