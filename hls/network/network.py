"""Network: tensors and layers of a quantized model, checked once, and as two files on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from hls.errors import DesignError
from hls.geometry import Axis
from hls.naming import require_name
from hls.network.layers import (
    ACTIVATION,
    Addition,
    Concatenation,
    Convolution,
    Flattening,
    Layer,
    Pooling,
    Rescaling,
)

if TYPE_CHECKING:
    import onnx

__all__ = ["HEADS", "Host", "Integers", "Network", "Tensor"]

HEADS = ("softmax", "log_softmax", "argmax", "argmax_last", "keepdims", "quantize", "dequantize")
"""What may follow the last tensor, on the host: over the channels of each pixel.

"argmax" finds the first of equal values and "argmax_last" the last one; behind it, "keepdims" gives
back the axis that it ran along. "quantize" and "dequantize" are by `Host.integers`.
"""


@dataclass(frozen=True, kw_only=True)
class Integers:
    """What a model rounds the results of its head to: real value = (q - zero_point) * scale."""

    scale: float
    zero_point: int
    dtype: str
    """"int8" or "uint8", not shifted."""


@dataclass(frozen=True, kw_only=True)
class Host:
    """How a model's user holds a tensor, and what is left to do with it on the host.

    Attributes:
        name: of the model's input or output.
        dtype: NumPy's name of its elements: "float32", or "int8" or "uint8" of a model that is
            quantized outside.
        axes: order of its axes without the batch, as letters of "HWC"; "C" of a vector.
        steps: of HEADS, in order; only of an output.
        integers: of the steps "quantize" and "dequantize".
    """

    name: str
    dtype: str = "float32"
    axes: str = "CHW"
    steps: tuple[str, ...] = ()
    integers: Integers | None = None


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """Activations between layers: s8, real value = (q - zero_point) * scale."""

    name: str
    shape: tuple[int, int, int]
    """[height, width, channels]; a vector is [1, 1, channels]."""
    scale: float
    zero_point: int
    model: Host | None = None
    """Where a model that was imported has the same values; "float32" if it has them dequantized."""

    @property
    def size(self) -> int:
        """Values a frame."""
        return prod(self.shape)


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """A quantized model: one input, one output, layers in an order in which they can run.

    Raises:
        DesignError: a tensor is missing or made twice, or shapes or zero points disagree.
    """

    name: str
    tensors: Mapping[str, Tensor]
    layers: tuple[Layer, ...]
    input: str
    output: str
    source: Host
    result: Host
    origins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Layer -> the nodes of the model that it was made of."""
    model: bytes | None = field(default=None, repr=False)
    """The ONNX model that it was imported from, in one piece; None if it was not."""

    @classmethod
    def from_onnx(cls, model: str | Path | onnx.ModelProto, name: str | None = None) -> Network:
        """The network that a quantized ONNX model computes; see `hls.network.importing`.

        Args:
            model: a file, or a model in memory.
            name: of the network; otherwise the file's, or that of the model's graph.

        Raises:
            InputError: the file cannot be read, or a node cannot be mapped, which the text names.
            ToolNotFound: the onnx package is missing.
        """
        from hls.network.importing import from_onnx

        return from_onnx(model, name)

    def __post_init__(self) -> None:
        """Check that the graph is one."""
        require_name("Network", self.name)
        made = {self.input}
        for layer in self.layers:
            require_name(f"Network {self.name}: layer", layer.name)
            for name in (*layer.inputs, layer.output):
                if name not in self.tensors:
                    raise self._wrong(layer, f"tensor {name!r} is unknown")
            for name in layer.inputs:
                if name not in made:
                    raise self._wrong(layer, f"tensor {name!r} is read before it is made")
            if layer.output in made:
                raise self._wrong(layer, f"tensor {layer.output!r} is made twice")
            made.add(layer.output)
            expected = output_shape(layer, [self.tensors[name] for name in layer.inputs])
            found = self.tensors[layer.output].shape
            if found != expected:
                raise self._wrong(layer, f"puts out {expected}, its tensor has {found}")
        if self.output not in made:
            raise DesignError(f"Network {self.name}: output {self.output!r} is made by no layer")

    def _wrong(self, layer: Layer, what: str) -> DesignError:
        return DesignError(f"Network {self.name}: layer {layer.name}: {what}; report the model")

    @cached_property
    def readers(self) -> dict[str, list[Layer]]:
        """Tensor -> the layers that read it; one that reads it twice is there twice."""
        readers: dict[str, list[Layer]] = {name: [] for name in self.tensors}
        for layer in self.layers:
            for name in layer.inputs:
                readers[name].append(layer)
        return readers

    @property
    def macs(self) -> int:
        """Multiply-accumulates a frame."""
        return sum(layer.conv.macs for layer in self.convolutions)

    @property
    def convolutions(self) -> list[Convolution]:
        """The layers that multiply by weights."""
        return [layer for layer in self.layers if isinstance(layer, Convolution)]

    @property
    def weight_count(self) -> int:
        """Weights of all layers."""
        return sum(layer.parameters.weights.size for layer in self.convolutions)


def output_shape(layer: Layer, inputs: list[Tensor]) -> tuple[int, int, int]:
    """[height, width, channels] that a layer makes of `inputs`.

    Raises:
        DesignError: they do not fit it.
    """
    shapes = [tensor.shape for tensor in inputs]
    fits = True
    if isinstance(layer, Convolution):
        fits = shapes[0] == layer.conv.input_shape
        result = layer.conv.output_shape
        fits &= inputs[0].zero_point == layer.conv.input_zero_point
        fits &= layer.conv.input_format == layer.conv.epilogue.output == ACTIVATION
    elif isinstance(layer, Pooling):
        fits = shapes[0] == (layer.rows.size, layer.cols.size, layer.channels)
        result = (layer.rows.outputs, layer.cols.outputs, layer.channels)
    elif isinstance(layer, Addition):
        fits = shapes[0] == shapes[1]
        result = shapes[0]
    elif isinstance(layer, Rescaling):
        result = shapes[0]
    elif isinstance(layer, Concatenation):
        fits = len({shape[:2] for shape in shapes}) == 1
        result = (*shapes[0][:2], sum(shape[2] for shape in shapes))
    else:
        assert isinstance(layer, Flattening)
        result = (1, 1, inputs[0].size)
    if not fits:
        raise DesignError(f"Network: layer {layer.name} does not fit its inputs {shapes}")
    return result


def axis_of(
    size: int, kernel: int, stride: int, before: int, after: int, dilation: int = 1
) -> Axis:
    """An axis of a pooling window."""
    return Axis(
        size=size, kernel=kernel, stride=stride, dilation=dilation, pad_before=before,
        pad_after=after,
    )  # fmt: skip
