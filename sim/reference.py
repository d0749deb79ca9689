"""What a design must put out: its fields and parameters handed to the golden models."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hls.conv2d import Conv2d
from hls.epilogue import Epilogue
from hls.gemm import Gemm
from hls.matrix_conv2d import MatrixConv2d
from hls.parameters import Parameters
from hls.partials_conv2d import PartialsConv2d
from sim import golden

__all__ = ["between", "conv2d_output", "gemm_output"]


def conv2d_output(conv: Conv2d, parameters: Parameters, x: npt.ArrayLike) -> npt.NDArray[Any]:
    """[N, H, W, C] pixels -> [N, OH, OW, M] in the output's dtype."""
    rows, cols = conv.window.rows, conv.window.cols
    pads = conv.pads
    sums = golden.conv2d(
        x,
        parameters.weights,
        parameters.bias,
        stride=(rows.stride, cols.stride),
        dilation=(rows.dilation, cols.dilation),
        pads=(pads.top, pads.bottom, pads.left, pads.right),
        groups=conv.groups,
        zero_point=conv.input_zero_point,
        bias_fraction=conv.bias_fraction,
    )
    y = _finish(conv.epilogue, sums, parameters.multiplier, parameters.shift)
    if conv.pooling is not None and conv.pool_window is not None:
        window = conv.pool_window
        pool = golden.max_pool if conv.pooling.kind == "max" else golden.average_pool
        size = (window.rows.kernel, window.cols.kernel)
        y = pool(y, size, (window.rows.stride, window.cols.stride))
    return y.astype(conv.epilogue.output.dtype)


def between(engine: MatrixConv2d, parameters: Parameters, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """[N, H, W, C] pixels, C filled up to whole words -> what a first phase leaves in memory."""
    if isinstance(engine, PartialsConv2d):
        return _partials(engine, parameters, x)
    return _patches(engine, x)


def _partials(
    engine: PartialsConv2d, parameters: Parameters, x: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    """[pixels, taps * filters] sums over channels, behind a pixel of padding if one is needed."""
    conv = engine.conv
    padding = np.full((engine.padding_pixels, x.shape[3]), conv.input_zero_point)
    pixels = np.concatenate([padding, x.reshape(-1, x.shape[3])])[:, : conv.in_channels]
    filters, _, _, channels = parameters.weights.shape
    taps = parameters.weights.transpose(3, 1, 2, 0).reshape(channels, -1, filters)
    fill = engine.filter_words * conv.pe - filters
    matrix = np.pad(taps, ((0, 0), (0, 0), (0, fill))).reshape(channels, -1)
    accumulator = conv.epilogue.accumulator
    return golden.wrap(golden.gemm(pixels, matrix), accumulator.bits).astype(accumulator.dtype)


def _patches(engine: MatrixConv2d, x: npt.ArrayLike) -> npt.NDArray[Any]:
    """The windows of all positions: [N*OH*OW, KH*KW*C]."""
    conv = engine.conv
    rows, cols, pads = conv.window.rows, conv.window.cols, conv.pads
    return golden.patches(
        x,
        (rows.kernel, cols.kernel),
        stride=(rows.stride, cols.stride),
        dilation=(rows.dilation, cols.dilation),
        pads=(pads.top, pads.bottom, pads.left, pads.right),
        zero_point=conv.input_zero_point,
    ).astype(conv.input_format.dtype)


def gemm_output(
    gemm: Gemm,
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    bias: npt.ArrayLike | None = None,
    multiplier: npt.ArrayLike | None = None,
    shift: npt.ArrayLike | None = None,
) -> npt.NDArray[Any]:
    """A[M,K], B[K,N] and the columns' parameters -> C[M,N] in the output's dtype."""
    sums = golden.gemm(np.asarray(a, np.int64) - gemm.input_zero_point, b, bias)
    return _finish(gemm.epilogue, sums, multiplier, shift).astype(gemm.epilogue.output.dtype)


def _finish(
    epilogue: Epilogue,
    sums: npt.NDArray[np.int64],
    multiplier: npt.ArrayLike | None,
    shift: npt.ArrayLike | None,
) -> npt.NDArray[np.int64]:
    sums = golden.wrap(sums, epilogue.value.bits)
    if multiplier is not None and shift is not None:
        sums = golden.requantize(sums, multiplier, shift, epilogue.zero_point)
    return golden.clamp(sums, epilogue.low, epilogue.high)
