"""Which tile of C stays on chip while all of K streams past: the communication-avoiding choice.

A tile of x rows and y columns costs m*n*(1 + k/x + k/y) elements of traffic; with S sums on chip
the best one is nearly square (de Fine Licht et al., "Flexible Communication Avoiding Matrix
Multiplication on FPGA with High-Level Synthesis", FPGA'20). Here the sizes are whole arrays, the
last tiles may be partial, and an operand that is on chip anyway costs nothing to repeat.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Tile", "best_tile"]


@dataclass(frozen=True)
class Tile:
    """Size of a tile in arrays."""

    high: int
    wide: int

    @property
    def sums(self) -> int:
        """Results that one PE keeps."""
        return self.high * self.wide


def best_tile(high: int, wide: int, sums: int, row_cost: float, col_cost: float) -> Tile:
    """The tile that moves least.

    Args:
        high, wide: size of C in arrays.
        sums: results that one PE can keep, at least 1.
        row_cost: to read a row of arrays' worth of A once; 0 where A is on chip.
        col_cost: to read a column of arrays' worth of B once.

    Returns:
        The cheapest, and of those the one with the fewest sums: passes are balanced, so that the
        last tile is nearly as large as the others.
    """
    found: tuple[float, int, Tile] | None = None
    for most_wide in range(1, min(wide, sums) + 1):
        across = -(-wide // most_wide)
        down = -(-high // min(high, sums // most_wide))
        tile = Tile(high=-(-high // down), wide=-(-wide // across))
        cost = high * row_cost * across + wide * col_cost * down
        if found is None or (cost, tile.sums) < found[:2]:
            found = (cost, tile.sums, tile)
    assert found is not None
    return found[2]
