"""Our designs beside NNgen's, layer by layer, and beside what papers report."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.peers.comparison import area_table, cycle_table, setting_table
from benchmarks.peers.layers import PEERS
from benchmarks.peers.measurement import compare_all
from benchmarks.peers.plot import draw
from benchmarks.peers.published import published_table
from benchmarks.projects import FOLDER
from benchmarks.tables import Benchmark, Table

__all__ = ["COMPARISON"]

PLOT = FOLDER / "peers.svg"


def _run(progress: Callable[[str], None]) -> list[Table]:
    compared, absent = compare_all(PEERS, progress)
    draw(compared, PLOT)
    tables = [cycle_table(compared, absent)]
    if any(c.nngen for c in compared):
        tables.append(setting_table(compared))
    return [*tables, area_table(compared), published_table(compared)]


COMPARISON = Benchmark(
    "peers", "cycles and area beside NNgen's, both in RTL; minutes a layer the first time", _run
)
