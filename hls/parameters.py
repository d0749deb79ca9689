"""What fills a design: weights, bias and requantization of a Conv2d, checked against its formats.

A design says how the hardware looks, the parameters what it holds. They travel as an `.npz` file
with the arrays `weights` [M, KH, KW, C/groups], `bias` [M], `multiplier` and `shift` ([M], or one
value for requantize="tensor").
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.conv2d import Conv2d
from hls.dsp import Packing
from hls.errors import InputError
from hls.fixed import Fixed

__all__ = ["Parameters", "Tables", "load_parameters", "random_parameters", "scale_to_multiplier"]

Array = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Parameters:
    """Checked parameters of one Conv2d, as int64 arrays.

    `bias`, in steps of 2^-bias_fraction of the accumulator, is None without one; `multiplier` and
    `shift` are [M], and None without requantization.
    """

    weights: Array
    bias: Array | None
    multiplier: Array | None
    shift: Array | None

    @classmethod
    def checked(cls, conv: Conv2d, arrays: Mapping[str, Any], source: str) -> Parameters:
        """Check shapes, types and ranges of `arrays`; `source` names them in messages.

        Raises:
            InputError: an array is missing, unknown, mis-shaped or out of its format.
        """
        needed: dict[str, tuple[tuple[int, ...], Fixed]] = {
            "weights": (conv.weight_shape, conv.weight_format)
        }
        if conv.bias_format is not None:
            needed["bias"] = ((conv.out_channels,), conv.bias_format)
        if conv.epilogue.requantized:
            shape: tuple[int, ...] = (conv.out_channels,)
            bits = conv.epilogue.multiplier_bits
            needed["multiplier"] = (shape, Fixed(bits=bits, signed=False))
            needed["shift"] = (shape, Fixed(bits=6, signed=False))
        for name in arrays:
            if name not in needed:
                raise InputError(
                    f"{source}: array {name!r} is not used by {conv.name}; "
                    f"it takes {', '.join(needed)}"
                )
        checked: dict[str, Array | None] = {"bias": None, "multiplier": None, "shift": None}
        for name, (shape, number_format) in needed.items():
            if name not in arrays:
                raise InputError(
                    f"{source}: array {name!r} is missing; {conv.name} takes {', '.join(needed)}"
                )
            single = name in ("multiplier", "shift") and conv.requantize == "tensor"
            remedy = "change the values or the format"
            if name == "weights" and conv.packed is not None and number_format.symmetric:
                limits = f"{number_format.minimum}..{number_format.maximum}"
                remedy = f"clip to {limits} (symmetric quantization), or use packing='off'"
            checked[name] = _checked(
                source, name, arrays[name], shape, number_format, single, remedy
            )
        shift = checked["shift"]
        if shift is not None and int(shift.max()) > conv.max_shift:
            raise InputError(
                f"{source}: shift={int(shift.max())} is over max_shift={conv.max_shift}; "
                f"use shifts up to {conv.max_shift} or a larger max_shift"
            )
        return cls(**checked)  # type: ignore[arg-type]

    @property
    def arrays(self) -> dict[str, Array]:
        """Those that there are, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}

    def save(self, path: Path) -> None:
        """Write an `.npz` file; the same parameters give the same bytes."""
        np.savez(path, **self.arrays)


def _checked(
    source: str,
    name: str,
    values: Any,
    shape: tuple[int, ...],
    number_format: Fixed,
    single: bool,
    remedy: str,
) -> Array:
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        raise InputError(
            f"{source}: array {name!r} has dtype {array.dtype}; quantize it to integers first"
        )
    if single:
        if np.unique(array).size > 1:
            raise InputError(
                f"{source}: array {name!r} has several values, but requantize='tensor' takes one; "
                "use requantize='channel'"
            )
        if array.size:
            array = np.full(shape, array.flat[0])
    if array.shape != shape:
        raise InputError(
            f"{source}: array {name!r} has shape {list(array.shape)}; it must be {list(shape)}"
        )
    if not number_format.holds(array):
        bad = array[(array < number_format.minimum) | (array > number_format.maximum)].flat[0]
        raise InputError(
            f"{source}: array {name!r} holds {bad}, outside {number_format.minimum}.."
            f"{number_format.maximum} of {number_format}; {remedy}"
        )
    return array.astype(np.int64)


def load_parameters(conv: Conv2d, path: Path) -> Parameters:
    """Read and check an `.npz` file.

    Raises:
        InputError: the file cannot be read, or does not fit the design.
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            arrays = {name: data[name] for name in data.files}
    except FileNotFoundError:
        raise InputError(f"{path}: no such weights file; make one with numpy.savez") from None
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(
            f"{path}: is not a readable .npz file ({type(error).__name__}); "
            "make one with numpy.savez"
        ) from None
    return Parameters.checked(conv, arrays, str(path))


def scale_to_multiplier(scale: float, multiplier_bits: int, max_shift: int) -> tuple[int, int]:
    """The (multiplier, shift) with multiplier / 2^shift closest to a positive `scale`.

    The multiplier uses all of its bits, so the relative error is at most 2^-multiplier_bits,
    unless the shift would pass `max_shift`.
    """
    mantissa, exponent = math.frexp(scale)  # scale = mantissa * 2^exponent, mantissa in [0.5, 1)
    shift = min(multiplier_bits - exponent, max_shift)
    multiplier = round(math.ldexp(mantissa, exponent + shift)) if shift >= 0 else 1
    if multiplier == 1 << multiplier_bits:
        multiplier, shift = multiplier >> 1, shift - 1
    if shift < 0 or multiplier >= 1 << multiplier_bits:
        return (1 << multiplier_bits) - 1, 0
    return multiplier, shift


def random_parameters(conv: Conv2d, seed: int) -> Parameters:
    """Parameters that fill the formats; sums of random pixels then use the output's range.

    Corner values are in: every eighth weight or so is the format's minimum or maximum.
    """
    rng = np.random.default_rng(seed)
    weights = _uniform(rng, conv.weight_format, conv.weight_shape)
    bias = None
    if conv.bias_format is not None:
        room = conv.worst_case.bits - 3 + conv.bias_fraction
        limit = Fixed(bits=min(conv.bias_format.bits, room), signed=True)
        bias = _uniform(rng, limit, (conv.out_channels,)).clip(
            conv.bias_format.minimum, conv.bias_format.maximum
        )
    if not conv.epilogue.requantized:
        return Parameters(weights=weights, bias=bias, multiplier=None, shift=None)
    # The spread of a sum of independent uniform products; three of them fill the output.
    spread = math.sqrt(
        conv.taps_per_output * 4.0 ** (conv.input_format.bits + conv.weight_format.bits - 2) / 9
    )
    scale = 2.0 ** (conv.epilogue.output.bits - 1 - conv.bias_fraction) / (3 * spread)
    tensor = conv.requantize == "tensor"
    factors = np.ones(1) if tensor else rng.uniform(0.5, 2.0, conv.out_channels)
    pairs = np.array(
        [
            scale_to_multiplier(scale * f, conv.multiplier_bits, conv.max_shift)
            for f in np.broadcast_to(factors, (conv.out_channels,))
        ],
        np.int64,
    )
    return Parameters(weights=weights, bias=bias, multiplier=pairs[:, 0], shift=pairs[:, 1])


def _uniform(rng: np.random.Generator, fmt: Fixed, shape: tuple[int, ...]) -> Array:
    values = rng.integers(fmt.minimum, fmt.maximum, shape, np.int64, endpoint=True)
    corners = rng.choice(np.array([fmt.minimum, fmt.maximum]), shape)
    return np.where(rng.random(shape) < 0.125, corners, values)


@dataclass(frozen=True, kw_only=True, eq=False)
class Tables:
    """Parameters in the order in which the generated hardware reads them.

    `weights` is [weight_words, pe, parallel_taps, channels_per_pe]; the others are
    [out_channels / finish_lanes, finish_lanes]. The bias carries the input zero point:
    sum((x - zero) * w) + bias = sum(x * w) + (bias - zero * sum(w)), modulo the accumulator, all
    in steps of 2^-bias_fraction.
    """

    weights: Array
    bias: Array | None
    multiplier: Array | None
    shift: Array | None

    @property
    def uniform(self) -> bool:
        """Whether one multiplier and one shift serve all channels."""
        if self.multiplier is None or self.shift is None:
            return True
        return np.unique(self.multiplier).size == 1 and np.unique(self.shift).size == 1

    def pairs(self, packing: Packing) -> Array:
        """Pairs of weights of neighboring PEs as one number each; half as many as PEs."""
        first, second = self.weights[:, 0::2], self.weights[:, 1::2]
        return (second << packing.weight.bits) + first

    @classmethod
    def of(cls, conv: Conv2d, parameters: Parameters) -> Tables:
        """Arrange `parameters` for `conv`."""
        weights = parameters.weights.reshape(weight_axes(conv)).transpose(WEIGHT_ORDER)
        bias = parameters.bias
        if conv.input_zero_point:
            share = conv.input_zero_point * parameters.weights.sum(axis=(1, 2, 3))
            bias = (0 if bias is None else bias) - (share << conv.bias_fraction)
        return cls(
            weights=weights.reshape(
                conv.weight_words, conv.pe, conv.parallel_taps, conv.channels_per_pe
            ),
            bias=None if bias is None else _by_lane(conv, conv.epilogue.value.wrap(bias)),
            multiplier=_by_lane(conv, parameters.multiplier),
            shift=_by_lane(conv, parameters.shift),
        )


def weight_axes(conv: Conv2d) -> tuple[int, ...]:
    """[M, KH, KW, C] split into (group fold, group, filter fold, PE, tap fold, tap, fold, lane)."""
    return (
        conv.group_folds,
        conv.groups_per_beat,
        conv.filter_folds,
        conv.pe_per_group,
        conv.tap_folds,
        conv.parallel_taps,
        conv.channel_folds,
        conv.channels_per_pe,
    )


WEIGHT_ORDER = (0, 2, 6, 4, 1, 3, 5, 7)
"""Those axes as the hardware walks them: folds (words) first, then PEs, taps, channels."""


def _by_lane(conv: Conv2d, values: Array | None) -> Array | None:
    return None if values is None else values.reshape(-1, conv.finish_lanes)
