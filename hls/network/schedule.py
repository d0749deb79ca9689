"""When words move in a pipeline whose input comes at an even pace: the room that FIFOs need for it.

A process reads a word when it is there and all that it makes of earlier ones is out, and is busy
with it for `take_cycles`; it makes its words one after the other, `cycles` each, when it has read
what they take:

    read(j) = max(read(j - 1) + take_cycles, written(j), made(last word that needs less than j))
    made(k) = max(made(k - 1) + cycles, read(what k takes) + take_cycles - 1 + LATENCY_CYCLES)

with FIFOs without limits, but for those whose depth is given: their writers are held up instead.
A FIFO with room for what piles up in this schedule does not slow it down; and running as soon as
possible, which hardware does, is never later than any schedule that the FIFOs admit (it is a timed
event graph: Baccelli et al., "Synchronization and Linearity", ch. 2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hls.network.order import Order

if TYPE_CHECKING:
    from hls.network.engines import Process

__all__ = ["pileups"]

LATENCY_CYCLES = 10
"""From a word that a process reads to what it makes of it: FIFO, stages of a pipeline; assumed."""

_FRAMES = 4
"""After which a schedule repeats itself, or nearly so."""

Times = npt.NDArray[np.float64]


def pileups(
    processes: Sequence[Process], interval: int, given: Mapping[str, int]
) -> dict[str, int]:
    """Stream -> most words that it holds when a frame enters every `interval` cycles.

    Args:
        processes: in an order in which they can run; the first one reads the network's input.
        interval: no process takes more cycles for a frame.
        given: depths of the streams that have to do with them.
    """
    beats = len(processes[0].orders[0])
    written = {take: np.arange(_FRAMES * beats) * (interval / beats)
               for take in processes[0].takes}  # fmt: skip
    read: dict[str, Times] = {}
    makers = {put: process for process in processes for put in process.puts}
    for process in processes:
        _run(process, written, read)
        for take in process.takes:
            if take in given:
                # Its maker writes word k when word k - depth was read, and reads later itself.
                depth, maker = given[take], makers[take]
                late = np.maximum(written[take][depth:], read[take][:-depth])
                written[take] = np.concatenate([written[take][:depth], late])
                _hold_up(maker, written[take], written, read)
    return {stream: _most(written[stream], read[stream]) for stream in read if stream not in given}


def _run(process: Process, written: dict[str, Times], read: dict[str, Times]) -> None:
    """Read as soon as possible, and make words of it."""
    counts = [_all_frames(own, len(written[take]))
              for take, own in zip(process.takes, process.orders, strict=True)]  # fmt: skip
    # What a word takes is there at the earliest; reading in order is worked out from that.
    index = np.arange(len(counts[0])) * process.cycles
    ready = np.max([_at(_spaced(written[take], process.take_cycles), count) for take, count
                    in zip(process.takes, counts, strict=True)], axis=0)  # fmt: skip
    taken = process.take_cycles - 1
    made = np.maximum.accumulate(ready + taken + LATENCY_CYCLES - index) + index
    for take, count in zip(process.takes, counts, strict=True):
        read[take] = _reads(written[take], count, made, process.take_cycles)
    written |= dict.fromkeys(process.puts, made)


def _hold_up(
    maker: Process, made: Times, written: Mapping[str, Times], read: dict[str, Times]
) -> None:
    """Work out again when the maker of words that are made later reads its own."""
    for take, own in zip(maker.takes, maker.orders, strict=True):
        count = _all_frames(own, len(written[take]))
        read[take] = _reads(written[take], count, made, maker.take_cycles)


def _all_frames(own: Order, words: int) -> Order:
    """An order over all frames; nothing beyond the last one is waited for."""
    frames = np.arange(_FRAMES)[:, None] * (words // _FRAMES)
    return np.minimum((own[None, :] + frames).reshape(-1), words)


def _at(written: Times, count: Order) -> Times:
    """When so many words are written."""
    times: Times = np.concatenate([[0.0], written])[np.maximum(count, 0)]
    return times


def _reads(written: Times, count: Order, made: Times, cycles: int) -> Times:
    """When each word of an input is read by a process that makes its own words at `made`."""
    word = np.arange(1, len(written) + 1)
    earlier = np.searchsorted(count, word, side="left")  # words made that need less
    free = np.concatenate([[0.0], made])[earlier]
    return _spaced(np.maximum(written, free), cycles)


def _spaced(earliest: Times, cycles: int) -> Times:
    """One after the other, `cycles` apart or more."""
    index = np.arange(len(earliest)) * cycles
    times: Times = np.maximum.accumulate(earliest - index) + index
    return times


def _most(written: Times, read: Times) -> int:
    """Most words at a time: those that are there when one is read."""
    there = np.searchsorted(written, read, side="right")
    return int((there - np.arange(len(read))).max())
