"""A small network that asks everything of an overlay engine; the generated test bench runs it.

    x -+- convolve --.
       +- largest ---+- add --.
       +- filter --------------+- concat -- mean -- flatten -- classify
       +- widen   (more filters than a tile has columns, read by nobody)
       '- halve   (every other window, from padding to padding, read by nobody)

The image has two words a pixel, of which the second is not full, and as many pixels as fill two
tiles of the engine and some more, if the engine has room for their rows.
"""

from __future__ import annotations

from typing import Any

from hls.conv2d import Conv2d
from hls.network.layers import (
    Addition,
    Concatenation,
    Convolution,
    Flattening,
    Layer,
    Pooling,
    Requantization,
)
from hls.network.network import Host, Network, Tensor, axis_of, output_shape
from hls.network.overlay import OverlayEngine
from hls.parameters import random_parameters

__all__ = ["trial"]

_WIDTH = 3
_IMAGE_ZERO, _PATH_ZERO, _OTHER_ZERO = 5, -7, 11
"""Zero points; that of the sum is odd, so that its ties can end at odd numbers."""

_FOURTEENTH = 9_586_981
"""2^27 / 14 as float32 has it: of the ties some are kept by its rounding, and some are not."""


def trial(engine: OverlayEngine) -> Network:
    """The network for `engine`; the same for engines of the same sizes."""
    channels = engine.lanes + 1
    # An addition keeps two rows on chip, of two words a pixel, for each that it makes.
    height = min(2 * engine.tile_m // _WIDTH + 2, engine.image_words // (4 * _WIDTH))
    made = _Layers(height, channels)
    largest = made.add(
        Pooling(
            name="largest", inputs=("x",), output="largest_out", kind="max",
            rows=axis_of(height, 3, 1, 1, 1), cols=axis_of(_WIDTH, 2, 1, 1, 0),
            channels=channels, input_zero_point=_IMAGE_ZERO,
            finish=Requantization(multiplier=1, shift=0, zero_point=_IMAGE_ZERO),
        ),
        _IMAGE_ZERO,
    )  # fmt: skip
    convolved = made.convolve("convolve", "x", channels, _PATH_ZERO, padding="same")
    filtered = made.convolve("filter", "x", channels, _OTHER_ZERO, groups=channels,
                             kernel=(3, 1), dilation=(2, 1), padding=(2, 2, 0, 0),
                             bias_fraction=7)  # fmt: skip
    made.convolve("widen", "x", engine.tile_n + 1, _PATH_ZERO, kernel=1)
    made.convolve("halve", "x", channels, _OTHER_ZERO, stride=2,
                  padding=(2, 1 + height % 2, 1, 1))  # fmt: skip
    added = made.add(
        Addition(
            name="add", inputs=(convolved, largest), output="add_out",
            zero_points=(_PATH_ZERO, _IMAGE_ZERO), multipliers=(3, -2),
            finish=Requantization(multiplier=1, shift=2, zero_point=_PATH_ZERO, ties="odd",
                                  low=-100),
        ),
        _PATH_ZERO,
    )  # fmt: skip
    fourteenth = Requantization(
        multiplier=_FOURTEENTH, shift=27, zero_point=_OTHER_ZERO, single=True
    )
    whole = Requantization(multiplier=1, shift=0, zero_point=_OTHER_ZERO, high=90)
    joined = made.add(
        Concatenation(
            name="concat", inputs=(added, filtered), output="concat_out",
            input_zero_points=(_PATH_ZERO, _OTHER_ZERO),
            finishes=(fourteenth, whole),
        ),
        _OTHER_ZERO,
    )  # fmt: skip
    mean = made.add(
        Pooling(
            name="mean", inputs=(joined,), output="mean_out", kind="average",
            rows=axis_of(height, 2, 2, 0, height % 2), cols=axis_of(_WIDTH, 3, 3, 0, 0),
            channels=2 * channels, input_zero_point=_OTHER_ZERO,
            finish=Requantization(multiplier=1, shift=0, divisor=6, zero_point=_OTHER_ZERO),
        ),
        _OTHER_ZERO,
    )  # fmt: skip
    flat = made.add(Flattening(name="flatten", inputs=(mean,), output="flatten_out"), _OTHER_ZERO)
    return made.network(made.convolve("classify", flat, 3, _PATH_ZERO, kernel=1))


class _Layers:
    """Layers and tensors so far; each method returns the name of the tensor that it adds."""

    def __init__(self, height: int, channels: int) -> None:
        self._layers: list[Layer] = []
        self._tensors = {"x": _tensor("x", (height, _WIDTH, channels), _IMAGE_ZERO)}

    def add(self, layer: Layer, zero_point: int) -> str:
        """Put a layer behind those before; `zero_point` is that of its output."""
        inputs = [self._tensors[name] for name in layer.inputs]
        self._layers.append(layer)
        shape = output_shape(layer, inputs)
        self._tensors[layer.output] = _tensor(layer.output, shape, zero_point)
        return layer.output

    def convolve(self, name: str, read: str, filters: int, zero_point: int, **fields: Any) -> str:
        """Put a convolution with random weights; `fields` are more of `Conv2d`'s."""
        tensor = self._tensors[read]
        height, width, channels = tensor.shape
        conv = Conv2d(
            name=name, height=height, width=width, in_channels=channels, out_channels=filters,
            requantize="channel", input_zero_point=tensor.zero_point,
            output_zero_point=zero_point, **fields,
        )  # fmt: skip
        parameters = random_parameters(conv, len(self._layers))
        layer = Convolution(name=name, inputs=(read,), output=f"{name}_out", conv=conv,
                            parameters=parameters)  # fmt: skip
        return self.add(layer, zero_point)

    def network(self, output: str) -> Network:
        """All of it."""
        return Network(
            name="trial", tensors=self._tensors, layers=tuple(self._layers), input="x",
            output=output, source=Host(name="x"), result=Host(name="y", axes="C"),
        )  # fmt: skip


def _tensor(name: str, shape: tuple[int, int, int], zero_point: int) -> Tensor:
    return Tensor(name=name, shape=shape, scale=1.0, zero_point=zero_point)
