"""The table of the ten layers: its bytes, its mark, and its designs, one an algorithm."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.ten_layers import ALGORITHMS, LAYERS, Ran, costs_of, table

POINTWISE = LAYERS[0]


def ran(algorithm: str, moved: int) -> Ran:
    cost: Any = SimpleNamespace(
        dram_bytes=moved, multipliers=64, macs=64 * 900, cycles=1010, fits=True
    )
    ports = {"m_axi_gmem_x": {"read": moved - 1, "written": 1}}
    result: Any = SimpleNamespace(memory_bytes=ports, cycles=900, setup_cycles=100)
    return Ran(layer=POINTWISE, algorithm=algorithm, cost=cost, result=result)


def test_compulsory_bytes_are_every_operand_once() -> None:
    assert ran("im2col", 5).compulsory_bytes == 49 * (832 + 256) + 832 * 256


@pytest.mark.parametrize(("factor", "misses"), [(1.09, 0), (1.12, 1)])
def test_the_better_of_direct_and_kn2row_has_a_mark(factor: float, misses: int) -> None:
    compulsory = ran("direct", 1).compulsory_bytes
    rows = [ran("direct", 3 * compulsory), ran("kn2row", int(factor * compulsory))]
    made = table([*rows, ran("im2col", 9 * compulsory)])
    assert len(made.misses) == misses
    assert next(row[1:4] for row in made.rows) == ("direct", 1000, pytest.approx(1000 / 900, 1e-3))
    assert made.rows[1][4] == 1.0
    assert made.rows[2][6] == pytest.approx(9, 1e-3)


def test_each_layer_has_a_design_by_each_algorithm() -> None:
    for layer in LAYERS:
        found = costs_of(layer)
        assert tuple(found) == ALGORITHMS
        assert all(cost.design is not None for cost in found.values())
