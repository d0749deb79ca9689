"""The tile of a product: within its budget nothing moves less, and the traffic is the formula's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hls import Gemm
from hls.errors import DesignError
from hls.tiling import Tile, best_tile

SIZES = st.integers(1, 12)


@given(SIZES, SIZES, SIZES, st.sampled_from([0.0, 1.0, 3.0]), st.sampled_from([1.0, 2.0]))
def test_no_tile_within_the_budget_moves_less(
    high: int, wide: int, sums: int, row_cost: float, col_cost: float
) -> None:
    def cost(tile: Tile) -> float:
        return high * row_cost * -(-wide // tile.wide) + wide * col_cost * -(-high // tile.high)

    best = best_tile(high, wide, sums, row_cost, col_cost)
    assert best.sums <= sums
    every = [Tile(x, y) for x in range(1, high + 1) for y in range(1, wide + 1) if x * y <= sums]
    assert cost(best) == min(cost(tile) for tile in every)


@given(st.sampled_from([8, 16]), st.integers(5, 9), st.integers(64, 4096))
def test_traffic_is_that_of_the_formula_and_near_the_bound(
    array: int, log_size: int, kbits: int
) -> None:
    size = 1 << log_size
    gemm = Gemm(max_m=size, max_k=size, max_n=size, rows=array, cols=array, on_chip_kbits=kbits)
    moved = gemm.traffic_bytes(size, size, size)
    assert gemm.on_chip_kbits is not None
    assert gemm.sums_per_pe * 2 * gemm.multipliers * 32 <= kbits * 1024
    assert moved <= 1.05 * gemm.traffic_formula_bytes(size, size, size)
    on_chip = gemm.tile_rows * gemm.tile_cols
    bound = gemm.traffic_bound_bytes(size, size, size, on_chip)
    assert bound <= moved <= 1.25 * bound


def test_a_product_of_one_row_is_bound_by_the_port_of_b() -> None:
    bounds = Gemm(max_m=1, max_k=1024, max_n=1000).bounds(1, 1024, 1000)
    assert bounds == {"multipliers": 16000, "port a": 128, "port b": 128000, "port c": 125}
    assert Gemm(max_m=1, max_k=1024, max_n=1000).lower_bound_cycles == 128000


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"on_chip_kbits": 3}, "on_chip_kbits=3 does not hold one sum in each of 64 PEs; use at "
                               "least 4"),
        ({"on_chip_kbits": 64, "tile_m": 8}, "on_chip_kbits=64 chooses the tile, which is given"),
        ({"on_chip_kbits": 0}, "on_chip_kbits=0 is outside 1"),
    ],
)  # fmt: skip
def test_budgets_that_are_refused(fields: dict[str, int], words: str) -> None:
    with pytest.raises(DesignError, match=words):
        Gemm(max_m=64, max_k=64, max_n=64, **fields)  # type: ignore[arg-type]
