"""What engines take of a device, by their sizes: DSP blocks, block RAMs and LUTs.

Memories follow from widths and depths of arrays, by the rules of the open lowering and of Yosys:
up to 64 words they are LUTs (RAM32M and RAM64M, UG474, "Distributed RAM"; of a ROM 64 words a LUT
for each bit), beyond RAMB18 (UG473, "7 Series FPGAs Memory Resources"); banks that share an address
lie side by side. LUTs of logic are linear in a few sizes: a fit to what Yosys makes of ten networks
of one convolution, within 12 %.

Whole networks need more LUTs than that fit; they get a share on top, so that none is promised to
fit that Yosys finds too large. What Yosys makes of the two that were synthesized, on a PYNQ-Z2,
and what this model says of them with that share:

    models/resnet8.onnx     16,981 LUT (17,087), 214 DSP (214), 31.5 BRAM36 (29)
    models/digits_cnn.onnx  16,383 LUT (17,499), 212 DSP (213), 18 BRAM36 (18)

Block RAMs are as much as 8 % low; `hls.network.balancing.SHARES` leaves a tenth of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from hls.algorithms.cost import dsp_blocks
from hls.conv2d import Conv2d
from hls.network.assembly import Stage
from hls.network.dataflow import DataflowNetwork
from hls.network.engines import BITS, ConvolutionEngine, ElementEngine, Engine, PoolingEngine
from hls.network.layers import Addition

__all__ = ["Resources", "of_engine", "of_network"]

_LUT_WORDS = 64
"""Deeper memories are block RAMs."""

_RAMB18_SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
"""Words and bits of a RAMB18 with one port to read and one to write."""

# LUTs of logic: of what every network has; of a convolution, of each bit of its window, product,
# requantizer, and bit of the taps that it chooses from; of a lane of other layers.
_NETWORK = 240
_CONVOLUTION = 70
_WINDOW_BIT = 1.7
_PRODUCT = 8.2
_REQUANTIZER = 300
_CHOSEN_BIT = 0.5
_ELEMENTS = 80
_ADDITION_LANE = 120
_OTHER_LANE = 60

_LUT_SHARE = 1.16
"""LUTs of a whole network for each of the fit: of two networks, Yosys asked for 1.09 and 1.15."""


@dataclass(frozen=True)
class Resources:
    """DSP blocks, block RAMs of 18 Kbit, LUTs (those used as memory included)."""

    dsp: int = 0
    bram18: int = 0
    lut: int = 0

    def __add__(self, other: Resources) -> Resources:
        """Side by side."""
        return Resources(self.dsp + other.dsp, self.bram18 + other.bram18, self.lut + other.lut)


def of_network(design: DataflowNetwork) -> Resources:
    """All of a network: engines, what joins them, FIFOs between them, registers and ports."""
    found = Resources(lut=_NETWORK)
    inner = {stream.name for stage in design.stages for stream in stage.engine.streams}
    for stage in design.stages:
        found += of_engine(stage.engine) + Resources(lut=_joints(stage))
    for stream in design.streams:
        if stream.name not in inner:
            found += Resources(lut=_lut_ram(stream.bits, stream.depth))
    for stage in design.stages:
        # An engine's own share has its output's FIFO at the usual depth.
        result = design.results(stage.name)
        found += Resources(lut=_lut_ram(result.bits, result.depth) - _lut_ram(result.bits, 2))
    return replace(found, lut=math.ceil(_LUT_SHARE * found.lut))


def of_engine(engine: Engine) -> Resources:
    """An engine with the FIFOs that it writes."""
    fifos = sum(_lut_ram(stream.bits, stream.depth) for stream in engine.streams)
    own = Resources(lut=fifos)
    if isinstance(engine, ConvolutionEngine):
        return own + _convolution(engine.conv)
    if isinstance(engine, PoolingEngine):
        return own + _pooling(engine)
    assert isinstance(engine, ElementEngine)
    lane = _ADDITION_LANE if isinstance(engine.layer, Addition) else _OTHER_LANE
    parts = len(engine.roundings)
    return own + Resources(lut=_ELEMENTS + lane * parts * engine.lanes)


def _convolution(conv: Conv2d) -> Resources:
    window = conv.window
    rows, cols = window.rows, window.cols
    word = conv.simd * BITS
    taps = window.taps * word
    found = _ram(rows.reach * word, cols.grid * window.beats)
    found += _ram(rows.kernel * cols.reach * word, window.beats)
    if conv.filter_folds > 1 or conv.tap_folds > 1:
        found += _ram(taps, conv.channel_folds)
    found += _rom(conv.weight_bits // conv.weight_words, conv.weight_words)
    epilogue = conv.epilogue
    constants = epilogue.value.bits + epilogue.multiplier_bits + conv.max_shift.bit_length()
    found += _rom(constants * conv.finish_lanes, conv.out_channels // conv.finish_lanes)
    chosen = taps if conv.tap_folds > 1 else 0
    logic = (_CONVOLUTION + _WINDOW_BIT * taps + _PRODUCT * conv.multipliers
             + _REQUANTIZER * conv.finish_lanes + _CHOSEN_BIT * chosen)  # fmt: skip
    return found + Resources(dsp=dsp_blocks(conv), lut=math.ceil(logic))


def _pooling(engine: PoolingEngine) -> Resources:
    window, word = engine.window, engine.lanes * BITS
    rows, cols = window.rows, window.cols
    if engine.is_global:
        kept = _ram(engine.rounding.value.bits * engine.lanes, window.beats)
        return kept + Resources(lut=_ELEMENTS + _OTHER_LANE * engine.lanes)
    found = _ram(rows.reach * word, cols.grid * window.beats)
    found += _ram(rows.kernel * cols.reach * word, window.beats)
    logic = _CONVOLUTION + _WINDOW_BIT * window.taps * word + _OTHER_LANE * engine.lanes
    return found + Resources(lut=math.ceil(logic))


def _joints(stage: Stage) -> int:
    """LUTs of forks and of processes that regroup words."""
    regroups = sum(_ELEMENTS // 2 + max(r.lanes_in, r.lanes_out) * BITS for r in stage.regroups)
    return regroups + (_ELEMENTS // 2 if stage.fork is not None else 0)


def _ram(bits: int, words: int) -> Resources:
    if not bits or not words:
        return Resources()
    if words > _LUT_WORDS:
        return Resources(bram18=_ramb18(bits, words))
    return Resources(lut=_lut_ram(bits, words))


def _rom(bits: int, words: int) -> Resources:
    if words > _LUT_WORDS:
        return Resources(bram18=_ramb18(bits, words))
    return Resources(lut=bits if words > 1 else 0)


def _lut_ram(bits: int, words: int) -> int:
    """Cells of four LUTs hold 32 words of 6 bits or 64 of 3."""
    return 4 * math.ceil(bits / 6) if words <= 32 else 4 * math.ceil(bits / 3) * -(-words // 64)


def _ramb18(bits: int, words: int) -> int:
    deepest, narrowest = _RAMB18_SHAPES[-1]
    if words > deepest:
        return math.ceil(bits / narrowest) * -(-words // deepest)
    return math.ceil(bits / next(width for depth, width in _RAMB18_SHAPES if words <= depth))
