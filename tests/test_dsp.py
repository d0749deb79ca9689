"""Two products in one multiplication: its arithmetic, proved by enumeration; what does not pack.

The model is the formula that the generated C++ has; nothing here knows how `hls.dsp` found it.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hls import Conv2d, DesignError, Fixed, Gemm
from hls.design import engine
from hls.dsp import DSP48E1, DSP48E2, Block, Packing, packing_of

F = Fixed.parse


def values(fmt: Fixed) -> range:
    return range(fmt.minimum, fmt.maximum + 1)


def apart(packing: Packing, both: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A sum of packed products and `half` as the sums of the lower and of the upper products."""
    return both % (1 << packing.shift) - packing.half, both >> packing.shift


@pytest.mark.parametrize(
    ("block", "shared", "weight", "products", "found"),
    [
        # The table of the known packings: limits of the weights, shift, products.
        (DSP48E2, "s8", "s8", 7, (-128, 18, 7)),
        (DSP48E1, "s8", "s8", 4, (-127, 17, 4)),
        (DSP48E1, "u8", "s8", 2, (-127, 17, 2)),
        (DSP48E1, "s8", "s8", 1, (-128, 16, 1)),
        # More products than fit are cut into equal parts, with no more bits than those need.
        (DSP48E1, "s8", "s8", 72, (-127, 17, 4)),
        (DSP48E1, "s8", "s8", 9, (-127, 17, 3)),
        (DSP48E1, "s8", "s8", 2, (-127, 16, 2)),
        (DSP48E1, "u8", "u8", 9, (0, 16, 1)),
        (DSP48E1, "s8", "s4", 9, (-8, 15, 9)),
        (DSP48E1, "s8", "sym8", 1, (-127, 15, 1)),
        (DSP48E1, "s16", "s6", 1, None),
        (DSP48E2, "s16", "s6", 1, (-31, 21, 1)),
        (DSP48E1, "s8", "s9", 1, (-255, 16, 1)),
        (DSP48E1, "u8", "s9", 1, None),
    ],
)
def test_known_formats(
    block: Block, shared: str, weight: str, products: int, found: tuple[int, int, int] | None
) -> None:
    packing = packing_of(F(shared), F(weight), products, block)
    assert found == (
        None if packing is None
        else (packing.weight.minimum, packing.shift, packing.products)
    )  # fmt: skip


SMALL = [F(text) for text in ("s2", "u2", "s3", "u3", "sym3", "s4")]


@pytest.mark.parametrize(
    "block", [Block("tiny", 9, 5), Block("small", 12, 6)], ids=lambda b: b.name
)
def test_every_sum_of_small_formats_comes_apart(block: Block) -> None:
    """All pixels and pairs of weights, in sums of two; sums of more by what they can reach."""
    seen = 0
    for shared, weight, products in itertools.product(SMALL, SMALL, (1, 2, 5)):
        packing = packing_of(shared, weight, products, block)
        if packing is None:
            continue
        seen += 1
        x, w0, w1 = (a.reshape(-1) for a in np.meshgrid(
            values(shared), values(packing.weight), values(packing.weight)))  # fmt: skip
        factor = w1 * (1 << packing.shift) + w0
        assert packing.factor.holds(factor)
        assert packing.factor.bits + (not packing.factor.signed) <= block.wide_bits
        assert packing.pair.holds(w1 * (1 << packing.weight.bits) + w0)
        product, lower, upper = x * factor, x * w0, x * w1
        if packing.products >= 2:
            product, lower, upper = ((a[:, None] + a[None, :]).reshape(-1) for a in (
                product, lower, upper))  # fmt: skip
        rest = max(0, packing.products - 2)
        for more in {0, rest}:
            for extreme in (int(np.argmin(x * w0)), int(np.argmax(x * w0))):
                add = (x * factor)[extreme] * more, (x * w0)[extreme], (x * w1)[extreme]
                both = product + add[0] + packing.half
                found = apart(packing, both)
                assert packing.both.holds(both)
                np.testing.assert_array_equal(found[0], lower + more * add[1])
                np.testing.assert_array_equal(found[1], upper + more * add[2])
                assert packing.lower.holds(found[0])
    assert seen > 50


@pytest.mark.parametrize("shared", ["s8", "u8"])
def test_every_product_of_bytes_comes_apart(shared: str) -> None:
    packing = packing_of(F(shared), F("s8"), 1, DSP48E1)
    assert packing is not None
    w0, w1 = np.meshgrid(values(F("s8")), values(F("s8")))
    for x in values(F(shared)):
        lower, upper = apart(packing, x * (w1 * (1 << packing.shift) + w0) + packing.half)
        assert (lower == x * w0).all()
        assert (upper == x * w1).all()


@pytest.mark.parametrize("block", [DSP48E1, DSP48E2], ids=lambda block: block.name)
@pytest.mark.parametrize(
    ("shared", "weight"), [("s8", "s8"), ("u8", "s8"), ("u8", "u8"), ("s6", "s9")]
)
def test_the_longest_sums_of_bytes_come_apart_and_longer_ones_do_not(
    block: Block, shared: str, weight: str
) -> None:
    """All sums that `products` products can have in the lower field, beside extreme upper ones."""
    packing = packing_of(F(shared), F(weight), 1000, block)
    assert packing is not None
    corners = [x * w for x in (F(shared).minimum, F(shared).maximum)
               for w in (packing.weight.minimum, packing.weight.maximum)]  # fmt: skip
    low, high = min(0, *corners), max(corners)
    lower = np.arange(packing.products * low, packing.products * high + 1)
    for upper in (packing.products * low, max(-1, low), 0, 1, packing.products * high):
        both = upper * (1 << packing.shift) + lower + packing.half
        found = apart(packing, both)
        assert (found[0] == lower).all()
        assert (found[1] == upper).all()
        assert packing.both.holds(both)
    # One bit more of shift does not fit the port, and one product more (if the sums were not cut
    # into equal parts) does not fit the field.
    weights = packing.weight.minimum, packing.weight.maximum
    wider = [w * (2 << packing.shift) + w for w in weights]
    assert not Fixed(bits=block.wide_bits).holds(wider)
    most = max(n for n in range(1, 40) if _holds(packing, n * low, n * high))
    assert packing.products == -(-1000 // -(-1000 // most))


def _holds(packing: Packing, low: int, high: int) -> bool:
    return low + packing.half >= 0 and high + packing.half < 1 << packing.shift


# ---------------------------------------------------------------------- designs


def conv(**fields: object) -> Conv2d:
    base = {"height": 5, "width": 5, "in_channels": 4, "out_channels": 8, "simd": 2, "pe": 4}
    return Conv2d(**(base | fields))  # type: ignore[arg-type]


def test_packing_is_off_unless_asked_for() -> None:
    for made in (conv(), Gemm(max_m=8, max_k=8, max_n=8)):
        assert made.packed is None
        assert made.unpacked_because == ""
        assert made.multiplications == made.multipliers
        assert made.weight_format == F("s8")


def test_pairs_of_filters_halve_the_multiplications() -> None:
    made = conv(packing="auto")
    assert made.packed is not None
    assert (made.multipliers, made.multiplications) == (72, 36)
    assert made.weight_format == F("sym8")
    assert made.lower_bound_cycles == conv().lower_bound_cycles
    assert conv(packing="dsp48e2").weight_format == F("s8")
    assert conv(packing="auto", weight="sym8").packed is not None


def test_pairs_of_columns_halve_the_multiplications() -> None:
    made = Gemm(max_m=8, max_k=8, max_n=8, packing="auto")
    assert (made.multipliers, made.multiplications, made.pe_cols) == (64, 32, 4)
    assert made.weight_format == F("s8")
    assert made.skew == 10


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"pe": 1}, "pe=1 leaves a filter without another one that sees the same pixels"),
        ({"groups": 4, "in_channels": 8, "simd": 4, "pe": 4, "out_channels": 8}, ""),
        ({"groups": 4, "simd": 4, "out_channels": 4, "pe": 4},
         "pe=4 of 4 groups leaves a filter without another one that sees the same pixels"),
        ({"input": "s16"},
         "input=s16 with weight=s8 does not fit twice into the 25 x 18 bits of a DSP48E1"),
        ({"input": "u4", "weight": "s4"},
         "input=u4 with weight=s4 has products of 8 bits, which take LUTs and no DSP"),
        ({"in_channels": 2, "out_channels": 4},
         "pe=4, simd=2, taps=all gives every multiplier one constant weight, which takes LUTs"),
        ({"in_channels": 2, "out_channels": 4, "weights": "load"}, ""),
        ({"algorithm": "implicit"}, ""),
        ({"algorithm": "naive"}, "algorithm='naive' has one multiplier"),
    ],
)  # fmt: skip
def test_auto_says_why_it_does_not_pack(fields: dict[str, object], why: str) -> None:
    made = conv(**fields, packing="auto")
    assert made.unpacked_because.startswith(why)
    assert (made.packed is None) == bool(why)
    computes = engine(made)
    assert computes.packed == made.packed
    assert (computes.multiplications < computes.multipliers) == (not why)


def test_a_named_block_insists() -> None:
    with pytest.raises(
        DesignError, match=r"^Conv2d: pe=1 leaves .* same pixels; use an even pe for"
    ):
        conv(pe=1, packing="dsp48e1")
    says = r"^Gemm: input=s12 with weight=s9 does not fit twice .* 27 x 18 .*; use narrower formats"
    with pytest.raises(DesignError, match=says):
        Gemm(max_m=8, max_k=8, max_n=8, input="s12", weight="s9", packing="dsp48e2")
    with pytest.raises(DesignError, match=r"^Conv2d: pe=1 leaves"):
        conv(pe=1, packing="dsp48e1", accumulator="s24")
    # What would save no DSP can be had all the same.
    assert conv(input="u4", weight="s4", packing="dsp48e1").packed is not None
    assert conv(in_channels=2, out_channels=4, packing="dsp48e1").packed is not None


@pytest.mark.parametrize("made", [conv, Gemm])
def test_an_unknown_packing_is_refused(made: type) -> None:
    sizes = {} if made is conv else {"max_m": 8, "max_k": 8, "max_n": 8}
    with pytest.raises(DesignError, match="packing='on' is unknown; use off, auto, dsp48e1 or dsp"):
        made(**sizes, packing="on")
