"""The board side: manifest in, NumPy in and out (numpy and pynq only)."""

from __future__ import annotations
