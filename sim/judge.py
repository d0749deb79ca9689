"""onnxruntime as the judge of a network that was imported: the same images, layer by layer.

Graph optimizations are off, so that every node computes what ONNX says it does. Where scales are
powers of two, real biases included, all values are equal. Elsewhere onnxruntime works in float32:

- Of QDQ a value within about 2^-16 of a step from a tie may be rounded the other way. Ties
  themselves, which means and sums of one scale have often, are broken either way by the order of
  its additions; they are counted apart, as `halfway`.
- Operators on integers multiply exact sums by a ratio of scales that is a number of float32. Layers
  have the same ratio, so what is left is the rounding of the product, which takes a value within
  half a unit in its last place of a tie for one. Of means of whole images layers have that too.

A layer behind sees what differs. Of one model in both forms onnxruntime itself computes different
values: about 3.5e-4 of those of a ResNet-8.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hls.errors import InputError, ToolFailed
from hls.network import Host, Network, Tensor
from hls.network.layers import ACTIVATION, Addition, Layer, Pooling
from hls.network.packages import require_onnx
from sim.network import layer_output

if TYPE_CHECKING:
    import onnx

__all__ = [
    "Difference", "LayerVerdict", "Verdict", "from_model", "judge", "model_tensors", "quantized",
]  # fmt: skip

Activations = npt.NDArray[np.int8]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The first value that is not the same: where, what the golden model has, and onnxruntime."""

    index: tuple[int, ...]
    """[frame, row, column, channel]."""
    golden: int
    model: int


@dataclass(frozen=True, kw_only=True)
class LayerVerdict:
    """How a layer's output compares."""

    layer: str
    """Its name, or that of the network's input."""
    values: int
    differing: int
    largest: int
    """Greatest difference, in steps of the output."""
    halfway: int
    """Of those that differ: exact ties, so that both are as near."""
    first: Difference | None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How a network compares: the input and all layers that the model has too, in order."""

    layers: tuple[LayerVerdict, ...]
    frames: int
    top1: int
    """Frames for which the largest output (the first of equal ones) is the same."""
    undecided: int
    """Further ones: onnxruntime's outputs for the two classes are at most a step apart."""

    @property
    def values(self) -> int:
        """Values that were compared."""
        return sum(layer.values for layer in self.layers)

    @property
    def differing(self) -> int:
        """Values that are not the same."""
        return sum(layer.differing for layer in self.layers)

    @property
    def halfway(self) -> int:
        """Those of them that are exact ties."""
        return sum(layer.halfway for layer in self.layers)

    @property
    def largest(self) -> int:
        """Greatest difference."""
        return max(layer.largest for layer in self.layers)

    @property
    def first(self) -> LayerVerdict | None:
        """The first layer with a difference."""
        return next((layer for layer in self.layers if layer.differing), None)


def judge(
    network: Network,
    model: str | Path | onnx.ModelProto,
    images: npt.ArrayLike,
    *,
    isolated: bool = False,
) -> Verdict:
    """Compare `network` with the model that it was imported from.

    Args:
        network: what `Network.from_onnx` made of `model`.
        model: the file, or the model in memory.
        images: [N, ...] as the model takes them.
        isolated: let each layer read what the model's tensors hold, so that no difference of a
            layer before it is counted again.

    Raises:
        InputError: the images do not fit the model.
        ToolNotFound: onnxruntime is missing.
        ToolFailed: it does not run the model.
    """
    expected = model_tensors(network, model, np.asarray(images))
    frames = len(expected[network.output])
    x = quantized(network, np.asarray(images))
    made = {network.input: x}
    verdicts = [_compared(network.input, x, expected.get(network.input, x), x)]
    for layer in network.layers:
        known = made | expected if isolated else made
        inputs = [known[name] for name in layer.inputs]
        made[layer.output] = layer_output(layer, inputs)
        if layer.output in expected:
            pair = made[layer.output], expected[layer.output]
            verdicts.append(_compared(layer.name, *pair, _with_other_ties(layer, inputs, pair[0])))
    ours, theirs = (each[network.output].reshape(frames, -1) for each in (made, expected))
    same, near = _classes(ours, theirs)
    return Verdict(layers=tuple(verdicts), frames=frames, top1=same, undecided=near)


def _classes(ours: Activations, theirs: Activations) -> tuple[int, int]:
    """How many frames have the same class, and how many others have two that are next to equal."""
    frames = np.arange(len(ours))
    chosen = ours.argmax(axis=1)
    same = chosen == theirs.argmax(axis=1)
    behind = theirs.max(axis=1).astype(np.int16) - theirs[frames, chosen]
    return int(same.sum()), int((~same & (behind <= 1)).sum())


def quantized(network: Network, images: npt.NDArray[Any]) -> Activations:
    """The model's input as the network takes it: what the host does, QuantizeLinear in float32."""
    tensor, source = network.tensors[network.input], network.source
    if source.dtype == "float32":
        steps = np.rint(images.astype(np.float32) / np.float32(tensor.scale)) + tensor.zero_point
        values = np.clip(steps, ACTIVATION.minimum, ACTIVATION.maximum).astype(np.int8)
        return _hwc(values, source.axes, tensor)
    return from_model(images, source, tensor)


def from_model(array: npt.NDArray[Any], host: Host, tensor: Tensor) -> Activations:
    """An array of the model as s8 [N, H, W, C]."""
    if host.dtype == "float32":
        values = np.rint(array / np.float32(tensor.scale)) + tensor.zero_point
    else:
        values = array.astype(np.int16) - (128 if host.dtype == "uint8" else 0)
    return _hwc(values.astype(np.int8), host.axes, tensor)


def _hwc(values: Activations, axes: str, tensor: Tensor) -> Activations:
    order = [axes.index(letter) + 1 for letter in "HWC" if letter in axes]
    return values.transpose(0, *order).reshape(-1, *tensor.shape)


def model_tensors(
    network: Network,
    model: str | Path | onnx.ModelProto,
    images: npt.NDArray[Any],
    names: Collection[str] | None = None,
) -> dict[str, Activations]:
    """What onnxruntime has for tensors of `network`, [N, H, W, C].

    Args:
        network: what `Network.from_onnx` made of `model`.
        model: the file, or the model in memory.
        images: [N, ...] as the model takes them.
        names: which tensors; all that the model has too, unless given.

    Raises:
        InputError, ToolNotFound, ToolFailed: as `judge`.
    """
    require_onnx()
    import onnx

    known = {
        name: tensor.model
        for name, tensor in network.tensors.items()
        if tensor.model is not None
        and tensor.model.name != network.source.name
        and (names is None or name in names)
    }
    opened = onnx.load(str(model)) if isinstance(model, str | Path) else model
    arrays = _run(opened, {host.name for host in known.values()}, network.source, images)
    return {
        name: from_model(arrays[host.name], host, network.tensors[name])
        for name, host in known.items()
    }


def _run(
    model: onnx.ModelProto, wanted: set[str], source: Host, images: npt.NDArray[Any]
) -> Mapping[str, npt.NDArray[Any]]:
    """The tensors `wanted`, whatever the model's batch is."""
    import onnx
    import onnxruntime

    from sim.qonnx import runnable

    shown = runnable(model)
    present = {value.name for value in shown.graph.output}
    for name in sorted(wanted - present):
        shown.graph.output.append(onnx.ValueInfoProto(name=name))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            shown.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its exceptions have no common class
        raise ToolFailed(f"onnxruntime: does not take the model: {error}") from None
    batch = session.get_inputs()[0].shape[0]
    size = batch if isinstance(batch, int) else len(images)
    if len(images) == 0 or len(images) % size:
        raise InputError(f"{len(images)} images: the model takes {size} at once; use a multiple")
    found: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in wanted}
    for start in range(0, len(images), size):
        feeds = {source.name: images[start : start + size].astype(source.dtype)}
        try:
            for name, array in zip(wanted, session.run(list(wanted), feeds), strict=True):
                found[name].append(array)
        except Exception as error:
            raise InputError(f"images: onnxruntime does not take them: {error}") from None
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _with_other_ties(
    layer: Layer, inputs: Sequence[Activations], output: Activations
) -> Activations:
    """The output of `layer` if ties of a mean or a sum went to the other neighbor."""
    if not isinstance(layer, Addition | Pooling):
        return output
    ties = "odd" if layer.finish.ties == "even" else "even"
    return layer_output(replace(layer, finish=replace(layer.finish, ties=ties)), inputs)


def _compared(
    layer: str, golden: Activations, model: Activations, otherwise: Activations
) -> LayerVerdict:
    """`otherwise` is `golden` with ties that went to the other neighbor."""
    difference = np.abs(golden.astype(np.int16) - model)
    places = np.argwhere(difference)
    first = None
    if len(places):
        index = tuple(int(axis) for axis in places[0])
        first = Difference(index=index, golden=int(golden[index]), model=int(model[index]))
    return LayerVerdict(
        layer=layer, values=golden.size, differing=len(places),
        largest=int(difference.max(initial=0)), first=first,
        halfway=int(((golden != model) & (otherwise == model)).sum()),
    )  # fmt: skip
