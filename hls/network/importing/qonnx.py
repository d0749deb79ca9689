"""Quant of QONNX, also as Brevitas writes it: real values in, quantized real values out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hls.network.importing.call import Call
from hls.network.importing.quantizing import SHIFTED, quantization_of
from hls.network.importing.values import (
    Constant,
    Head,
    Levels,
    Value,
)

__all__ = ["RULES"]


def quant(call: Call) -> Value:
    """QONNX Quant: real values in, the nearest that `bitwidth` bits have out.

    Where QuantizeLinear rounds before it adds the zero point, this rounds behind; with an even one
    that is the same.
    """
    mode = call.attribute("rounding_mode", "ROUND")
    if mode.upper() not in ("ROUND", "HALF_EVEN"):
        raise call.refuse(f"rounds by {mode}", "use rounding_mode='ROUND' (half to even)")
    bits, scale, zero = call.number(3), call.array(1), call.array(2)
    signed, narrow = bool(call.attribute("signed", 1)), bool(call.attribute("narrow", 0))
    if bits not in range(2, 9):
        raise call.refuse(f"has {bits:g} bits", "use 2 to 8 bits")
    if (np.asarray(zero) % 2).any():
        raise call.refuse("has a zero point that is odd or no integer", "use an even one, as 0")
    high = (1 << int(bits) - signed) - 1 - (narrow and not signed)
    low = narrow - high - 1 if signed else 0
    value = call.value(0)
    if isinstance(value, Constant | Levels):
        return _quant_constant(call, value.real(), scale, zero, (low, high))
    if isinstance(value, Head) or value.integers:
        raise call.refuse("quantizes what is quantized already", "leave it away")
    dtype = "int8" if signed or bits < 8 else "uint8"
    target = quantization_of(call, scale, zero, dtype)
    offset = SHIFTED if dtype == "uint8" else 0
    target = replace(target, low=low - offset, high=high - offset)
    return call.quantize(value, target, real=True)


def _quant_constant(
    call: Call,
    real: npt.NDArray[np.float64],
    scale: npt.NDArray[np.generic],
    zero: npt.NDArray[np.generic],
    limits: tuple[int, int],
) -> Levels:
    """A constant in steps of a scale that broadcasts with it."""
    try:
        steps, offset = (
            np.broadcast_to(each.astype(np.float64), real.shape) for each in (scale, zero)
        )
    except ValueError:
        raise call.refuse(
            f"has scales {list(scale.shape)} for {list(real.shape)}", "use one for each channel"
        ) from None
    if not (steps > 0).all():
        raise call.refuse("has a scale that is not positive", "use positive scales")
    integers = np.rint(real.astype(np.float32) / steps.astype(np.float32) + offset)
    return Levels(
        integers=np.clip(integers, *limits).astype(np.int64) - offset.astype(np.int64),
        scale=steps,
    )


RULES: dict[tuple[str, str], Callable[[Call], Value]] = {
    ("qonnx.custom_op.general", "Quant"): quant,
    ("onnx.brevitas", "Quant"): quant,
}
"""(domain, operator) -> rule."""
