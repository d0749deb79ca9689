"""The memory of a simulated board: buffers that pynq allocates, cached or not.

A cacheable buffer has a copy of its own on the side of the processor. Only `flush` and `invalidate`
move bytes between the two, so that a missing one shows as it does on a board: stale data.
"""

from __future__ import annotations

import math
import mmap
import os
import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pynq.buffer import PynqBuffer

__all__ = ["Allocation", "Memory"]

_PAGE_BYTES = 4096


@dataclass(frozen=True)
class Allocation:
    """A buffer: its bytes in the memory, and those that the processor sees."""

    address: int
    device_bytes: npt.NDArray[np.uint8]
    host_bytes: npt.NDArray[np.uint8]


class Memory:
    """Memory from `base` on; the first gap that is large enough is allocated."""

    def __init__(self, base: int, size_bytes: int) -> None:
        """Make a memory of zeros; the system only backs what is used."""
        self.base = base
        self.file = os.memfd_create("lineloom")
        """Descriptor of its bytes, for a simulator in another process."""
        weakref.finalize(self, os.close, self.file)
        os.ftruncate(self.file, size_bytes)
        self.bytes = np.frombuffer(mmap.mmap(self.file, size_bytes), np.uint8)
        self._taken: dict[int, int] = {}

    def allocate(
        self, shape: Any, dtype: Any, *, device: Any, cacheable: bool = True, **_: Any
    ) -> PynqBuffer:
        """A buffer, as `pynq.allocate` returns it.

        Raises:
            MemoryError: there is no gap that is large enough.
        """
        size = max(1, math.prod(np.atleast_1d(shape).tolist()) * np.dtype(dtype).itemsize)
        start = self._gap(size)
        inside = self.bytes[start : start + size]
        allocation = Allocation(
            self.base + start, inside, np.zeros(size, np.uint8) if cacheable else inside
        )
        buffer = PynqBuffer(
            shape,
            dtype,
            bo=allocation,
            device=device,
            buffer=allocation.host_bytes.data,
            device_address=allocation.address,
            coherent=False,
        )
        buffer.memory = self
        buffer.pointer = start + 1  # not 0, which stands for a buffer that was freed
        buffer.return_to = self
        buffer.freed = True
        self._taken[start] = size
        return buffer

    def _gap(self, size: int) -> int:
        start = 0
        for taken in sorted(self._taken):
            if start + size <= taken:
                break
            start = -(-(taken + self._taken[taken]) // _PAGE_BYTES) * _PAGE_BYTES
        if start + size > self.bytes.size:
            raise MemoryError(
                f"{size:,} bytes do not fit into the {self.bytes.size:,} of the simulated board "
                f"beside {len(self._taken)} buffers; free some"
            )
        return start

    def return_pointer(self, pointer: int) -> None:
        """Take back a buffer that pynq frees."""
        self._taken.pop(pointer - 1, None)

    def flush(self, allocation: Allocation, offset: int, size_bytes: int) -> None:
        """Write what the processor has to the memory."""
        part = slice(offset, offset + size_bytes)
        allocation.device_bytes[part] = allocation.host_bytes[part]

    def invalidate(self, allocation: Allocation, offset: int, size_bytes: int) -> None:
        """Let the processor see the memory."""
        part = slice(offset, offset + size_bytes)
        allocation.host_bytes[part] = allocation.device_bytes[part]
