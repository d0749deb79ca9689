"""The golden model of a network: every tensor of it, exact, by the golden models of its layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from hls.geometry import Axis
from hls.network import Network
from hls.network.layers import (
    ACTIVATION,
    Addition,
    Concatenation,
    Convolution,
    Flattening,
    Layer,
    Pooling,
    Requantization,
    Rescaling,
)
from sim import golden
from sim.reference import conv2d_output

__all__ = ["layer_output", "tensors"]

Ints = npt.NDArray[np.int64]
Activations = npt.NDArray[np.int8]


def tensors(network: Network, x: npt.ArrayLike) -> dict[str, Activations]:
    """Every tensor of `network` for the frames x [N, H, W, C] (s8), by name, each [N, H, W, C].

    They come in the order in which they are made, the input first.
    """
    made = {network.input: np.asarray(x, np.int8)}
    for layer in network.layers:
        made[layer.output] = layer_output(layer, [made[name] for name in layer.inputs])
    return made


def layer_output(layer: Layer, inputs: Sequence[Activations]) -> Activations:
    """What a layer makes of its inputs, each [N, H, W, C]."""
    if isinstance(layer, Convolution):
        made: Activations = conv2d_output(layer.conv, layer.parameters, inputs[0])
        return made
    if isinstance(layer, Flattening):
        return inputs[0].reshape(len(inputs[0]), 1, 1, -1)
    values = [np.asarray(x, np.int64) for x in inputs]
    if isinstance(layer, Addition):
        terms = zip(values, layer.zero_points, layer.multipliers, strict=True)
        scaled = [(x - zero) * factor for x, zero, factor in terms]
        return _finish(scaled[0] + scaled[1], layer.finish)
    if isinstance(layer, Rescaling):
        return _finish(values[0] - layer.input_zero_point, layer.finish)
    if isinstance(layer, Concatenation):
        parts = zip(values, layer.input_zero_points, layer.finishes, strict=True)
        return np.concatenate([_finish(x - zero, finish) for x, zero, finish in parts], axis=3)
    return _finish(_pooled(layer, values[0]), layer.finish)


def _finish(values: Ints, finish: Requantization) -> Activations:
    """`Requantization`: a quotient by divisor * 2^shift, rounded to nearest, then the limits."""
    if finish.single:
        product = values.astype(np.float32) * np.float32(finish.multiplier)
        rounded = np.rint(np.ldexp(product, -finish.shift)).astype(np.int64)
        return golden.clamp(rounded + finish.zero_point, finish.low, finish.high).astype(np.int8)
    divisor = finish.divisor << finish.shift
    floor, rest = np.divmod(values * finish.multiplier, divisor)
    leaves_tie = 1 if finish.ties == "even" else 0  # the parity that a tie must not end at
    up = (2 * rest > divisor) | ((2 * rest == divisor) & (floor % 2 == leaves_tie))
    return golden.clamp(floor + up + finish.zero_point, finish.low, finish.high).astype(np.int8)


def _pooled(layer: Pooling, x: Ints) -> Ints:
    """Per window: the largest value, or the sum times its share, of pixels less zero points."""
    largest = layer.kind == "max"
    # No pixel is below the least value that a tensor holds, so padding never is the maximum.
    outside = ACTIVATION.minimum - ACTIVATION.maximum if largest else 0
    pads = ((0, 0), *(_pads(axis) for axis in (layer.rows, layer.cols)), (0, 0))
    image = np.pad(x - layer.input_zero_point, pads, constant_values=outside)
    taps = np.stack(list(_taps(layer, image)))
    if largest:
        result: Ints = taps.max(axis=0)
        return result
    shares: Ints = np.outer(*layer.shares)
    sums: Ints = taps.sum(axis=0) * shares[..., None]
    return sums


def _pads(axis: Axis) -> tuple[int, int]:
    return axis.pad_before, axis.pad_after


def _taps(layer: Pooling, image: Ints) -> Iterator[Ints]:
    """For every tap of the window, the pixels that it sees."""
    rows, cols = layer.rows, layer.cols
    for row in range(0, rows.reach + 1, rows.dilation):
        for col in range(0, cols.reach + 1, cols.dilation):
            yield image[
                :,
                row : row + rows.last_output + 1 : rows.stride,
                col : col + cols.last_output + 1 : cols.stride,
            ]
