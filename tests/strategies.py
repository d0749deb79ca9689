"""Random legal designs, drawn from everything that the legality rules allow, but small.

Nothing is filtered: each choice is drawn from what the earlier ones leave legal, so that every
example counts. Hypothesis begins with the first of a list of choices and comes back to it when it
looks for a smaller example, so telling values stand first. `conv2ds` and `gemms` take the name of
the corner to draw from, if it should not be left to chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from hls import Clip, Conv2d, Fixed, Gemm, Padding, Parameters, Pool
from hls.checks import divisors
from hls.epilogue import REQUANTIZE
from hls.parameters import random_parameters
from sim import vectors

__all__ = ["conv2ds", "formats", "gemms", "operands", "parameters", "seeds", "sizes"]

seeds: SearchStrategy[int] = st.integers(0, 2**32 - 1)
one_in_three: SearchStrategy[bool] = st.sampled_from([False, False, True])


def formats(low: int, high: int, *, signed: bool | None = None) -> SearchStrategy[str]:
    """Spellings of formats, half of them of the bytes that everybody uses."""
    kinds = "su" if signed is None else "s" if signed else "u"
    common = [f"{kind}8" for kind in kinds]
    any_width = st.builds("{}{}".format, st.sampled_from(kinds), st.integers(low, high))
    return st.one_of(st.sampled_from(common), any_width)


def _within(fmt: Fixed) -> SearchStrategy[int]:
    """A zero point: none, a corner, or anything."""
    anything = st.integers(fmt.minimum, fmt.maximum)
    return st.one_of(st.just(max(0, fmt.minimum)), st.sampled_from([fmt.minimum, fmt.maximum]),
                     anything)  # fmt: skip


@st.composite
def _pads(draw: DrawFn, reach: int) -> tuple[int, int]:
    """Padding before and after one axis; now and then more than the kernel reaches."""
    most = draw(st.sampled_from([reach, reach, reach + 3]))
    return draw(st.integers(0, most)), draw(st.integers(0, most))


@st.composite
def _walk(draw: DrawFn, *, large: bool) -> dict[str, Any]:
    """Image size, kernel, stride, dilation and padding that fit each other."""
    kernels = st.sampled_from([3, 2, 5, 1, 4])
    kernel = (draw(kernels), draw(kernels))
    if large:
        kernel = draw(st.sampled_from([(11, 11), (11, 1), (1, 11), (7, 11)]))
    stride = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    dilation = (draw(st.sampled_from([1, 1, 2, 3])), draw(st.sampled_from([1, 1, 2, 3])))
    reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    kind = draw(st.sampled_from(["same", "four numbers", "valid", "one number"]))
    room = [0, 0]
    padding: Any = kind
    if kind == "same":
        room = reach
    elif kind == "one number":
        padding = draw(st.integers(0, max(reach) + 1))
        room = [2 * padding] * 2
    elif kind == "four numbers":
        pads = [draw(_pads(reach[0])), draw(_pads(reach[1]))]
        room = [sum(pair) for pair in pads]
        padding = tuple(pads[0] + pads[1])
        if draw(st.booleans()):
            padding = Padding(**dict(zip(("top", "bottom", "left", "right"), padding, strict=True)))
    least = [max(1, r + 1 - extra) for r, extra in zip(reach, room, strict=True)]
    height, width = (low + draw(st.sampled_from([3, 0, 5, 1, 7, 2, 4])) for low in least)
    return {"height": height, "width": width, "kernel": kernel, "stride": stride,
            "dilation": dilation, "padding": padding}  # fmt: skip


@st.composite
def _lanes(draw: DrawFn, corner: str) -> dict[str, Any]:
    """Channels, groups and lanes that divide them."""
    kind = (
        corner
        if corner in ("plain", "grouped", "depthwise", "bundled")
        else draw(st.sampled_from(["plain", "plain", "grouped", "depthwise", "bundled"]))
    )
    groups = 1 if kind == "plain" else draw(st.sampled_from([2, 3, 4]))
    depthwise = kind == "depthwise" or (kind == "bundled" and draw(one_in_three))
    inputs = 1 if depthwise else draw(st.sampled_from([4, 2, 3, 1, 6, 5]))
    outputs = draw(st.sampled_from([2, 1, 1] if depthwise else [2, 4, 1, 3]))
    if kind == "bundled":  # a beat covers several groups, so the PEs cover all of their outputs
        together = draw(st.sampled_from(divisors(groups)[:0:-1]))
        simd, pe = together * inputs, together * outputs
    else:
        simd = draw(st.sampled_from(divisors(inputs)))
        pe = draw(st.sampled_from(divisors(outputs)))
    taps = draw(st.sampled_from(["all", "row", "one"]))
    return {"in_channels": groups * inputs, "out_channels": groups * outputs, "groups": groups,
            "simd": simd, "pe": pe, "taps": taps}  # fmt: skip


@st.composite
def _epilogue(
    draw: DrawFn, worst_case: Fixed, choices: Sequence[str] = REQUANTIZE
) -> dict[str, Any]:
    """Accumulator, requantization, zero point and activation."""
    fields: dict[str, Any] = {"requantize": draw(st.sampled_from(choices[::-1]))}
    accumulator = worst_case
    if draw(one_in_three):
        # Narrower than the worst case it wraps, wider it must make no difference.
        accumulator = Fixed(bits=draw(st.integers(2, min(64, worst_case.bits + 3))))
        fields["accumulator"] = str(accumulator)
    output = accumulator
    if fields["requantize"] != "none":
        output = Fixed.parse(draw(formats(2, 16)))
        fields |= {
            "output": str(output),
            "multiplier_bits": draw(st.sampled_from([24, 18, 31, 8, 1])),
            "max_shift": draw(st.sampled_from([47, 62, 31, 47, 3, 0])),
            "output_zero_point": draw(_within(output)),
        }
    activation = draw(st.sampled_from(["none", "relu", "clip"]))
    if activation == "clip" and "output" not in fields:
        output = Fixed(bits=min(output.bits, 12))  # limits that sums of small layers reach
    fields["activation"] = activation
    if activation == "clip":
        middle = (output.minimum + output.maximum) // 2
        fields["activation"] = Clip(
            low=draw(st.integers(output.minimum, middle)),
            high=draw(st.integers(middle + 1, output.maximum)),
        )
    return fields


@st.composite
def conv2ds(draw: DrawFn, corner: str = "any") -> Conv2d:
    """Legal Conv2d designs; `corner`: any, plain, grouped, depthwise, bundled, pooled or large.

    "bundled" beats carry several groups, "large" kernels have 11 rows or columns.
    """
    fields = draw(_walk(large=corner == "large")) | draw(_lanes(corner))
    fields["input"] = draw(formats(2, 16))
    fields["weight"] = draw(formats(2, 16))
    fields["bias"] = draw(st.one_of(st.none(), formats(2, 32)))
    fields["input_zero_point"] = draw(_within(Fixed.parse(fields["input"])))
    fields["weights"] = draw(st.sampled_from(["rom", "rom", "load"]))
    fields["packing"] = draw(st.sampled_from(["auto", "off"]))
    bare = Conv2d(**fields, requantize="none")
    fields |= draw(_epilogue(bare.worst_case))
    if fields["requantize"] != "none":
        room = 64 - Conv2d(**fields).epilogue.accumulator.bits
        fields["bias_fraction"] = min(room, draw(st.sampled_from([0, 0, 1, 7, 20])))
    if corner == "pooled" or (corner == "any" and draw(one_in_three)):
        size, stride = [], []
        for outputs in bare.output_shape[:2]:
            legal = [number for number in (2, 3, 4, 1) if number <= outputs]
            size.append(draw(st.sampled_from(legal)))
            stride.append(draw(st.sampled_from([1, 2, 3])))  # below the size: windows overlap
        fields["pooling"] = Pool(
            kind=draw(st.sampled_from(["average", "max"])),
            size=(size[0], size[1]),
            stride=draw(st.sampled_from([None, (stride[0], stride[1])])),
        )
    return Conv2d(**fields)


_kinds = st.sampled_from(["ties", "usual", "any"])
"""What parameters and operands are like.

`ties`: small sums that are halved once or more, so that many lie halfway between two outputs.
`usual`: sums of random products that use the output's range. `any`: all that is legal, and so
mostly outputs at their limits.
"""


@st.composite
def parameters(draw: DrawFn, conv: Conv2d) -> Parameters:
    """Parameters of one of the kinds."""
    rng = np.random.default_rng(draw(seeds))
    kind = draw(_kinds)
    usual = random_parameters(conv, int(rng.integers(2**32)))
    arrays: dict[str, Any] = {k: v for k, v in vars(usual).items() if v is not None}
    if kind == "ties":
        sparse = rng.random(conv.weight_shape) < 2 / conv.taps_per_output
        arrays["weights"] = sparse * rng.integers(conv.weight_format.minimum < 0 and -1, 2,
                                                  conv.weight_shape)  # fmt: skip
    elif kind == "any":
        arrays["weights"] = vectors.values(conv.weight_format, conv.weight_shape, rng)
    if conv.bias_format is not None:
        arrays["bias"] = _bias(conv, kind, conv.out_channels, conv.taps_per_output, rng)
    if conv.epilogue.requantized and kind != "usual":
        count = conv.out_channels if conv.requantize == "channel" else 1
        arrays |= _scales(conv, kind, count, rng)
    return Parameters.checked(conv, arrays, "drawn")


def _bias(
    design: Conv2d | Gemm, kind: str, count: int, products: int, rng: np.random.Generator
) -> Any:
    """Biases as large as the sums, or any."""
    assert design.bias_format is not None
    if kind == "any":
        return vectors.values(design.bias_format, (count,), rng)
    spread = (
        2
        if kind == "ties"
        else int(np.sqrt(products)) << (design.input_format.bits + design.weight_format.bits - 4)
    )
    low = max(design.bias_format.minimum, -spread)
    return rng.integers(low, min(design.bias_format.maximum, spread), count, endpoint=True)


def _scales(
    design: Conv2d | Gemm, kind: str, count: int, rng: np.random.Generator
) -> dict[str, Any]:
    """Multipliers and shifts: powers of two that halve one to three times, or any."""
    power = rng.integers(0, design.multiplier_bits, count)
    if kind == "ties":
        power = np.minimum(power, design.max_shift)
        shift = np.minimum(power + rng.integers(1, 4, count), design.max_shift)
        return {"multiplier": 1 << power, "shift": shift}
    most = (1 << design.multiplier_bits) - 1
    choice = rng.integers(0, 3, count)
    anything = rng.integers(0, most, count, endpoint=True)
    return {
        "multiplier": np.choose(choice, [1 << power, rng.choice([0, 1, most], count), anything]),
        "shift": rng.integers(0, design.max_shift, count, endpoint=True),
    }


@st.composite
def gemms(draw: DrawFn, corner: str = "any") -> Gemm:
    """Legal Gemm designs, up to 40 in each size; `corner`: any, raw or requantized."""
    maxima = {f"max_{size}": draw(st.sampled_from([19, 33, 7, 40, 1, 16])) for size in "mkn"}
    rows, cols = draw(st.sampled_from([4, 2, 8])), draw(st.sampled_from([4, 2, 8]))
    fields: dict[str, Any] = {**maxima, "rows": rows, "cols": cols}
    for tile, multiple in (("tile_m", rows), ("tile_n", cols), ("tile_k", rows)):
        arrays = draw(st.sampled_from([2, None, 1, 3, 5]))
        fields[tile] = None if arrays is None else arrays * multiple
    fields |= {"input": draw(formats(2, 16)), "weight": draw(formats(2, 16)),
               "bias": draw(st.one_of(st.none(), formats(2, 32))),
               "packing": draw(st.sampled_from(["auto", "off"]))}  # fmt: skip
    bare = Gemm(**fields)
    choices = {"raw": ["none"], "requantized": ["tensor", "channel"]}.get(corner, REQUANTIZE)
    fields |= draw(_epilogue(bare.worst_case, choices))
    if fields["bias"] is not None or fields["requantize"] != "none":
        fields["input_zero_point"] = draw(_within(bare.input_format))
    return Gemm(**fields)


@st.composite
def sizes(draw: DrawFn, gemm: Gemm) -> tuple[int, int, int]:
    """Legal m, k, n of a Gemm, the smallest and the largest most often."""
    chosen = [
        draw(st.one_of(st.sampled_from([most, 1]), st.integers(1, most)))
        for most in (gemm.max_m, gemm.max_k, gemm.max_n)
    ]
    return chosen[0], chosen[1], chosen[2]


@st.composite
def operands(draw: DrawFn, gemm: Gemm, m: int, k: int, n: int) -> dict[str, Any]:
    """Operands of a Gemm, of one of the kinds."""
    rng = np.random.default_rng(draw(seeds))
    kind = draw(_kinds)
    drawn = vectors.gemm_operands(gemm, m, k, n, int(rng.integers(2**32)))
    if kind == "ties":
        drawn["b"] = drawn["b"] * (rng.random((k, n)) < 2 / k)
        drawn["b"] = np.sign(drawn["b"])
    if gemm.bias_format is not None:
        drawn["bias"] = _bias(gemm, kind, n, k, rng)
    if gemm.epilogue.requantized and kind != "usual":
        drawn |= _scales(gemm, kind, n, rng)
    return drawn
