"""Packing: NumPy arrays to hardware words, bit for bit as slow Python loops say."""

from __future__ import annotations

import dataclasses
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import conv2ds, parameters

from hls import Conv2d, Parameters
from hls.manifest import manifest
from host import packing
from sim import golden


@given(st.data())
def test_patches_are_those_of_the_golden_model(data: st.DataObject) -> None:
    def pair(low: int, high: int) -> tuple[int, int]:
        return data.draw(st.integers(low, high)), data.draw(st.integers(low, high))

    how: dict[str, Any] = {
        "stride": pair(1, 3), "dilation": pair(1, 3), "pads": (*pair(0, 2), *pair(0, 2)),
        "zero_point": data.draw(st.integers(-3, 200)),
    }  # fmt: skip
    kernel, shape = pair(1, 3), (*pair(1, 3)[:1], *pair(7, 9), data.draw(st.integers(1, 3)))
    x = np.arange(np.prod(shape)).reshape(shape).astype(np.int16)
    before = x.copy()
    patches = packing.pack_patches(x, kernel, **how)
    assert patches.dtype == x.dtype
    assert patches.flags.c_contiguous
    np.testing.assert_array_equal(patches, golden.patches(x, kernel, **how))
    patches[:] = 0
    np.testing.assert_array_equal(x, before)


def bits_to_words(bits: list[int], words: int) -> list[int]:
    """Lowest bit first."""
    padded = bits + [0] * (32 * words - len(bits))
    chunks = [padded[at : at + 32] for at in range(0, 32 * words, 32)]
    return [sum(bit << i for i, bit in enumerate(chunk)) for chunk in chunks]


def slow_parameters(conv: Conv2d, held: Parameters) -> list[int]:
    """The parameter stream as its documentation says, one weight after the other.

    The hardware walks groups, then filters, then channels, then taps; in each of these cycles all
    its PEs take a word after the other.
    """
    stream: list[int] = []
    width, per_pe = conv.weight_format.bits, conv.channels_per_pe
    walk = product(range(conv.group_folds), range(conv.filter_folds), range(conv.channel_folds),
                   range(conv.tap_folds))  # fmt: skip
    cols = conv.weight_shape[2]
    for group_fold, filter_fold, channel_fold, tap_fold in walk:
        for pe, tap in product(range(conv.pe), range(conv.parallel_taps)):
            group = group_fold * conv.groups_per_beat + pe // conv.pe_per_group
            within = filter_fold * conv.pe_per_group + pe % conv.pe_per_group
            out = group * conv.group_out_channels + within
            row, col = divmod(tap_fold * conv.parallel_taps + tap, cols)
            bits: list[int] = []
            for lane in range(per_pe):
                weight = int(held.weights[out, row, col, channel_fold * per_pe + lane])
                bits += [(weight >> i) & 1 for i in range(width)]
            stream += bits_to_words(bits, conv.weight_group_words)
    for out in range(conv.out_channels):
        bias = 0 if held.bias is None else int(held.bias[out])
        for weight in held.weights[out].flat:
            bias -= conv.input_zero_point * int(weight)
        stream += [bias & 0xFFFFFFFF, (bias >> 32) & 0xFFFFFFFF]
        stream.append(0 if held.multiplier is None else int(held.multiplier[out]))
        stream.append(0 if held.shift is None else int(held.shift[out]))
    return stream


@settings(max_examples=60)
@given(st.data())
def test_parameters_are_packed_in_the_order_in_which_the_hardware_reads(
    data: st.DataObject,
) -> None:
    conv = dataclasses.replace(data.draw(conv2ds()), weights="load")
    held = data.draw(parameters(conv))
    words = packing.pack_parameters(
        manifest(conv), held.weights, held.bias, held.multiplier, held.shift
    )
    assert words.dtype == np.dtype("<u4")
    assert words.size == conv.parameter_words
    assert words.tolist() == slow_parameters(conv, held)


@given(
    st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=5), st.integers(-128, 255),
    st.booleans(),
)  # fmt: skip
def test_a_folded_bias_carries_the_zero_point(
    weights: list[int], zero_point: int, biased: bool
) -> None:
    x = np.arange(len(weights)) * 7 - 3
    bias = 1234 if biased else None
    folded = packing.fold_bias(None if bias is None else [bias], [sum(weights)], zero_point)
    wanted = int(((x - zero_point) * np.array(weights)).sum()) + (bias or 0)
    assert int((x * np.array(weights)).sum()) + int(folded[0]) == wanted


def test_columns_hold_bias_multiplier_and_shift() -> None:
    table = packing.pack_columns([5, -1, -(2**40)], [7, 2**31 - 1, 1], [0, 62, 3], 3)
    assert table.dtype == np.dtype("<u4")
    assert table.tolist() == [
        [5, 0, 7, 0],
        [0xFFFFFFFF, 0xFFFFFFFF, 2**31 - 1, 62],
        [0, 0xFFFFFF00, 1, 3],
    ]


def test_columns_without_parameters_are_zero() -> None:
    assert packing.pack_columns(None, None, None, 2).tolist() == [[0] * 4] * 2


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int64])
@given(st.integers(1, 6), st.integers(1, 20), st.sampled_from([1, 2, 4, 8]))
def test_rows_begin_at_whole_words(dtype: type, rows: int, cols: int, lanes: int) -> None:
    matrix = (np.arange(rows * cols).reshape(rows, cols) - 3).astype(dtype)
    packed = packing.pack_rows(matrix, lanes, dtype)
    assert packed.flags.c_contiguous
    assert packed.dtype == dtype
    assert packed.shape == (rows, (cols + lanes - 1) // lanes * lanes)
    for row, col in np.ndindex(*packed.shape):
        assert packed[row, col] == (matrix[row, col] if col < cols else 0)
    np.testing.assert_array_equal(packing.unpack_rows(packed, cols), matrix)
