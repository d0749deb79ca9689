"""From accumulator to output: bias, requantization, activation. Shared by Conv2d and Gemm.

    y = clamp(round_half_even(acc * multiplier / 2^shift) + zero_point, low, high)

A bias may have binary places that products do not: then (acc << places) + bias stands for acc.

One rounding, to nearest, ties to even: the rule of ONNX QLinearConv (exact at power-of-two
scales). Activations are limits of the clamp, so they cost nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from hls.checks import one_of, reject, require_format, whole
from hls.fixed import Fixed

__all__ = ["REQUANTIZE", "Clip", "Epilogue", "worst_case"]

REQUANTIZE = ("none", "tensor", "channel")


@dataclass(frozen=True, kw_only=True)
class Clip:
    """An activation that limits the output to `low`..`high`, in quantized output units."""

    low: int
    high: int


@dataclass(frozen=True, kw_only=True)
class Epilogue:
    """The resolved epilogue of a design; `resolve` checks it."""

    accumulator: Fixed
    output: Fixed
    requantize: str
    multiplier_bits: int
    max_shift: int
    zero_point: int
    low: int
    high: int
    bias_fraction: int = 0

    @property
    def value(self) -> Fixed:
        """Format of an accumulator with its bias, in steps of 2^-bias_fraction."""
        return Fixed(bits=self.accumulator.bits + self.bias_fraction)

    @property
    def requantized(self) -> bool:
        """Whether a multiplier and a shift are applied (otherwise raw accumulators leave)."""
        return self.requantize != "none"

    @property
    def product_bits(self) -> int:
        """Width of accumulator with bias x multiplier (the multiplier is unsigned)."""
        return self.value.bits + self.multiplier_bits

    @classmethod
    def resolve(
        cls,
        owner: str,
        *,
        accumulator: Fixed,
        output: str | Fixed | None,
        requantize: str,
        multiplier_bits: int,
        max_shift: int,
        zero_point: int,
        activation: str | Clip,
        bias_fraction: int = 0,
    ) -> Epilogue:
        """Check the user's choice and work out the limits of the clamp.

        Raises:
            DesignError: a rule is broken.
        """
        one_of(owner, "requantize", requantize, REQUANTIZE)
        whole(owner, "multiplier_bits", multiplier_bits, 1, 31)
        whole(owner, "max_shift", max_shift, 0, 62)
        whole(owner, "bias_fraction", bias_fraction, 0, min(31, 64 - accumulator.bits))
        if requantize == "none":
            if output is not None and Fixed.parse(output) != accumulator:
                raise reject(
                    owner,
                    f"output={output}",
                    f"differs from the accumulator {accumulator}, which requantize='none' puts out",
                    "leave output away, or use requantize='tensor' or 'channel'",
                )
            resolved = accumulator
        else:
            resolved = require_format(owner, "output", "s8" if output is None else output, 2, 16)
        if requantize == "none" and zero_point != 0:
            raise reject(
                owner,
                f"output_zero_point={zero_point}",
                "has no meaning for raw accumulators (requantize='none')",
                "use 0",
            )
        if requantize == "none" and bias_fraction != 0:
            raise reject(
                owner,
                f"bias_fraction={bias_fraction}",
                "has no meaning for raw accumulators (requantize='none')",
                "use 0",
            )
        whole(owner, "output_zero_point", zero_point, resolved.minimum, resolved.maximum)
        low, high = _limits(owner, resolved, zero_point, activation)
        return cls(
            accumulator=accumulator,
            output=resolved,
            requantize=requantize,
            multiplier_bits=multiplier_bits,
            max_shift=max_shift,
            zero_point=zero_point,
            low=low,
            high=high,
            bias_fraction=bias_fraction,
        )


def _limits(owner: str, output: Fixed, zero_point: int, activation: str | Clip) -> tuple[int, int]:
    if isinstance(activation, Clip):
        low = whole(owner, "activation: clip low", activation.low, output.minimum, output.maximum)
        high = whole(owner, "activation: clip high", activation.high, low, output.maximum)
        return low, high
    one_of(owner, "activation", activation, ("none", "relu"))
    # A real zero is `zero_point` in the output's units, so that is where ReLU cuts.
    return (zero_point if activation == "relu" else output.minimum), output.maximum


def worst_case(
    products: int, left: Fixed, left_zero_point: int, right: Fixed, bias: Fixed | None
) -> Fixed:
    """The narrowest signed format for sum((left - zero_point) * right) + bias.

    Exact: it looks at the four corners of a product, so u8 x s8 needs a bit less than the rule
    of thumb bits + bits + log2(products). `left` and `right` are formats of the operands.
    """
    corners = [
        (a - left_zero_point) * b
        for a in (left.minimum, left.maximum)
        for b in (right.minimum, right.maximum)
    ]
    low = products * min(*corners, 0) + (bias.minimum if bias else 0)
    high = products * max(*corners, 0) + (bias.maximum if bias else 0)
    return Fixed.holding(low, high)
