"""The rules of AXI4 and AXI4-Stream, as checks on what is seen before each clock edge.

Nothing here knows a simulator: a check is stepped with plain values and says what is broken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

__all__ = ["Burst", "Bursts", "Complaints", "Offer", "Packet", "pauses"]

_LONGEST = 32
_ONE_LONG_IN = 8


def pauses(seed: Sequence[int], share: float) -> Iterator[bool]:
    """Whether a port pauses, cycle by cycle: mostly single cycles, now and then up to 32.

    Args:
        seed: of the random generator.
        share: of all cycles, from 0 to below 1.
    """
    rng = np.random.default_rng(list(seed))
    mean = 1 + (_LONGEST - 1) / 2 / _ONE_LONG_IN
    begins = share / (mean * (1 - share) + share)
    while True:
        for draw in rng.random(1024):
            if draw >= begins:
                yield False
                continue
            long = rng.integers(_ONE_LONG_IN) == 0
            yield from [True] * (1 + (int(rng.integers(_LONGEST)) if long else 0))


@dataclass
class Complaints:
    """Broken rules; the same text is kept once, with its first cycle."""

    texts: dict[str, int] = field(default_factory=dict)

    def add(self, cycle: int, text: str) -> None:
        """Note a broken rule."""
        self.texts.setdefault(text, cycle)

    def lines(self) -> list[str]:
        """The first twenty, each with its cycle."""
        return [f"cycle {cycle}: {text}" for text, cycle in list(self.texts.items())[:20]]


class Offer:
    """A channel that the design drives: VALID stays, with its payload, until READY."""

    def __init__(self, name: str, complaints: Complaints) -> None:
        """Begin with nothing on offer."""
        self._name, self._complaints = name, complaints
        self._waiting = False
        self._payload: object = None

    def step(self, cycle: int, valid: bool, ready: bool, payload: object) -> bool:
        """Look before an edge; returns whether a transfer takes place."""
        if self._waiting:
            if not valid:
                self._complaints.add(cycle, f"{self._name} drops VALID before READY")
            elif payload != self._payload:
                self._complaints.add(
                    cycle, f"{self._name} changes its payload while it waits for READY"
                )
        moves = valid and ready
        self._waiting = valid and not moves
        self._payload = payload
        return moves


class Packet:
    """The beats of one call on an output stream: as many as expected, TLAST on the last one."""

    def __init__(self, name: str, expected: int, complaints: Complaints) -> None:
        """Expect a packet of `expected` beats; none is legal."""
        self._name, self._expected, self._complaints = name, expected, complaints
        self.beats = 0

    @property
    def complete(self) -> bool:
        """All beats have come."""
        return self.beats >= self._expected

    def step(self, cycle: int, last: bool | None, kept: bool) -> bool:
        """Take a beat; returns whether it belongs to the packet.

        Args:
            cycle: of the transfer.
            last: TLAST, None if the port has none.
            kept: all bits of TKEEP and TSTRB are 1.
        """
        if self.beats >= self._expected:
            self._complaints.add(cycle, f"{self._name} puts out more than {self._expected} beats")
            return False
        self.beats += 1
        if last is not None and last != (self.beats == self._expected):
            where = "TLAST before" if last else "no TLAST at"
            self._complaints.add(cycle, f"{self._name} has {where} the end of the packet")
        if not kept:
            self._complaints.add(cycle, f"{self._name} has TKEEP or TSTRB bits at 0")
        return True


@dataclass(frozen=True)
class Burst:
    """AR or AW as it was accepted."""

    address: int
    length: int
    """AxLEN: words less one."""
    size: int
    """AxSIZE: logarithm of the bytes of a word."""
    burst: int
    """AxBURST: 1 is INCR."""


class Bursts:
    """The address channel of one direction of an AXI4 port."""

    def __init__(self, name: str, word_bytes: int, complaints: Complaints) -> None:
        """Begin without any buffer that may be touched."""
        self._name, self._word_bytes, self._complaints = name, word_bytes, complaints
        self._regions: list[tuple[int, int, int]] = []

    def allow(self, address: int, size_bytes: int, word_bytes: int = 0) -> None:
        """Let a buffer be touched, whose words are narrower than the port if `word_bytes` is."""
        self._regions.append((address, size_bytes, word_bytes or self._word_bytes))

    def step(self, cycle: int, burst: Burst) -> None:
        """Check a burst that was accepted."""
        word_bytes = 1 << burst.size
        count = (burst.length + 1) * word_bytes
        first, last = burst.address, burst.address + count - 1
        inside = [word for at, size, word in self._regions if at <= first and last < at + size]
        rules = {
            "words narrower than its port": word_bytes in (self._word_bytes, *inside),
            "a burst that is not INCR": burst.burst == 1,
            "at an unaligned address": first % word_bytes == 0,
            "a burst across a 4 KiB boundary": first // 4096 == last // 4096,
            "outside its buffer": bool(inside),
        }
        for text, holds in rules.items():
            if not holds:
                self._complaints.add(cycle, f"{self._name} {text}")
