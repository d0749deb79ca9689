"""The design space of a layer: every legal choice of algorithm, lanes, taps and packing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hls.algorithms import CANDIDATES
from hls.checks import divisors
from hls.conv2d import Conv2d
from hls.errors import DesignError
from hls.matrix_conv2d import MatrixConv2d

__all__ = ["designs"]

ARRAY_SIDES = (2, 4, 8, 16, 32, 64)
"""Rows and columns that a systolic array can have."""


def designs(layer: Conv2d, *, batch: int = 1) -> Iterator[Conv2d]:
    """All designs of a layer, none of them twice, in a fixed order; one lane is always legal.

    Args:
        layer: shapes, formats and where the weights of a line buffer are; its own lanes, taps,
            algorithm and packing do not matter.
        batch: frames of a call of a systolic array.
    """
    for fields in _choices(layer, batch):
        try:
            plain = replace(layer, packing="off", **fields)
            if plain.algorithm != "direct":
                MatrixConv2d(plain).gemm  # noqa: B018 - an array has rules of its own
        except DesignError:
            continue
        yield plain
        packed = replace(plain, packing="auto")
        if packed.packed is not None:
            yield packed


def _choices(layer: Conv2d, batch: int) -> Iterator[dict[str, Any]]:
    """Algorithm, lanes and taps, legal or not."""
    kernel = layer.window.rows.kernel, layer.window.cols.kernel
    # Equal numbers of taps are the same design.
    taps = {kernel[0] * kernel[1]: "all"}
    taps = {1: "one", kernel[1]: "row"} | taps
    for simd in divisors(layer.in_channels):
        # With groups, channels of a beat may belong to several of them, each with its PEs.
        spans = simd * layer.groups > layer.in_channels
        for pe in divisors(layer.out_channels):
            if spans and pe * layer.in_channels != simd * layer.out_channels:
                continue
            for name in reversed(taps.values()):
                yield {"algorithm": "direct", "batch": 1, "simd": simd, "pe": pe, "taps": name}
    for algorithm in CANDIDATES[1:]:
        for simd in ARRAY_SIDES:
            for pe in ARRAY_SIDES:
                yield {"algorithm": algorithm, "batch": batch, "simd": simd, "pe": pe,
                       "taps": "all", "weights": "rom"}  # fmt: skip
