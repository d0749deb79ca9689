"""What a convolution costs by each algorithm, on a board: `costs`, and the cheapest: `best`.

The models are checked against RTL under the same memory by benchmarks/algorithms.py.
"""

from __future__ import annotations

from dataclasses import replace

from hls.algorithms.array import array_cost, array_cycles
from hls.algorithms.baselines import im2col_on_host, naive
from hls.algorithms.choice import ACCURACY, CANDIDATES, Choice, best
from hls.algorithms.cost import Cost, Traffic
from hls.algorithms.direct import direct_cost, direct_cycles, direct_lanes
from hls.algorithms.partials import partials_cost, partials_cycles
from hls.algorithms.transforms import Multiplications, multiplications
from hls.boards import Board
from hls.conv2d import AUTO, Conv2d
from hls.errors import DesignError
from hls.matrix_conv2d import MatrixConv2d
from hls.memory import Memory
from hls.partials_conv2d import PartialsConv2d

__all__ = [
    "ACCURACY",
    "CANDIDATES",
    "Choice",
    "Cost",
    "Multiplications",
    "Traffic",
    "array_cost",
    "array_cycles",
    "baselines",
    "best",
    "costs",
    "direct_cost",
    "direct_cycles",
    "direct_lanes",
    "multiplications",
    "partials_cost",
    "partials_cycles",
    "refusals",
    "resolve",
]


def costs(
    conv: Conv2d, board: Board, *, batch: int | None = None, memory: Memory | None = None
) -> dict[str, Cost]:
    """What `batch` frames of a layer cost by each algorithm that can compute it.

    Args:
        conv: the layer; its algorithm and taps do not matter. `simd` x `pe` is the array, and the
            number of multipliers that the line buffer gets, with the lanes that suit it best.
        board: what it must fit, and where its memory is known from.
        batch: frames; `conv.batch` unless given.
        memory: instead of the board's.
    """
    frames = conv.batch if batch is None else batch
    memory = memory or Memory.of(board)
    found: dict[str, Cost] = {}
    for name in CANDIDATES:
        design = _design(conv, name, frames)
        if isinstance(design, DesignError):
            continue
        if name == "direct":
            found[name] = direct_cost(design, frames, board, memory)
        else:
            found[name] = array_cost(MatrixConv2d(design), board, memory)
    return found


def refusals(conv: Conv2d, *, batch: int | None = None) -> dict[str, str]:
    """Why an algorithm cannot compute `batch` frames of a layer, for those that cannot."""
    frames = conv.batch if batch is None else batch
    tried = {name: _design(conv, name, frames) for name in CANDIDATES}
    return {name: str(found) for name, found in tried.items() if isinstance(found, DesignError)}


def resolve(conv: Conv2d, board: Board) -> tuple[Conv2d, Choice | None]:
    """`conv` with the cheapest algorithm on a board, and why; as it is if it has one already.

    Raises:
        DesignError: no algorithm can compute it, or none fits the board; the text tells each why.
    """
    if conv.algorithm != AUTO:
        return conv, None
    choice = Choice(board=board.name, costs=costs(conv, board), refused=refusals(conv))
    design = choice.cost.design
    assert design is not None
    return (design.conv if isinstance(design, MatrixConv2d) else design), choice


def baselines(
    conv: Conv2d, board: Board, *, batch: int | None = None, memory: Memory | None = None
) -> dict[str, Cost]:
    """What it costs by the ways that nobody should choose; without those that cannot compute it."""
    frames = conv.batch if batch is None else batch
    memory = memory or Memory.of(board)
    found = []
    plain = _design(conv, "im2col", frames)
    if isinstance(plain, Conv2d):
        engine = MatrixConv2d(plain)
        found += [make(engine, board, memory) for make in (im2col_on_host, naive)]
    partials = _design(conv, "kn2row_partials", frames)
    if isinstance(partials, Conv2d):
        found.append(partials_cost(PartialsConv2d(partials), board, memory))
    return {cost.algorithm: cost for cost in found}


def _design(conv: Conv2d, algorithm: str, batch: int) -> Conv2d | DesignError:
    """The layer by an algorithm, or why that is not possible."""
    try:
        if algorithm == "direct":
            return direct_lanes(conv, conv.simd * conv.pe)
        # The array has its weights in memory, whatever a line buffer does with them.
        return replace(conv, algorithm=algorithm, batch=batch, taps="all", weights="rom")
    except DesignError as error:
        return error
