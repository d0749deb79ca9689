"""The designs whose cycles are tabled: layers of well-known networks, and square products."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hls.conv2d import Conv2d
from hls.design import Operator
from hls.gemm import Gemm

__all__ = ["DESIGNS", "MARKS", "Mark", "convolution", "product"]


@dataclass(frozen=True)
class Mark:
    """What a design must reach: at most `most_ratio` times the cycles of its bound."""

    text: str
    most_ratio: float

    @classmethod
    def ratio(cls, most: float) -> Mark:
        """Cycles over their bound."""
        return cls(f"<= {most:g} x", most)

    @classmethod
    def share(cls, percent: float) -> Mark:
        """MACs a cycle, in percent of the multipliers: the bound is MACs / multipliers."""
        return cls(f">= {percent:g} %", 100 / percent)


def convolution(
    size: int, inputs: int, outputs: int, kernel: int, padding: str, simd: int = 8, pe: int = 8
) -> Conv2d:
    """A layer on `pe` PEs of up to `simd` channels each, all taps at once."""
    return Conv2d(
        name=f"conv_{size}x{size}x{inputs}_{outputs}_k{kernel}",
        height=size,
        width=size,
        in_channels=inputs,
        out_channels=outputs,
        kernel=kernel,
        padding=padding,
        simd=min(simd, inputs),
        pe=pe,
    )


def product(size: int, array: int) -> Gemm:
    """A square product with raw 32-bit results."""
    return Gemm(
        name=f"gemm_{size}_{array}x{array}",
        max_m=size,
        max_k=size,
        max_n=size,
        rows=array,
        cols=array,
    )


DESIGNS: tuple[Operator, ...] = (
    convolution(32, 3, 16, 3, "same"),
    convolution(16, 16, 32, 3, "same"),
    convolution(14, 64, 64, 3, "same"),
    convolution(28, 1, 8, 5, "valid"),
    convolution(14, 128, 128, 1, "valid"),
    convolution(56, 64, 64, 3, "same"),
    product(128, 8),
    product(128, 16),
    product(64, 8),
)
"""int8 in; convolutions requantize to int8, products put out their accumulators."""

MARKS: Mapping[str, Mark] = {
    design.name: Mark.ratio(1.03) for design in DESIGNS if isinstance(design, Conv2d)
} | {
    "gemm_128_8x8": Mark.share(92),
    "gemm_128_16x16": Mark.share(92),
    "gemm_64_8x8": Mark.share(85),
}
"""Cycles in RTL that each of DESIGNS must reach."""
