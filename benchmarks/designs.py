"""The designs whose cycles are tabled: layers of well-known networks, and square products."""

from __future__ import annotations

from hls.conv2d import Conv2d
from hls.design import Design
from hls.gemm import Gemm

__all__ = ["DESIGNS"]


def _conv(size: int, inputs: int, outputs: int, kernel: int, padding: str) -> Conv2d:
    """A layer on 8 PEs of up to 8 channels each, all taps at once."""
    return Conv2d(
        name=f"conv_{size}x{size}x{inputs}_{outputs}_k{kernel}",
        height=size,
        width=size,
        in_channels=inputs,
        out_channels=outputs,
        kernel=kernel,
        padding=padding,
        simd=min(8, inputs),
        pe=8,
    )


def _gemm(size: int, array: int) -> Gemm:
    """A square product with raw 32-bit results."""
    return Gemm(
        name=f"gemm_{size}_{array}x{array}",
        max_m=size,
        max_k=size,
        max_n=size,
        rows=array,
        cols=array,
    )


DESIGNS: tuple[Design, ...] = (
    _conv(32, 3, 16, 3, "same"),
    _conv(16, 16, 32, 3, "same"),
    _conv(14, 64, 64, 3, "same"),
    _conv(28, 1, 8, 5, "valid"),
    _conv(14, 128, 128, 1, "valid"),
    _conv(56, 64, 64, 3, "same"),
    _gemm(128, 8),
    _gemm(128, 16),
    _gemm(64, 8),
)
"""int8 in; convolutions requantize to int8, products put out their accumulators."""
