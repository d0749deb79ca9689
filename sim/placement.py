"""Where the arrays of a job lie in memory, and what that memory holds before the first call."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.calls import MEMORY_BASE, Region

__all__ = ["Placement", "fresh", "view"]

Bytes = npt.NDArray[np.uint8]

_GUARD, _FRESH = 0xA5, 0x5A
"""Bytes between the buffers, and of a result that was not written."""
_PAGE_BYTES = 4096
_SHIFT_BYTES = 128
"""Buffers begin beside page boundaries, so that bursts have to be cut at them."""


class Placement:
    """Buffers one after the other, with guards between them."""

    def __init__(self) -> None:
        self._end = MEMORY_BASE
        self._placed: list[tuple[Region, npt.NDArray[Any]]] = []

    def place(
        self, buffers: Mapping[str, npt.NDArray[Any]], writable: Collection[str]
    ) -> dict[str, Region]:
        """Give each buffer, named by its port's suffix, a region of its own."""
        regions = {}
        for name, buffer in buffers.items():
            first = self._end + _SHIFT_BYTES
            region = Region(f"m_axi_gmem_{name}", first, buffer.nbytes, writable=name in writable)
            self._end = first + -(-buffer.nbytes // _PAGE_BYTES) * _PAGE_BYTES
            self._placed.append((region, buffer))
            regions[name] = region
        return regions

    def contents(self) -> Bytes:
        """The memory from MEMORY_BASE on."""
        memory = np.full(self._end + _PAGE_BYTES - MEMORY_BASE, _GUARD, np.uint8)
        for region, buffer in self._placed:
            view(memory, region)[:] = np.ascontiguousarray(buffer).reshape(-1).view(np.uint8)
        return memory


def fresh(rows: int, row_bytes: int) -> Bytes:
    """A result that was not written yet."""
    return np.full((rows, row_bytes), _FRESH, np.uint8)


def view(memory: Bytes, region: Region) -> Bytes:
    """The bytes of a region."""
    first = region.address - MEMORY_BASE
    return memory[first : first + region.size_bytes]
