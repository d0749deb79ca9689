"""Spelling: how each value is called in each cycle, and the registers that keep it until then.

The result of an operation is a wire (of a load from block RAM, a register) in its own cycle. In a
pipelined loop it moves on with its iteration, by a register for each stage: `x_s2` is x in stage 2.
For other blocks, and for later cycles of a sequence, one register keeps it: `x_kept`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hls.lowering.expressions import expression, is_wiring, literal
from hls.lowering.ir import Block, Const, Input, Op, Pointer, Process, Value
from hls.lowering.loopnames import loop_names
from hls.lowering.machine import Machine, Move, Wire
from hls.lowering.names import legal_name
from hls.lowering.scheduling import BlockSchedule, Schedule

__all__ = ["Spelling", "prefixes_of"]


class Spelling:
    """Names in a scheduled process; what has to be kept gets its register in `machine`."""

    def __init__(self, process: Process, schedule: Schedule, machine: Machine) -> None:
        self._schedule = schedule
        self._machine = machine
        self._home = {id(op): b for b in process.blocks.values() for op in [*b.phis, *b.ops]}
        self._delayed: dict[tuple[int, int], str] = {}
        self._kept: dict[int, str] = {}
        self._names: dict[int, str] = {}
        taken = {value.name: 1 for value in (*process.inputs, *process.pointers)}
        for op in process.ops():
            base = legal_name(op.name or op.kind)  # or, xor and not are gates of Verilog
            count = taken.get(base, 0)
            taken[base] = count + 1
            self._names[id(op)] = f"{base}_x{count}" if count else base

    # -------------------------------------------------------------- values

    def name(self, op: Op) -> str:
        """What the result of an operation is called in its own cycle."""
        return self._names[id(op)]

    def home(self, op: Op) -> Block:
        """The block of an operation."""
        return self._home[id(op)]

    def is_of(self, value: Value, block: Block) -> bool:
        """Whether an operation of `block` makes a value."""
        return isinstance(value, Op) and self.home(value) is block

    def times(self, block: Block) -> BlockSchedule:
        """When the operations of a block happen."""
        return self._schedule.blocks[block.name]

    def cycle_of(self, op: Op) -> int:
        """The cycle in which an operation's own wire or register shows the result."""
        start = self.times(self.home(op)).start[id(op)]
        synchronous = op.kind == "load" and id(op.memory) not in self._schedule.asynchronous
        return start + 1 if synchronous else start

    def spell(self, value: Value, block: Block, cycle: int) -> str:
        """How `value` is called in `cycle` of `block`."""
        if isinstance(value, Const):
            return literal(value.value, value.width)
        if isinstance(value, Input | Pointer):
            return value.name
        assert isinstance(value, Op)
        if self.home(value) is not block:
            return self.keep(value)
        made = self.cycle_of(value)
        if cycle == made:
            return self.name(value)
        assert cycle > made, (value.name, cycle, made)
        return self._delay(value, block, cycle) if block.ii is not None else self.keep(value)

    def keep(self, value: Op) -> str:
        """The register that keeps a value for other blocks, or later cycles of a sequence."""
        home, name = self.home(value), self.name(value)
        if value.kind == "phi" and home.ii is None:
            return name
        if id(value) not in self._kept:
            self._kept[id(value)] = f"{name}_kept"
            when = self.fires(home, self.cycle_of(value))
            self._machine.moves.append(Move(f"{name}_kept", value.width, when, name))
        return self._kept[id(value)]

    def latest(self, block: Block) -> Iterator[int]:
        """The stages of a pipelined loop for which its values were called so far."""
        mine = {id(op) for op in [*block.phis, *block.ops]}
        return (cycle for key, cycle in self._delayed if key in mine)

    def _delay(self, value: Op, block: Block, cycle: int) -> str:
        key = (id(value), cycle)
        if key not in self._delayed:
            self._delayed[key] = name = f"{self.name(value)}_s{cycle}"
            if is_wiring(value):
                # Wires alone: made anew of what they come from, which is not wider.
                text = expression(value, lambda arg: self.spell(arg, block, cycle))
                self._machine.wires.append(Wire(name, value.width, text, block.name, cycle))
            else:
                before = self.spell(value, block, cycle - 1)
                go = self.go(block, cycle - 1)
                self._machine.moves.append(Move(name, value.width, go, before))
        return self._delayed[key]

    # -------------------------------------------------------------- conditions of time

    def go(self, block: Block, stage: int) -> str:
        """When a stage of a pipelined loop moves on."""
        return f"{self._machine.prefixes[block.name]}_go[{stage}]"

    def state(self, block: Block, cycle: int) -> str:
        """The state of a cycle of a block."""
        prefix = self._machine.prefixes[block.name]
        return f"{prefix}_run" if block.ii is not None else f"{prefix}_{cycle}"

    def fires(self, block: Block, cycle: int) -> str:
        """When `cycle` of `block` is over, once."""
        if block.ii is not None:
            return self.go(block, cycle)
        state, advance = self.state(block, cycle), self.advance(block, cycle)
        return f"in_{state} && {advance}" if advance else f"in_{state}"

    def advance(self, block: Block, cycle: int) -> str:
        """When the state of a cycle is left; "" if it never waits."""
        start = self.times(block).start
        waits = any(op.kind in ("read", "write") and start[id(op)] == cycle for op in block.ops)
        return f"!{self.state(block, cycle)}_wait" if waits else ""


def prefixes_of(process: Process) -> dict[str, str]:
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
