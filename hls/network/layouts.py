"""How tensors lie in the memory of the overlay engine: pixels in whole words of channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Layout"]


@dataclass(frozen=True)
class Layout:
    """Where the channels of a pixel lie: channel c in lane `slots[c]` of its `words` words.

    Usually slots count up. Between the parts of a concatenation there are gaps where a part does
    not fill its last word, so that no channel ever has to change its lane.
    """

    words: int
    slots: tuple[int, ...]

    @classmethod
    def dense(cls, channels: int, lanes: int) -> Layout:
        """Channels one behind the other."""
        return cls(-(-channels // lanes), tuple(range(channels)))

    @classmethod
    def joined(cls, parts: Sequence[Layout], lanes: int) -> Layout:
        """Parts one behind the other, each from a whole word on."""
        words = 0
        slots: list[int] = []
        for part in parts:
            slots += [words * lanes + slot for slot in part.slots]
            words += part.words
        return cls(words, tuple(slots))

    def flattened(self, pixels: int, lanes: int) -> Layout:
        """All pixels as one, in the order in which they lie there already."""
        return Layout.joined([self] * pixels, lanes)
