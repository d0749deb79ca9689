"""Programs of the overlay engine in C-sim and RTL, compared with the golden model tensor by tensor.

A frame is put into the memory of tensors, the program runs, and every tensor that it makes is read
back. For that the program is compiled so that none is written over.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.network.compiling import Program
from sim.csim import compiled, run_entry
from sim.network import tensors

__all__ = ["Difference", "contents", "csim_program", "differences", "kept"]

Bytes = npt.NDArray[np.int8]

_FRESH = 0x5A
"""What memory holds that nobody wrote."""
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Difference:
    """The first wrong value of a tensor."""

    tensor: str
    layer: str
    index: tuple[int, ...]
    """Frame, row, column, channel."""
    got: int
    expected: int
    wrong: int
    """Values of the tensor that are wrong."""


def contents(program: Program, frame: npt.NDArray[np.int8]) -> Bytes:
    """The memory of tensors before a call, s8 [words, lanes], with a frame [H, W, C] in it."""
    lanes = program.engine.lanes
    memory = np.full((program.words, lanes), _FRESH, np.int8)
    home = program.input
    packed = home.layout.pack(frame, lanes).reshape(-1, lanes)
    memory[home.first : home.first + home.words] = packed
    return memory


def kept(program: Program, memory: Bytes) -> dict[str, npt.NDArray[np.int8]]:
    """Every tensor [H, W, C] of the network as it is in memory."""
    found = {}
    for name, home in program.stored.items():
        if name in program.network.tensors:
            height, width, _ = home.shape
            words = memory[home.first : home.first + home.words]
            found[name] = home.layout.unpack(words.reshape(height, width, -1))
    return found


def csim_program(program: Program, sources: Path, memory: Bytes) -> Bytes:
    """Run the engine's C++ in the folder `sources` on `memory`; the memory afterwards.

    Raises:
        ToolFailed: the C++ does not compile, or found an inconsistency.
    """
    name = program.engine.name
    library = compiled(
        name,
        [sources / f"{name}.cpp", _HERE / "csim_overlay_engine.cpp"],
        [f'-DLINELOOM_HEADER="{name}.hpp"', f"-DLINELOOM_TOP={name}"],
    )
    after = memory.copy()

    def table(values: npt.NDArray[Any]) -> tuple[ctypes.c_void_p, ctypes.c_int64]:
        return ctypes.c_void_p(values.ctypes.data), ctypes.c_int64(len(values))

    records = np.ascontiguousarray(program.records)
    run_entry(
        library.lineloom_overlay_engine,
        name,
        table(records)[0],
        *table(program.weights),
        *table(program.parameters),
        *table(after),
        ctypes.c_uint(len(records)),
    )
    return after


def differences(
    program: Program, frame: npt.NDArray[np.int8], found: Mapping[str, npt.NDArray[np.int8]]
) -> list[Difference]:
    """The tensors of `found` that differ from the golden model's, in the order of the layers."""
    network = program.network
    makers = {layer.output: layer.name for layer in network.layers}
    golden = tensors(network, frame[None])
    wrong = []
    for name, expected in golden.items():
        if name not in found:
            continue
        got = found[name][None]
        places = np.argwhere(got != expected)
        if len(places):
            index = tuple(int(i) for i in places[0])
            wrong.append(
                Difference(
                    tensor=name,
                    layer=makers.get(name, "input"),
                    index=index,
                    got=int(got[index]),
                    expected=int(expected[index]),
                    wrong=len(places),
                )
            )
    return wrong
