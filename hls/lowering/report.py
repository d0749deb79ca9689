"""What came out: each loop with its initiation interval and why it is not smaller, each memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hls.lowering.ir import Design, Process
from hls.lowering.scheduling import Schedule
from hls.lowering.target import Target

__all__ = ["report"]


def report(design: Design, schedules: Mapping[str, Schedule], target: Target) -> dict[str, Any]:
    """The report as JSON-able data."""
    return {
        "top": design.name,
        "target": target.name,
        "clock_ns": target.clock_ns,
        "processes": [_process(p, schedules[p.name]) for p in design.processes],
        "fifos": [vars(fifo) for fifo in design.fifos],
    }


def _process(process: Process, schedule: Schedule) -> dict[str, Any]:
    loops = [
        {
            "label": block.label,
            "ii_wanted": block.ii,
            "ii": times.ii,
            "reason": times.missed if block.ii is not None and times.ii > block.ii else "",
            "stages": times.depth,
        }
        for block in process.blocks.values()
        if block.ii is not None
        for times in [schedule.blocks[block.name]]
    ]
    memories = [
        {
            "name": memory.name,
            "words": memory.depth,
            "bits": memory.width,
            "storage": ("ROM" if not memory.written else "RAM")
            + (" in LUTs" if id(memory) in schedule.asynchronous else " in blocks"),
        }
        for memory in process.memories
    ]
    return {"name": process.name, "loops": loops, "memories": memories}
