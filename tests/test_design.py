"""Designs: every rule and its message, defaults, derived sizes, and the way to and from data."""

from __future__ import annotations

import dataclasses
import inspect
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import conv2ds, gemms

from hls import Clip, Conv2d, DesignError, Fixed, Gemm, Padding, Pool
from hls.design import KINDS, from_dict, to_dict
from hls.lowering.names import is_word
from hls.naming import require_name


def conv(**fields: Any) -> Conv2d:
    """A small legal convolution with some fields changed."""
    base = {"height": 8, "width": 10, "in_channels": 4, "out_channels": 6}
    return Conv2d(**(base | fields))


def gemm(**fields: Any) -> Gemm:
    """A small legal GEMM with some fields changed."""
    return Gemm(**({"max_m": 16, "max_k": 16, "max_n": 16} | fields))


# ---------------------------------------------------------------------- rules

CONV2D_RULES: list[tuple[dict[str, Any], str]] = [
    # whole numbers within limits
    ({"height": 0}, "height=0 is outside 1..16384; the nearest legal value is 1"),
    ({"height": -3}, "height=-3 is outside 1..16384; the nearest legal value is 1"),
    ({"width": 16385}, "width=16385 is outside 1..16384; the nearest legal value is 16384"),
    ({"in_channels": 0}, "in_channels=0 is outside 1..65536"),
    ({"out_channels": 70000}, "out_channels=70000 is outside 1..65536"),
    ({"height": 8.0}, "height=8.0 is not an integer; use 1 to 16384"),
    ({"height": True}, "height=True is not an integer"),
    ({"width": "8"}, "width='8' is not an integer"),
    ({"width": None}, "width=None is not an integer"),
    # the window
    ({"kernel": 0}, "kernel=0 is outside 1..11; the nearest legal value is 1"),
    ({"kernel": (3, 12)}, "kernel=12 is outside 1..11; the nearest legal value is 11"),
    ({"kernel": (3, 3, 3)}, "kernel=(3, 3, 3) has 3 entries; use one integer or (vertical, "),
    ({"kernel": ()}, "kernel=() has 0 entries"),
    ({"kernel": "3"}, "kernel='3' is not an integer; use 1 to 11"),
    ({"stride": 0}, "stride=0 is outside 1..64"),
    ({"stride": (1, 65)}, "stride=65 is outside 1..64; the nearest legal value is 64"),
    ({"dilation": 0}, "dilation=0 is outside 1..64"),
    ({"kernel": 9}, "kernel reach 9 (kernel 9, dilation 1) is larger than the padded height 8; use "
     "a height or padding that gives at least 9"),
    ({"kernel": (1, 5), "dilation": 3}, "kernel reach 13 (kernel 5, dilation 3) is larger than the "
     "padded width 10; use a width or padding that gives at least 13"),
    ({"kernel": 11, "padding": 1}, "kernel reach 11 (kernel 11, dilation 1) is larger than the "
     "padded height 10"),
    # padding
    ({"padding": "full"}, "padding='full' is unknown; use valid or same"),
    ({"padding": (1, 2)}, "padding=(1, 2) has 2 entries; use (top, bottom, left, right)"),
    ({"padding": -1}, "padding top=-1 is outside 0..1024; the nearest legal value is 0"),
    ({"padding": (0, 0, 0, 1025)}, "padding right=1025 is outside 0..1024"),
    ({"padding": Padding(left=-2)}, "padding left=-2 is outside 0..1024"),
    ({"padding": None}, "padding top=None is not an integer"),
    # groups and lanes
    ({"groups": 0}, "groups=0 is outside 1..65536"),
    ({"groups": 3}, "groups=3 does not divide in_channels=4; use 1 or 2"),
    ({"groups": 4}, "groups=4 does not divide out_channels=6; use 1 or 2"),
    ({"taps": "two"}, "taps='two' is unknown; use all, row or one"),
    ({"weights": "ram"}, "weights='ram' is unknown; use rom or load"),
    ({"simd": 0}, "simd=0 is outside 1..4; the nearest legal value is 1"),
    ({"simd": 8}, "simd=8 is outside 1..4; the nearest legal value is 4"),
    ({"simd": 3}, "simd=3 does not divide in_channels=4; use 2 or 4"),
    ({"pe": 0}, "pe=0 is outside 1..6"),
    ({"pe": 4}, "pe=4 does not divide out_channels=6; use 2 or 3"),
    ({"groups": 2, "pe": 2}, "pe=2 does not divide out_channels / groups=3; use 1 or 3"),
    ({"groups": 2, "in_channels": 12, "simd": 4}, "simd=4 does not divide in_channels / groups=6; "
     "use 2 or 3"),
    ({"groups": 2, "simd": 4, "pe": 3}, "pe=3 does not match simd=4, which covers 2 groups of 3 "
     "output channels; use pe=6"),
    ({"in_channels": 12, "groups": 6, "simd": 3}, "simd=3 does not cover whole groups of "
     "in_channels / groups=2, as many as divide groups=6; use 2 or 4"),
    ({"in_channels": 12, "groups": 6, "simd": 10, "pe": 5}, "simd=10 does not cover whole groups "
     "of in_channels / groups=2, as many as divide groups=6; use 6 or 12"),
    ({"in_channels": 12, "out_channels": 4, "groups": 4, "simd": 4}, "simd=4 does not cover whole "
     "groups of in_channels / groups=3, as many as divide groups=4; use 3 or 6"),
    ({"in_channels": 256, "simd": 256}, "simd=256 makes a stream of 2048 bits (8 an element), over "
     "the 1024 of an AXI DMA; use simd up to 128"),
    ({"out_channels": 64, "pe": 64, "requantize": "none", "bias": None}, "pe=64 makes a stream of "
     "2048 bits (32 an element), over the 1024 of an AXI DMA; use pe up to 32"),
    # formats
    ({"input": "float"}, "input: Fixed: 'float' is not a number format; use one like s8 or u4"),
    ({"input": "s1"}, "input=s1 has a width outside 2..16 bits; the nearest is s2"),
    ({"weight": "u17"}, "weight=u17 has a width outside 2..16 bits; the nearest is u16"),
    ({"bias": "s33"}, "bias=s33 has a width outside 2..32 bits; the nearest is s32"),
    ({"output": "u20"}, "output=u20 has a width outside 2..16 bits; the nearest is u16"),
    ({"accumulator": "u24"}, "accumulator=u24 is unsigned; use s24"),
    ({"accumulator": "s1"}, "accumulator=s1 has a width outside 2..64 bits; the nearest is s2"),
    ({"input_zero_point": 128}, "input_zero_point=128 is outside -128..127; the nearest legal "
     "value is 127"),
    ({"input": "u4", "input_zero_point": -1}, "input_zero_point=-1 is outside 0..15"),
    # requantization and activation
    ({"requantize": "row"}, "requantize='row' is unknown; use none, tensor or channel"),
    ({"multiplier_bits": 0}, "multiplier_bits=0 is outside 1..31"),
    ({"multiplier_bits": 32}, "multiplier_bits=32 is outside 1..31; the nearest legal value is 31"),
    ({"max_shift": -1}, "max_shift=-1 is outside 0..62"),
    ({"max_shift": 63}, "max_shift=63 is outside 0..62; the nearest legal value is 62"),
    ({"output_zero_point": 128}, "output_zero_point=128 is outside -128..127"),
    ({"requantize": "none", "output": "s8"}, "output=s8 differs from the accumulator s21, which "
     "requantize='none' puts out; leave output away, or use requantize='tensor' or 'channel'"),
    ({"requantize": "none", "output_zero_point": 1}, "output_zero_point=1 has no meaning for raw "
     "accumulators (requantize='none'); use 0"),
    ({"requantize": "none", "bias_fraction": 1}, "bias_fraction=1 has no meaning for raw "
     "accumulators (requantize='none'); use 0"),
    ({"bias_fraction": -1}, "bias_fraction=-1 is outside 0..31; the nearest legal value is 0"),
    ({"accumulator": "s60", "bias_fraction": 5}, "bias_fraction=5 is outside 0..4"),
    ({"activation": "gelu"}, "activation='gelu' is unknown; use none or relu"),
    ({"activation": 3}, "activation=3 is unknown"),
    ({"activation": Clip(low=-129, high=0)}, "activation: clip low=-129 is outside -128..127"),
    ({"activation": Clip(low=5, high=4)}, "activation: clip high=4 is outside 5..127; the nearest "
     "legal value is 5"),
    ({"output": "u4", "activation": Clip(low=0, high=16)}, "clip high=16 is outside 0..15"),
    # pooling
    ({"pooling": Pool(kind="mean")}, "pooling kind='mean' is unknown; use max or average"),
    ({"pooling": Pool(size=0)}, "pooling size=0 is outside 1..64"),
    ({"pooling": Pool(size=(1, 65))}, "pooling size=65 is outside 1..64"),
    ({"pooling": Pool(stride=0)}, "pooling stride=0 is outside 1..64"),
    ({"pooling": Pool(size=7)}, "pooling size 7 is larger than the output height 6; use a size up "
     "to 6"),
    ({"pooling": Pool(size=(1, 9))}, "pooling size 9 is larger than the output width 8"),
    ({"pooling": "max"}, "pooling='max' is neither None nor a Pool; use one like Pool(size=2)"),
    # names
    ({"name": "Conv"}, "name='Conv' is not a lower-case identifier of 1 to 40 characters; use one "
     "like conv1"),
    ({"name": ""}, "name='' is not a lower-case identifier"),
    ({"name": "1st"}, "name='1st' is not a lower-case identifier"),
    ({"name": None}, "name=None is not a lower-case identifier"),
    ({"name": "module"}, "name='module' is reserved by C++, Verilog, VHDL or the generated "
     "sources; use one like module1"),
    ({"name": "a__b"}, "name='a__b' is reserved"),
    ({"name": "conv_"}, "name='conv_' is reserved by C++, Verilog, VHDL or the generated sources; "
     "use one like conv1"),
]  # fmt: skip

GEMM_RULES: list[tuple[dict[str, Any], str]] = [
    ({"max_m": 0}, "max_m=0 is outside 1..65536; the nearest legal value is 1"),
    ({"max_k": 65537}, "max_k=65537 is outside 1..65536; the nearest legal value is 65536"),
    ({"max_n": "8"}, "max_n='8' is not an integer; use 1 to 65536"),
    ({"rows": 1}, "rows=1 is outside 2..64; the nearest legal value is 2"),
    ({"cols": 65}, "cols=65 is outside 2..64; the nearest legal value is 64"),
    ({"rows": 12}, "rows=12 is not a power of two, as a memory word must be; use 8 or 16"),
    ({"cols": 64}, "cols=64 makes a memory port of 2048 bits (32 an element), over the 1024 of "
     "AXI4; use cols up to 32"),
    ({"tile_m": 4}, "tile_m=4 is not a multiple of rows=8; use 8"),
    ({"tile_n": 12}, "tile_n=12 is not a multiple of cols=8; use 8 or 16"),
    ({"tile_k": 0}, "tile_k=0 is outside 1..65536"),
    ({"weight": "s17"}, "weight=s17 has a width outside 2..16 bits; the nearest is s16"),
    ({"accumulator": "u32"}, "accumulator=u32 is unsigned; use s32"),
    ({"output": "s16"}, "output=s16 differs from the accumulator s32"),
    ({"input_zero_point": 5}, "input_zero_point=5 needs a bias to be folded into; set bias, for "
     "example s32"),
    ({"input": "u8", "input_zero_point": -1, "bias": "s8"}, "input_zero_point=-1 is outside "
     "0..255"),
    ({"requantize": "tensor", "activation": Clip(low=0, high=300)}, "clip high=300 is outside "
     "0..127"),
    ({"name": "wire"}, "name='wire' is reserved"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "text"), CONV2D_RULES)
def test_a_convolution_that_breaks_a_rule_is_refused(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(DesignError) as caught:
        conv(**fields)
    message = str(caught.value)
    assert message.startswith("Conv2d: ")
    assert text in message
    assert "\n" not in message
    assert "; " in message, "a message names the remedy, too"


@pytest.mark.parametrize(("fields", "text"), GEMM_RULES)
def test_a_gemm_that_breaks_a_rule_is_refused(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(DesignError) as caught:
        gemm(**fields)
    message = str(caught.value)
    assert message.startswith("Gemm: ")
    assert text in message
    assert "; " in message, "a message names the remedy, too"


@pytest.mark.parametrize(
    "design",
    [
        {"height": 1, "width": 1, "kernel": 11, "padding": "same"},
        {"height": 16384, "width": 16384},
        {"kernel": (8, 10)},
        {"padding": 1024},
        {"in_channels": 128, "simd": 128},
        {"out_channels": 128, "pe": 128},
        {"input": "u2", "weight": "s2", "bias": "u2", "output": "u2"},
        {"accumulator": "s64"},
        {"requantize": "none", "output": "s21"},
        {"activation": Clip(low=-128, high=-128)},
        {"pooling": Pool(size=(6, 8), stride=64)},
        {"in_channels": 12, "out_channels": 6, "groups": 6, "simd": 6, "pe": 3},
        {"name": "a" * 40},
    ],
)
def test_the_limits_themselves_are_legal(design: dict[str, Any]) -> None:
    assert conv(**design).output_shape[0] >= 1


@pytest.mark.parametrize("word", ["hls", "std", "main", "register", "array", "pool", "slide",
                                  "errno", "ap_int", "always", "typename", "process"])  # fmt: skip
def test_words_that_the_generated_sources_cannot_be_named_are_refused(word: str) -> None:
    with pytest.raises(DesignError, match=f"name='{word}' is reserved"):
        require_name("Conv2d", word)


def test_every_process_of_the_templates_is_a_reserved_name() -> None:
    import re

    from hls.rendering import TEMPLATES

    texts = [path.read_text() for path in TEMPLATES.glob("*/*.cpp.j2")
             if "_tb" not in path.name]  # fmt: skip
    processes = {name for text in texts for name in re.findall(r"^static \S+ (\w+)\(", text, re.M)}
    assert {"multiply", "receive", "feed_a"} <= processes
    for process in processes:
        with pytest.raises(DesignError):
            require_name("Conv2d", process)


@pytest.mark.parametrize("word", ["packed", "logic", "interface", "unique0", "bit"])
def test_words_of_systemverilog_are_reserved(word: str) -> None:
    assert is_word(word), "the lowering would refuse it"
    with pytest.raises(DesignError, match=r"is reserved by C\+\+, Verilog"):
        require_name("Conv2d", word)


# ---------------------------------------------------------------------- the objects


@pytest.mark.parametrize("cls", [Conv2d, Gemm, Clip, Padding, Pool, Fixed])
def test_designs_are_frozen_and_take_keywords_only(cls: type) -> None:
    assert dataclasses.is_dataclass(cls)
    assert cls.__dataclass_params__.frozen  # type: ignore[attr-defined]
    kinds = {parameter.kind for parameter in inspect.signature(cls).parameters.values()}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}


def test_a_design_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        conv().height = 9  # type: ignore[misc]


def test_equal_designs_are_equal_and_hashable_whatever_was_asked_of_them() -> None:
    one, other = conv(padding="same"), conv(padding="same")
    assert one.predicted_cycles > 0  # kept in the object from here on
    assert one == other
    assert len({one, other, conv()}) == 2


@pytest.mark.parametrize("made", [conv, gemm])
@pytest.mark.parametrize("field", ["weight", "bias"])
def test_a_given_accumulator_hides_no_unknown_format(made: Any, field: str) -> None:
    with pytest.raises(DesignError, match=f"{field}: Fixed: 'x9' is not a number format"):
        made(**{field: "x9"}, accumulator="s24")


def test_defaults_of_a_convolution() -> None:
    made = conv()
    assert made.input_format == made.weight_format == Fixed(bits=8)
    assert made.bias_format == Fixed(bits=16)
    assert made.epilogue.output == Fixed(bits=8)
    assert (made.epilogue.low, made.epilogue.high) == (-128, 127)
    assert made.pads == Padding(top=0, bottom=0, left=0, right=0)
    assert (made.multipliers, made.parallel_taps) == (9, 9)
    assert made.output_shape == (6, 8, 6)
    assert made.parameter_bytes == 0


def test_defaults_of_a_gemm() -> None:
    made = gemm(max_m=100, max_k=1000, max_n=20)
    assert made.epilogue.accumulator == made.epilogue.output == Fixed(bits=32)
    assert (made.tile_rows, made.tile_cols, made.tile_depth) == (32, 24, 64)
    assert not made.has_parameters


# ---------------------------------------------------------------------- derived sizes


@pytest.mark.parametrize("size", [1, 2, 5, 8, 13])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
def test_padding_same_follows_the_formula_of_onnx(
    size: int, kernel: int, stride: int, dilation: int
) -> None:
    # ONNX, Conv: output = ceil(input / stride), and for SAME_UPPER the odd one goes to the end.
    made = conv(height=size, width=2 * size, kernel=kernel, stride=stride, dilation=dilation,
                padding="same")  # fmt: skip
    pads = made.pads
    ends = (pads.top, pads.bottom, pads.left, pads.right)
    for axis, length in enumerate((size, 2 * size)):
        output = -(-length // stride)
        total = max(0, (output - 1) * stride + dilation * (kernel - 1) + 1 - length)
        assert made.output_shape[axis] == output
        assert ends[2 * axis : 2 * axis + 2] == (total // 2, total - total // 2)


@pytest.mark.parametrize(
    ("padding", "pads"),
    [
        ("valid", (0, 0, 0, 0)), (2, (2, 2, 2, 2)), ((1, 2, 3, 4), (1, 2, 3, 4)),
        ([1, 2, 3, 4], (1, 2, 3, 4)), (Padding(top=1, right=3), (1, 0, 0, 3)),
    ],
)  # fmt: skip
def test_padding_can_be_given_in_several_ways(padding: Any, pads: tuple[int, ...]) -> None:
    made = conv(padding=padding).pads
    assert (made.top, made.bottom, made.left, made.right) == pads


@pytest.mark.parametrize(
    ("fields", "bits"),
    [
        # 36 products of -128*-128 and a bias up to 2^15-1: 622591 < 2^20
        ({}, 21),
        # The rule of thumb floor(log2(N * 2^14)) + 2 for N int8 products.
        ({"in_channels": 64, "bias": None}, 25),
        ({"in_channels": 256, "bias": None}, 27),
        ({"in_channels": 512, "bias": None}, 28),
        # 36 * 255 * -128 = -1175040 >= -2^21, 36 * 255 * 127 < 2^21
        ({"input": "u8", "bias": None}, 22),
        # 36 products from 0 to 15 * 15
        ({"input": "u4", "weight": "u4", "bias": None}, 14),
        # (x + 128) * w with x + 128 in 0..255: as u8
        ({"input_zero_point": -128, "bias": None}, 22),
        ({"bias": "s32"}, 33),
        ({"bias": "u32", "kernel": 1}, 34),
    ],
)  # fmt: skip
def test_the_accumulator_is_the_exact_worst_case(fields: dict[str, Any], bits: int) -> None:
    made = conv(**fields)
    assert made.worst_case == Fixed(bits=bits)
    assert made.epilogue.accumulator == Fixed(bits=bits)


@settings(max_examples=100)
@given(st.sampled_from(["s2", "u2", "s4", "u5", "s8"]), st.sampled_from(["s2", "u3", "s8"]),
       st.data())  # fmt: skip
def test_no_narrower_accumulator_would_do(left: str, right: str, data: st.DataObject) -> None:
    x, w = Fixed.parse(left), Fixed.parse(right)
    zero = data.draw(st.integers(x.minimum, x.maximum))
    made = conv(input=left, weight=right, input_zero_point=zero, bias=None)
    products = [(a - zero) * b for a in (x.minimum, x.maximum) for b in (w.minimum, w.maximum)]
    low, high = 36 * min(products), 36 * max(products)
    assert made.worst_case.minimum <= low
    assert made.worst_case.maximum >= high
    narrower = Fixed(bits=made.worst_case.bits - 1)
    assert low < narrower.minimum or high > narrower.maximum


def test_a_gemms_accumulator_holds_max_k_products() -> None:
    assert gemm(requantize="tensor", max_k=576).epilogue.accumulator == Fixed(bits=25)
    assert gemm(requantize="none", max_k=576).epilogue.accumulator == Fixed(bits=32)
    assert gemm(input="s16", weight="s16").epilogue.accumulator == Fixed(bits=64)


@pytest.mark.parametrize(
    ("fields", "low", "high"),
    [
        ({}, -128, 127),
        ({"activation": "relu"}, 0, 127),
        ({"activation": "relu", "output_zero_point": -20}, -20, 127),
        ({"activation": "relu", "output": "u8", "output_zero_point": 3}, 3, 255),
        ({"activation": Clip(low=-3, high=96)}, -3, 96),
        ({"requantize": "none", "activation": "relu"}, 0, 2**20 - 1),
        ({"requantize": "none", "accumulator": "s12"}, -2048, 2047),
    ],
)
def test_activations_are_limits_in_output_units(
    fields: dict[str, Any], low: int, high: int
) -> None:
    assert (conv(**fields).epilogue.low, conv(**fields).epilogue.high) == (low, high)


def test_sizes_of_a_strided_dilated_pooled_convolution() -> None:
    made = conv(height=20, width=31, kernel=(3, 5), stride=(2, 1), dilation=(1, 2),
                padding=(1, 0, 2, 3), pooling=Pool(kind="max", size=(2, 3), stride=(1, 2)),
                simd=2, pe=3, taps="row")  # fmt: skip
    # rows: (20 + 1 - 2 - 1) / 2 + 1 = 10; columns: 31 + 5 - 8 - 1 + 1 = 28
    assert (made.window.rows.outputs, made.window.cols.outputs) == (10, 28)
    assert made.output_shape == (9, 13, 6)
    assert made.weight_shape == (6, 3, 5, 4)
    assert made.taps_per_output == 3 * 5 * 4
    assert made.macs == 10 * 28 * 6 * 60
    assert made.multipliers == 3 * 2 * 5
    assert made.input_beats == 20 * 31 * 2
    assert (made.tap_folds, made.channel_folds, made.filter_folds, made.group_folds) == (3, 2, 2, 1)
    assert made.weight_words == 12
    assert made.lower_bound_cycles == 10 * 28 * 12
    assert made.output_beats == 2
    # Sums come every 6 cycles, so one requantizer does for 3 PEs.
    assert (made.finish_lanes, made.finish_steps) == (1, 3)
    assert made.weight_bits == 6 * 60 * 8
    assert made.dram_bytes == 20 * 31 * 4 + 9 * 13 * 6
    # Two rows of the grid and, for each of 3 kernel rows, 8 columns: in bits of 4 channels.
    assert made.line_buffer_bits == (2 * 31 + 3 * 8) * 4 * 8


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"groups": 2}, (1, 1, 1, 2, 3, 2)),
        ({"groups": 2, "simd": 2, "pe": 3}, (1, 2, 3, 1, 1, 2)),
        ({"groups": 2, "simd": 4, "pe": 6}, (2, 2, 3, 1, 1, 1)),
        ({"out_channels": 4, "groups": 4, "simd": 2, "pe": 2}, (2, 1, 1, 1, 1, 2)),
        ({"out_channels": 8, "groups": 4, "simd": 4, "pe": 8}, (4, 1, 2, 1, 1, 1)),
    ],
)
def test_lanes_of_grouped_convolutions(fields: dict[str, Any], expected: tuple[int, ...]) -> None:
    made = conv(**fields)
    assert (made.groups_per_beat, made.channels_per_pe, made.pe_per_group, made.channel_folds,
            made.filter_folds, made.group_folds) == expected  # fmt: skip


def test_run_time_parameters_are_counted_in_words() -> None:
    made = conv(weights="load", weight="s5", simd=4, pe=2, kernel=3)
    # A PE's four weights of five bits take a word; 9 taps and 6 filters of those.
    assert made.weight_group_words == 1
    assert made.parameter_words == 9 * 6 + 4 * 6
    assert made.parameter_bytes == 4 * (54 + 24)
    wide = conv(weights="load", weight="s16", simd=4, kernel=1)
    assert wide.weight_group_words == 2
    assert wide.parameter_words == 2 * 6 + 4 * 6


def test_costs_of_a_gemm() -> None:
    made = gemm(max_m=100, max_k=77, max_n=33, rows=8, cols=8, tile_m=32, tile_n=16)
    assert made.multipliers == 64
    assert made.macs == 100 * 77 * 33
    assert (made.sub_rows, made.sub_cols, made.sums_per_pe) == (4, 2, 8)
    assert made.bound_cycles(100, 77, 33) == -(-100 * 77 * 33 // 64)
    # One row against long K: the words of B decide.
    assert made.bound_cycles(1, 77, 33) == 77 * 5
    # A is read once for each of 3 tiles across, B for each of 4 down, C written once.
    a, b, c = 100 * 10 * 8, 77 * 5 * 8, 100 * 5 * 8
    assert made.traffic_bytes(100, 77, 33) == 3 * a + 4 * b + 4 * c
    assert made.dram_bytes == made.traffic_bytes(100, 77, 33)
    assert made.traffic_bytes(32, 77, 16) == 32 * 10 * 8 + 77 * 2 * 8 + 4 * 32 * 2 * 8
    with_table = gemm(max_m=8, max_k=8, max_n=8, bias="s8")
    assert with_table.traffic_bytes(8, 8, 8) == 64 + 64 + 4 * 64 + 8 * 16


@settings(max_examples=100)
@given(gemms())
def test_a_gemm_takes_no_less_than_its_bounds(made: Gemm) -> None:
    for sizes in ((1, 1, 1), (made.max_m, made.max_k, made.max_n), (1, made.max_k, made.max_n)):
        assert made.cycles(*sizes) >= made.bound_cycles(*sizes)
        m, k, n = sizes
        assert made.traffic_bytes(*sizes) * 8 >= (
            m * k * made.input_format.bits + k * n * made.weight_format.bits
        )


@settings(max_examples=100)
@given(conv2ds())
def test_a_convolution_takes_no_less_than_its_bound(made: Conv2d) -> None:
    assert made.predicted_cycles >= made.lower_bound_cycles
    # Folds times lanes are all channels, taps and filters: nothing is lost or done twice.
    lanes = made.pe * made.channels_per_pe * made.parallel_taps
    assert made.weight_words * lanes == made.out_channels * made.taps_per_output
    assert made.finish_steps <= made.steps_per_sum
    assert made.pe % made.finish_lanes == 0
    assert made.on_chip_bits >= made.line_buffer_bits + made.weight_bits


# ---------------------------------------------------------------------- to and from plain data


@settings(max_examples=200)
@given(st.one_of(conv2ds(), gemms()))
def test_designs_survive_json(made: Conv2d | Gemm) -> None:
    again = from_dict(json.loads(json.dumps(to_dict(made))))
    assert type(again) is type(made)
    assert to_dict(again) == to_dict(made)
    assert again.epilogue == made.epilogue
    assert again.predicted_cycles == made.predicted_cycles


def test_nested_fields_come_back_as_objects() -> None:
    made = conv(padding=Padding(top=2), pooling=Pool(kind="average", size=(2, 3), stride=1),
                activation=Clip(low=0, high=9), input=Fixed(bits=5, signed=False))  # fmt: skip
    data = to_dict(made)
    assert data["kind"] == "conv2d"
    assert data["padding"] == {"top": 2, "bottom": 0, "left": 0, "right": 0}
    assert data["pooling"] == {"kind": "average", "size": [2, 3], "stride": 1}
    assert data["activation"] == {"low": 0, "high": 9}
    assert data["input"] == "u5"
    again = from_dict(data)
    assert isinstance(again, Conv2d)
    assert (again.padding, again.pooling, again.activation) == (
        made.padding, made.pooling, made.activation
    )  # fmt: skip
    assert set(KINDS) == {"conv2d", "gemm"}


SIZES = {"kind": "conv2d", "height": 8, "width": 8, "in_channels": 1, "out_channels": 1}


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({}, "design: kind=None is unknown; use conv2d or gemm"),
        ({"kind": "fft"}, "design: kind='fft' is unknown; use conv2d or gemm"),
        (SIZES | {"kernal": 3}, "Conv2d: 'kernal' is not a field; did you mean 'kernel'?"),
        (SIZES | {"max_m": 3}, "Conv2d: 'max_m' is not a field; "),
        (SIZES | {"qqq": 3}, "Conv2d: 'qqq' is not a field; use one of height, width, in_"),
        (SIZES | {"padding": {"botom": 1}}, "Padding: 'botom' is not a field; did you mean "
         "'bottom'?"),
        (SIZES | {"pooling": {"sise": 1}}, "Pool: 'sise' is not a field; did you mean 'size'?"),
        (SIZES | {"activation": {"lo": 1, "high": 2}}, "Clip: 'lo' is not a field; did you mean "
         "'low'?"),
        (SIZES | {"activation": {"high": 2}}, "Clip: low is missing; give all of ['low', 'high']"),
        ({"kind": "conv2d", "height": 8}, "Conv2d: width is missing; give all of ['height', "
         "'width', 'in_channels', 'out_channels']"),
        ({"kind": "gemm", "max_m": 8}, "Gemm: max_k is missing; give all of ['max_m', 'max_k', "
         "'max_n']"),
        (SIZES | {"simd": "one"}, "Conv2d: simd='one' is not an integer"),
    ],
)  # fmt: skip
def test_data_that_is_no_design_is_refused(data: dict[str, Any], text: str) -> None:
    with pytest.raises(DesignError) as caught:
        from_dict(data)
    assert text in str(caught.value)
