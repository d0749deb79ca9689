"""A network on disk: network.json says what it is, network.npz holds the weights.

model.onnx beside them is the model that it was imported from, for who wants to compare.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hls.conv2d import Conv2d
from hls.design import from_dict, to_dict
from hls.errors import DesignError, InputError
from hls.geometry import Axis
from hls.network.layers import (
    Addition,
    Concatenation,
    Convolution,
    Flattening,
    Layer,
    Pooling,
    Requantization,
    Rescaling,
)
from hls.network.network import Host, Integers, Network, Tensor
from hls.parameters import Parameters

__all__ = ["FORMAT", "from_data", "load", "model_file", "save", "to_data", "weight_arrays"]

FORMAT = 1
"""Version of network.json; readers refuse others."""

MODEL = "model.onnx"
"""Name of the file of the model."""

_KINDS: dict[str, type] = {
    "convolution": Convolution,
    "addition": Addition,
    "pooling": Pooling,
    "rescaling": Rescaling,
    "concatenation": Concatenation,
    "flattening": Flattening,
}
_ARRAYS = ("weights", "bias", "multiplier", "shift")


def save(network: Network, folder: Path) -> None:
    """Write network.json, network.npz and model.onnx into `folder`."""
    (folder / "network.json").write_text(json.dumps(to_data(network), indent=1) + "\n")
    np.savez(folder / "network.npz", **weight_arrays(network))
    for name, content in model_file(network).items():
        (folder / name).write_bytes(content)


def load(folder: Path) -> Network:
    """The network that `save` wrote.

    Raises:
        InputError: a file is missing, of another version, or changed.
    """
    file = folder / "network.json"
    try:
        data = json.loads(file.read_text())
        with np.load(folder / "network.npz", allow_pickle=False) as arrays:
            network = from_data(data, dict(arrays))
        model = folder / MODEL
        if model.is_file():
            network = dataclasses.replace(network, model=model.read_bytes())
        return network
    except FileNotFoundError as error:
        raise InputError(
            f"{error.filename}: is missing; make the network again with lineloom net"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, DesignError) as error:
        raise InputError(
            f"{file}: is no network that this Lineloom reads ({error}); make it again with "
            "lineloom net"
        ) from None


def to_data(network: Network) -> dict[str, Any]:
    """All but the weights, as JSON-able data."""
    return {
        "lineloom": FORMAT,
        "name": network.name,
        "input": network.input,
        "output": network.output,
        "source": dataclasses.asdict(network.source),
        "result": dataclasses.asdict(network.result),
        "origins": dict(network.origins),
        "tensors": [dataclasses.asdict(tensor) for tensor in network.tensors.values()],
        "layers": [_layer_data(layer) for layer in network.layers],
    }


def weight_arrays(network: Network) -> dict[str, Any]:
    """The parameters of all convolutions, as "layer.weights" and so on."""
    return {
        f"{layer.name}.{name}": value
        for layer in network.convolutions
        for name in _ARRAYS
        if (value := getattr(layer.parameters, name)) is not None
    }


def model_file(network: Network) -> dict[str, bytes]:
    """The file of the model, by its name, if there is a model."""
    return {} if network.model is None else {MODEL: network.model}


def _layer_data(layer: Layer) -> dict[str, Any]:
    kind = next(kind for kind, cls in _KINDS.items() if isinstance(layer, cls))
    if isinstance(layer, Convolution):
        fields: dict[str, Any] = {
            "name": layer.name, "inputs": layer.inputs, "output": layer.output,
            "conv": to_dict(layer.conv),
        }  # fmt: skip
    else:
        fields = dataclasses.asdict(layer)
    return {"layer": kind, **fields}


def from_data(data: Mapping[str, Any], arrays: Mapping[str, Any]) -> Network:
    """The network of `to_data` and `weight_arrays`."""
    if data["lineloom"] != FORMAT:
        raise ValueError(f"format {data['lineloom']!r}, not {FORMAT}")
    tensors = [_tensor(tensor) for tensor in data["tensors"]]
    return Network(
        name=data["name"],
        tensors={tensor.name: tensor for tensor in tensors},
        layers=tuple(_layer(entry, arrays) for entry in data["layers"]),
        input=data["input"],
        output=data["output"],
        source=_host(data["source"]),
        result=_host(data["result"]),
        origins={name: tuple(nodes) for name, nodes in data["origins"].items()},
    )


def _tensor(entry: Mapping[str, Any]) -> Tensor:
    fields = _tupled(entry)
    if fields["model"] is not None:
        fields["model"] = _host(fields["model"])
    return Tensor(**fields)


def _host(entry: Mapping[str, Any]) -> Host:
    fields = _tupled(entry)
    if fields.get("integers") is not None:
        fields["integers"] = Integers(**fields["integers"])
    return Host(**fields)


def _layer(entry: Mapping[str, Any], arrays: Mapping[str, Any]) -> Layer:
    fields = _tupled(entry)
    cls = _KINDS[fields.pop("layer")]
    if cls is Convolution:
        conv = from_dict(fields["conv"])
        assert isinstance(conv, Conv2d)
        found = {
            name: arrays[key]
            for name in _ARRAYS
            if (key := f"{fields['name']}.{name}") in arrays
        }  # fmt: skip
        fields |= {"conv": conv, "parameters": Parameters.checked(conv, found, fields["name"])}
    if "finish" in fields:
        fields["finish"] = Requantization(**fields["finish"])
    if "finishes" in fields:
        fields["finishes"] = tuple(Requantization(**each) for each in fields["finishes"])
    for axis in {"rows", "cols"} & set(fields):
        fields[axis] = Axis(**fields[axis])
    layer: Layer = cls(**fields)
    return layer


def _tupled(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
    }
