"""What the simulated board raises where a real one hangs, or does what nobody can predict."""

from __future__ import annotations

__all__ = ["BoardHang", "BusError"]


class BoardHang(RuntimeError):
    """Registers are polled although nothing moves any more: on a board, this would never end."""


class BusError(RuntimeError):
    """An access that a board answers with a bus error, or that breaks a rule of hardware."""
