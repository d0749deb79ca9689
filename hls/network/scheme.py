"""How a network is to be quantized."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ACTIVATIONS", "FORMS", "Scheme"]

FORMS = {"qdq": "QDQ", "qoperator": "QOperator"}
"""How the operators are written -> onnxruntime's name for it."""
ACTIVATIONS = {"s8": "QInt8", "u8": "QUInt8"}
"""Number format of activations -> onnxruntime's name for it."""


@dataclass(frozen=True)
class Scheme:
    """Of a model; weights are always symmetric int8, -127 to 127, with a zero point of 0."""

    form: str = "qdq"
    """Of `FORMS`."""
    activations: str = "s8"
    """Of `ACTIVATIONS`."""
    per_channel: bool = True
    """A scale for each output channel of the weights, instead of one for all."""
    power_of_two: bool = False
    """Scales rounded up to powers of two: requantization is a shift, and exact."""
