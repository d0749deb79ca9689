"""Where tensors lie while a program runs: buffers are used again once nobody reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Life", "arrange"]


@dataclass(frozen=True)
class Life:
    """A buffer of `words` words that is needed from step `first` to step `last`, both included."""

    words: int
    first: int
    last: int

    def meets(self, other: Life) -> bool:
        """Whether both are needed at some step."""
        return self.first <= other.last and other.first <= self.last


def arrange(lives: Mapping[str, Life]) -> dict[str, int]:
    """An offset in words for each buffer, so that none overlaps another while both are needed.

    The largest are placed first, each at the lowest offset that is free as long as it lives; that
    is within a few percent of the best for chains and blocks (Pisarchyk and Lee, "Efficient Memory
    Management for Deep Neural Net Inference", 2020: greedy by size).
    """
    offsets: dict[str, int] = {}
    for name in sorted(lives, key=lambda name: (-lives[name].words, lives[name].first, name)):
        life = lives[name]
        taken = sorted(
            (offsets[other], offsets[other] + lives[other].words)
            for other in offsets
            if lives[other].meets(life)
        )
        offset = 0
        for begin, end in taken:
            if offset + life.words <= begin:
                break
            offset = max(offset, end)
        offsets[name] = offset
    return offsets
