"""Element by element: differences, and factors that are constant, in both forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from one_operator import DTYPES, agrees, image, model_of
from random_models import MICROSOFT, Maker, Tensor

from hls.errors import InputError
from hls.network import Network


@given(st.integers(0, 99), DTYPES, st.sampled_from(["xy", "yx", "xx", "xc", "cx"]), st.booleans())
@settings(max_examples=40)
def test_differences(seed, dtype, order, relu):
    """Of two tensors either way round, of one and itself, and of one and a constant."""
    make = Maker("qdq", seed=seed, dtype=dtype)
    x = image(make, 4, 3, relu=relu)
    y = make.conv(x, 3, (3, 3), pads=(1, 1, 1, 1))
    steps = make.rng.integers(-99, 99, (3, 1, 1)) * x.scale
    real = {"x": make.real(x), "y": make.real(y), "c": make.constant(steps.astype(np.float32))}
    difference = make.node("Sub", [real[name] for name in order])
    agrees(model_of(make, make.quantized(difference, x.shape, x.scale + y.scale)))


def test_a_quotient_by_what_is_no_power_of_two_is_as_in_float32():
    """In float32 x / 0.2 is 5 x, though 0.2 is more than a fifth; so there are ties."""
    make = Maker("qdq")
    x = image(make, 6, 6)
    real = make.node("Div", [make.real(x), make.constant(np.float32(0.2))])
    agrees(model_of(make, make.quantized(real, x.shape, 8 * x.scale)))


def times_integers(make: Maker, x: Tensor, zero: int, *, channels: bool) -> Tensor:
    """QLinearMul by random integers, one or one a channel; `zero` is that of the product."""
    limits = np.iinfo(make.dtype)
    integers = make.rng.integers(limits.min, limits.max + 1, (3, 1, 1) if channels else ())
    made = Tensor("", x.shape, 2 * x.scale, zero)
    constant = [integers.astype(make.dtype), np.float32(1 / 64), make.dtype.type(9)]
    operands = [[x.name, *make.pair(x)], [make.constant(each) for each in constant]]
    first, second = operands if make.rng.integers(2) else reversed(operands)
    name = make.node("QLinearMul", [*first, *second, *make.pair(made)], domain=MICROSOFT)
    return Tensor(name, x.shape, made.scale, zero)


@given(st.integers(0, 99), DTYPES, st.booleans())
@settings(max_examples=20)
def test_factors_of_integers(seed, dtype, channels):
    make = Maker("qoperator", seed=seed, dtype=dtype)
    x = image(make, 4, 3)
    agrees(model_of(make, times_integers(make, x, 20, channels=channels)))


def test_ties_that_no_convolution_rounds_are_refused():
    """onnxruntime adds the zero point before it rounds; odd ones move ties."""
    make = Maker("qoperator", seed=1)
    last = times_integers(make, image(make, 4, 3), 21, channels=True)
    message = r"node 'QLinearMul_\d+' .*has a constant, and rounds ties as no .*an even zero point"
    with pytest.raises(InputError, match=message):
        Network.from_onnx(model_of(make, last))
