"""The workbench: golden models, stimuli, C-sim, cosimulation, and a simulated PYNQ board."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.device import board

__all__ = ["board"]


def __getattr__(name: str) -> Any:
    """Import on first use: the rest of the workbench needs no pynq."""
    if name == "board":
        from sim.device import board

        return board
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
