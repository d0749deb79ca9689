"""Layers for the test benches of networks: their parameters in C++, and what each of them reads."""

from __future__ import annotations

import numpy as np

from hls.network.assembly import origin
from hls.network.dataflow import DataflowNetwork
from hls.network.network import Network
from hls.rendering import render

__all__ = ["layer_tables", "sources_of", "variables_of"]


def layer_tables(design: DataflowNetwork, file: str) -> str:
    """The header `file` with all layers of a network."""
    biases = {
        layer.name: np.zeros(layer.conv.out_channels, np.int64)
        if layer.parameters.bias is None else layer.parameters.bias
        for layer in design.network.convolutions
    }  # fmt: skip
    return render(
        "network/tables_tb.hpp.j2", design=design, file=file, biases=biases,
        weight=design.weight_format.native,
    )  # fmt: skip


def sources_of(network: Network) -> dict[str, list[str]]:
    """Layer -> the C++ variables with what it reads."""
    names = variables_of(network)
    return {layer.name: [names[read] for read in layer.inputs] for layer in network.layers}


def variables_of(network: Network) -> dict[str, str]:
    """Tensor -> the C++ variable that holds it; flattening is not seen."""
    made = {layer.output: f"{layer.name}_out" for layer in network.layers}
    made[network.input] = "image"
    return {tensor: made[origin(network, tensor)] for tensor in network.tensors}
