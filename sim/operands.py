"""The arrays that a simulation is given, checked against the design's formats and sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.conv2d import Conv2d
from hls.design import DataflowNetwork, OverlayNetwork
from hls.errors import InputError
from hls.fixed import Fixed
from hls.gemm import Gemm
from hls.matrix_conv2d import MatrixConv2d
from hls.parameters import Parameters
from hls.partials_conv2d import PartialsConv2d
from host import packing

__all__ = ["matrices", "patch_operands", "pixels"]

Array = npt.NDArray[Any]


def pixels(design: Conv2d | DataflowNetwork | OverlayNetwork, x: Any) -> Array:
    """Frames [N, H, W, C] in the format of the input.

    Raises:
        InputError: the shape is another, or values are outside the format.
    """
    return _operand("x", x, design.input_format, [None, *design.input_shape])


def patch_operands(engine: MatrixConv2d, parameters: Parameters) -> dict[str, Array]:
    """What a convolution on the array reads besides the image: b and, if it has one, p."""
    conv = engine.conv
    weights = filters = parameters.weights
    if isinstance(engine, PartialsConv2d):
        filters = packing.taps_as_filters(weights, conv.pe)
    found: dict[str, Array] = {
        "b": packing.pack_taps(
            filters, conv.simd, conv.pe, conv.weight_format.dtype, engine.gemm.tile_cols
        )
    }
    if engine.has_parameters:
        sums = weights.sum(axis=(1, 2, 3))
        folded = packing.fold_bias(parameters.bias, sums, conv.input_zero_point)
        found["p"] = packing.pack_columns(
            folded, parameters.multiplier, parameters.shift, conv.out_channels
        )
    return found


def matrices(
    gemm: Gemm, a: Any, b: Any, bias: Any = None, multiplier: Any = None, shift: Any = None
) -> dict[str, Array]:
    """A[M,K], B[K,N] and what the epilogue needs of bias, multiplier and shift, [N] each.

    The bias is 0 unless given; multiplier and shift may be one value for all columns.

    Raises:
        InputError: an operand is missing, has the wrong shape or values outside its format.
    """
    left = _operand("a", a, gemm.input_format, [None, None])
    m, k = left.shape
    right = _operand("b", b, gemm.weight_format, [k, None])
    n = right.shape[1]
    for name, size in (("m", m), ("k", k), ("n", n)):
        limit = getattr(gemm, f"max_{name}")
        if not 1 <= size <= limit:
            raise InputError(f"{gemm.name}: {name}={size} is outside 1..{limit} of the design")
    found = {"a": left, "b": right}
    if not gemm.has_parameters:
        return found
    if gemm.bias_format is not None:
        bias = np.zeros(n, int) if bias is None else bias
        found["bias"] = _operand("bias", bias, gemm.bias_format, [n])
    if gemm.epilogue.requantized:
        if multiplier is None or shift is None:
            raise InputError(f"{gemm.name}: requantizes, so give multiplier and shift")
        limit_format = Fixed(bits=gemm.multiplier_bits, signed=False)
        found["multiplier"] = _operand("multiplier", _spread(multiplier, n), limit_format, [n])
        found["shift"] = _operand("shift", _spread(shift, n), Fixed(bits=6, signed=False), [n])
        if int(found["shift"].max()) > gemm.max_shift:
            raise InputError(
                f"shift: {int(found['shift'].max())} is over max_shift={gemm.max_shift}"
            )
    return found


def _spread(values: Any, n: int) -> Array:
    """One value for all columns, or what was given for each."""
    return np.full(n, values) if np.size(values) == 1 else np.asarray(values)


def _operand(name: str, values: Any, fmt: Fixed, shape: Sequence[int | None]) -> Array:
    """`values` in the format's dtype and C order, checked; None in `shape` fits any size."""
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        raise InputError(f"{name}: has dtype {array.dtype}; it must hold integers of {fmt}")
    wanted = ["any" if size is None else str(size) for size in shape]
    fits = array.ndim == len(shape) and all(
        size is None or size == given for size, given in zip(shape, array.shape, strict=True)
    )
    if not fits:
        raise InputError(f"{name}: has shape {list(array.shape)}; it must be [{', '.join(wanted)}]")
    if not fmt.holds(array):
        raise InputError(
            f"{name}: holds values outside {fmt.minimum}..{fmt.maximum} of {fmt}; "
            "clip or quantize them first"
        )
    return np.ascontiguousarray(array, fmt.dtype)
