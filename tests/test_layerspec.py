"""Layers in a word: what they mean, and what is said about those that mean nothing."""

from __future__ import annotations

import pytest

from hls import Conv2d, Padding
from hls.errors import DesignError, InputError
from hls.layerspec import layer_of


def conv(**fields: object) -> Conv2d:
    shape = {"height": 28, "width": 20, "in_channels": 8, "out_channels": 16, "kernel": 3}
    data = {**shape, "padding": "same", "bias": "s32", "requantize": "channel", **fields}
    return Conv2d(**data)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("28x20x8:16k3", conv(name="conv_28x20x8_16k3")),
        ("28x20x8:16k5", conv(kernel=5, name="conv_28x20x8_16k5")),
        ("28x20x8:16k3x1s2", conv(kernel=(3, 1), stride=2, name="conv_28x20x8_16k3x1s2")),
        ("28x20x8:16k3s2x1d2", conv(stride=(2, 1), dilation=2, name="conv_28x20x8_16k3s2x1d2")),
        ("28x20x8:16k3p1", conv(padding=1, name="conv_28x20x8_16k3p1")),
        ("28x20x8:16k3pvalid", conv(padding="valid", name="conv_28x20x8_16k3pvalid")),
        ("28x20x8:16k3psames2", conv(stride=2, name="conv_28x20x8_16k3psames2")),
        ("28x20x8:16k3g8", conv(groups=8, name="conv_28x20x8_16k3g8")),
    ],
)
def test_a_layer_in_a_word(text: str, meant: Conv2d) -> None:
    assert layer_of(text) == meant


def test_padding_is_the_same_unless_given() -> None:
    assert layer_of("8x8x4:4k3").pads == Padding(top=1, bottom=1, left=1, right=1)


def test_a_long_word_is_cut_to_a_name() -> None:
    text = "1024x1024x1024:1024k11x11s2x2d1x1psameg1024"
    assert len(layer_of(text).name) <= 40


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "'' is not HEIGHTxWIDTHxCHANNELS before a colon"),
        ("conv1", "'conv1' is not HEIGHTxWIDTHxCHANNELS"),
        ("56x56x64", "before a colon; write HxWxC:MkK, as in 56x56x64:64k3"),
        ("56x56:64k3", "'56x56' is not HEIGHTxWIDTHxCHANNELS"),
        ("56x56x64:64", "'64' does not begin with FILTERSkKERNEL"),
        ("56x56x64:k3", "'k3' does not begin with FILTERSkKERNEL"),
        ("-6x56x64:64k3", "'-6x56x64' is not HEIGHT"),
        ("٥٦x56x64:64k3", "is not HEIGHTxWIDTHxCHANNELS"),
        ("56x56x64:64k3z2", "'z2' is no option; the options are s2 or s2x1 (stride)"),
        ("56x56x64:64k3s", "'s' is no option"),
        ("56x56x64:64k3p1,1,1,1", "',1,1,1' is no option"),
        ("56x56x64:64k3 s2", "' s2' is no option"),
        ("56x56x64:64k3s2s2", "stride (s) is given twice; give it once"),
        ("99999999x56x64:64k3", "99999999 is too large; the largest size is 65536"),
    ],
)
def test_a_word_that_is_not_understood(text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        layer_of(text)
    assert str(caught.value).startswith(f"layer {text!r} is not understood: ")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0x56x64:64k3", "Conv2d: height=0 is outside 1..16384; the nearest legal value is 1"),
        ("56x56x64:64k13", "kernel=13 is outside 1..11"),
        ("56x56x64:64k3g5", "groups=5 does not divide in_channels=64"),
        ("2x2x4:4k5pvalid", "is larger than the padded height 2"),
    ],
)
def test_numbers_keep_the_rules_of_a_convolution(text: str, words: str) -> None:
    with pytest.raises(DesignError) as caught:
        layer_of(text)
    assert f"layer {text!r}: " in str(caught.value)
    assert words in str(caught.value)
