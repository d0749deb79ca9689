"""A point of a design space: a design and what it costs; fronts of points, and the best of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hls.algorithms import ACCURACY, Cost, array_cost, direct_cost
from hls.boards import RESOURCES, Board
from hls.conv2d import Conv2d
from hls.exploration.synthesis import Synthesis
from hls.matrix_conv2d import MatrixConv2d
from hls.memory import Memory

__all__ = ["OBJECTIVES", "Point", "best", "front", "point_of", "ranked", "thinned"]


@dataclass(frozen=True, kw_only=True)
class Point:
    """A design of a layer on a board.

    Attributes:
        conv: the design.
        cost: of `batch` frames, by the model.
        board: that it must fit.
        frame_cycles: cycles a frame where calls follow one another without a break.
        synthesis: what Yosys made of it, if it was asked.
    """

    conv: Conv2d
    cost: Cost
    board: Board
    frame_cycles: float
    synthesis: Synthesis | None = None

    @property
    def cycles(self) -> int:
        """Start to done of all frames, by the model."""
        return self.cost.cycles

    @property
    def dsps(self) -> int:
        """DSP blocks: as Yosys counts them, or by the model."""
        return self.cost.dsps if self.synthesis is None else self.synthesis.dsp

    @property
    def problems(self) -> tuple[str, ...]:
        """Why it does not fit the board: by Yosys, or by the model."""
        if self.synthesis is None:
            return self.cost.problems
        return tuple(
            f"needs {getattr(self.synthesis, field):,g} {name}, {self.board.name} has "
            f"{getattr(self.board, field):,} (Yosys)"
            for field, name in RESOURCES.items()
            if getattr(self.synthesis, field) > getattr(self.board, field)
        )

    @property
    def overflow(self) -> float:
        """How many times the board the model's need is, of what is shortest."""
        room = 36_864 * self.board.bram36 + 294_912 * self.board.uram
        return max(self.cost.dsps / self.board.dsp, self.cost.on_chip_bits / room)

    @property
    def label(self) -> str:
        """Algorithm, lanes, and what else tells it from others."""
        conv = self.conv
        taps = f" taps {conv.taps}" if conv.algorithm == "direct" else ""
        packed = " packed" if conv.packed is not None else ""
        return f"{conv.algorithm} {conv.simd}x{conv.pe}{taps}{packed}"

    def data(self) -> dict[str, Any]:
        """As JSON-able data."""
        conv, cost = self.conv, self.cost
        return {
            "algorithm": conv.algorithm,
            "simd": conv.simd,
            "pe": conv.pe,
            "taps": conv.taps,
            "packing": conv.packing,
            "weight": str(conv.weight_format),
            "cycles": self.cycles,
            "frame_cycles": self.frame_cycles,
            "microseconds": round(self.cycles / self.board.clock_mhz, 3),
            "dsps": self.dsps,
            "on_chip_bits": cost.on_chip_bits,
            "dram_bytes": cost.dram_bytes,
            "multipliers": cost.multipliers,
            "bound": cost.bound,
            "synthesis": None if self.synthesis is None else self.synthesis.data(),
        }


def point_of(conv: Conv2d, board: Board, *, batch: int = 1) -> Point:
    """What `batch` frames of a design cost on a board, by the model."""
    memory = Memory.of(board)
    if conv.algorithm == "direct":
        cost = direct_cost(conv, batch, board, memory)
        steady = max(float(conv.predicted_cycles), memory.cycles(conv.dram_bytes))
    else:
        cost = array_cost(MatrixConv2d(replace(conv, batch=batch)), board, memory)
        steady = cost.cycles / batch
    return Point(conv=conv, cost=cost, board=board, frame_cycles=steady)


# ---------------------------------------------------------------------- what is better


def _cycles(point: Point) -> float:
    return point.cycles


def _frame_cycles(point: Point) -> float:
    return point.frame_cycles


def _dsp_cycles(point: Point) -> float:
    return point.cycles * point.dsps


OBJECTIVES: dict[str, tuple[Callable[[Point], float], str]] = {
    "latency": (_cycles, "cycles from start to done"),
    "throughput": (_frame_cycles, "cycles a frame, frames back to back"),
    "dsp": (_dsp_cycles, "DSPs x cycles"),
}
"""What is to be least, and its name: dsp asks for the most MACs a cycle of each DSP."""


def front(points: Iterable[Point], objective: str) -> list[Point]:
    """The points that no other one dominates, by cycles; of equal ones the first.

    A point dominates another if it needs no more cycles, DSPs, bits on chip and bytes of DRAM, and
    less of something. Cycles are those of a frame in steady state for "throughput".
    """
    kept: list[Point] = []
    # A point is dominated only by such as come before it, and if so, by one that was kept.
    for point in sorted(points, key=lambda p: _figures(p, objective)):
        figures = _figures(point, objective)
        if not any(_covers(_figures(other, objective), figures) for other in kept):
            kept.append(point)
    return kept


def _figures(point: Point, objective: str) -> tuple[float, ...]:
    time = point.frame_cycles if objective == "throughput" else point.cycles
    return time, point.dsps, point.cost.on_chip_bits, point.cost.dram_bytes


def _covers(figures: Sequence[float], others: Sequence[float], slack: float = 1.0) -> bool:
    return all(mine <= slack * other for mine, other in zip(figures, others, strict=True))


def thinned(points: Sequence[Point], first: Point, objective: str) -> list[Point]:
    """A front without the points that another one of it matches in all to the model's accuracy.

    `first` stays.
    """
    kept = [first]
    for point in points:
        figures = _figures(point, objective)
        if not any(_covers(_figures(o, objective), figures, 1 + ACCURACY) for o in kept):
            kept.append(point)
    return [point for point in points if any(point is other for other in kept)]


def best(points: Sequence[Point], objective: str) -> Point:
    """The best of some points for an objective.

    Among those that the model cannot tell apart, the one with the fewest DSPs, then LUTs as far as
    Yosys counted them, then DRAM bytes, then bits on chip. By the model it is on the front of all
    `points`.
    """
    score, _ = OBJECTIVES[objective]
    limit = (1 + ACCURACY) * min(map(score, points))

    def rank(point: Point) -> tuple[float, ...]:
        luts = 0 if point.synthesis is None else point.synthesis.lut
        cost = point.cost
        return (point.dsps, luts, cost.dram_bytes, cost.on_chip_bits, score(point), point.cycles)

    return min((point for point in points if score(point) <= limit), key=rank)


def ranked(points: Sequence[Point], objective: str, count: int) -> list[Point]:
    """The best of some points, then the best of the others, and so on, up to `count`."""
    left = list(points)
    found: list[Point] = []
    while left and len(found) < count:
        chosen = best(left, objective)
        left = [point for point in left if point is not chosen]
        found.append(chosen)
    return found
