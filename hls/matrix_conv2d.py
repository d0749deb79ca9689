"""MatrixConv2d: a convolution as a matrix product on the systolic array of Gemm.

C[positions, filters] = patches[positions, taps * channels] . weights[taps * channels, filters].
A row of the patches is what a filter sees at one output position. The array is that of Gemm; what
differs is the feeder that brings it the patches, and where they are made:

- im2col (Caffe): a unit writes all patches to memory, in a first phase; then they are a matrix A
  as any other.
- implicit (cuDNN, Chetlur et al., arXiv:1410.0759): the patches of a tile are read from a circular
  buffer of image rows on chip and never stored. Tiles are small, so weights come again for each
  row of tiles.
- kn2row (Vasudevan et al., ASAP'17; cuConv, Jorda et al., arXiv:2103.16234): one 1x1 product a tap
  of the image as it is, shifted by the tap; the sum over the taps never leaves the array. The tile
  is the whole map, so the weights stream past once.

The last two have the same feeder: the order (kernel row, kernel column, channel) of a patch is
also that of shifted 1x1 products. What they keep on chip is what tells them apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from hls.gemm import Gemm
from hls.tiling import Tile, best_tile

if TYPE_CHECKING:
    from hls.conv2d import Conv2d
    from hls.dsp import Packing
    from hls.epilogue import Epilogue
    from hls.fixed import Fixed

__all__ = ["MatrixConv2d"]

TILE_SUMS = 64
"""Sums that a PE keeps where the tile need not be large: what LUT memories hold at little cost."""

_FEEDER_CYCLES = 2
"""Registers from a word of the image to a word of A, besides those of a product."""
_PHASE_CYCLES = 15
"""Registers of the phase that writes patches, from start to done."""

MAP_SUMS = 512
"""Sums that a PE keeps for kn2row: a block RAM of 18 Kibit holds as many."""


@dataclass(frozen=True)
class MatrixConv2d:
    """The engine of a Conv2d whose algorithm is im2col, implicit or kn2row; baselines refine it.

    Attributes:
        conv: the layer; its `simd` is the number of the array's rows and of the channels in a word
            of memory, its `pe` the number of the array's columns.

    In memory pixels start at whole words, as do rows of the weights [taps * channels, filters],
    whose taps begin at whole words of channels, and pixels of the output. The weights of a tile's
    filters lie in one piece, so that bursts are long however narrow the tile is.
    """

    conv: Conv2d

    # ------------------------------------------------------------------ the product

    @property
    def name(self) -> str:
        """Name of the top function."""
        return self.conv.name

    @property
    def algorithm(self) -> str:
        """im2col, implicit or kn2row, or that of a baseline."""
        return self.conv.algorithm

    @property
    def transforms(self) -> bool:
        """Whether the patches are written to memory first."""
        return self.algorithm == "im2col"

    @property
    def ports(self) -> list[str]:
        """What lies in memory: image, patches (written, read), weights, parameters, output."""
        patches = ["u", "a"] if self.transforms else []
        return ["x", *patches, "b", *(["p"] if self.has_parameters else []), "c"]

    @property
    def counts(self) -> list[str]:
        """Arguments that are numbers of frames."""
        return ["unroll", "frames"] if self.transforms else ["frames"]

    @cached_property
    def positions(self) -> int:
        """Output positions of a frame: rows of the patches."""
        return self.conv.window.positions

    @property
    def u_word(self) -> str:
        """C++ type of a word of what the first of two phases writes, which the second one reads."""
        return "AWord_t"

    @property
    def u_words(self) -> int:
        """Words of it for `batch` frames; 0 if there is but one phase."""
        return self.patch_words if self.transforms else 0

    @property
    def u_words_once(self) -> int:
        """Those of them that do not come again with each frame."""
        return 0

    @property
    def channel_words(self) -> int:
        """Words of a pixel."""
        return -(-self.conv.in_channels // self.conv.simd)

    @property
    def k(self) -> int:
        """Columns of the patches; channels that fill the last word of a tap count."""
        return self.conv.window.taps * self.channel_words * self.conv.simd

    @cached_property
    def tile(self) -> Tile:
        """The tile of C, by `hls.tiling`."""
        conv = self.conv
        high = -(-self.positions * conv.batch // conv.simd)
        wide = -(-conv.out_channels // conv.pe)
        sums = MAP_SUMS if self.algorithm == "kn2row" else TILE_SUMS
        patches = conv.simd * self.k if self.transforms else 0
        return best_tile(high, wide, sums, patches, conv.pe * self.k)

    @cached_property
    def gemm(self) -> Gemm:
        """The product on the array."""
        conv = self.conv
        bias = conv.bias_format
        # A zero point of the input goes into the bias, so there has to be one.
        needs_bias = bias is None and conv.input_zero_point
        # The feeder of an image has no bursts that want to be long.
        block = 4 * conv.simd if self.transforms else conv.simd * (2 if self.tile.high <= 64 else 1)
        return Gemm(
            name=conv.name,
            max_m=self.positions * conv.batch,
            max_k=self.k,
            max_n=conv.out_channels,
            rows=conv.simd,
            cols=conv.pe,
            tile_m=self.tile.high * conv.simd,
            tile_n=self.tile.wide * conv.pe,
            tile_k=block,
            input=conv.input_format,
            weight=conv.weight_format,
            bias="s32" if needs_bias else bias,
            output=conv.epilogue.output if conv.epilogue.requantized else None,
            accumulator=conv.epilogue.accumulator,
            requantize=conv.requantize,
            multiplier_bits=conv.multiplier_bits,
            max_shift=conv.max_shift,
            input_zero_point=conv.input_zero_point,
            output_zero_point=conv.output_zero_point,
            activation=conv.activation,
            packing="off" if conv.packed is None else conv.packing,
        )

    @property
    def epilogue(self) -> Epilogue:
        """Accumulator to output."""
        return self.gemm.epilogue

    @property
    def input_format(self) -> Fixed:
        """Format of a pixel's channel."""
        return self.conv.input_format

    @property
    def weight_format(self) -> Fixed:
        """Format of a weight."""
        return self.conv.weight_format

    @property
    def has_parameters(self) -> bool:
        """Whether a table of bias, multiplier and shift per filter is read."""
        return self.gemm.has_parameters

    @property
    def packed(self) -> Packing | None:
        """How two filters share a DSP block; None if they do not."""
        return self.conv.packed

    @property
    def unpacked_because(self) -> str:
        """Why packing="auto" does not pack; empty if it does, or was not asked to."""
        return self.conv.unpacked_because

    # ------------------------------------------------------------------ the image on chip

    @property
    def line_words(self) -> int:
        """Words of a row of the image."""
        return self.conv.width * self.channel_words

    @property
    def image_rows(self) -> int:
        """Rows of a frame that some window sees: those below are not read of the last frame."""
        axis = self.conv.window.rows
        return min(axis.size, axis.last_output + axis.reach - axis.pad_before + 1)

    @property
    def image_words(self) -> int:
        """Words of `batch` frames up to the last one that a window sees."""
        return ((self.conv.batch - 1) * self.conv.height + self.image_rows) * self.line_words

    @property
    def patch_words(self) -> int:
        """Words of all patches of `batch` frames."""
        return self.gemm.max_m * self.k // self.gemm.rows

    @cached_property
    def ring_rows(self) -> int:
        """Rows of the image on chip: those of a row of tiles, and those that the next one adds.

        Rows count from frame to frame, as they come. im2col makes the patches one by one; those of
        a row of the output need the same rows.
        """
        step = self.conv.window.cols.outputs if self.transforms else self.gemm.tile_rows
        last = self.positions * self.conv.batch - 1
        starts = range(0, last + 1, step)
        bottoms = [self.bottom_row(min(start + step - 1, last)) for start in starts]
        bottoms.append(bottoms[-1])
        tops = [self._top(start) for start in starts]
        return max(ahead - top + 1 for top, ahead in zip(tops, bottoms[1:], strict=True))

    def _top(self, position: int) -> int:
        """The first row that the window of an output position sees, padding included."""
        frame, place = divmod(position, self.positions)
        axis = self.conv.window.rows
        row = place // self.conv.window.cols.outputs * axis.stride - axis.pad_before
        return frame * axis.size + row

    def bottom_row(self, position: int) -> int:
        """The last row that the window of an output position sees, without the padding."""
        axis = self.conv.window.rows
        frame = position // self.positions
        return min(self._top(position) + axis.reach, (frame + 1) * axis.size - 1)

    @property
    def ring_bits(self) -> int:
        """The image on chip."""
        return self.ring_rows * self.line_words * self.conv.simd * self.input_format.bits

    # ------------------------------------------------------------------ costs

    @property
    def multipliers(self) -> int:
        """Products per cycle."""
        return self.gemm.multipliers

    @property
    def multiplications(self) -> int:
        """Multiplications per cycle: half as many as products where two share one."""
        return self.multipliers if self.packed is None else self.multipliers // 2

    @property
    def macs(self) -> int:
        """Multiply-accumulates a frame; those with padding count, as is usual."""
        return self.conv.macs

    @property
    def lower_bound_cycles(self) -> int:
        """MACs / multipliers, or the words of image, weights or output, for `batch` frames."""
        conv = self.conv
        gemm = self.gemm
        image = conv.batch * conv.height * self.line_words
        weights = self.k * -(-conv.out_channels // conv.pe)
        results = gemm.max_m * -(-conv.out_channels // conv.pe)
        macs = -(-conv.batch * self.macs // self.multipliers)
        return max(macs, image, weights, results)

    @property
    def predicted_cycles(self) -> int:
        """Start to done for `batch` frames, as cosimulation counts them without stalls.

        The product, before which im2col writes all patches, and the others load the rows of the
        image that the first taps of the first tile see.
        """
        gemm = self.gemm
        product = gemm.cycles(gemm.max_m, self.k, self.conv.out_channels)
        image = self.first_rows * self.line_words
        if self.transforms:
            # Where strides skip much, the rest of the image takes longer than the patches.
            rest = max(self.patch_words, self.image_words - image)
            return product + image + rest + _PHASE_CYCLES
        last = min(gemm.tile_rows, gemm.max_m) - 1
        image += last % self.conv.window.cols.outputs + 1  # cut while the last of these rows comes
        return product + max(0, image - last - 1) + _FEEDER_CYCLES

    @cached_property
    def first_rows(self) -> int:
        """Rows of the image that come before anything else can begin.

        im2col needs all that the first position sees; the others those that the first taps of the
        first tile see.
        """
        if self.transforms:
            return self.bottom_row(0) + 1
        last = min(self.gemm.tile_rows, self.gemm.max_m) - 1
        rows = self.conv.window.rows.size
        return min(max(self._top(last), 0), (last // self.positions + 1) * rows - 1) + 1

    @property
    def dram_bytes(self) -> int:
        """Bytes over all ports for `batch` frames, padding of words included."""
        return sum(self.traffic_bytes.values())

    @cached_property
    def traffic_bytes(self) -> dict[str, int]:
        """Bytes that each port moves for `batch` frames; exact."""
        conv, gemm = self.conv, self.gemm
        m, n = gemm.max_m, conv.out_channels
        word = conv.simd * self.input_format.container_bits // 8
        row = -(-n // conv.pe) * conv.pe
        weights = self.k * row * self.weight_format.container_bits // 8
        moved = {"x": self.image_words * word}
        if self.transforms:
            patches = self.patch_words * word
            moved |= {"u": patches, "a": patches * -(-n // gemm.tile_cols)}
        moved["b"] = weights * -(-m // gemm.tile_rows)
        if self.has_parameters:
            moved["p"] = n * 16
        moved["c"] = m * row * self.epilogue.output.container_bits // 8
        return moved

    @property
    def on_chip_bits(self) -> int:
        """Image, and what the product keeps."""
        return self.ring_bits + self.gemm.on_chip_bits
