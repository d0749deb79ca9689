"""NaiveConv2d: the definition of a convolution as loops, kept as a baseline.

It has one multiplier, no line buffer and no bursts: both operands of every product come from
memory, each in a transaction of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from hls.matrix_conv2d import MatrixConv2d
from hls.tiling import Tile

__all__ = ["NaiveConv2d"]

_LOOP_CYCLES, _PRODUCT_CYCLES = 10, 5.4
"""To enter and leave the innermost loop; a product in it, whose operands are waited for. Measured
in RTL with memories that answer in two cycles: the figures of a baseline, good to a few percent."""
_POINTWISE_LOOP_CYCLES, _POINTWISE_CYCLES = 16, 6
"""The same of the loop over channels, which is the innermost one of a 1x1 kernel."""


@dataclass(frozen=True)
class NaiveConv2d(MatrixConv2d):
    """The engine of a Conv2d whose algorithm is naive; ports and memory are those of the array."""

    @property
    def multipliers(self) -> int:
        """One."""
        return 1

    @property
    def tile(self) -> Tile:
        """All filters side by side: the weights are one matrix in memory."""
        return Tile(high=1, wide=-(-self.conv.out_channels // self.conv.pe))

    @property
    def ring_rows(self) -> int:
        """None of the image is on chip."""
        return 0

    @property
    def on_chip_bits(self) -> int:
        """A word of results."""
        return self.gemm.cols * self.epilogue.output.container_bits

    @property
    def lower_bound_cycles(self) -> int:
        """A product a cycle."""
        return self.conv.batch * self.macs

    @property
    def predicted_cycles(self) -> int:
        """Start to done for `batch` frames, roughly: it waits for the operands of each product."""
        conv = self.conv
        outputs = conv.batch * self.positions * conv.out_channels
        kernel = conv.window.rows.kernel, conv.window.cols.kernel
        if kernel == (1, 1):
            return outputs * (_POINTWISE_CYCLES * conv.in_channels + _POINTWISE_LOOP_CYCLES)
        loop = _LOOP_CYCLES + _PRODUCT_CYCLES * kernel[1]
        return round(outputs * conv.in_channels * kernel[0] * loop)

    @property
    def traffic_bytes(self) -> dict[str, int]:
        """Bytes that each port moves for `batch` frames; exact."""
        conv, gemm = self.conv, self.gemm
        products = conv.batch * self.macs
        outputs = conv.batch * self.positions * conv.out_channels
        moved = {
            "x": products * gemm.rows * self.input_format.container_bits // 8,
            "b": products * gemm.cols * self.weight_format.container_bits // 8,
        }
        if self.has_parameters:
            moved["p"] = outputs * 16
        row = -(-conv.out_channels // gemm.cols) * gemm.cols
        moved["c"] = gemm.max_m * row * self.epilogue.output.container_bits // 8
        return moved
