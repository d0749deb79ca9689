"""Binding: a scheduled process as registers, wires, a state machine and ports of memories.

A sequential block has a state for each of its cycles. A pipelined loop has one state; in it, stage
c holds the iteration that started c cycles ago (`valid`), and moves on unless it or a later stage
waits for a stream (`hold`). So a stall freezes what is behind it, what is ahead flows out, and
nothing is lost. All state of a recurrence lives in one stage, which sees the iterations in order
whatever the stalls.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from hls.lowering.expressions import expression, is_wiring, literal
from hls.lowering.interface import RESULT
from hls.lowering.ir import Block, Const, Input, Memory, Op, Pointer, Process, StreamEnd, Value
from hls.lowering.loopnames import loop_names
from hls.lowering.scheduling import BlockSchedule, Schedule

__all__ = ["Machine", "bind"]


@dataclass
class Wire:
    """A named value: `width` bits, computed by `text`, in a cycle of a block.

    `line` is the source line that it comes from, 0 if there is none.
    """

    name: str
    width: int
    text: str
    block: str
    cycle: int
    line: int = 0


@dataclass
class Move:
    """A register that takes a value under a condition: `if (when) name <= text`."""

    name: str
    width: int
    when: str
    text: str


@dataclass
class MemoryPorts:
    """A memory with its reads (name, address, enable; combinational if asynchronous), its write."""

    memory: Memory
    asynchronous: bool
    reads: list[tuple[str, str, str]] = field(default_factory=list)
    write: tuple[str, str, str] | None = None
    shared: tuple[str, str, str] | None = None
    """The one of `reads` that has its address in common with `write`, so that both are a port."""

    @property
    def all_reads(self) -> list[tuple[str, str, str]]:
        """Its reads, with the one that shares a port with the write."""
        return self.reads if self.shared is None else [*self.reads, self.shared]

    @property
    def address_bits(self) -> int:
        """Width of an address."""
        return max(1, (self.memory.depth - 1).bit_length())


@dataclass
class State:
    """A state: its moves to others as (condition or "", next state)."""

    name: str
    advance: str
    next: list[tuple[str, str]]


@dataclass
class Pipeline:
    """A pipelined loop: names of its signals; `blocked[c]` is why stage c waits, or ""."""

    prefix: str
    state: str
    ii: int
    depth: int
    blocked: list[str]
    again: str
    again_stage: int
    label: str
    block: str


@dataclass
class StreamPorts:
    """What a process does with a stream: when it takes, when it puts, and what."""

    end: StreamEnd
    takes: list[str] = field(default_factory=list)
    puts: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Machine:
    """All that the Verilog of a process needs."""

    process: Process
    prefixes: dict[str, str]
    """What the signals of each block begin with."""
    states: list[State] = field(default_factory=list)
    pipelines: list[Pipeline] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    memories: list[MemoryPorts] = field(default_factory=list)
    streams: list[StreamPorts] = field(default_factory=list)
    first: str = ""
    ends: list[tuple[str, str]] = field(default_factory=list)

    def registers(self) -> dict[str, int]:
        """Widths of all registers that moves write."""
        return {move.name: move.width for move in self.moves}


def bind(process: Process, schedule: Schedule) -> Machine:
    """Bind a scheduled process."""
    return _Binder(process, schedule).run()


class _Binder:
    def __init__(self, process: Process, schedule: Schedule) -> None:
        self._process = process
        self._schedule = schedule
        self._prefix = _prefixes(process)
        self._machine = Machine(process, self._prefix)
        self._home = {id(op): b for b in process.blocks.values() for op in [*b.phis, *b.ops]}
        self._delayed: dict[tuple[int, int], str] = {}
        self._kept: dict[int, str] = {}
        self._loads: dict[int, list[tuple[Op, str, str]]] = {}
        self._stores: dict[int, list[tuple[str, str, str]]] = {}
        self._ports = {id(s): StreamPorts(s) for s in process.streams}
        self._names: dict[int, str] = {}
        taken = {value.name: 1 for value in (*process.inputs, *process.pointers)}
        for op in process.ops():
            base = op.name or op.kind
            count = taken.get(base, 0)
            taken[base] = count + 1
            self._names[id(op)] = f"{base}_x{count}" if count else base

    def run(self) -> Machine:
        machine = self._machine
        machine.first = self._first_state(self._process.entry.name)
        for block in self._process.blocks.values():
            if self._pipelined(block):
                self._bind_pipeline(block)
            else:
                self._bind_sequence(block)
        for memory in self._process.memories:
            self._bind_memory(memory)
        machine.streams = list(self._ports.values())
        return machine

    def _pipelined(self, block: Block) -> bool:
        return block.ii is not None

    def _times(self, block: Block) -> BlockSchedule:
        return self._schedule.blocks[block.name]

    def _base(self, op: Op) -> int:
        """The cycle in which an operation's own wire or register shows the result."""
        start = self._times(self._home[id(op)]).start[id(op)]
        synchronous = op.kind == "load" and id(op.memory) not in self._schedule.asynchronous
        return start + 1 if synchronous else start

    # -------------------------------------------------------------- spelling of values

    def _spell(self, value: Value, block: Block, cycle: int) -> str:
        """How `value` is called in `cycle` of `block`."""
        if isinstance(value, Const):
            return literal(value.value, value.width)
        if isinstance(value, Input | Pointer):
            return value.name
        assert isinstance(value, Op)
        home = self._home[id(value)]
        name = self._names[id(value)]
        if home is not block:
            return self._keep(value)
        base = self._base(value)
        if cycle == base:
            return name
        assert cycle > base, (value.name, cycle, base)
        if not self._pipelined(block):
            return name if value.kind == "phi" else self._keep(value)
        return self._delay(value, block, cycle)

    def _delay(self, value: Op, block: Block, cycle: int) -> str:
        key = (id(value), cycle)
        if key not in self._delayed and is_wiring(value):
            # Wires alone: made anew of what they come from, which is not wider.
            self._delayed[key] = name = f"{self._names[id(value)]}_s{cycle}"
            text = expression(value, lambda arg: self._spell(arg, block, cycle))
            self._machine.wires.append(Wire(name, value.width, text, block.name, cycle))
        if key not in self._delayed:
            before = self._spell(value, block, cycle - 1)
            name = f"{self._names[id(value)]}_s{cycle}"
            self._delayed[key] = name
            go = self._go(block, cycle - 1)
            self._machine.moves.append(Move(name, value.width, go, before))
        return self._delayed[key]

    def _keep(self, value: Op) -> str:
        """The register that keeps a value for other blocks, or later cycles of a sequence."""
        home = self._home[id(value)]
        name = self._names[id(value)]
        if value.kind == "phi" and not self._pipelined(home):
            return name
        if id(value) not in self._kept:
            self._kept[id(value)] = f"{name}_kept"
            when = self._fires(home, self._base(value))
            self._machine.moves.append(Move(f"{name}_kept", value.width, when, name))
        return self._kept[id(value)]

    # -------------------------------------------------------------- conditions of time

    def _go(self, block: Block, cycle: int) -> str:
        return f"{self._prefix[block.name]}_go[{cycle}]"

    def _state(self, block: Block, cycle: int) -> str:
        return f"{self._prefix[block.name]}_{cycle}"

    def _first_state(self, name: str) -> str:
        block = self._process.blocks[name]
        return self._prefix[name] + "_run" if self._pipelined(block) else self._state(block, 0)

    def _fires(self, block: Block, cycle: int) -> str:
        """When `cycle` of `block` is over, once."""
        if self._pipelined(block):
            return self._go(block, cycle)
        return f"in_{self._state(block, cycle)} && !{self._state(block, cycle)}_wait"

    # -------------------------------------------------------------- blocks

    def _bind_pipeline(self, block: Block) -> None:
        times, prefix = self._times(block), self._prefix[block.name]
        depth = times.depth
        back = block.predecessors.index(block.name)
        blocked = self._bind_ops(block)
        for phi in block.phis:
            value = phi.args[back]
            if value is phi:
                continue
            # The stage in which the register is written is the one in which it is read (ii = 1).
            stage = times.start[id(phi)]
            if isinstance(value, Op) and self._home[id(value)] is block:
                stage = max(stage, times.ready[id(value)])
            depth = max(depth, stage + 1)
            text = self._spell(value, block, stage)
            self._machine.moves.append(
                Move(self._names[id(phi)], phi.width, self._go(block, stage), text)
            )
        condition = block.condition
        assert condition is not None
        stage = (
            times.ready[id(condition)]
            if isinstance(condition, Op) and self._home[id(condition)] is block
            else 0
        )
        again = self._spell(condition, block, stage)
        depth = max([depth, *(self._last_delay(block))])
        times.depth = depth
        blocked += [""] * (depth - len(blocked))
        self._machine.pipelines.append(
            Pipeline(
                prefix,
                f"{prefix}_run",
                times.ii,
                depth,
                blocked,
                again,
                stage,
                block.label,
                block.name,
            )
        )
        left = next(target for target in block.targets if target != block.name)
        over = f"{prefix}_over"
        self._machine.states.append(State(f"{prefix}_run", over, [("", self._first_state(left))]))
        self._enter(block, left, f"in_{prefix}_run && {over}", None)

    def _last_delay(self, block: Block) -> list[int]:
        return [
            cycle
            for op in [*block.phis, *block.ops]
            for key, cycle in self._delayed
            if key == id(op)
        ]

    def _bind_sequence(self, block: Block) -> None:
        times = self._times(block)
        blocked = self._bind_ops(block)
        last = times.depth - 1
        for cycle in range(times.depth):
            name = self._state(block, cycle)
            text = blocked[cycle] or "1'b0"
            self._machine.wires.append(Wire(f"{name}_wait", 1, text, block.name, cycle))
            if cycle < last:
                self._machine.states.append(
                    State(name, f"!{name}_wait", [("", self._state(block, cycle + 1))])
                )
        name = self._state(block, last)
        over = f"in_{name} && !{name}_wait"
        following: list[tuple[str, str]] = []
        if not block.targets:
            following.append(("", "IDLE"))
            self._machine.ends.append((f"in_{name}", f"!{name}_wait"))
        elif block.condition is None:
            following.append(("", self._first_state(block.targets[0])))
            self._enter(block, block.targets[0], over, last)
        else:
            taken = self._spell(block.condition, block, last)
            yes, no = block.targets
            following += [(taken, self._first_state(yes)), ("", self._first_state(no))]
            self._enter(block, yes, f"{over} && {taken}", last)
            self._enter(block, no, f"{over} && !{taken}", last)
        self._machine.states.append(State(name, f"!{name}_wait", following))

    def _enter(self, block: Block, target: str, when: str, cycle: int | None) -> None:
        """Give the phis of `target` their values on the edge from `block`."""
        after = self._process.blocks[target]
        index = after.predecessors.index(block.name)
        for phi in after.phis:
            value = phi.args[index]
            if value is phi:
                continue
            if isinstance(value, Op) and (cycle is None or self._home[id(value)] is not block):
                text = self._keep(value)
            else:
                text = self._spell(value, block, cycle or 0)
            self._machine.moves.append(Move(self._names[id(phi)], phi.width, when, text))
        if self._pipelined(after):
            self._machine.moves.append(Move(f"{self._prefix[target]}_more", 1, when, "1'b1"))

    # -------------------------------------------------------------- operations

    def _bind_ops(self, block: Block) -> list[str]:
        """Wires of all operations, ports of their effects; why each cycle may have to wait."""
        times = self._times(block)
        blocked: list[list[str]] = [[] for _ in range(times.depth)]
        for op in block.ops:
            cycle = times.start[id(op)]

            def wire(width: int, text: str, at: int = cycle, op: Op = op) -> None:
                named = Wire(self._names[id(op)], width, text, block.name, at, op.line)
                self._machine.wires.append(named)

            def spell(value: Value, at: int = cycle) -> str:
                return self._spell(value, block, at)

            guard = "" if op.predicate is None else f" && {spell(op.predicate)}"
            fires = self._fires(block, cycle) + guard
            if op.kind == "load":
                self._loads.setdefault(id(op.memory), []).append((op, spell(op.args[0]), fires))
            elif op.kind == "store":
                self._stores.setdefault(id(op.memory), []).append(
                    (fires, spell(op.args[0]), spell(op.args[1]))
                )
            elif op.kind == "read":
                assert op.stream is not None
                self._ports[id(op.stream)].takes.append(fires)
                head = f"{op.stream.name}_head"
                text = head if op.width == op.stream.width else f"{head}[{op.width - 1}:0]"
                wire(op.width, text)
                blocked[cycle].append(f"({op.stream.name}_empty{guard})")
            elif op.kind == "write":
                assert op.stream is not None
                value = spell(op.args[0])
                missing = op.stream.width - op.args[0].width
                text = value if not missing else f"{{{missing}'d0, {value}}}"
                self._ports[id(op.stream)].puts.append((fires, text))
                blocked[cycle].append(f"({op.stream.name}_full{guard})")
            elif op.kind == "result":
                self._machine.moves.append(Move(RESULT, op.args[0].width, fires, spell(op.args[0])))
            elif op.kind in ("empty", "full"):
                assert op.stream is not None
                wire(1, f"{op.stream.name}_{op.kind}")
            else:
                wire(op.width, expression(op, spell))
        return [" || ".join(reasons) for reasons in blocked]

    def _bind_memory(self, memory: Memory) -> None:
        fast = id(memory) in self._schedule.asynchronous
        ports = MemoryPorts(memory, fast)
        numbers: list[int] = []
        for number, loads in self._read_ports(memory, fast).items():
            numbers.append(number)
            ports.reads.append(self._bind_reads(loads))
        stores = self._stores.get(id(memory), [])
        if stores:
            enable = " || ".join(f"({fires})" for fires, _, _ in stores)
            ports.write = (
                enable,
                _chain([(f, a) for f, a, _ in stores]),
                _chain([(f, d) for f, _, d in stores]),
            )
            if 1 in numbers and not fast:
                when, address, _ = ports.write
                name, other, enable = ports.reads.pop(numbers.index(1))
                ports.shared = (name, f"({when}) ? {address} : {other}", enable)
        self._machine.memories.append(ports)

    def _read_ports(self, memory: Memory, fast: bool) -> dict[int, list[tuple[Op, str, str]]]:
        """The loads of each port; in LUT RAM, each has one of its own."""
        found: dict[int, list[tuple[Op, str, str]]] = {}
        for i, load in enumerate(self._loads.get(id(memory), [])):
            number = i if fast else self._times(self._home[id(load[0])]).ports[id(load[0])]
            found.setdefault(number, []).append(load)
        return found

    def _bind_reads(self, loads: list[tuple[Op, str, str]]) -> tuple[str, str, str]:
        """One port: its register has the name of the first load, the others are wires of it."""
        op, address, fires = loads[0]
        name = self._names[id(op)]
        for other, _, _ in loads[1:]:
            self._machine.wires.append(
                Wire(self._names[id(other)], other.width, name, self._home[id(other)].name,
                     self._base(other), other.line)
            )  # fmt: skip
        if len(loads) > 1:
            address = _chain([(f, a) for _, a, f in loads])
            fires = " || ".join(f"({f})" for _, _, f in loads)
        return name, address, fires


def _prefixes(process: Process) -> dict[str, str]:
    """What the signals of each block begin with: a loop's label, else where it stands."""
    names = loop_names(process)
    prefixes: dict[str, str] = {}
    for i, (name, block) in enumerate(process.blocks.items()):
        line = next((op.line for op in block.ops if op.line), block.line)
        place = "enter" if block is process.entry else f"line_{line}" if line else f"block_{i}"
        label = re.sub(r"\W+", "_", names.get(name, place if block.targets else "leave"))
        taken = label in prefixes.values() or not label.isidentifier()
        prefixes[name] = f"{label}_{i}" if taken else label
    return prefixes


def _chain(choices: list[tuple[str, str]]) -> str:
    """The value of the first choice whose condition holds; the last needs none."""
    *firsts, (_, last) = choices
    return "".join(f"({when}) ? {value} : " for when, value in firsts) + last
