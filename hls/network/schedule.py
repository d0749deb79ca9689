"""When each word of a pipeline is made if its input comes at an even pace: what pacing FIFOs need.

A process makes its words one after the other, `cycles` each, and begins one when it has read what
that takes. With FIFOs without limits nothing holds a process up but its inputs, so that times
follow one from the other: t(k) = max(t(k - 1) + cycles, times of what is read + LATENCY_CYCLES).

A FIFO with room for what piles up in this schedule does not slow it down; and running as soon as
possible, which hardware does, is never later than any schedule that the FIFOs admit (it is a timed
event graph: Baccelli et al., "Synchronization and Linearity", ch. 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from hls.network.engines import Process

__all__ = ["pileups"]

LATENCY_CYCLES = 10
"""From a word that a process reads to what it makes of it: FIFO, stages of a pipeline; assumed."""

_FRAMES = 4
"""After which a schedule repeats itself, or nearly so."""

Times = npt.NDArray[np.float64]


def pileups(processes: Sequence[Process], interval: int) -> dict[str, int]:
    """Stream -> most words that it holds when a frame enters every `interval` cycles.

    Only of streams whose reader reads several; `processes` are in an order in which they can run.
    """
    beats = len(processes[0].orders[0])
    pace = interval / beats
    made: dict[str, Times] = {
        take: np.arange(_FRAMES * beats) * pace for take in processes[0].takes
    }
    found: dict[str, int] = {}
    for process in processes:
        words = len(process.orders[0])
        index = np.arange(_FRAMES * words)
        frame, inner = np.divmod(index, words)
        ready = np.zeros(len(index))
        reads = {}
        for take, own in zip(process.takes, process.orders, strict=True):
            frame_words = len(made[take]) // _FRAMES
            # What lies beyond the last frame is not waited for.
            reads[take] = np.minimum(frame * frame_words + own[inner], len(made[take]))
            came = np.concatenate([[0.0], made[take]])[reads[take]]
            ready = np.maximum(ready, came + LATENCY_CYCLES)
        steps = index * process.cycles
        times = np.maximum.accumulate(ready - steps) + steps
        made |= dict.fromkeys(process.puts, times)
        if len(process.takes) > 1:
            found |= {take: _pileup(made[take], reads[take], times) for take in process.takes}
    return found


def _pileup(written: Times, reads: npt.NDArray[np.int64], times: Times) -> int:
    """Most words at a time: what was written by then, less what earlier turns have taken."""
    taken = np.concatenate([[0], reads[:-1]])
    return int((np.searchsorted(written, times, side="right") - taken).max())
