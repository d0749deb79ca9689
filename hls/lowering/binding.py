"""Binding: a scheduled process -> its machine.

A sequential block has a state for each of its cycles. A pipelined loop has one state; in it, stage
c holds the iteration that started c cycles ago (`valid`), and moves on (`go`) unless it or a later
stage waits for a stream (`blocked`). So a stall freezes what is behind it, what is ahead flows out,
and nothing is lost. All state of a recurrence lives in one stage, which sees the iterations in
order whatever the stalls.
"""

from __future__ import annotations

from hls.lowering.expressions import expression
from hls.lowering.interface import RESULT
from hls.lowering.ir import Block, Memory, Op, Process
from hls.lowering.machine import (
    Machine,
    MemoryPorts,
    Move,
    Pipeline,
    ReadPort,
    State,
    StreamPorts,
    Wire,
    WritePort,
    any_of,
    chosen,
)
from hls.lowering.scheduling import Schedule
from hls.lowering.spelling import Spelling, prefixes_of

__all__ = ["bind"]


def bind(process: Process, schedule: Schedule) -> Machine:
    """Bind a scheduled process; its pipelines may turn out deeper than their schedules say."""
    return _Binder(process, schedule).run()


class _Binder:
    def __init__(self, process: Process, schedule: Schedule) -> None:
        self._process = process
        self._schedule = schedule
        self._machine = Machine(process, prefixes_of(process))
        self._values = Spelling(process, schedule, self._machine)
        self._loads: dict[int, list[tuple[Op, ReadPort]]] = {}
        self._stores: dict[int, list[WritePort]] = {}
        self._ports = {id(s): StreamPorts(s) for s in process.streams}

    def run(self) -> Machine:
        machine = self._machine
        machine.first = self._values.state(self._process.entry, 0)
        for block in self._process.blocks.values():
            if block.ii is not None:
                self._bind_pipeline(block)
            else:
                self._bind_sequence(block)
        for memory in self._process.memories:
            self._bind_memory(memory)
        machine.streams = list(self._ports.values())
        return machine

    # -------------------------------------------------------------- blocks

    def _bind_pipeline(self, block: Block) -> None:
        times, values = self._values.times(block), self._values
        prefix, state = self._machine.prefixes[block.name], values.state(block, 0)
        blocked = self._bind_ops(block)
        depth = max([times.depth, *self._bind_carried(block)])
        condition = block.condition
        assert condition is not None
        stage = times.ready[id(condition)] if values.is_of(condition, block) else 0
        again = values.spell(condition, block, stage)
        times.depth = depth = max([depth, *values.latest(block)])
        blocked += [""] * (depth - len(blocked))
        self._machine.pipelines.append(
            Pipeline(prefix, state, times.ii, depth, blocked, again, stage, block.label, block.name)
        )
        left = next(target for target in block.targets if target != block.name)
        over = f"{prefix}_over"
        self._machine.states.append(State(state, over, [("", self._first_state(left))]))
        self._enter(block, left, f"in_{state} && {over}", None)

    def _bind_carried(self, block: Block) -> list[int]:
        """Give the phis of a pipelined loop their next values; the stages that this takes."""
        times, depths = self._values.times(block), []
        back = block.predecessors.index(block.name)
        for phi in block.phis:
            value = phi.args[back]
            if value is phi:
                continue
            # The stage in which the register is written is the one in which it is read (ii = 1).
            stage = times.start[id(phi)]
            if self._values.is_of(value, block):
                stage = max(stage, times.ready[id(value)])
            depths.append(stage + 1)
            name, go = self._values.name(phi), self._values.go(block, stage)
            text = self._values.spell(value, block, stage)
            self._machine.moves.append(Move(name, phi.width, go, text))
        return depths

    def _bind_sequence(self, block: Block) -> None:
        times, values, machine = self._values.times(block), self._values, self._machine
        blocked = self._bind_ops(block)
        last = times.depth - 1
        for cycle, reason in enumerate(blocked):
            name, advance = values.state(block, cycle), values.advance(block, cycle)
            if advance:
                machine.wires.append(Wire(f"{name}_wait", 1, reason, block.name, cycle))
            if cycle < last:
                following = [("", values.state(block, cycle + 1))]
            else:
                following = self._bind_leaving(block, last)
            machine.states.append(State(name, advance, following))

    def _bind_leaving(self, block: Block, last: int) -> list[tuple[str, str]]:
        """Enter what follows a sequence behind its last cycle; the states to move to."""
        over = self._values.fires(block, last)
        if not block.targets:
            self._machine.ends.append(over)
            return [("", "IDLE")]
        if block.condition is None:
            self._enter(block, block.targets[0], over, last)
            return [("", self._first_state(block.targets[0]))]
        taken = self._values.spell(block.condition, block, last)
        yes, no = block.targets
        self._enter(block, yes, f"{over} && {taken}", last)
        self._enter(block, no, f"{over} && !{taken}", last)
        return [(taken, self._first_state(yes)), ("", self._first_state(no))]

    def _first_state(self, name: str) -> str:
        return self._values.state(self._process.blocks[name], 0)

    def _enter(self, block: Block, target: str, when: str, cycle: int | None) -> None:
        """Give the phis of `target` their values on the edge from `block`."""
        after = self._process.blocks[target]
        index = after.predecessors.index(block.name)
        for phi in after.phis:
            value = phi.args[index]
            if value is phi:
                continue
            if isinstance(value, Op) and cycle is None:
                # A pipelined loop has no last cycle, but its last iteration has left something.
                text = self._values.keep(value)
            else:
                text = self._values.spell(value, block, cycle or 0)
            self._machine.moves.append(Move(self._values.name(phi), phi.width, when, text))
        if after.ii is not None:
            more = f"{self._machine.prefixes[target]}_more"
            self._machine.moves.append(Move(more, 1, when, "1'b1"))

    # -------------------------------------------------------------- operations

    def _bind_ops(self, block: Block) -> list[str]:
        """Wires of all operations, ports of their effects; why each cycle may have to wait."""
        times = self._values.times(block)
        blocked: list[list[str]] = [[] for _ in range(times.depth)]
        for op in block.ops:
            cycle = times.start[id(op)]
            guard = ""
            if op.predicate is not None:
                guard = f" && {self._values.spell(op.predicate, block, cycle)}"
            fires = self._values.fires(block, cycle) + guard
            if op.kind in ("read", "write"):
                blocked[cycle].append(self._bind_stream(op, block, cycle, fires, guard))
            elif op.kind in ("load", "store", "result"):
                self._bind_access(op, block, cycle, fires)
            else:
                self._bind_wire(op, block, cycle)
        return [any_of(reasons) for reasons in blocked]

    def _bind_wire(self, op: Op, block: Block, cycle: int) -> None:
        if op.kind in ("empty", "full"):
            assert op.stream is not None
            text = f"{op.stream.name}_{op.kind}"
        else:
            text = expression(op, lambda value: self._values.spell(value, block, cycle))
        self._wire(op, block, cycle, text)

    def _wire(self, op: Op, block: Block, cycle: int, text: str) -> None:
        wire = Wire(self._values.name(op), op.width, text, block.name, cycle, op.line)
        self._machine.wires.append(wire)

    def _bind_stream(self, op: Op, block: Block, cycle: int, fires: str, guard: str) -> str:
        """Bind a read or a write; why it may have to wait."""
        assert op.stream is not None
        stream, ports = op.stream, self._ports[id(op.stream)]
        if op.kind == "read":
            ports.takes.append(fires)
            head = f"{stream.name}_head"
            text = head if op.width == stream.width else f"{head}[{op.width - 1}:0]"
            self._wire(op, block, cycle, text)
            return f"{stream.name}_empty{guard}"
        value = self._values.spell(op.args[0], block, cycle)
        missing = stream.width - op.args[0].width
        ports.puts.append((fires, f"{{{missing}'d0, {value}}}" if missing else value))
        return f"{stream.name}_full{guard}"

    def _bind_access(self, op: Op, block: Block, cycle: int, fires: str) -> None:
        """Bind an access of a memory, or the result that a process returns."""
        args = [self._values.spell(value, block, cycle) for value in op.args]
        if op.kind == "load":
            port = ReadPort(self._values.name(op), args[0], fires)
            self._loads.setdefault(id(op.memory), []).append((op, port))
        elif op.kind == "store":
            self._stores.setdefault(id(op.memory), []).append(WritePort(fires, *args))
        else:
            self._machine.moves.append(Move(RESULT, op.args[0].width, fires, args[0]))

    # -------------------------------------------------------------- memories

    def _bind_memory(self, memory: Memory) -> None:
        fast = id(memory) in self._schedule.asynchronous
        reads = {
            number: self._bind_reads(loads)
            for number, loads in self._read_ports(memory, fast).items()
        }
        ports = MemoryPorts(memory, fast)
        if stores := self._stores.get(id(memory)):
            ports.write = WritePort(
                any_of([store.enable for store in stores]),
                chosen([(store.enable, store.address) for store in stores]),
                chosen([(store.enable, store.data) for store in stores]),
            )
            if 1 in reads and not fast:
                name, address, enable = reads.pop(1)
                both = f"({ports.write.enable}) ? {ports.write.address} : {address}"
                ports.shared = ReadPort(name, both, enable)
        ports.reads = list(reads.values())
        self._machine.memories.append(ports)

    def _read_ports(self, memory: Memory, fast: bool) -> dict[int, list[tuple[Op, ReadPort]]]:
        """The loads of each port; in LUT RAM, each has one of its own."""
        found: dict[int, list[tuple[Op, ReadPort]]] = {}
        for i, (op, read) in enumerate(self._loads.get(id(memory), [])):
            number = i if fast else self._values.times(self._values.home(op)).ports[id(op)]
            found.setdefault(number, []).append((op, read))
        return found

    def _bind_reads(self, loads: list[tuple[Op, ReadPort]]) -> ReadPort:
        """One port: its register has the name of the first load, the others are wires of it."""
        (_, first), *others = loads
        if not others:
            return first
        for op, _ in others:
            self._wire(op, self._values.home(op), self._values.cycle_of(op), first.name)
        reads = [read for _, read in loads]
        address = chosen([(read.enable, read.address) for read in reads])
        return ReadPort(first.name, address, any_of([read.enable for read in reads]))
