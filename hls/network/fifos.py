"""How deep FIFOs must be: no network may hang, and none should wait for want of room.

Where paths meet again, call need(s, k) the number of words that must have entered the network
before word k of stream s can be made: processes are deterministic and read in a fixed order
(`hls.network.order`), so it is a fact of the network alone. Let a process wait for word i of stream
a after it has taken m words of its other input b. The FIFO of b has room for all that b's side can
make of the words that a is waiting for if it holds

    |{ j : need(b, j) <= need(a, i) }| - m

words. The depth of b is the largest such number over all waits of its reader. Then nothing hangs:
suppose that everything is stuck, and look at the stuck reader that waits for the word of least need
n. Whoever should make that word is held up, in the end, by a fork that cannot write a word, of need
at most n, to a branch that ends at a full FIFO. By its depth the reader of that FIFO waits for a
word of need less than n: a contradiction.

It rests on pipelines that go on with what they hold when their input runs dry, as those of the
open lowering do, and flushing or free-running ones of Vitis HLS (UG1399, "Pipelining Types").

With no more room than that, layers would take turns, so `hls.network.schedule` tells what piles up
at a steady pace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hls.network.order import Order
from hls.network.schedule import pileups

if TYPE_CHECKING:
    from hls.network.engines import Process

__all__ = ["depths", "safe_depths"]

LEAST_WORDS = 2
"""With one, a FIFO could not be written and read at once."""


def depths(processes: Sequence[Process], interval: int, given: Mapping[str, int]) -> dict[str, int]:
    """Stream -> words of its FIFO: what rules out a hang, and what a steady pace needs.

    Args:
        processes: in an order in which they can run; the first one reads the network's input.
        interval: cycles from frame to frame.
        given: depths of the streams inside of engines.
    """
    least, pace = safe_depths(processes), pileups(processes, interval, given)
    return {stream: max(LEAST_WORDS, words, least.get(stream, 0))
            for stream, words in pace.items()}  # fmt: skip


def safe_depths(processes: Sequence[Process]) -> dict[str, int]:
    """Stream -> the least words of its FIFO that rule out a hang, if its reader reads several."""
    if all(len(process.takes) < 2 for process in processes):
        return {}
    words = len(processes[0].orders[0])
    entering = {take: np.arange(1, words + 1) for take in processes[0].takes}
    found: dict[str, int] = {}
    for process in processes:
        needs = [_periodic(entering[take], own - 1, words)
                 for take, own in zip(process.takes, process.orders, strict=True)]  # fmt: skip
        entering |= {put: np.max(needs, axis=0) for put in process.puts}
        if len(process.takes) > 1:
            found |= _joined(process, entering, words)
    return found


def _joined(process: Process, entering: dict[str, Order], words: int) -> dict[str, int]:
    """Depths of the inputs of a process that reads several."""
    found = {}
    for b, own in zip(process.takes, process.orders, strict=True):
        taken = np.concatenate([[0], own[:-1]])  # words of b that all earlier turns have taken
        most = 1
        for a, other in zip(process.takes, process.orders, strict=True):
            if a == b:
                continue
            read = other > np.concatenate([[0], other[:-1]])  # the turns that take a word of a
            need = _periodic(entering[a], other[read] - 1, words)
            most = max(most, int((_made(entering[b], need, words) - taken[read]).max()))
        found[b] = most
    return found


def _periodic(entering: Order, word: Order, words: int) -> Order:
    """Needs of words that may be of later frames."""
    frame, inner = np.divmod(word, len(entering))
    needs: Order = entering[inner] + frame * words
    return needs


def _made(entering: Order, need: Order, words: int) -> Order:
    """How many words of a stream can be made of so many words of the network's input."""
    frames = int(need.max()) // words + 2
    ahead = (entering[None, :] + words * np.arange(frames)[:, None]).reshape(-1)
    return np.searchsorted(ahead, need, side="right")
