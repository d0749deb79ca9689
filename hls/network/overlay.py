"""OverlayEngine: one engine with run-time sizes for all layers of all networks that fit it.

It is the systolic array of `Gemm`, fed by a ring of image rows as `MatrixConv2d` feeds it, with
all sizes told by an instruction. Beside the array stands a reducer, which sums up the same windows
channel by channel (pooling), or takes them from two tensors row by row in turn (addition). Both
end in the same requantizer and the same store.

    fetch        the program: an instruction a step
    load_image -> walk, cut_image --+--> feed_a --> multiply --> reduce --> finish --> store_c
                                    '--------------------------->'
    load_b -> feed_b                load_p
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from hls.boards import Board
from hls.checks import one_of, reject, whole
from hls.fixed import Fixed
from hls.gemm import Gemm
from hls.naming import require_name

__all__ = ["MAX_IMAGE_WORDS", "OverlayEngine", "engines_for"]

MAX_IMAGE_WORDS = 65536
"""Of image rows on chip."""

_ACCUMULATOR = Fixed(bits=36)
"""Sums of 65,536 products and a bias of 32 bits, with its places those of fewer; or of two channels
times multipliers of 25."""
_FINISH_DSP = 5
"""Of a requantizer: 36 x 24 bits, in Yosys."""
_ADDRESS_DSP = 6
"""Of lengths that are products of sizes."""
_LUT_A_PE = 300
"""LUTs of the engine of 8 x 8 PEs by Yosys, 18,842, for each of them."""
_SHARE = 0.7
"""Of a board that an engine may take; the rest is for its shell, and for placement to succeed."""


@dataclass(frozen=True, kw_only=True)
class OverlayEngine:
    """An engine for networks: `lanes` x `lanes` PEs, and what it keeps on chip.

    Attributes:
        lanes: rows and columns of the array, and channels in a word of memory.
        tile_m, tile_n: results that stay on chip while all weights of a filter stream past.
        max_k: weights of a filter in a pass, filled up to whole words.
        max_n: filters in a pass; layers with more take several.
        image_words: words of image rows on chip; see `Compiler` for how many a layer needs.
        packing: "auto" lets two columns share a DSP block.

    Raises:
        DesignError: a rule is broken; the text names value, rule and remedy.
    """

    lanes: int = 8
    tile_m: int = 64
    tile_n: int = 32
    max_k: int = 65536
    max_n: int = 512
    image_words: int = 8192
    packing: str = "auto"
    name: str = "overlay"

    def __post_init__(self) -> None:
        """Check every rule; those of the array are `Gemm`'s."""
        require_name("OverlayEngine", self.name)
        one_of("OverlayEngine", "lanes", str(self.lanes), ("8", "16"))
        words = whole("OverlayEngine", "image_words", self.image_words, 64, MAX_IMAGE_WORDS)
        if words & (words - 1):
            below = 1 << (words.bit_length() - 1)
            rule = "is not a power of two, as memories have"
            raise reject(
                "OverlayEngine", f"image_words={words}", rule, f"use {below} or {2 * below}"
            )
        _ = self.gemm

    @cached_property
    def gemm(self) -> Gemm:
        """The array with its requantizer."""
        return Gemm(
            name=self.name,
            max_m=65536,
            max_k=self.max_k,
            max_n=self.max_n,
            rows=self.lanes,
            cols=self.lanes,
            tile_m=self.tile_m,
            tile_n=self.tile_n,
            tile_k=2 * self.lanes,
            bias="s32",
            accumulator=_ACCUMULATOR,
            requantize="channel",
            packing=self.packing,
        )

    @property
    def word_bytes(self) -> int:
        """Bytes of a word of a tensor or of weights."""
        return self.lanes

    @property
    def tile_words(self) -> int:
        """Words of a pixel of a tile."""
        return self.tile_n // self.lanes

    @property
    def ring_bits(self) -> int:
        """Bits of a signed place in the ring, and of sums of a few of them."""
        return self.image_words.bit_length() + 2

    @property
    def multipliers(self) -> int:
        """Products per cycle."""
        return self.gemm.multipliers

    @property
    def dsps(self) -> int:
        """DSP blocks: array, reducer, requantizers and addresses."""
        requantizers = _FINISH_DSP * self.gemm.finish_lanes
        return self.gemm.multiplications + self.lanes + requantizers + _ADDRESS_DSP

    @property
    def luts(self) -> int:
        """LUTs, about."""
        return _LUT_A_PE * self.multipliers

    @property
    def bram18(self) -> int:
        """Block RAMs of 18 Kbit, about."""
        return -(-self.on_chip_bits // 18_432)

    @property
    def on_chip_bits(self) -> int:
        """Image rows, and what the array keeps."""
        return self.image_words * 8 * self.lanes + self.gemm.on_chip_bits


def engines_for(board: Board, name: str = "overlay") -> Iterator[OverlayEngine]:
    """Engines that leave the board room to be placed and routed, the first one as it should be.

    It has as many lanes as fit. The others have more and more room for image rows, for networks
    that need it.
    """
    large = OverlayEngine(lanes=16, tile_m=128, tile_n=64, image_words=4096, name=name)
    engine = large if _leaves_room(large, board) else OverlayEngine(name=name)
    yield engine
    while engine.image_words < MAX_IMAGE_WORDS:
        engine = replace(engine, image_words=2 * engine.image_words)
        if not _leaves_room(engine, board):
            return
        yield engine


def _leaves_room(engine: OverlayEngine, board: Board) -> bool:
    return (
        engine.dsps <= _SHARE * board.dsp
        and engine.luts <= _SHARE * board.lut
        and engine.bram18 <= _SHARE * 2 * board.bram36
    )
