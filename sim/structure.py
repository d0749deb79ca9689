"""Processes and streams of a lowered design, and what a state in which nothing moves means.

Verilog from elsewhere (Vitis HLS) has other instances; nothing is found there, and a hang is told
by the ports alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Structure", "explain", "structure"]


@dataclass(frozen=True)
class Structure:
    """What the top module instantiates."""

    depths: dict[str, int] = field(default_factory=dict)
    """FIFO instance -> its depth in words."""
    reads: dict[str, list[str]] = field(default_factory=dict)
    """Process -> FIFOs that it takes from."""
    writes: dict[str, list[str]] = field(default_factory=dict)
    """Process -> FIFOs that it puts into."""


def structure(top: str, folder: Path) -> Structure:
    """Read the top module in `folder`; empty if it is not one of ours."""
    file = folder / f"{top}.v"
    if not file.is_file():
        return Structure()
    text = file.read_text(errors="replace")
    depths: dict[str, int] = {}
    taken: dict[str, str] = {}
    put: dict[str, str] = {}
    fifo = rf"\b{top}_fifo\s*#\(([^;]*?)\)\s*(\w+)\s*\(([^;]*)\);"
    for parameters, name, connections in re.findall(fifo, text):
        depth = re.search(r"\.DEPTH\((\d+)\)", parameters)
        depths[name] = int(depth[1]) if depth else 0
        for port, wires in (("take", taken), ("put", put)):
            wire = re.search(rf"\.{port}\((\w+)\)", connections)
            if wire:
                wires[wire[1]] = name
    reads: dict[str, list[str]] = {}
    writes: dict[str, list[str]] = {}
    process = rf"\b{top}_\w+\s+(?:#\([^;]*?\)\s*)?(\w+)\s*\(([^;]*)\);"
    for name, connections in re.findall(process, text):
        if ".idle(" not in connections:
            continue
        wires_used = re.findall(r"\.\w+\((\w+)\)", connections)
        reads[name] = [taken[wire] for wire in wires_used if wire in taken]
        writes[name] = [put[wire] for wire in wires_used if wire in put]
    return Structure(depths, reads, writes)


def explain(found: Structure, state: Mapping[str, int]) -> list[str]:
    """Each process that still runs, with its streams that are empty or full."""
    lines = []
    for process in found.reads:
        if state.get(f"{process}.idle", 1):
            continue
        waits = [f"stream {fifo} is empty" for fifo in found.reads[process]
                 if state.get(f"{fifo}.count") == 0]  # fmt: skip
        waits += [f"stream {fifo} is full" for fifo in found.writes[process]
                  if state.get(f"{fifo}.count") == found.depths[fifo]]  # fmt: skip
        reason = f"while {' and '.join(waits)}" if waits else "and waits for none of its streams"
        lines.append(f"process {process} runs {reason}")
    return lines
