"""PartialsConv2d: kn2row in two stages with the partial sums in memory, kept for comparison.

The product comes first: each pixel as it is times the filters of all taps at once,
u[pixels, taps * filters] = x[pixels, channels] . b[channels, taps * filters], in accumulators.
The sums come second: those of the taps of an output position, each at the pixel that its tap sees
(cuConv's two kernels, Jorda et al., arXiv:2103.16234; kn2row, Vasudevan et al., ASAP'17). The array
is that of Gemm; nothing of the image is kept on chip.

What a tap in the padding adds is exact without any correction: the filters' bias is less by the
zero point times all weights, as for the other algorithms, so such a tap adds the product of a pixel
of zero points. That is 0 without a zero point; with one, such a pixel is the first row of the
product, and the sums take its partials.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from hls.epilogue import Epilogue
from hls.gemm import Gemm
from hls.geometry import Axis
from hls.matrix_conv2d import TILE_SUMS, MatrixConv2d
from hls.tiling import Tile, best_tile

__all__ = ["PartialsConv2d"]

_SUM_CYCLES = 22
"""Registers from the start to the first word of partials, and from the last one to done."""
_TOTALS = 6
"""Words of sums that find room behind the adders until the filters' table is there."""


@dataclass(frozen=True)
class PartialsConv2d(MatrixConv2d):
    """The engine of a Conv2d whose algorithm is kn2row_partials.

    In memory each tap of a pixel's partials starts at a whole word, as do taps of a channel's
    weights [channels, taps * filters]; those lie tile by tile, as for `MatrixConv2d`.
    """

    # ------------------------------------------------------------------ the product

    @property
    def ports(self) -> list[str]:
        """What lies in memory: image, partials (written, read), weights, parameters, output."""
        return ["x", "u", "a", "b", *(["p"] if self.has_parameters else []), "c"]

    @property
    def counts(self) -> list[str]:
        """Arguments that are numbers of frames: of each phase."""
        return ["partials", "frames"]

    @property
    def filter_words(self) -> int:
        """Words of a tap's partials at a pixel."""
        return -(-self.conv.out_channels // self.conv.pe)

    @property
    def k(self) -> int:
        """Columns of the pixels; channels that fill the last word count."""
        return self.channel_words * self.conv.simd

    @property
    def padded(self) -> bool:
        """Whether a tap can lie in the padding."""
        return self.conv.window.padded

    @property
    def padding_pixels(self) -> int:
        """Rows of the product before those of the image: a pixel of zero points, if one is seen."""
        return int(self.padded and self.conv.input_zero_point != 0)

    @cached_property
    def tile(self) -> Tile:
        """The tile of partials, by `hls.tiling`."""
        conv = self.conv
        high = -(-self.pixels // conv.simd)
        wide = conv.window.taps * self.filter_words
        return best_tile(high, wide, TILE_SUMS, conv.simd * self.k, conv.pe * self.k)

    @property
    def pixels(self) -> int:
        """Rows of the product for `batch` frames; those count too that strides then skip."""
        conv = self.conv
        return conv.batch * conv.height * conv.width + self.padding_pixels

    @cached_property
    def gemm(self) -> Gemm:
        """The product on the array, whose sums leave as they are."""
        conv = self.conv
        return Gemm(
            name=conv.name,
            max_m=self.pixels,
            max_k=self.k,
            max_n=conv.window.taps * self.filter_words * conv.pe,
            rows=conv.simd,
            cols=conv.pe,
            tile_m=self.tile.high * conv.simd,
            tile_n=self.tile.wide * conv.pe,
            tile_k=4 * conv.simd,
            input=conv.input_format,
            weight=conv.weight_format,
            accumulator=conv.epilogue.accumulator,
            multiplier_bits=conv.multiplier_bits,
            max_shift=conv.max_shift,
            packing="off" if conv.packed is None else conv.packing,
        )

    @property
    def epilogue(self) -> Epilogue:
        """Sum to output."""
        return self.conv.epilogue

    @property
    def has_parameters(self) -> bool:
        """Whether a table of bias, multiplier and shift per filter is read."""
        conv = self.conv
        return bool(conv.bias is not None or conv.input_zero_point or self.epilogue.requantized)

    # ------------------------------------------------------------------ memory

    @property
    def u_word(self) -> str:
        """C++ type of a word of partials."""
        return "PartialWord_t"

    @property
    def u_words(self) -> int:
        """Words of partials of `batch` frames."""
        return self.pixels * self.conv.window.taps * self.filter_words

    @property
    def u_words_once(self) -> int:
        """Those of the padding's pixel."""
        return self.padding_pixels * self.conv.window.taps * self.filter_words

    @property
    def ring_rows(self) -> int:
        """None of the image is on chip."""
        return 0

    @property
    def image_words(self) -> int:
        """Words of `batch` frames."""
        return self.conv.batch * self.conv.height * self.line_words

    @property
    def sum_words(self) -> int:
        """Words of partials that are added up for `batch` frames, one a cycle; padding counts."""
        return self.conv.batch * self.positions * self.conv.window.taps * self.filter_words

    @cached_property
    def read_words(self) -> int:
        """Those of them that are read: all with a zero point, else the ones of the image."""
        if self.padding_pixels or not self.padded:
            return self.sum_words
        seen = _inside(self.conv.window.rows) * _inside(self.conv.window.cols)
        return self.conv.batch * seen * self.filter_words

    # ------------------------------------------------------------------ costs

    @property
    def lower_bound_cycles(self) -> int:
        """MACs of all pixels and taps / multipliers, or words of the partials; then their sums."""
        gemm = self.gemm
        product = gemm.bound_cycles(gemm.max_m, self.k, gemm.max_n)
        return product + self.sum_words

    @property
    def predicted_cycles(self) -> int:
        """Start to done for `batch` frames, both phases, as cosimulation counts without stalls."""
        gemm = self.gemm
        return gemm.cycles(gemm.max_m, self.k, gemm.max_n) + self.sum_cycles

    @property
    def sum_cycles(self) -> int:
        """Start to done of the second phase.

        The sums of the first positions wait for the table of the filters, a word a cycle each.
        """
        conv = self.conv
        table = conv.out_channels if self.has_parameters else 0
        positions, rest = divmod(_TOTALS, self.filter_words)
        held = (positions * conv.window.taps + conv.window.taps - 1) * self.filter_words + rest
        results = conv.batch * self.positions * self.filter_words
        last = max(self.sum_words + max(0, table - held), table + results)
        return last + _SUM_CYCLES

    @cached_property
    def traffic_bytes(self) -> dict[str, int]:
        """Bytes that each port moves for `batch` frames; exact."""
        conv, gemm = self.conv, self.gemm
        word = gemm.cols * gemm.epilogue.output.container_bits // 8
        moved = {
            "x": self.image_words * gemm.rows * self.input_format.container_bits // 8
            * -(-gemm.max_n // gemm.tile_cols),
            "u": self.u_words * word,
            "a": self.read_words * word,
            "b": self.k * gemm.max_n * self.weight_format.container_bits // 8
            * -(-gemm.max_m // gemm.tile_rows),
        }  # fmt: skip
        if self.has_parameters:
            moved["p"] = conv.out_channels * 16
        words = conv.batch * self.positions * self.filter_words
        moved["c"] = words * gemm.cols * self.epilogue.output.container_bits // 8
        return moved

    @property
    def on_chip_bits(self) -> int:
        """What the product keeps, sums of an output position, and the filters' table."""
        conv = self.conv
        sums = self.filter_words * conv.pe * self.epilogue.accumulator.bits
        table = conv.out_channels * 128 if self.has_parameters else 0
        return self.gemm.on_chip_bits + sums + table


def _inside(axis: Axis) -> int:
    """Pairs of an output and a tap along an axis that lie in the image."""
    return sum(
        0 <= output * axis.stride + tap * axis.dilation - axis.pad_before < axis.size
        for output in range(axis.outputs)
        for tap in range(axis.kernel)
    )
