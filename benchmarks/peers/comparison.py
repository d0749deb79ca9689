"""The tables of what was measured beside NNgen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from benchmarks.area import NNGEN, NNGEN_LAYER
from benchmarks.peers.environment import VERSION
from benchmarks.peers.measurement import FAMILY, SYNTHESIS_S, Compared, Measured
from benchmarks.tables import Table, Value
from hls.estimate import Usage

__all__ = ["area_table", "cycle_table", "setting_table"]

NONE = "-"
RESOURCES = ("LUT", "FF", "DSP", "BRAM36")


def cycle_table(compared: Sequence[Compared], absent: str) -> Table:
    """Cycles of both, and their shares of the multipliers' MACs.

    Args:
        compared: what was measured.
        absent: why NNgen was not, if so.
    """
    rows: list[tuple[Value, ...]] = []
    misses = []
    for c in compared:
        design = c.peer.design
        ours = c.percent(c.ours.cycles)
        theirs = c.peer.given_percent if c.nngen is None else c.percent(c.nngen.cycles)
        ahead = ours > theirs
        rows.append((
            design.name, design.multipliers, c.ours.cycles, round(ours, 1),
            NONE if c.nngen is None else c.nngen.cycles,
            NONE if c.nngen is None else round(theirs, 1), float(c.peer.given_percent),
            "ahead" if ahead else "BEHIND",
        ))  # fmt: skip
        if not ahead:
            misses.append(
                f"{design.name}: {ours:.1f} % of {design.multipliers} multipliers, NNgen's "
                f"{'given' if c.nngen is None else 'measured'} figure is {theirs:.1f} %"
            )
    measured = (
        "NNgen: its Verilog in the same simulator on the same memory, from the answer to the write "
        "that starts it to its interrupt, every output equal to NumPy's (our golden sums, halves "
        "rounded away from zero); its weights come from memory in that time, ours are constants or "
        "an operand. Given: what the project was told before, measured elsewhere"
    )
    return Table(
        title=f"MACs a cycle, in % of the multipliers, beside NNgen {VERSION}",
        caption=(
            "RTL, int8, no stalls, memory that answers in the next cycle; one frame or product "
            "from start to done. "
            + (f"NNgen was NOT measured in this run, its figures are given ones: {absent}"
               if absent else measured)
            + "".join(f"; {c.peer.design.name}: {c.peer.note}" for c in compared if c.peer.note)
            + "."
        ),
        columns=(
            "layer", "MAC units", "our cycles", "ours %", "NNgen cycles", "NNgen %",
            "given %", "",
        ),
        rows=rows,
        misses=misses,
    )  # fmt: skip


def setting_table(compared: Sequence[Compared]) -> Table:
    """What NNgen was set to, and the Verilog that came out; no rows without NNgen."""
    rows: list[tuple[Value, ...]] = []
    for c in compared:
        if c.nngen is not None:
            lanes = asdict(c.peer.lanes).items()
            rows.append((
                c.peer.design.name,
                " ".join(f"par_{name}={count}" for name, count in lanes if count > 1),
                c.peer.port_bits, c.ours.verilog_lines, c.nngen.verilog_lines,
            ))  # fmt: skip
    return Table(
        title="NNgen's best settings",
        caption=(
            "The fastest that we found at this number of multipliers; of a product, ich runs along "
            "k, och along n. Port: bits of its memory port."
        ),
        columns=("layer", "lanes", "port", "our lines of Verilog", "NNgen's lines"),
        rows=rows,
    )


def area_table(compared: Sequence[Compared]) -> Table:
    """What both take of a device; where ours takes more of anything, the last column names it."""
    rows: list[tuple[Value, ...]] = []
    for c in compared:
        name, units = c.peer.design.name, c.peer.design.multipliers
        rows.append(_row(name, c.ours, units, _verdict(c)))
        if c.nngen is not None:
            rows.append(_row("  NNgen", c.nngen, units, ""))
        elif name == NNGEN_LAYER:
            rows.append(("  NNgen, given", *NNGEN.values(), round(NNGEN["LUT"] / units, 1), ""))
    return Table(
        title=f"Resources of these designs, estimated by Yosys for {FAMILY}",
        caption=(
            "The Verilog that was simulated, the same script for both, without placement. Ours "
            "rescales by a multiplier, adds a bias and holds its weights; NNgen shifts only, and "
            f"buffers weights and pixels. Yosys gets {SYNTHESIS_S // 60} minutes for each: "
            '"failed" and a time say that it came to no end.'
        ),
        columns=("layer", *RESOURCES, "LUT/MAC unit", ""),
        rows=rows,
    )


def _row(name: str, measured: Measured, units: int, verdict: str) -> tuple[Value, ...]:
    if isinstance(measured.usage, str):
        return (name, *(NONE for _ in RESOURCES), NONE, measured.usage)
    used = _used(measured.usage)
    return (name, *used.values(), round(used["LUT"] / units, 1), verdict)


def _used(usage: Usage) -> dict[str, float]:
    return {"LUT": usage.lut, "FF": usage.ff, "DSP": usage.dsp, "BRAM36": usage.bram36}


def _verdict(compared: Compared) -> str:
    """What of the device our design takes more of than NNgen's."""
    ours = compared.ours.usage
    theirs = "" if compared.nngen is None else compared.nngen.usage
    if isinstance(ours, str) or isinstance(theirs, str):
        return ""
    others = _used(theirs)
    more = [kind for kind, count in _used(ours).items() if count > others[kind]]
    return f"more {', '.join(more)}" if more else "less"
