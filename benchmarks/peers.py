"""The same layers with as many multipliers as a peer had: MACs a cycle and multiplier."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.designs import PEERS, Peer
from benchmarks.projects import lowered, prepared
from benchmarks.rtl import FRAMES, checked
from benchmarks.tables import Benchmark, Table
from hls.conv2d import Conv2d

__all__ = ["COMPARISON", "Compared", "compare", "comparison"]

Compared = tuple[Peer, int, float]
"""A peer, our cycles from start to done of one frame or product, and of a frame among several."""


def compare(peer: Peer) -> Compared:
    """Measure our design of a peer's layer in RTL."""
    project = prepared(peer.design, "peers")
    lowered(project)
    alone = checked(project, 1)
    steady = checked(project, FRAMES) if isinstance(peer.design, Conv2d) else alone
    return peer, alone.cycles, steady.cycles_per_frame


def comparison(compared: Sequence[Compared]) -> Table:
    """Our share of the multipliers' MACs beside the given one."""
    rows, misses = [], []
    for peer, alone, steady in compared:
        design = peer.design
        able = 100 * design.macs / design.multipliers
        ours = able / alone
        rows.append((
            design.name, design.multipliers, alone, round(ours, 1), round(able / steady, 1),
            float(peer.percent), "ahead" if ours > peer.percent else "BEHIND",
        ))  # fmt: skip
        if ours <= peer.percent:
            misses.append(
                f"{design.name}: {ours:.1f} % of {design.multipliers} multipliers, NNgen's given "
                f"figure is {peer.percent:g} %"
            )
    return Table(
        title="MACs a cycle, in % of the multipliers, beside NNgen 1.3.4",
        caption=(
            "Ours: RTL, no stalls; alone: one frame or product from start to done, as NNgen's "
            "figures are; steady: a frame among several. NNgen's: its best setting at this number "
            "of multipliers, int8, memory without latency; given, not measured here"
            f"{''.join(f'; {p.design.name}: {p.note}' for p, *_ in compared if p.note)}."
        ),
        columns=(
            "design", "MAC units", "cycles alone", "alone %", "steady %", "NNgen % (given)", "",
        ),
        rows=rows,
        misses=misses,
    )  # fmt: skip


def _run(progress: Callable[[str], None]) -> list[Table]:
    compared = []
    for number, peer in enumerate(PEERS, start=1):
        what = f"{peer.design.name} on {peer.design.multipliers} multipliers"
        progress(f"comparison {number}/{len(PEERS)}: {what}: lower, build, simulate")
        compared.append(compare(peer))
    return [comparison(compared)]


COMPARISON = Benchmark("peers", "MACs a cycle beside NNgen's, at its numbers of multipliers", _run)
