"""A design as the command line that generates it."""

from __future__ import annotations

import dataclasses
import shlex
from typing import Any

from hls.conv2d import Conv2d, Padding, Pool
from hls.epilogue import Clip
from hls.fixed import Fixed

__all__ = ["command_of"]

_OPTIONS = {
    "kernel": "--kernel", "stride": "--stride", "dilation": "--dilation", "padding": "--padding",
    "groups": "--groups", "pooling": "--pool", "simd": "--simd", "pe": "--pe", "taps": "--taps",
    "algorithm": "--algorithm", "batch": "--batch", "packing": "--packing",
    "input": "--input-format", "weight": "--weight-format", "bias": "--bias-format",
    "bias_fraction": "--bias-fraction",
    "output": "--output-format", "accumulator": "--accumulator-format",
    "requantize": "--requantize", "multiplier_bits": "--multiplier-bits",
    "max_shift": "--max-shift", "input_zero_point": "--input-zero-point",
    "output_zero_point": "--output-zero-point", "activation": "--activation",
}  # fmt: skip
"""Field -> option, in the order in which they are written."""

_ALWAYS = ("kernel", "simd", "pe", "algorithm")
"""Written even where they are what they would be anyway: they tell one design from another."""


def command_of(conv: Conv2d) -> str:
    """`lineloom conv2d ...` that writes the project of `conv` to build/<name>.

    Weights are random unless --weights is added.
    """
    words = ["lineloom", "conv2d", "--input", f"{conv.height}x{conv.width}x{conv.in_channels}",
             "--filters", str(conv.out_channels)]  # fmt: skip
    defaults = {field.name: field.default for field in dataclasses.fields(Conv2d)}
    for name, option in _OPTIONS.items():
        value = getattr(conv, name)
        if name in _ALWAYS or value != defaults[name]:
            text = _spelled(value)
            # An argument that begins with a minus would be taken for an option.
            words += [f"{option}={text}"] if text.startswith("-") else [option, text]
    if conv.weights == "load":
        words.append("--load-weights")
    return shlex.join([*words, "-o", f"build/{conv.name}"])


def _spelled(value: Any) -> str:
    match value:
        case tuple():
            return ("x" if len(value) == 2 else ",").join(map(str, value))
        case Padding():
            return f"{value.top},{value.bottom},{value.left},{value.right}"
        case Pool():
            parts = [value.size] if value.stride is None else [value.size, value.stride]
            return ":".join([value.kind, *map(_spelled, parts)])
        case Clip():
            return f"clip:{value.low}:{value.high}"
        case Fixed() | str() | int():
            return str(value)
    return "none"
