"""The overlay engine in C-sim and RTL: what lies in memory, and what the layers left there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.network.compiling import Program
from hls.network.instructions import RECORD_WORDS
from hls.network.layers import Layer
from host import program as host
from sim.calls import Beats, Call, Region
from sim.placement import Placement

__all__ = ["PROGRAM_PORT", "Piece", "calls", "fresh_tensors", "layer_cycles", "pieces", "traces"]

PROGRAM_PORT = "m_axi_gmem_program"

Bytes = npt.NDArray[np.int8]

_FRESH = 0x5A
"""What memory holds that nobody wrote."""


@dataclass(frozen=True)
class Piece:
    """What a layer leaves in memory: [H, W, C] in the buffer of tensors."""

    layer: str
    place: Mapping[str, Any]
    """As the manifest says it of a program's input and output."""


def fresh_tensors(program: Program, frame: Bytes) -> Bytes:
    """The buffer of tensors before a call, flat: a frame [H, W, C], and nothing else written."""
    told = program.data()
    buffer = np.full(told["buffer_bytes"]["tensors"], _FRESH, np.int8)
    host.put_frames(told, buffer[None], frame[None])
    return buffer


def traces(program: Program, buffers: Sequence[Bytes]) -> dict[str, Bytes]:
    """What each layer left in memory, frame by frame, by layer; see `sim.layerwise`.

    The program has to be one that keeps all tensors.

    Args:
        program: what ran.
        buffers: the buffer of tensors of each frame, afterwards.
    """
    return {
        piece.layer: host.unpack(piece.place, np.stack(buffers)).reshape(-1)
        for piece in pieces(program, program.network.layers)
    }


def calls(
    runs: Sequence[tuple[Program, Bytes]],
) -> tuple[list[Call], tuple[Region, ...], Placement]:
    """A call for each program and frame [H, W, C], the buffers of tensors, and all memory."""
    memory = Placement()
    fixed: dict[int, dict[str, Region]] = {}
    made, homes = [], []
    for program, frame in runs:
        if id(program) not in fixed:
            fixed[id(program)] = memory.place(
                {"program": program.records, "b": program.weights, "p": program.parameters},
                writable=(),
            )
        tables = fixed[id(program)]
        home = memory.place({"y": fresh_tensors(program, frame)}, writable="y")["y"]
        regions = {**tables, "x": replace(home, port="m_axi_gmem_x", writable=False), "y": home}
        addresses = {name: region.address for name, region in tables.items()}
        addresses["tensors"] = home.address
        registers = host.arguments(program.data(), addresses)
        made.append(Call(registers, regions=list(regions.values())))
        homes.append(home)
    return made, tuple(homes), memory


def layer_cycles(program: Program, call: Call, beats: Beats) -> dict[str, int]:
    """Layer -> cycles that it takes in a call whose reads of the program were watched.

    A layer lasts from when its first instruction is asked for until the next layer's is: no
    instruction is read before all results of the one before are in memory. The first one lasts
    from the start of the call, the last one until the call is done, so that all together are what
    the call takes.
    """
    asked = beats.asked[PROGRAM_PORT]
    record_bytes = program.records.itemsize * RECORD_WORDS
    step = (asked.addresses - np.uint64(call.arguments["program"])) // np.uint64(record_bytes)
    # An instruction across a page boundary is read in two bursts, of which the first one counts.
    steps, first = np.unique(step, return_index=True)
    assert steps.tolist() == [*range(len(program.passes))]
    ends = [*asked.cycles[first][1:].tolist(), beats.done]
    found: Counter[str] = Counter()
    begin = beats.start
    for one, end in zip(program.passes, ends, strict=True):
        found[one.layer] += end - begin
        begin = end
    return dict(found)


def pieces(program: Program, layers: Sequence[Layer]) -> tuple[Piece, ...]:
    """Where the results of `layers` lie."""
    return tuple(
        Piece(layer.name, program.stored[layer.output].data(program.engine.word_bytes))
        for layer in layers
    )
