"""The line-buffer engine: lanes for a given number of multipliers, cycles and traffic."""

from __future__ import annotations

import math
from dataclasses import replace

from hls.algorithms.cost import Cost, Traffic, dsp_blocks, shortages, traffic
from hls.boards import Board
from hls.checks import divisors
from hls.conv2d import Conv2d
from hls.errors import DesignError
from hls.memory import Memory

__all__ = ["direct_cost", "direct_cycles", "direct_lanes"]

_PIPELINE_CYCLES = 14
"""Registers from the start to the first beat, and from the last window to the last result."""
_STREAM_WORDS = 4
"""Words on the way from the stream to the FIFO of windows."""
_LOAD_CYCLES = 6
"""Those of a call that loads parameters."""


def direct_lanes(conv: Conv2d, multipliers: int) -> Conv2d:
    """`conv` as a line buffer with the lanes that are fastest with so many multipliers at most.

    Of equally fast ones, that with the fewest lanes: they cost requantizers and wide streams.

    Raises:
        DesignError: no lanes are legal; the text is that of the slowest.
    """
    taps = {"one": 1, "row": conv.window.cols.kernel, "all": conv.window.taps}
    pixels = conv.height * conv.width * conv.in_channels
    choices = []
    for simd in divisors(conv.in_channels):
        # With groups, channels of a beat may belong to several of them, each with its PEs.
        channels = simd // max(1, simd * conv.groups // conv.in_channels)
        for pe in divisors(conv.out_channels):
            for name, count in taps.items():
                lanes = pe * channels * count
                if lanes <= multipliers:
                    bound = max(-(-pixels // simd), -(-conv.macs // lanes))
                    choices.append((bound, simd + pe, simd, pe, name))
    reasons = []
    for *_, simd, pe, name in sorted(choices):
        try:
            return replace(conv, algorithm="direct", batch=1, simd=simd, pe=pe, taps=name)
        except DesignError as error:
            reasons.append(error)
    raise reasons[-1]


def direct_cost(conv: Conv2d, batch: int, board: Board, memory: Memory) -> Cost:
    """What `batch` frames cost; weights that a design loads are loaded once."""
    dsps = dsp_blocks(conv)
    loading = _load_cycles(conv, memory)
    return Cost(
        algorithm="direct",
        batch=batch,
        macs=conv.macs * batch,
        cycles=loading + direct_cycles(conv, batch, memory),
        loading_cycles=loading,
        traffic=_traffic(conv, batch),
        memory=memory,
        on_chip_bits=conv.on_chip_bits,
        multipliers=conv.multipliers,
        dsps=dsps,
        problems=tuple(shortages(board, conv.on_chip_bits, dsps)),
        design=conv,
    )


def direct_cycles(conv: Conv2d, batch: int, memory: Memory) -> int:
    """Start to done of `batch` frames back to back, without loading weights.

    The first frame is through once the line buffer has met each window and the multipliers are
    done with it and with those behind it; each further one takes the steady pace, or as long as
    its pixels and results take to move.
    """
    window, busy = conv.window, conv.weight_words
    compute = window.positions * busy
    scan = window.frame_steps * window.beats
    first = 0
    for row in range(window.rows.outputs):
        # Along a row the time is linear in the column: its largest value is at one of the ends.
        for col in (0, window.cols.outputs - 1):
            step = row * window.rows.stride * window.cols.grid + window.lag_steps
            step += col * window.cols.stride
            left = window.positions - row * window.cols.outputs - col
            first = max(first, (step + 1) * window.beats + left * busy)
    first += max(0, conv.predicted_cycles - max(compute, scan))
    moved = memory.cycles(conv.dram_bytes)
    # The words of a window that found no room in the FIFOs come at the pace of memory.
    late = max(0, window.beats - conv.window_fifo_words - _STREAM_WORDS)
    pace = max(1.0, memory.cycles(conv.simd * conv.input_format.container_bits // 8))
    waits = window.positions * late * (pace - 1)
    frames = max(first + waits, moved)
    frames += (batch - 1) * max(conv.predicted_cycles + waits, moved)
    return math.ceil(frames + memory.latency_cycles + _PIPELINE_CYCLES + conv.finish_steps)


def _load_cycles(conv: Conv2d, memory: Memory) -> int:
    """Start to done of the call that loads weights; none are loaded that are baked in."""
    if not conv.parameter_bytes:
        return 0
    words = conv.parameter_words * max(1.0, memory.cycles(4))
    return math.ceil(words) + memory.latency_cycles + _LOAD_CYCLES


def _traffic(conv: Conv2d, batch: int) -> tuple[Traffic, ...]:
    height, width, channels = conv.output_shape
    pixel = conv.input_format.container_bits // 8
    result = conv.epilogue.output.container_bits // 8
    loads = [traffic("parameters", conv.parameter_words, 4)] if conv.parameter_bytes else []
    return (
        *loads,
        traffic("in_r", batch * conv.input_beats, conv.simd * pixel),
        traffic("out_r", batch * height * width * (channels // conv.pe), conv.pe * result,
                writes=True),
    )  # fmt: skip
