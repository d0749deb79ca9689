"""What came out: each loop with its trips, interval and latency, each memory with its binding.

Latencies are without stalls, on the longest way; None where the number of iterations is only known
at run time. With a LOOP_TRIPCOUNT they are those of its maximum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hls.lowering.ir import Design, Memory, Process
from hls.lowering.loopnames import loop_names
from hls.lowering.loops import Loop, find_loops
from hls.lowering.machine import Machine
from hls.lowering.order import reverse_postorder
from hls.lowering.scheduling import Schedule
from hls.lowering.source import Pragma
from hls.lowering.target import Target
from hls.lowering.trips import Trips, counting_argument, trips

__all__ = ["report"]


def report(
    design: Design,
    schedules: Mapping[str, Schedule],
    machines: Sequence[Machine],
    pragmas: list[Pragma],
    target: Target,
) -> dict[str, Any]:
    """The report as JSON-able data."""
    reports = [
        _Report(machine.process, schedules[machine.process.name], machine, pragmas)
        for machine in machines
    ]
    sequencer = None if design.sequencer is None else reports.pop(0)
    processes = [each.data() for each in reports]
    # All processes start together; streams may make one wait for another, so it is a least.
    spans = [process["latency_cycles"] for process in processes]
    latency = None if None in spans else max(spans)
    region: dict[str, Any] = {}
    if sequencer is not None and design.sequencer is not None:
        sequencer.waits(design.sequencer.back, latency)
        region = {"name": design.sequencer.region, "called_by": design.sequencer.name,
                  **sequencer.runs(design.sequencer.back), "latency_cycles": latency}  # fmt: skip
        processes.insert(0, sequencer.data())
        latency = processes[0]["latency_cycles"]
    return {
        "top": design.name,
        "target": target.name,
        "clock_ns": target.clock_ns,
        "latency_cycles": latency,
        "region": region,
        "processes": processes,
        "fifos": [vars(fifo) for fifo in design.fifos],
    }


class _Report:
    """The report of one process."""

    def __init__(
        self, process: Process, schedule: Schedule, machine: Machine, pragmas: list[Pragma]
    ) -> None:
        self._process = process
        self._schedule = schedule
        self._machine = machine
        self._loops = find_loops(process)
        self._names = loop_names(process)
        self._trips = {loop.header: trips(process, loop, pragmas) for loop in self._loops}
        self._waits: dict[str, int | None] = {}
        self._total: dict[str, int | None] = {}
        self._iteration: dict[str, int | None] = {}

    def waits(self, stream: str, cycles: int | None) -> None:
        """Say how long a read of a stream takes, which comes from outside of all processes."""
        self._waits[self._reading(stream)] = cycles

    def runs(self, stream: str) -> dict[str, Any]:
        """The loop, or "", in which a stream is read, and how often: by number or by argument."""
        around = [loop for loop in self._loops if self._reading(stream) in loop.blocks]
        if len(around) != 1:
            return {"loop": self._names[around[0].header] if around else "",
                    "times": None if around else 1}  # fmt: skip
        times = self._trips[around[0].header].most
        counted = counting_argument(self._process, around[0])
        return {"loop": self._names[around[0].header], "times": times or counted or None}

    def _reading(self, stream: str) -> str:
        """The block that reads a stream."""
        return next(
            block.name
            for block in self._process.blocks.values()
            for op in block.ops
            if op.kind == "read" and op.stream is not None and op.stream.name == stream
        )

    def data(self) -> dict[str, Any]:
        """What the report says of it."""
        for loop in self._loops:  # innermost first
            self._measure(loop)
        order = list(self._process.blocks)
        nested = sorted(self._loops, key=lambda loop: (order.index(loop.header), -len(loop.blocks)))
        return {
            "name": self._process.name,
            "file": Path(self._process.file).name,
            # One cycle from start to the first state.
            "latency_cycles": _plus(self._longest(order, self._loops), 1),
            "loops": [self._loop(loop) for loop in nested],
            "memories": [self._memory(memory) for memory in self._process.memories],
        }

    # -------------------------------------------------------------- loops

    def _measure(self, loop: Loop) -> None:
        block, times = self._process.blocks[loop.header], self._schedule.blocks[loop.header]
        most = self._trips[loop.header].most
        if block.ii is not None:
            self._iteration[loop.header] = times.depth
            # The state is left a cycle after the last iteration.
            total = None if most is None else (most - 1) * times.ii + times.depth + 1
        else:
            each = self._longest(loop.order, loop.inner)
            self._iteration[loop.header] = each
            total = None if most is None or each is None else most * each
        self._total[loop.header] = total

    def _longest(self, order: Sequence[str], loops: Sequence[Loop]) -> int | None:
        """Cycles on the longest way through blocks in topological order, `loops` taken whole."""
        outer = [o for o in loops if not any(o.blocks < other.blocks for other in loops)]
        whole = {name: loop for loop in outer for name in loop.blocks}
        reached = {order[0]: 0}
        longest = 0
        unknown = False
        inside = {*order}
        forward = reverse_postorder(
            order[0], lambda name: [t for t in self._process.blocks[name].targets if t in inside]
        )
        for name in forward:
            if name not in reached:
                continue
            loop = whole.get(name)
            if loop is not None and name != loop.header:
                continue
            cost = self._schedule.blocks[name].depth
            wait = self._waits.get(name, 0)
            unknown |= wait is None
            cost += wait or 0
            following = set(self._process.blocks[name].targets)
            if loop is not None:
                total = self._total[loop.header]
                unknown |= total is None
                cost = total or 0
                following = {t for b in loop.blocks for t in self._process.blocks[b].targets}
                following -= loop.blocks
            end = reached[name] + cost
            longest = max(longest, end)
            for target in following & inside - {order[0]}:
                reached[target] = max(reached.get(target, 0), end)
        return None if unknown else longest

    def _loop(self, loop: Loop) -> dict[str, Any]:
        block, times = self._process.blocks[loop.header], self._schedule.blocks[loop.header]
        pipelined = block.ii is not None
        found: Trips = self._trips[loop.header]
        missed = pipelined and times.ii > (block.ii or 0)
        around = [other for other in self._loops if loop.blocks < other.blocks]
        return {
            "label": self._names[loop.header],
            "line": self._process.blocks[loop.latch].line,
            "inside": self._names[around[0].header] if around else "",
            "trip_count": found.most,
            "least_trip_count": found.least,
            "trips_known_by": found.known_by,
            "ii_wanted": block.ii,
            "ii": times.ii if pipelined else None,
            "reason": times.missed if missed else "",
            "stages": times.depth if pipelined else None,
            "iteration_cycles": self._iteration[loop.header],
            "latency_cycles": self._total[loop.header],
        }

    # -------------------------------------------------------------- memories

    def _memory(self, memory: Memory) -> dict[str, Any]:
        ports = next(p for p in self._machine.memories if p.memory is memory)
        kind = "RAM" if memory.written else "ROM"
        place = "in LUTs" if ports.asynchronous else "in blocks"
        place = "in registers" if memory.depth == 1 else place
        return {
            "name": memory.name,
            "words": memory.depth,
            "bits": memory.width,
            "storage": f"{kind} {place}",
            "read_ports": len(ports.all_reads),
            "write_ports": int(ports.write is not None),
        }


def _plus(cycles: int | None, more: int) -> int | None:
    return None if cycles is None else cycles + more
