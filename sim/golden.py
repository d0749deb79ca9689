"""Golden models: exact integers in NumPy, ignorant of hardware.

They state what a layer means, in the words of the ONNX operators; every other room of the project
(C-sim, RTL, host) is compared with them. Axes: images [N, H, W, C], weights [M, KH, KW, C/groups],
A [M, K], B [K, N].
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

__all__ = [
    "average_pool", "clamp", "conv2d", "gemm", "max_pool", "patches", "requantize", "wrap",
]  # fmt: skip

Ints = npt.NDArray[np.int64]


def conv2d(
    x: npt.ArrayLike,
    weights: npt.ArrayLike,
    bias: npt.ArrayLike | None = None,
    *,
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
    pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    groups: int = 1,
    zero_point: int = 0,
    bias_fraction: int = 0,
) -> Ints:
    """Accumulators of a convolution: sum((x - zero_point) * w) + bias, as ONNX ConvInteger + Add.

    Args:
        x: [N, H, W, C] integers.
        weights: [M, KH, KW, C/groups] integers.
        bias: [M] integers in steps of 2^-bias_fraction, or None.
        stride: vertical, horizontal.
        dilation: vertical, horizontal.
        pads: top, bottom, left, right; padded pixels hold `zero_point`.
        groups: of channels that do not see each other.
        zero_point: of x.
        bias_fraction: binary places of bias and result.

    Returns:
        [N, OH, OW, M] int64 in steps of 2^-bias_fraction, exact.
    """
    image = np.asarray(x, np.int64) - zero_point
    filters = np.asarray(weights, np.int64)
    top, bottom, left, right = pads
    image = np.pad(image, ((0, 0), (top, bottom), (left, right), (0, 0)))
    frames, height, width, _ = image.shape
    out_channels, kernel_rows, kernel_cols, group_channels = filters.shape
    out_height = (height - dilation[0] * (kernel_rows - 1) - 1) // stride[0] + 1
    out_width = (width - dilation[1] * (kernel_cols - 1) - 1) // stride[1] + 1
    per_group = out_channels // groups
    sums = np.zeros((frames, out_height, out_width, groups, per_group), np.int64)
    for kh in range(kernel_rows):
        for kw in range(kernel_cols):
            row, col = kh * dilation[0], kw * dilation[1]
            tap = image[
                :,
                row : row + (out_height - 1) * stride[0] + 1 : stride[0],
                col : col + (out_width - 1) * stride[1] + 1 : stride[1],
            ]
            pixels = tap.reshape(frames, out_height, out_width, groups, group_channels)
            kernel = filters[:, kh, kw].reshape(groups, per_group, group_channels)
            by_group = np.moveaxis(pixels, 3, 0).reshape(groups, -1, group_channels)
            products = _exact_product(by_group, kernel.transpose(0, 2, 1))
            sums += np.moveaxis(products.reshape(groups, *sums.shape[:3], per_group), 0, 3)
    flat = sums.reshape(frames, out_height, out_width, out_channels) << bias_fraction
    return flat if bias is None else flat + np.asarray(bias, np.int64)


def patches(
    x: npt.ArrayLike,
    kernel: tuple[int, int],
    *,
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
    pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    zero_point: int = 0,
) -> Ints:
    """im2col: what the windows see, one row an output position.

    Args:
        x: [N, H, W, C] integers.
        kernel: its height and width; the others as of `conv2d`.

    Returns:
        [N*OH*OW, KH*KW*C] int64: its product with weights [KH*KW*C, M] is the convolution.
    """
    top, bottom, left, right = pads
    image = np.pad(
        np.asarray(x, np.int64), ((0, 0), (top, bottom), (left, right), (0, 0)),
        constant_values=zero_point,
    )  # fmt: skip
    reach = [step * (size - 1) + 1 for step, size in zip(dilation, kernel, strict=True)]
    windows = np.lib.stride_tricks.sliding_window_view(image, reach, axis=(1, 2))  # type: ignore[call-overload]
    seen = windows[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]
    return np.ascontiguousarray(np.moveaxis(seen, 3, 5)).reshape(
        -1, kernel[0] * kernel[1] * image.shape[3]
    )


def gemm(a: npt.ArrayLike, b: npt.ArrayLike, bias: npt.ArrayLike | None = None) -> Ints:
    """A[M,K] . B[K,N] (+ bias[N]) in int64, exact (ONNX MatMulInteger)."""
    product = _exact_product(np.asarray(a, np.int64), np.asarray(b, np.int64))
    return product if bias is None else product + np.asarray(bias, np.int64)


def _exact_product(a: Ints, b: Ints) -> Ints:
    """The product, exact: in float64 (which has fast kernels) where no sum can reach 2^53."""
    largest = _magnitude(a) * _magnitude(b) * a.shape[-1]
    if largest < 1 << 53:
        product: Ints = (a.astype(np.float64) @ b.astype(np.float64)).astype(np.int64)
        return product
    return a @ b


def _magnitude(values: Ints) -> int:
    """The largest absolute value; that of -2^63 is no int64."""
    return max(int(values.max(initial=0)), -int(values.min(initial=0)))


def wrap(values: Ints, bits: int) -> Ints:
    """Two's complement of `bits` bits: what a register of that width keeps."""
    if bits >= 64:
        return values
    half = np.int64(1) << np.int64(bits - 1)
    return ((values + half) & np.int64((1 << bits) - 1)) - half


def requantize(
    sums: Ints, multiplier: npt.ArrayLike, shift: npt.ArrayLike, zero_point: int = 0
) -> Ints:
    """round_half_even(sums * multiplier / 2^shift) + zero_point, exact.

    `multiplier` and `shift` are scalars or run along the last axis. Products beyond 63 bits are
    computed in Python integers; results beyond int64, far from any output, become its limits.
    """
    factor = np.asarray(multiplier, np.int64)
    places = np.asarray(shift, np.int64)
    largest = _magnitude(sums) * int(factor.max(initial=0))
    exact: Ints = sums if largest < 1 << 61 else sums.astype(object)
    product = exact * factor
    floor = product >> places
    twice = (product - (floor << places)) * 2
    one = np.left_shift(np.asarray(1, exact.dtype), places)
    up = (twice > one) | ((twice == one) & (floor % 2 == 1))
    limits = np.iinfo(np.int64)
    rounded: Ints = np.clip(floor + up + zero_point, limits.min, limits.max).astype(np.int64)
    return rounded


def clamp(values: Ints, low: int, high: int) -> Ints:
    """min(max(values, low), high)."""
    return np.clip(values, low, high)


def max_pool(x: Ints, size: tuple[int, int], stride: tuple[int, int]) -> Ints:
    """ONNX MaxPool without padding on [N, H, W, C]; partial windows are dropped."""
    return _pool(x, size, stride, lambda windows: windows.max(axis=(-2, -1)))


def average_pool(x: Ints, size: tuple[int, int], stride: tuple[int, int]) -> Ints:
    """The mean of each window, rounded half to even, without padding on [N, H, W, C]."""
    count = size[0] * size[1]

    def mean(windows: Ints) -> Ints:
        floor, rest = np.divmod(windows.sum(axis=(-2, -1)), count)
        up = (2 * rest > count) | ((2 * rest == count) & (floor % 2 == 1))
        result: Ints = floor + up
        return result

    return _pool(x, size, stride, mean)


def _pool(
    x: Ints, size: tuple[int, int], stride: tuple[int, int], reduce: Callable[[Ints], Ints]
) -> Ints:
    windows = np.lib.stride_tricks.sliding_window_view(x, size, axis=(1, 2))  # type: ignore[call-overload]
    return reduce(windows[:, :: stride[0], :: stride[1]])
