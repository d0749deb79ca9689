"""One number format: bits and sign -> C++ type, NumPy dtype, limits."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.errors import DesignError

__all__ = ["Fixed"]

_SPELLING = re.compile(r"(s|u|int|uint|sym)([0-9]{1,3})")


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """An integer of `bits` bits, two's complement when `signed`.

    A `symmetric` one does without the least value: s8 has -128..127, sym8 has -127..127.

    Scale factors are no part of it: a scale never reaches the hardware, only the multiplier
    and the shift of the requantization do.
    """

    bits: int
    signed: bool = True
    symmetric: bool = False

    def __post_init__(self) -> None:
        """Reject a width that no port or accumulator can have, and limits that make no format."""
        if not isinstance(self.bits, int) or isinstance(self.bits, bool):
            raise DesignError(f"Fixed: bits={self.bits!r} is not an integer; use 1 to 64")
        if not 1 <= self.bits <= 64:
            raise DesignError(f"Fixed: bits={self.bits} is outside 1..64; use 1 to 64")
        if self.symmetric and not (self.signed and self.bits > 1):
            raise DesignError(
                f"Fixed: symmetric needs a sign and 2 bits, not {'s' if self.signed else 'u'}"
                f"{self.bits}; use s2 or wider"
            )

    @classmethod
    def parse(cls, spelling: str | Fixed) -> Fixed:
        """`"s8"`, `"int8"`, `"u4"`, `"uint4"`, `"sym8"` (or a Fixed) -> Fixed."""
        if isinstance(spelling, Fixed):
            return spelling
        found = _SPELLING.fullmatch(spelling) if isinstance(spelling, str) else None
        if found is None:
            raise DesignError(f"Fixed: {spelling!r} is not a number format; use one like s8 or u4")
        signed, symmetric = found[1] in ("s", "int", "sym"), found[1] == "sym"
        return cls(bits=int(found[2]), signed=signed, symmetric=symmetric)

    @classmethod
    def holding(cls, low: int, high: int) -> Fixed:
        """The narrowest signed format that holds every integer from `low` to `high`."""
        return cls(bits=max(low if low >= 0 else ~low, high).bit_length() + 1)

    def __str__(self) -> str:
        """The short spelling, `s8`, `u4` or `sym8`; `parse` reads it back."""
        return f"{'sym' if self.symmetric else 's' if self.signed else 'u'}{self.bits}"

    @property
    def cpp(self) -> str:
        """The HLS C++ type."""
        return f"ap_int<{self.bits}>" if self.signed else f"ap_uint<{self.bits}>"

    @property
    def container_bits(self) -> int:
        """Bits of the NumPy element that carries one value in memory and on the streams."""
        return next(width for width in (8, 16, 32, 64) if self.bits <= width)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype of that element."""
        return np.dtype(f"{'i' if self.signed else 'u'}{self.container_bits // 8}")

    @property
    def native(self) -> str:
        """The native C++ type of that element, for tables: compilers read those much faster."""
        kind = {8: "char", 16: "short", 32: "int", 64: "long long"}[self.container_bits]
        return f"{'signed' if self.signed else 'unsigned'} {kind}"

    @property
    def minimum(self) -> int:
        """The smallest value."""
        return -(1 << (self.bits - 1)) + self.symmetric if self.signed else 0

    @property
    def maximum(self) -> int:
        """The largest value."""
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1

    def holds(self, values: npt.ArrayLike) -> bool:
        """Whether every one of `values` is representable."""
        array = np.asarray(values)
        if array.size == 0:
            return True
        return self.minimum <= int(array.min()) and int(array.max()) <= self.maximum

    def wrap(self, values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Reduce int64 `values` modulo 2^bits into the format, as the C++ type does."""
        if self.bits == 64:
            return values
        mask = np.int64((1 << self.bits) - 1)
        wrapped = values & mask
        if self.signed:
            wrapped = np.where(wrapped > self.maximum, wrapped - (1 << self.bits), wrapped)
        return wrapped
