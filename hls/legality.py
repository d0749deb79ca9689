"""Which convolutions are legal: the rules of Conv2d, each with its remedy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hls.checks import divisors, nearest, one_of, reject, require_divides, whole
from hls.dsp import CHOICES
from hls.naming import require_name

if TYPE_CHECKING:
    from hls.conv2d import Conv2d
    from hls.fixed import Fixed

__all__ = ["ALGORITHMS", "AUTO", "BASELINES", "check_conv2d"]

MAX_STREAM_BITS = 1024
"""Widest AXI4-Stream that the AXI DMA takes (PG021)."""

BASELINES = ("kn2row_partials", "naive")
"""Algorithms that are there to be compared with; see `hls.partials_conv2d`, `hls.naive_conv2d`."""

ALGORITHMS = ("direct", "im2col", "implicit", "kn2row", *BASELINES)
"""How a layer is computed; see `hls.matrix_conv2d` for those between direct and the baselines."""

AUTO = "auto"
"""The cheapest of them on a board, no baseline, which `hls.algorithms.resolve` finds."""

LARGEST_MATRIX = 65536
"""Rows or columns of a matrix that Gemm takes."""


def check_conv2d(conv: Conv2d) -> None:
    """Check every rule of a convolution.

    Raises:
        DesignError: one is broken; the text names value, rule and remedy.
    """
    require_name("Conv2d", conv.name)
    for field, high in (("height", 16384), ("width", 16384), ("in_channels", 65536),
                        ("out_channels", 65536), ("groups", 65536)):  # fmt: skip
        whole("Conv2d", field, getattr(conv, field), 1, high)
    one_of("Conv2d", "taps", conv.taps, ("all", "row", "one"))
    one_of("Conv2d", "weights", conv.weights, ("rom", "load"))
    one_of("Conv2d", "algorithm", conv.algorithm, (*ALGORITHMS, AUTO))
    whole("Conv2d", "batch", conv.batch, 1, 65536)
    whole("Conv2d", "bias_fraction", conv.bias_fraction, 0, 31)
    one_of("Conv2d", "packing", conv.packing, CHOICES)
    for field in ("in_channels", "out_channels"):
        common = math.gcd(conv.in_channels, conv.out_channels)
        require_divides("Conv2d", "groups", conv.groups, field, getattr(conv, field), common)
    whole(
        "Conv2d", "input_zero_point", conv.input_zero_point,
        conv.input_format.minimum, conv.input_format.maximum,
    )  # fmt: skip
    direct = conv.algorithm == "direct"
    whole("Conv2d", "simd", conv.simd, 1, conv.in_channels if direct else 64)
    whole("Conv2d", "pe", conv.pe, 1, conv.out_channels if direct else 64)
    _check_fits(conv)
    if conv.algorithm == AUTO:
        _check_open(conv)
        return
    if direct:
        _check_line_buffer(conv)
    else:
        _check_array(conv)
    _check_stream("simd", conv.simd, conv.input_format)
    _check_stream("pe", conv.pe, conv.epilogue.output)
    # Nothing else asks for these where the accumulator is given.
    _ = conv.weight_format, conv.bias_format


def _check_line_buffer(conv: Conv2d) -> None:
    if conv.batch != 1:
        raise reject(
            "Conv2d", f"batch={conv.batch}", "has no meaning for algorithm='direct', which "
            "takes any number of frames", "leave batch away",
        )  # fmt: skip
    _check_lanes(conv)


def _check_fits(conv: Conv2d) -> None:
    for axis, name in ((conv.window.rows, "height"), (conv.window.cols, "width")):
        if axis.unstrided < 1:
            padded = axis.size + axis.pad_before + axis.pad_after
            raise reject(
                "Conv2d",
                f"kernel reach {axis.reach + 1} (kernel {axis.kernel}, dilation {axis.dilation})",
                f"is larger than the padded {name} {padded}",
                f"use a {name} or padding that gives at least {axis.reach + 1}",
            )
    if conv.pool_window is None:
        return
    for axis, name in ((conv.pool_window.rows, "height"), (conv.pool_window.cols, "width")):
        if axis.unstrided < 1:
            raise reject(
                "Conv2d",
                f"pooling size {axis.kernel}",
                f"is larger than the output {name} {axis.size}",
                f"use a size up to {axis.size}",
            )


def _check_lanes(conv: Conv2d) -> None:
    if conv.simd <= conv.group_in_channels:
        of = "in_channels" if conv.groups == 1 else "in_channels / groups"
        require_divides("Conv2d", "simd", conv.simd, of, conv.group_in_channels)
        of = "out_channels" if conv.groups == 1 else "out_channels / groups"
        require_divides("Conv2d", "pe", conv.pe, of, conv.group_out_channels)
        return
    bundles = [count * conv.group_in_channels for count in divisors(conv.groups)]
    if conv.simd not in bundles:
        raise reject(
            "Conv2d",
            f"simd={conv.simd}",
            f"does not cover whole groups of in_channels / groups={conv.group_in_channels}, as "
            f"many as divide groups={conv.groups}",
            nearest(conv.simd, bundles),
        )
    needed = conv.simd // conv.group_in_channels * conv.group_out_channels
    if conv.pe != needed:
        raise reject(
            "Conv2d",
            f"pe={conv.pe}",
            f"does not match simd={conv.simd}, which covers "
            f"{conv.simd // conv.group_in_channels} groups of {conv.group_out_channels} "
            "output channels",
            f"use pe={needed}",
        )


def _check_open(conv: Conv2d) -> None:
    """What is chosen with the algorithm cannot be given beside it."""
    if conv.taps != "all":
        raise reject(
            "Conv2d", f"taps={conv.taps!r}", "has no meaning for algorithm='auto', which finds "
            "the lanes of a line buffer from simd x pe multipliers", "leave taps away",
        )  # fmt: skip


def _check_array(conv: Conv2d) -> None:
    """What the systolic array cannot do, which the line buffer can."""
    for field, value in (("groups", 1), ("pooling", None), ("taps", "all"), ("weights", "rom"),
                         ("bias_fraction", 0)):  # fmt: skip
        given = getattr(conv, field)
        if given != value:
            raise reject(
                "Conv2d", f"{field}={given!r}",
                f"is not possible with algorithm={conv.algorithm!r}",
                f"leave {field} away, or use algorithm='direct'",
            )  # fmt: skip
    for field in ("simd", "pe"):
        lanes = getattr(conv, field)
        if lanes < 2 or lanes & (lanes - 1):
            raise reject(
                "Conv2d", f"{field}={lanes}",
                "is not a power of two from 2 on, as the side of a systolic array must be "
                f"(algorithm={conv.algorithm!r})",
                nearest(lanes, [2, 4, 8, 16, 32, 64]),
            )  # fmt: skip
    axis = conv.window.rows
    if axis.last_output + axis.reach < axis.pad_before:
        raise reject(
            "Conv2d", f"padding top={axis.pad_before}", "hides the image from every window",
            f"use at most {axis.last_output + axis.reach}",
        )  # fmt: skip
    taps, pixels = conv.window.taps, conv.height * conv.width
    channels = -(-conv.in_channels // conv.simd) * conv.simd
    filters = -(-conv.out_channels // conv.pe) * conv.pe
    sizes = [
        (f"batch={conv.batch}", conv.batch * conv.window.positions),
        (f"in_channels={conv.in_channels}", taps * channels),
        (f"out_channels={conv.out_channels}", conv.out_channels),
    ]
    if conv.algorithm == "kn2row_partials":
        _check_stream("pe", conv.pe, conv.epilogue.accumulator)
        sizes = [
            (f"batch={conv.batch}", conv.batch * pixels + 1),
            (f"in_channels={conv.in_channels}", channels),
            (f"out_channels={conv.out_channels}", taps * filters),
        ]
    for given, size in sizes:
        if size > LARGEST_MATRIX:
            raise reject(
                "Conv2d", given, f"makes a matrix of {size} rows or columns, over "
                f"{LARGEST_MATRIX}", "use a smaller one, or algorithm='direct'",
            )  # fmt: skip


def _check_stream(lanes: str, count: int, element: Fixed) -> None:
    bits = count * element.container_bits
    if bits > MAX_STREAM_BITS:
        raise reject(
            "Conv2d",
            f"{lanes}={count}",
            f"makes a stream of {bits} bits ({element.container_bits} an element), over the "
            f"{MAX_STREAM_BITS} of an AXI DMA",
            f"use {lanes} up to {MAX_STREAM_BITS // element.container_bits}",
        )
