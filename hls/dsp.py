"""Two products in one multiplication of a DSP block: what packs, and how its sums come apart.

Two weights share a pixel (or an element of A), so one product holds both of theirs:

    x * (w1 * 2^shift + w0) = (x * w1) * 2^shift + x * w0

as long as the factor fits the block's wide port. Sums of such products are sums of both, and come
apart while the lower field holds: |sum of x * w0| < 2^(shift - 1). Half of that field is added
first, so that the upper field needs no correction for a negative lower one; a block's own adder
does that for nothing (Xilinx WP486, "Deep Learning with INT8 Optimization on Xilinx Devices", adds
the carry afterwards instead).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from hls.checks import reject
from hls.fixed import Fixed

__all__ = ["CHOICES", "DSP48E1", "DSP48E2", "Block", "Obstacle", "Packing", "choose", "packing_of"]


@dataclass(frozen=True)
class Block:
    """The multiplier of a DSP block: bits of its two ports, which are signed."""

    name: str
    wide_bits: int
    narrow_bits: int


DSP48E1 = Block("DSP48E1", 25, 18)
"""7 series and Zynq-7000 (UG479)."""

DSP48E2 = Block("DSP48E2", 27, 18)
"""UltraScale and UltraScale+ (UG579)."""

_BLOCKS = {"auto": DSP48E1, "dsp48e1": DSP48E1, "dsp48e2": DSP48E2}
CHOICES = ("off", *_BLOCKS)
"""Values of a design's `packing`: off; where it helps, by the rules of the DSP48E1, which hold on
the DSP48E2 too; or on this block, and else an error."""

_LEAST_PRODUCT_BITS = 9
"""Narrower products become LUTs, in Yosys as in Vivado."""


@dataclass(frozen=True, kw_only=True)
class Packing:
    """How pairs of products are computed.

    Attributes:
        block: the DSP block whose ports the products fit.
        shared: format of what both products share.
        weight: format that the weights must have; symmetric where their least value would not fit.
        shift: the upper weight is multiplied by 2^shift.
        products: packed products that are added up before both sums come apart.
    """

    block: Block
    shared: Fixed
    weight: Fixed
    shift: int
    products: int

    @property
    def signed(self) -> bool:
        """Whether the lower sum can be negative."""
        return self.shared.signed or self.weight.signed

    @property
    def half(self) -> int:
        """What is added so that the lower field is never negative."""
        return 1 << (self.shift - 1) if self.signed else 0

    @property
    def pair(self) -> Fixed:
        """Format of w1 * 2^bits + w0, as two weights are stored."""
        return _spanning(*_joined(self.weight, self.weight.bits))

    @property
    def factor(self) -> Fixed:
        """Format of w1 * 2^shift + w0, on the wide port."""
        return _spanning(*_joined(self.weight, self.shift))

    @property
    def lower(self) -> Fixed:
        """Format of the sum of the lower products."""
        return Fixed(bits=self.shift, signed=self.signed)

    @cached_property
    def both(self) -> Fixed:
        """Format of a sum of packed products and `half`."""
        low, high = _products(self.shared, self.weight)
        scale = self.products * ((1 << self.shift) + 1)
        return _spanning(scale * low + self.half, scale * high + self.half)


@dataclass(frozen=True)
class Obstacle:
    """Why a design does not pack: the value, the rule that it breaks, the remedy."""

    value: str
    rule: str
    remedy: str


def choose(
    owner: str,
    choice: str,
    *,
    shared: Fixed,
    weight: Fixed,
    products: int,
    obstacles: Sequence[Obstacle | None] = (),
    pointless: Sequence[Obstacle | None] = (),
) -> Packing | Obstacle | None:
    """The packing of a design, why it has none, or None if none is wanted.

    Args:
        owner: the kind of design, for messages.
        choice: one of CHOICES.
        shared, weight: formats of the operands.
        products: of one sum and cycle.
        obstacles: what else keeps pairs from being packed.
        pointless: why packing would save no DSP; that counts for "auto" alone.

    Raises:
        DesignError: a block was named, and the products do not fit it.
    """
    if choice == "off":
        return None
    block = _BLOCKS[choice]
    found = next((obstacle for obstacle in obstacles if obstacle), None)
    packing = packing_of(shared, weight, products, block)
    if found is None and packing is None:
        found = Obstacle(
            f"input={shared} with weight={weight}",
            f"does not fit twice into the {block.wide_bits} x {block.narrow_bits} bits of a "
            f"{block.name}",
            "use narrower formats, or packing='off'",
        )
    if choice != "auto":
        if found is not None:
            raise reject(owner, found.value, found.rule, found.remedy)
        return packing
    if found is None and shared.bits + weight.bits < _LEAST_PRODUCT_BITS:
        bits = shared.bits + weight.bits
        found = Obstacle(
            f"input={shared} with weight={weight}",
            f"has products of {bits} bits, which take LUTs and no DSP",
            "use packing='off'",
        )
    found = found or next((obstacle for obstacle in pointless if obstacle), None)
    return found or packing


def packing_of(shared: Fixed, weight: Fixed, products: int, block: Block) -> Packing | None:
    """The packing of sums of `products`, or None if not even one product fits.

    Weights keep all their values unless every product would have to come apart by itself, or none
    would fit; then they are symmetric. Long sums are cut into equal parts, and the shift is the
    least that does.
    """
    if shared.bits + (not shared.signed) > block.narrow_bits:
        return None
    full = _most_products(shared, weight, block)
    symmetric = Fixed(bits=weight.bits, symmetric=True) if weight.signed else weight
    most = _most_products(shared, symmetric, block)
    values = weight if full >= min(2, products, most) else symmetric
    most = full if values == weight else most
    if not most:
        return None
    parts = -(-products // most)
    each = -(-products // parts)
    shift = next(s for s in _shifts(values, block) if _room(shared, values, s) >= each)
    return Packing(block=block, shared=shared, weight=values, shift=shift, products=each)


def _shifts(weight: Fixed, block: Block) -> list[int]:
    """Shifts with which all w1 * 2^shift + w0 fit the wide port, ascending."""
    port = Fixed(bits=block.wide_bits)
    return [s for s in range(1, block.wide_bits) if port.holds(_joined(weight, s))]


def _joined(weight: Fixed, shift: int) -> tuple[int, int]:
    """The least and the largest w1 * 2^shift + w0."""
    scale = (1 << shift) + 1
    return scale * weight.minimum, scale * weight.maximum


def _most_products(shared: Fixed, weight: Fixed, block: Block) -> int:
    """How many products can be added up before they come apart, at most."""
    return max((_room(shared, weight, s) for s in _shifts(weight, block)), default=0)


def _room(shared: Fixed, weight: Fixed, shift: int) -> int:
    """How many products a field of `shift` bits holds the sum of."""
    low, high = _products(shared, weight)
    field = Fixed(bits=shift, signed=low < 0)
    return min([field.maximum // high] + ([field.minimum // low] if low < 0 else []))


def _products(shared: Fixed, weight: Fixed) -> tuple[int, int]:
    """The least and the largest product."""
    corners = [x * w for x in (shared.minimum, shared.maximum)
               for w in (weight.minimum, weight.maximum)]  # fmt: skip
    return min(corners), max(corners)


def _spanning(low: int, high: int) -> Fixed:
    """The narrowest format of these values, unsigned if none is negative."""
    return Fixed.holding(low, high) if low < 0 else Fixed(bits=high.bit_length(), signed=False)
