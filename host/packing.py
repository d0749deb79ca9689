"""NumPy arrays to the words that the hardware reads, and back.

Elements travel as they lie in memory: one NumPy element a lane, little-endian, channels last. So a
contiguous HWC array *is* the stream, and only run-time parameters and the padded rows of a GEMM
need any packing at all. Everything here is driven by manifest.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "fold_bias", "pack_columns", "pack_parameters", "pack_patches", "pack_pixels", "pack_rows",
    "pack_taps", "row_length", "taps_as_filters", "unpack_rows",
]  # fmt: skip

Words = npt.NDArray[np.uint32]


def fold_bias(
    bias: npt.ArrayLike | None, weight_sums: npt.ArrayLike, input_zero_point: int, places: int = 0
) -> npt.NDArray[np.int64]:
    """The bias that makes sum(x*w) + bias' equal sum((x - zero_point)*w) + bias, as int64 [M].

    Both have `places` binary places.
    """
    share = (np.asarray(weight_sums, np.int64) * input_zero_point) << places
    folded: npt.NDArray[np.int64] = (0 if bias is None else np.asarray(bias, np.int64)) - share
    return folded


def pack_parameters(
    manifest: Mapping[str, Any],
    weights: npt.ArrayLike,
    bias: npt.ArrayLike | None,
    multiplier: npt.ArrayLike | None,
    shift: npt.ArrayLike | None,
) -> Words:
    """The parameter stream of a convolution with run-time weights, as 32-bit words.

    Weights come first, in the order in which the hardware walks them, those of one PE and tap
    packed into `group_words` words; then bias (64 bits), multiplier and shift of each channel.
    """
    layout = manifest["parameters"]
    walked = np.asarray(weights, np.int64).reshape(layout["weight_axes"])
    groups = walked.transpose(layout["weight_order"]).reshape(-1, layout["weight_axes"][-1])
    packed = _pack_bits(groups, layout["weight_bits"], layout["group_words"])
    quantization = manifest["quantization"]
    sums = np.asarray(weights, np.int64).sum(axis=(1, 2, 3))
    folded = fold_bias(
        bias, sums, quantization["input_zero_point"], quantization["bias_fraction"]
    )  # fmt: skip
    table = _table(sums.size, folded, multiplier, shift)
    return np.concatenate([packed.reshape(-1), table.reshape(-1)])


def pack_columns(
    bias: npt.ArrayLike | None,
    multiplier: npt.ArrayLike | None,
    shift: npt.ArrayLike | None,
    columns: int,
) -> Words:
    """The table of a GEMM, [columns, 4]: bias (64 bits), multiplier and shift of each column."""
    folded = np.zeros(columns, np.int64) if bias is None else np.asarray(bias, np.int64)
    return _table(columns, folded, multiplier, shift)


def _table(
    count: int,
    bias: npt.NDArray[np.int64],
    multiplier: npt.ArrayLike | None,
    shift: npt.ArrayLike | None,
) -> Words:
    table = np.zeros((count, 4), "<u4")
    table[:, :2] = np.ascontiguousarray(bias, "<i8").view("<u4").reshape(count, 2)
    if multiplier is not None and shift is not None:
        table[:, 2] = multiplier
        table[:, 3] = shift
    return table


def _pack_bits(groups: npt.NDArray[np.int64], bits: int, words: int) -> Words:
    """Rows of integers to rows of 32-bit words, `bits` bits each, lowest first."""
    count = groups.shape[0]
    places = np.arange(bits, dtype=np.int64)
    flat = ((groups[:, :, None] >> places) & 1).astype(np.uint8).reshape(count, -1)
    padded = np.zeros((count, words * 32), np.uint8)
    padded[:, : flat.shape[1]] = flat
    packed: Words = np.packbits(padded, axis=1, bitorder="little").view("<u4")
    return packed


def pack_pixels(x: npt.NDArray[Any], lanes: int) -> npt.NDArray[Any]:
    """Frames [N, H, W, C] as pixels of whole words of `lanes` channels, [N*H*W, C filled up].

    Without anything to fill up, that is the array itself.
    """
    flat = np.ascontiguousarray(x).reshape(-1, x.shape[-1])
    return flat if x.shape[-1] % lanes == 0 else pack_rows(flat, lanes, x.dtype)


def pack_patches(
    x: npt.NDArray[Any],
    kernel: tuple[int, int],
    *,
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
    pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    zero_point: int = 0,
) -> npt.NDArray[Any]:
    """im2col on the host, Caffe's way: the matrix A that makes a plain GEMM compute a convolution.

    `gemm(pack_patches(x, (KH, KW)), pack_taps(w, 1, 1, w.dtype), bias)` is [N*OH*OW, M], the
    convolution's output. The patches take KH*KW / (stride rows * stride cols) times the bytes of
    the image, about, which is what the engines that cut patches on chip save.

    Args:
        x: frames [N, H, W, C].
        kernel: its rows and columns.
        stride: vertical, horizontal.
        dilation: vertical, horizontal.
        pads: top, bottom, left, right.
        zero_point: of x, which padded pixels hold.

    Returns:
        [N*OH*OW, KH*KW*C] in the dtype of x, new: what a window sees at each output position, in
        the order (kernel row, kernel column, channel).
    """
    top, bottom, left, right = pads
    frames, height, width, channels = x.shape
    image = np.full(
        (frames, height + top + bottom, width + left + right, channels), zero_point, x.dtype
    )
    image[:, top : top + height, left : left + width] = x
    reach = [step * (size - 1) + 1 for size, step in zip(kernel, dilation, strict=True)]
    outputs = [
        (size - seen) // step + 1
        for size, seen, step in zip(image.shape[1:3], reach, stride, strict=True)
    ]
    frame, row, col, channel = image.strides
    windows = np.lib.stride_tricks.as_strided(
        image,
        (frames, *outputs, *kernel, channels),
        (frame, row * stride[0], col * stride[1], row * dilation[0], col * dilation[1], channel),
    )
    return np.ascontiguousarray(windows.reshape(-1, kernel[0] * kernel[1] * channels))


def pack_taps(
    weights: npt.NDArray[Any],
    pixel_lanes: int,
    filter_lanes: int,
    dtype: npt.DTypeLike,
    tile: int | None = None,
) -> npt.NDArray[Any]:
    """Weights [M, KH, KW, C] as the matrix that patches are multiplied with.

    Returns:
        [KH*KW*channels, filters] of `dtype`, both filled up to whole words: the channels of each
        tap with zeros, which is what makes the channels that fill up a pixel harmless. With `tile`,
        that many columns after the other as a matrix of their own, all in one row: so a tile of the
        product lies in one piece.
    """
    filters, kernel_rows, kernel_cols, channels = weights.shape
    taps = np.zeros(
        (kernel_rows, kernel_cols, row_length(channels, pixel_lanes), filters), np.dtype(dtype)
    )
    taps[:, :, :channels] = weights.transpose(1, 2, 3, 0)
    matrix = pack_rows(taps.reshape(-1, filters), filter_lanes, dtype)
    if tile is None:
        return matrix
    starts = range(0, matrix.shape[1], tile)
    return np.concatenate([matrix[:, start : start + tile].reshape(-1) for start in starts])


def taps_as_filters(weights: npt.NDArray[Any], filter_lanes: int) -> npt.NDArray[Any]:
    """Weights [M, KH, KW, C] as those of a 1x1 kernel that has a filter for each tap.

    Returns:
        [KH*KW*filters, 1, 1, C]: the filters of one tap behind those of the other, M filled up to
        whole words with zeros.
    """
    filters, rows, cols, channels = weights.shape
    taps = np.zeros((rows * cols, row_length(filters, filter_lanes), channels), weights.dtype)
    taps[:, :filters] = weights.transpose(1, 2, 0, 3).reshape(rows * cols, filters, channels)
    return taps.reshape(-1, 1, 1, channels)


def row_length(cols: int, lanes: int) -> int:
    """Elements of a row that is filled up to whole words of `lanes` elements."""
    return -(-cols // lanes) * lanes


def pack_rows(
    matrix: npt.NDArray[Any],
    lanes: int,
    dtype: npt.DTypeLike,
    into: npt.NDArray[Any] | None = None,
) -> npt.NDArray[Any]:
    """A matrix with its rows filled up to whole words of `lanes` elements, C-contiguous.

    Args:
        matrix: [rows, cols].
        lanes: elements of a word.
        dtype: of the result.
        into: an array of the result's shape and dtype to write; a new one unless given.
    """
    rows, cols = matrix.shape
    packed = np.empty((rows, row_length(cols, lanes)), dtype) if into is None else into
    packed[:, :cols] = matrix
    packed[:, cols:] = 0
    return packed


def unpack_rows(packed: npt.NDArray[Any], cols: int) -> npt.NDArray[Any]:
    """The first `cols` elements of every row."""
    return packed[:, :cols]
