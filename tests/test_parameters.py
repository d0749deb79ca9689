"""Parameters: what is checked, how they are drawn, and the order in which the hardware reads."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strategies import conv2ds, seeds

from hls import Conv2d, InputError, Parameters
from hls.parameters import Tables, load_parameters, random_parameters, scale_to_multiplier

CONV = Conv2d(height=5, width=5, in_channels=2, out_channels=3, kernel=(2, 1), weight="s4",
              bias="u8", requantize="channel", multiplier_bits=10, max_shift=12)  # fmt: skip
GOOD: dict[str, Any] = {
    "weights": np.arange(-6, 6).reshape(3, 2, 1, 2) % 8,
    "bias": np.array([0, 255, 7]),
    "multiplier": np.array([0, 1023, 5]),
    "shift": np.array([0, 12, 3]),
}


def test_good_parameters_become_64_bit_integers() -> None:
    held = Parameters.checked(CONV, {k: v.astype(np.int16) for k, v in GOOD.items()}, "here")
    for name, values in GOOD.items():
        array = getattr(held, name)
        assert array.dtype == np.int64
        np.testing.assert_array_equal(array, values)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"weights": None}, "array 'weights' is missing; conv2d takes weights, bias, multip"),
        ({"bias": None}, "array 'bias' is missing"),
        ({"gain": np.ones(3, int)}, "array 'gain' is not used by conv2d; it takes weights, bias,"),
        ({"weights": np.zeros((3, 2, 2, 1), int)}, "array 'weights' has shape [3, 2, 2, 1]; it "
         "must be [3, 2, 1, 2]"),
        ({"weights": np.full((3, 2, 1, 2), 8)}, "array 'weights' holds 8, outside -8..7 of s4; "
         "change the values or the format"),
        ({"weights": np.zeros((3, 2, 1, 2))}, "array 'weights' has dtype float64; quantize it to "
         "integers first"),
        ({"weights": np.zeros((3, 2, 1, 2), bool)}, "array 'weights' has dtype bool"),
        ({"bias": np.array([0, -1, 0])}, "array 'bias' holds -1, outside 0..255 of u8"),
        ({"bias": np.array([0, 0])}, "array 'bias' has shape [2]; it must be [3]"),
        ({"multiplier": np.array([0, 1024, 0])}, "array 'multiplier' holds 1024, outside 0..1023"),
        ({"multiplier": np.array(3)}, "array 'multiplier' has shape []; it must be [3]"),
        ({"shift": np.array([0, 13, 0])}, "shift=13 is over max_shift=12; use shifts up to 12"),
        ({"shift": np.array([0, -1, 0])}, "array 'shift' holds -1, outside 0..63"),
    ],
)  # fmt: skip
def test_parameters_that_do_not_fit_are_refused(change: dict[str, Any], text: str) -> None:
    arrays = {k: v for k, v in (GOOD | change).items() if v is not None}
    with pytest.raises(InputError) as caught:
        Parameters.checked(CONV, arrays, "here")
    assert str(caught.value).startswith("here: ")
    assert text in str(caught.value)


@pytest.mark.parametrize("given_as", [5, [5], [5, 5, 5]])
def test_one_multiplier_serves_all_channels_of_a_tensor(given_as: Any) -> None:
    conv = Conv2d(height=3, width=3, in_channels=1, out_channels=3, bias=None)
    arrays = {"weights": np.ones((3, 3, 3, 1), int), "multiplier": np.array(given_as), "shift": 4}
    held = Parameters.checked(conv, arrays, "here")
    assert held.multiplier is not None
    assert held.shift is not None
    assert (held.multiplier.tolist(), held.shift.tolist()) == ([5] * 3, [4] * 3)


@settings(max_examples=60)
@given(st.data())
def test_saved_parameters_are_read_back(data: st.DataObject) -> None:
    import tempfile

    conv = data.draw(conv2ds())
    held = random_parameters(conv, data.draw(seeds))
    with tempfile.TemporaryDirectory() as folder:
        held.save(Path(folder) / "w.npz")
        again = load_parameters(conv, Path(folder) / "w.npz")
    for name, values in vars(held).items():
        np.testing.assert_array_equal(getattr(again, name), values)


# ---------------------------------------------------------------------- random parameters


@settings(max_examples=150)
@given(conv2ds(), seeds)
def test_random_parameters_are_legal_and_repeatable(conv: Conv2d, seed: int) -> None:
    held = random_parameters(conv, seed)
    arrays = {name: values for name, values in vars(held).items() if values is not None}
    Parameters.checked(conv, arrays, "drawn")  # raises if they do not fit
    for name, values in vars(random_parameters(conv, seed)).items():
        np.testing.assert_array_equal(values, getattr(held, name))


def test_random_weights_reach_the_corners_of_their_format_and_differ_by_seed() -> None:
    conv = Conv2d(height=9, width=9, in_channels=16, out_channels=16)
    weights = random_parameters(conv, 1).weights
    assert (weights.min(), weights.max()) == (-128, 127)
    assert (weights != random_parameters(conv, 2).weights).mean() > 0.9


# ---------------------------------------------------------------------- scales


@settings(max_examples=300)
@given(st.floats(2.0**-70, 2.0**40, allow_subnormal=False), st.integers(1, 31), st.integers(0, 62))
@example(0.75, 1, 5)
@example(1.0, 24, 47)
@example(1 - 2**-30, 8, 20)
@example(255.5, 8, 0)
@example(256.0, 8, 0)
def test_a_scale_gets_the_closest_multiplier_and_shift(
    scale: float, bits: int, max_shift: int
) -> None:
    multiplier, shift = scale_to_multiplier(scale, bits, max_shift)
    assert 0 <= multiplier < 1 << bits
    assert 0 <= shift <= max_shift
    exact = Fraction(scale)
    error = abs(Fraction(multiplier, 1 << shift) - exact)
    for other in range(max_shift + 1):
        best = min(round(exact * (1 << other)), (1 << bits) - 1)
        assert error <= abs(Fraction(best, 1 << other) - exact)
    if Fraction(1, 1 << max_shift) * (1 << bits) <= exact <= (1 << bits) - 1:
        assert error / exact <= Fraction(1, 1 << bits)


# ---------------------------------------------------------------------- tables


def test_tables_fold_the_zero_point_into_the_bias_and_wrap_it() -> None:
    conv = Conv2d(height=5, width=5, in_channels=1, out_channels=2, kernel=1, input="u8",
                  input_zero_point=100, accumulator="s12", pe=2)  # fmt: skip
    arrays = {"weights": np.array([3, -120]).reshape(2, 1, 1, 1), "bias": np.array([7, 0]),
              "multiplier": 1, "shift": 0}  # fmt: skip
    tables = Tables.of(conv, Parameters.checked(conv, arrays, "here"))
    assert tables.bias is not None
    # 7 - 100*3 fits twelve bits; 100*120 = 12000 = 3 * 4096 - 288 wraps.
    assert tables.bias.tolist() == [[7 - 300, -288]]
    assert tables.uniform


def test_tables_give_the_zero_points_share_the_places_of_the_bias() -> None:
    conv = Conv2d(height=5, width=5, in_channels=1, out_channels=1, kernel=1, input="u8",
                  input_zero_point=100, accumulator="s12", bias_fraction=4)  # fmt: skip
    arrays = {"weights": np.array([3]).reshape(1, 1, 1, 1), "bias": np.array([7]),
              "multiplier": 1, "shift": 0}  # fmt: skip
    tables = Tables.of(conv, Parameters.checked(conv, arrays, "here"))
    assert tables.bias is not None
    assert tables.bias.tolist() == [[7 - 300 * 16]]


def test_tables_without_bias_or_requantization_are_empty() -> None:
    conv = Conv2d(height=5, width=5, in_channels=1, out_channels=2, bias=None, requantize="none")
    tables = Tables.of(conv, random_parameters(conv, 0))
    assert (tables.bias, tables.multiplier, tables.shift) == (None, None, None)
    assert tables.uniform


def test_tables_are_walked_group_by_group_filter_by_filter() -> None:
    conv = Conv2d(height=5, width=5, in_channels=4, out_channels=4, groups=2, kernel=1, simd=1,
                  pe=1, bias=None, requantize="none")  # fmt: skip
    weights = np.arange(8).reshape(4, 1, 1, 2)  # filter 0: 0 1, filter 1: 2 3, ...
    tables = Tables.of(conv, Parameters.checked(conv, {"weights": weights}, "here"))
    assert tables.weights.reshape(-1).tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    both = Conv2d(height=5, width=5, in_channels=4, out_channels=4, groups=2, kernel=1, simd=2,
                  pe=2, bias=None, requantize="none")  # fmt: skip
    tables = Tables.of(both, Parameters.checked(both, {"weights": weights}, "here"))
    assert tables.weights.shape == (2, 2, 1, 2)
    assert tables.weights[1, :, 0].tolist() == [[4, 5], [6, 7]]


def test_tables_tell_whether_all_channels_share_a_scale() -> None:
    arrays = GOOD | {"multiplier": np.array([5, 5, 5]), "shift": np.array([1, 1, 1])}
    assert Tables.of(CONV, Parameters.checked(CONV, arrays, "here")).uniform
    assert not Tables.of(CONV, Parameters.checked(CONV, GOOD, "here")).uniform
