"""MACs of a DSP block and cycle: ours from RTL and Yosys, beside what papers report of boards."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.peers.measurement import Compared
from benchmarks.tables import Table, Value

__all__ = ["PUBLISHED", "published_table"]

PUBLISHED: tuple[tuple[str, float, str], ...] = (
    ("Angel-Eye", 1.04, "published: Guo et al., TCAD 2018"),
    ("fpgaConvNet", 0.88, "published: Venieris and Bouganis, FCCM 2016"),
    ("VTA", 1.16, "published, peak: Moreau et al., IEEE Micro 2019"),
    ("AutoSA", 1.98, "published: Wang et al., FPGA 2021; half of its multipliers in LUTs"),
)
"""System, MACs a DSP block and cycle, and where that is from; none of them is measured here."""


def published_table(compared: Sequence[Compared]) -> Table:
    """Ours and theirs; a design of ours without DSP blocks has no such figure."""
    rows: list[tuple[Value, ...]] = []
    for c in compared:
        usage = c.ours.usage
        if not isinstance(usage, str) and usage.dsp:
            each = c.peer.design.macs / c.steady_cycles / usage.dsp
            rows.append((c.peer.design.name, round(each, 2), "RTL cycles, DSPs by Yosys"))
    return Table(
        title="MACs a DSP block and cycle, beside published figures",
        caption=(
            "Ours: single layers, a frame among several, never on a board. Published: whole "
            "networks on boards, as their authors report, other devices and precisions."
        ),
        columns=("design", "MAC/DSP/cycle", "source"),
        rows=[*rows, *PUBLISHED],
    )
