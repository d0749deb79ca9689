"""Buffers that stay: allocated when first needed, reused by every later call that fits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pynq

from host.errors import AcceleratorError
from host.packing import row_length

__all__ = ["Buffers"]


class Buffers:
    """Named buffers of bytes in memory that the fabric reaches."""

    def __init__(self) -> None:
        """Start without any."""
        self._held: dict[str, Any] = {}
        self._views: dict[str, Any] = {}
        self._constants: dict[str, tuple[Any, npt.NDArray[Any]]] = {}

    def get(self, name: str, size_bytes: int) -> Any:
        """`size_bytes` of the buffer `name`, which grows to a power of two when it is too small.

        Raises:
            AcceleratorError: there is no memory left, or somebody freed the buffer.
        """
        held = self._held.get(name)
        if held is not None and _released(held):
            del self._held[name]
            self._views.pop(name, None)
            raise AcceleratorError(
                f"the buffer {name} was released by somebody else; call again, with a new one"
            )
        if held is None or held.nbytes < size_bytes:
            wanted = 1 << max(12, (size_bytes - 1).bit_length())
            self._drop(name)
            try:
                held = self._held[name] = pynq.allocate(wanted, np.uint8)
            except (MemoryError, RuntimeError) as error:
                raise AcceleratorError(
                    f"no {wanted:,} bytes of contiguous memory for {name} ({error}); free other "
                    "buffers, or send fewer frames a call"
                ) from None
        # A slice of pynq's buffers takes microseconds to make, and calls repeat their sizes.
        view = self._views.get(name)
        if view is None or view.nbytes != size_bytes:
            view = self._views[name] = held[:size_bytes]
        return view

    def rows(
        self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], lanes: int
    ) -> tuple[Any, npt.NDArray[Any]]:
        """The buffer `name` for a matrix of `shape`, its rows filled up to words of `lanes`.

        Returns:
            The buffer, and the same as [rows, cols filled up] of `dtype`.
        """
        count, cols = shape
        length = row_length(cols, lanes)
        buffer = self.get(name, count * length * dtype.itemsize)
        return buffer, np.asarray(buffer).view(dtype).reshape(count, length)

    def constant(self, name: str, array: npt.NDArray[Any]) -> tuple[Any, int]:
        """The buffer that keeps `array` from call to call; and the bytes that were written now.

        These are none if it holds this very array already.
        """
        buffer = self.get(name, array.nbytes)
        held = self._constants.get(name)
        if held is not None and held[0] is buffer and held[1] is array:
            return buffer, 0
        self._constants.pop(name, None)
        np.copyto(buffer, array.reshape(-1).view(np.uint8))
        buffer.flush()
        self._constants[name] = buffer, array
        return buffer, array.nbytes

    def forget(self) -> None:
        """Write all constants again when they are asked for next."""
        self._constants.clear()

    def _drop(self, name: str) -> None:
        self._views.pop(name, None)
        held = self._held.pop(name, None)
        if held is not None:
            held.freebuffer()

    @property
    def size_bytes(self) -> int:
        """Bytes that are held."""
        return sum(held.nbytes for held in self._held.values())

    def free(self) -> None:
        """Give all of them back."""
        for name in list(self._held):
            self._drop(name)


def _released(buffer: Any) -> bool:
    """Whether freebuffer() was called: XRT's buffers lose `bo` then, all others their pointer."""
    return not hasattr(buffer, "bo") or not getattr(buffer, "pointer", True)
