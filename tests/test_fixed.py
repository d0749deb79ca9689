"""Number formats: spelling, limits, containers, wrapping."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hls import DesignError, Fixed

anything = st.builds(Fixed, bits=st.integers(1, 64), signed=st.booleans())


@pytest.mark.parametrize(
    ("spelling", "bits", "signed", "low", "high", "cpp", "native", "dtype"),
    [
        ("s8", 8, True, -128, 127, "ap_int<8>", "signed char", np.int8),
        ("u8", 8, False, 0, 255, "ap_uint<8>", "unsigned char", np.uint8),
        ("int4", 4, True, -8, 7, "ap_int<4>", "signed char", np.int8),
        ("uint9", 9, False, 0, 511, "ap_uint<9>", "unsigned short", np.uint16),
        ("s1", 1, True, -1, 0, "ap_int<1>", "signed char", np.int8),
        ("s17", 17, True, -65536, 65535, "ap_int<17>", "signed int", np.int32),
        ("u32", 32, False, 0, 2**32 - 1, "ap_uint<32>", "unsigned int", np.uint32),
        ("s33", 33, True, -(2**32), 2**32 - 1, "ap_int<33>", "signed long long", np.int64),
        ("sym8", 8, True, -127, 127, "ap_int<8>", "signed char", np.int8),
        ("u64", 64, False, 0, 2**64 - 1, "ap_uint<64>", "unsigned long long", np.uint64),
    ],
)
def test_a_spelling_stands_for_a_format(
    spelling: str, bits: int, signed: bool, low: int, high: int, cpp: str, native: str, dtype: type
) -> None:
    fmt = Fixed.parse(spelling)
    assert fmt == Fixed(bits=bits, signed=signed, symmetric=spelling.startswith("sym"))
    assert (fmt.minimum, fmt.maximum) == (low, high)
    assert (fmt.cpp, fmt.native, fmt.dtype) == (cpp, native, np.dtype(dtype))


@given(anything)
def test_parse_reads_what_str_writes(fmt: Fixed) -> None:
    assert Fixed.parse(str(fmt)) == fmt
    assert Fixed.parse(fmt) is fmt


@given(anything)
def test_the_numpy_element_holds_the_limits_and_no_narrower_one_does(fmt: Fixed) -> None:
    limits = np.iinfo(fmt.dtype)
    assert limits.min <= fmt.minimum
    assert fmt.maximum <= limits.max
    assert fmt.dtype.itemsize * 8 == fmt.container_bits
    assert fmt.container_bits == 8 or fmt.container_bits // 2 < fmt.bits


@pytest.mark.parametrize("spelling", ["", "8", "s", "f16", "S8", "s-1", "s8 ", "s8888", None, 8])
def test_an_unknown_spelling_is_refused_with_an_example(spelling: object) -> None:
    with pytest.raises(DesignError, match="is not a number format; use one like s8 or u4"):
        Fixed.parse(spelling)  # type: ignore[arg-type]


@pytest.mark.parametrize("bits", [0, -1, 65, 999])
def test_a_width_outside_1_to_64_is_refused(bits: int) -> None:
    with pytest.raises(DesignError, match=rf"bits={bits} is outside 1\.\.64; use 1 to 64"):
        Fixed(bits=bits)


@pytest.mark.parametrize("bits", [8.0, "8", True, None])
def test_a_width_is_an_integer(bits: object) -> None:
    with pytest.raises(DesignError, match="is not an integer; use 1 to 64"):
        Fixed(bits=bits)  # type: ignore[arg-type]


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_holding_is_the_narrowest_signed_format(a: int, b: int) -> None:
    low, high = min(a, b), max(a, b)
    fmt = Fixed.holding(low, high)
    assert fmt.signed
    assert fmt.minimum <= low <= high <= fmt.maximum
    if fmt.bits > 1:
        narrower = Fixed(bits=fmt.bits - 1)
        assert low < narrower.minimum or high > narrower.maximum


@pytest.mark.parametrize(
    ("values", "held"),
    [([], True), ([-8, 7], True), ([-9], False), ([8], False), ([[0], [7]], True), (3, True),
     (np.array([2**63], np.uint64), False)],
)  # fmt: skip
def test_holds_tells_whether_all_values_fit(values: object, held: bool) -> None:
    assert Fixed(bits=4).holds(values) is held  # type: ignore[arg-type]


@given(st.integers(1, 63), st.booleans(), st.integers(-(2**63), 2**63 - 1))
def test_wrapping_keeps_the_low_bits(bits: int, signed: bool, value: int) -> None:
    fmt = Fixed(bits=bits, signed=signed)
    wrapped = int(fmt.wrap(np.array([value]))[0])
    assert fmt.minimum <= wrapped <= fmt.maximum
    assert (value - wrapped) % (1 << bits) == 0


def test_wrapping_to_64_bits_changes_nothing() -> None:
    values = np.array([-(2**63), -1, 2**63 - 1])
    np.testing.assert_array_equal(Fixed(bits=64).wrap(values), values)
