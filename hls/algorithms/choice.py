"""Which algorithm is the cheapest on a board, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hls.algorithms.cost import Cost
from hls.conv2d import ALGORITHMS, BASELINES
from hls.errors import DesignError

__all__ = ["ACCURACY", "CANDIDATES", "Choice", "best"]

CANDIDATES = tuple(name for name in ALGORITHMS if name not in BASELINES)
"""Algorithms to choose from: all but the baselines."""

ACCURACY = 0.03
"""Cycles that differ by less are the same to the models."""


def best(found: Mapping[str, Cost]) -> str | None:
    """The algorithm that fits and takes the fewest cycles; None if nothing fits.

    Among those that the models cannot tell apart, the one that moves the fewest bytes; of equal
    ones the smallest.
    """
    fitting = [cost for cost in found.values() if cost.fits]
    if not fitting:
        return None
    fewest = min(cost.cycles for cost in fitting)
    near = [cost for cost in fitting if cost.cycles <= (1 + ACCURACY) * fewest]
    return min(near, key=lambda c: (c.dram_bytes, c.cycles, c.on_chip_bits)).algorithm


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The cheapest algorithm of a layer on a board.

    Attributes:
        board: its name.
        costs: of each algorithm that can compute the layer.
        refused: those that cannot, and why.
    """

    board: str
    costs: Mapping[str, Cost]
    refused: Mapping[str, str]

    def __post_init__(self) -> None:
        """Nothing but a choice that was possible can exist."""
        if best(self.costs) is None:
            reasons = [*self._misfits(), *self.refused.values()]
            raise DesignError(
                f"Conv2d: no algorithm for {self.board}: {'; '.join(reasons)}; use fewer lanes, a "
                "smaller layer or a larger board"
            )

    @cached_property
    def cost(self) -> Cost:
        """Of the one that was chosen."""
        name = best(self.costs)
        assert name is not None
        return self.costs[name]

    @property
    def reason(self) -> str:
        """Why it was: its figures, those of the others, and what cannot be."""
        others = [cost for cost in self.costs.values() if cost.fits and cost is not self.cost]
        told = [_told(self.cost), *(_told(cost) for cost in sorted(others, key=_cycles))]
        refused = [f"{name} cannot compute it" for name in self.refused]
        return "; ".join([", ".join(told), *self._misfits(), *refused])

    def _misfits(self) -> list[str]:
        return [f"{cost.algorithm} {problem}" for cost in self.costs.values()
                for problem in cost.problems]  # fmt: skip

    def data(self) -> dict[str, Any]:
        """As JSON-able data, for the manifest."""
        return {
            "board": self.board,
            "algorithm": self.cost.algorithm,
            "reason": self.reason,
            "costs": {name: cost.data() for name, cost in self.costs.items()},
            "refused": dict(self.refused),
        }


def _cycles(cost: Cost) -> int:
    return cost.cycles


def _told(cost: Cost) -> str:
    return f"{cost.algorithm} {cost.cycles:,} cycles and {cost.dram_bytes:,} bytes"
