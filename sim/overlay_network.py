"""The overlay engine in C-sim and RTL: what lies in memory, and what the layers left there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hls.network.compiling import Program
from host import program as host
from sim.calls import Call, Region
from sim.placement import Placement

__all__ = ["calls", "fresh_tensors", "traces"]

Bytes = npt.NDArray[np.int8]

_FRESH = 0x5A
"""What memory holds that nobody wrote."""


def fresh_tensors(program: Program, frame: Bytes) -> Bytes:
    """The buffer of tensors before a call, flat: a frame [H, W, C], and nothing else written."""
    told = program.data()
    buffer = np.full(told["buffer_bytes"]["tensors"], _FRESH, np.int8)
    host.put_frame(told, buffer, frame)
    return buffer


def traces(program: Program, buffers: Sequence[Bytes]) -> dict[str, Bytes]:
    """What each layer left in memory, frame by frame, by layer; see `sim.layerwise`.

    The program has to be one that keeps all tensors.

    Args:
        program: what ran.
        buffers: the buffer of tensors of each frame, afterwards.
    """
    found = {}
    for layer in program.network.layers:
        place = program.stored[layer.output].data(program.engine.word_bytes)
        values = [host.unpack(place, buffer).reshape(-1) for buffer in buffers]
        found[layer.name] = np.concatenate(values)
    return found


def calls(
    program: Program, frames: Sequence[Bytes]
) -> tuple[list[Call], tuple[Region, ...], Placement]:
    """A call for each of `frames` [H, W, C], the buffers of tensors, and the memory of all."""
    told, memory = program.data(), Placement()
    fixed = memory.place(
        {"program": program.records, "b": program.weights, "p": program.parameters}, writable=()
    )
    made, homes = [], []
    for frame in frames:
        home = memory.place({"y": fresh_tensors(program, frame)}, writable="y")["y"]
        regions = {**fixed, "x": replace(home, port="m_axi_gmem_x", writable=False), "y": home}
        addresses = {name: region.address for name, region in fixed.items()}
        addresses["tensors"] = home.address
        made.append(Call(host.arguments(told, addresses), regions=list(regions.values())))
        homes.append(home)
    return made, tuple(homes), memory
