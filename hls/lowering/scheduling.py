"""Scheduling: when each operation of a block happens.

A pipelined block is modulo scheduled: an iteration starts every `ii` cycles, and the schedule is
the least solution of difference constraints (each operation as soon as its operands, its memory
and its stream allow), found by relaxation. A loop-carried value lives in one register that is
read and written so that iteration i + 1 finds what iteration i left. If the constraints have no
solution at an ii, the recurrence that grew without end is the reason, and the next ii is tried.

Invariant: operands are ready when an operation starts; chained operators fit into the clock.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

from hls.errors import InputError
from hls.lowering.ir import Block, Op, Process, Value
from hls.lowering.ports import PortTable, answers_at_once, least_interval
from hls.lowering.predicates import exclusive
from hls.lowering.recurrences import late_decision, reason
from hls.lowering.target import Target

__all__ = ["BlockSchedule", "Schedule", "schedule"]

_MAX_CYCLES = 400
_MAX_ALIGNMENTS = 16
"""How often two accesses are moved into the same cycle before they get a port each."""


@dataclass
class BlockSchedule:
    """When the operations of a block start (`start`) and have their result (`ready`), in cycles."""

    ii: int
    start: dict[int, int] = field(default_factory=dict)
    ready: dict[int, int] = field(default_factory=dict)
    depth: int = 1
    ports: dict[int, int] = field(default_factory=dict)
    """The port of each access of a block RAM."""
    missed: str = ""
    """Why a smaller ii was not possible."""


@dataclass
class Schedule:
    """The schedules of a process, by block name, and the memories that answer within a cycle."""

    blocks: dict[str, BlockSchedule]
    asynchronous: set[int]


def schedule(process: Process, target: Target) -> Schedule:
    """Schedule every block of `process`."""
    fast = {id(m) for m in process.memories if answers_at_once(m)}
    blocks = {}
    used_outside = _used_elsewhere(process)
    for block in process.blocks.values():
        blocks[block.name] = _Scheduler(block, target, fast, used_outside).run(process.name)
    return Schedule(blocks, fast)


def _used_elsewhere(process: Process) -> set[int]:
    home = {id(op): b.name for b in process.blocks.values() for op in [*b.phis, *b.ops]}
    result = set()
    for block in process.blocks.values():
        for op in block.ops:
            result |= {id(v) for v in op.inputs() if home.get(id(v), block.name) != block.name}
        for phi in block.phis:
            result |= {id(v) for v in phi.args}
        if block.condition is not None and home.get(id(block.condition)) != block.name:
            result.add(id(block.condition))
    return result


class _Scheduler:
    def __init__(self, block: Block, target: Target, fast: set[int], used: set[int]) -> None:
        self._block = block
        self._target = target
        self._fast = fast
        self._used = used
        self._mine = {id(op) for op in [*block.phis, *block.ops]}
        self._carried: dict[int, Value] = {}
        if block.loops:
            back = block.predecessors.index(block.name)
            self._carried = {id(phi): phi.args[back] for phi in block.phis}
        self._exclusive: dict[tuple[int, int], bool] = {}
        self._floor: dict[int, int] = {}
        self._out: dict[int, tuple[int, float]] = {}
        self._start: dict[int, int] = {}
        self._accesses: dict[int, list[Op]] = {}
        for op in block.ops:
            if op.memory is not None and (op.kind == "store" or id(op.memory) not in fast):
                self._accesses.setdefault(id(op.memory), []).append(op)
        self._limit = _MAX_CYCLES + max(map(len, self._accesses.values()), default=0)
        self._tables: list[PortTable] = []
        self._alignments: dict[tuple[int, int], int] = {}

    def run(self, process: str) -> BlockSchedule:
        wanted = self._block.ii
        if wanted is None:
            found = self._attempt(1 << 20)
            if isinstance(found, str):
                raise InputError(
                    f"{process}: block {self._block.name} cannot be scheduled: {found}"
                )
            return found
        missed = ""
        for op, least in self._least_intervals():
            if least > wanted:
                missed = reason(self._block, op, wanted, self._carried, {})
                wanted = least
        for ii in range(wanted, wanted + 64):
            found = self._attempt(ii)
            if not isinstance(found, str):
                found.missed = missed
                return found
            missed = missed or found
        raise InputError(f"{process}: loop {self._block.name} cannot be pipelined: {missed}")

    def _least_intervals(self) -> list[tuple[Op, int]]:
        """What each end of a stream and each memory asks for, with one of the uses."""
        ends: dict[tuple[str, str], list[Op]] = {}
        for op in self._block.ops:
            if op.stream and op.predicate is None and op.kind not in ("empty", "full"):
                ends.setdefault((op.kind, op.stream.name), []).append(op)
        found = [(uses[0], len(uses)) for uses in ends.values()]
        for ops in self._accesses.values():
            if ops[0].memory is not None:
                found.append((ops[0], least_interval(ops[0].memory, ops)))
        return found

    def _attempt(self, ii: int) -> BlockSchedule | str:
        self._floor = {}
        self._alignments = {}
        for _ in range(2000):
            self._sweep()
            raised = self._raise_floors(ii)
            if raised is None:
                break
            if self._floor[id(raised)] > self._limit:
                latency = {key: out - self._start[key] for key, (out, _) in self._out.items()}
                return reason(self._block, raised, ii, self._carried, latency)
        else:
            return "its constraints do not settle"
        if self._block.ii is not None and self._block.condition is not None:
            decided = self._out.get(id(self._block.condition), (0, 0.0))[0]
            if decided > ii - 1:
                return late_decision(self._block.condition, decided + 1)
        return self._result(ii)

    # One pass in program order: as soon as operands allow, not before the floor.

    def _sweep(self) -> None:
        budget = self._target.budget_ns
        for phi in self._block.phis:
            cycle = self._floor.get(id(phi), 0)
            self._start[id(phi)] = cycle
            self._out[id(phi)] = (cycle, self._target.register_ns)
        for op in self._block.ops:
            cycle, offset = self._floor.get(id(op), 0), 0.0
            for value in op.inputs():
                if id(value) not in self._mine:
                    continue
                there, late = self._out[id(value)]
                if there > cycle:
                    cycle, offset = there, late
                elif there == cycle:
                    offset = max(offset, late)
            latency, inside, after = self._timing(op)
            if offset > 0.0 and offset + inside > budget:
                cycle, offset = cycle + 1, self._target.register_ns
            self._start[id(op)] = cycle
            if latency:
                self._out[id(op)] = (cycle + latency, after)
            elif offset + inside > budget:
                # Longer than a cycle by itself: the result is used some cycles later.
                extra = math.ceil((offset + inside) / budget) - 1
                self._out[id(op)] = (cycle + extra, budget)
            else:
                self._out[id(op)] = (cycle, offset + inside)

    def _timing(self, op: Op) -> tuple[int, float, float]:
        """Latency in cycles, delay before the register (or to the result), delay behind it."""
        target = self._target
        if op.kind == "load":
            if id(op.memory) in self._fast:
                return 0, target.lutram_ns, 0.0
            return 1, target.register_ns, target.bram_ns
        if op.kind in ("read", "empty", "full"):
            return 0, 1.0, 0.0
        if op.kind == "fetch":
            return 0, 1.0, 0.0
        if latency := target.latency(op):
            return latency, target.multiplier_ns, target.register_ns
        return 0, target.delay_ns(op), 0.0

    # Constraints that the order of operands does not give.

    def _raise_floors(self, ii: int) -> Op | None:
        """Raise the floor of some operation that is too early; None if there is none."""
        return (
            self._carry(ii)
            or self._order_memory(ii)
            or self._order_streams(ii)
            or self._find_ports(ii)
        )

    def _lift(self, op: Op, cycle: int) -> Op | None:
        if self._start[id(op)] >= cycle:
            return None
        self._floor[id(op)] = cycle
        return op

    def _carry(self, ii: int) -> Op | None:
        lifted = None
        for phi in self._block.phis:
            value = self._carried.get(id(phi))
            if value is None or id(value) not in self._mine or value is phi:
                continue
            lifted = self._lift(phi, self._out[id(value)][0] + 1 - ii) or lifted
        return lifted

    def _order_memory(self, ii: int) -> Op | None:
        lifted = None
        accesses: dict[int, list[Op]] = {}
        for op in self._block.ops:
            if op.memory is not None and op.memory.written:
                accesses.setdefault(id(op.memory), []).append(op)
        for ops in accesses.values():
            for i, first in enumerate(ops):
                for second in ops[i + 1 :]:
                    lifted = self._after(first, second, 0, ii) or lifted
                for second in ops[: i + 1]:
                    assert first.memory is not None
                    distance = first.memory.distance(first.kind, second.kind)
                    if self._block.loops:
                        lifted = self._after(first, second, distance * ii, ii) or lifted
        return lifted

    def _after(self, first: Op, second: Op, lead: int, ii: int) -> Op | None:
        """`second`, `lead` cycles later in the program's order, must see what `first` did."""
        if first.kind == "load" and second.kind == "load":
            return None
        gap = 1 if first.kind == "store" else 0
        if first.kind == "store" and second.kind == "store" and (lead or exclusive(first, second)):
            gap = 0  # in which case they have one port, in one cycle
        return self._lift(second, self._start[id(first)] + gap - lead)

    def _find_ports(self, ii: int) -> Op | None:
        """Give each access a port in the first cycle that has one left."""
        self._tables = []
        lifted = None
        for ops in self._accesses.values():
            assert ops[0].memory is not None
            table = PortTable(ops[0].memory, ii)
            self._tables.append(table)
            for op in sorted(ops, key=lambda op: self._start[id(op)]):
                first = self._start[id(op)]
                cycles = range(first, min(first + ii, self._limit))
                cycle = next((c for c in cycles if table.place(op, c)), None)
                if cycle is None:
                    return self._align(op, table)
                lifted = self._lift(op, cycle) or lifted
        return lifted

    def _align(self, op: Op, table: PortTable) -> Op:
        """All ports are taken: move one of two accesses that may share one to the other."""
        for other in table.sharers(op):
            pair = id(op), id(other)
            self._alignments[pair] = self._alignments.get(pair, 0) + 1
            if self._alignments[pair] <= _MAX_ALIGNMENTS:
                late, early = sorted([op, other], key=lambda o: -self._start[id(o)])
                if lifted := self._lift(early, self._start[id(late)]):
                    return lifted
        self._floor[id(op)] = self._limit + 1
        return op

    def _order_streams(self, ii: int) -> Op | None:
        lifted = None
        ends: dict[tuple[int, str], list[Op]] = {}
        for op in self._block.ops:
            if op.stream is not None and op.stream.order:
                ends.setdefault((0, op.stream.order), []).append(op)
            elif op.stream is not None:
                side = "in" if op.kind in ("read", "empty") else "out"
                ends.setdefault((id(op.stream), side), []).append(op)
            elif op.pointer is not None:
                ends.setdefault((id(op.pointer), op.kind), []).append(op)
        for op in self._block.ops:
            if op.after is not None:
                lifted = self._lift(op, self._start[id(op.after)] + 1) or lifted
        for ops in ends.values():
            moves = [op for op in ops if op.kind not in ("empty", "full")]
            for first, second in itertools.combinations(moves, 2):
                gap = 0 if self._exclude(first, second) else 1
                lifted = self._lift(second, self._start[id(first)] + gap) or lifted
                # The next iteration's come after all of this one's.
                lifted = self._lift(first, self._start[id(second)] + 1 - ii) or lifted
            # A flag is only worth something in the cycle in which it is acted upon.
            for flag in ops:
                if flag.kind in ("empty", "full") and moves:
                    lifted = self._lift(flag, self._start[id(moves[0])]) or lifted
        return lifted

    def _exclude(self, first: Op, second: Op) -> bool:
        key = id(first), id(second)
        if key not in self._exclusive:
            self._exclusive[key] = exclusive(first, second)
        return self._exclusive[key]

    def _result(self, ii: int) -> BlockSchedule:
        start = dict(self._start)
        ready = {key: cycle for key, (cycle, _) in self._out.items()}
        last = 0
        for op in self._block.ops:
            if op.has_effect or id(op) in self._used or op is self._block.condition:
                last = max(last, start[id(op)], ready[id(op)])
        for phi in self._block.phis:
            last = max(last, start[id(phi)])
        ports = {key: n for table in self._tables for key, n in table.numbers().items()}
        return BlockSchedule(ii, start, ready, last + 1, ports)
