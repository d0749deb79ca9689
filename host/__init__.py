"""The board side: manifest in, NumPy in and out (numpy and pynq only)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from host.accelerator import Accelerator
    from host.errors import AcceleratorError

__all__ = ["Accelerator", "AcceleratorError"]


def __getattr__(name: str) -> Any:
    """Import on first use: `host.packing` alone needs no pynq."""
    if name == "Accelerator":
        for kind in ("convolution", "matrix_convolution", "network", "overlay_network", "product"):
            import_module(f"host.{kind}")
        return import_module("host.accelerator").Accelerator
    if name == "AcceleratorError":
        from host.errors import AcceleratorError

        return AcceleratorError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
