"""Which layer of a network goes wrong first: the streams of all layers against the golden model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.network import Network
from sim import network as golden

__all__ = ["first_difference"]


def first_difference(
    network: Network, x: npt.NDArray[Any], traces: Mapping[str, npt.NDArray[np.int8]]
) -> dict[str, Any] | None:
    """The first layer, in order, that puts out something else than the golden model.

    Args:
        network: what is computed.
        x: the frames [N, H, W, C] that went in.
        traces: layer -> all values that it put out, frame by frame; of layers that have a stream.

    Returns:
        Layer, index [frame, row, column, channel], both values; or, where a layer put out too few
        or too many values, their numbers. None if all layers are right.
    """
    tensors = golden.tensors(network, x)
    for layer in network.layers:
        if layer.name not in traces:
            continue
        got, expected = traces[layer.name], tensors[layer.output]
        count = min(got.size, expected.size)
        wrong = np.flatnonzero(got[:count] != expected.reshape(-1)[:count])
        if len(wrong):
            index = np.unravel_index(wrong[0], expected.shape)
            return {
                "layer": layer.name,
                "index": [int(i) for i in index],
                "got": int(got[wrong[0]]),
                "expected": int(expected[index]),
            }
        if got.size != expected.size:
            return {"layer": layer.name, "values": int(got.size),
                    "expected_values": int(expected.size)}  # fmt: skip
    return None
