"""Memory: the DRAM that all ports of a design share, as a model of two figures."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from hls.boards import Board

__all__ = ["Memory"]


@dataclass(frozen=True, kw_only=True)
class Memory:
    """A memory that answers after some cycles and moves some bytes a cycle, reads and writes alike.

    Ports that want to move a word get one each, in turn; what one does not use goes to the others.
    A port moves at most one word a cycle. The fast engine's memory behaves the same
    (`sim.cosim.cosim`, memory_latency and memory_bandwidth).

    Attributes:
        latency_cycles: from an address to its first word, and from a last word to its answer.
        bytes_per_cycle: over all ports; infinite if nothing limits them.
        outstanding: bursts of a port that may be under way.
    """

    latency_cycles: int = 2
    bytes_per_cycle: float = math.inf
    outstanding: int = 16

    @classmethod
    def of(cls, board: Board) -> Memory:
        """That of a board at its default clock: its bus, or its ports if these are slower."""
        ports = board.ports * board.port_bits / 8
        return cls(
            latency_cycles=math.ceil(board.dram_latency_ns * board.clock_mhz / 1000),
            bytes_per_cycle=min(board.dram_mb_s / board.clock_mhz, ports),
        )

    def cycles(self, moved_bytes: float) -> float:
        """The least that it takes to move so much."""
        return moved_bytes / self.bytes_per_cycle

    def cycles_beside(
        self, words: int, word_bytes: int, others: Iterable[tuple[int, int]]
    ) -> float:
        """Cycles until `words` of a port are through that shares the memory with `others`.

        Args:
            words, word_bytes: of the port that is asked about.
            others: words and bytes a word of the other ports, that begin at the same time.
        """
        rivals = sorted((min(count, words), width) for count, width in others)
        width = word_bytes + sum(width for _, width in rivals)
        spent, done = 0.0, 0
        for count, rival_bytes in [*rivals, (words, 0)]:
            spent += (count - done) * max(1.0, self.cycles(width))
            done, width = count, width - rival_bytes
        return spent

    def word_cycles(self, burst_words: int, word_bytes: int) -> float:
        """Cycles a word of a port whose bursts are so long, as no more than some are under way."""
        word = max(1.0, self.cycles(word_bytes))
        return max(word, (self.latency_cycles + word) / (self.outstanding * burst_words))
