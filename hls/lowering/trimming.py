"""Trimming: streams between processes and arrays store the bits that somebody wants, and no others.

In C++ they hold whole bytes: a structure has gaps, a flag takes a byte, 20 bits take four. Whoever
reads knows which bits matter; the others are neither written, nor stored, nor put back.
"""

from __future__ import annotations

from hls.lowering.demand import Demand
from hls.lowering.ir import Block, Const, Design, Fifo, Memory, Op, Process, Value

__all__ = ["trim_arrays", "trim_streams"]


def trim_streams(design: Design, reader: Process) -> Process:
    """Trim the streams that `reader` reads from other processes, at both ends, in place."""
    demand = Demand(reader)
    for end in reader.streams:
        outer = design.bindings[reader.name][end.name]
        fifo = next((f for f in design.fifos if f.name == outer), None)
        writer = next((p for p in design.processes if _writes(design, p, outer)), None)
        if not end.reads or fifo is None or writer is None or writer is reader:
            continue
        layout = _Layout(demand.read.get(end.name, 0), fifo.width)
        if layout.bits < fifo.width:
            _trim_fifo(design, fifo, layout, reader, writer)
    return reader


def trim_arrays(process: Process) -> Process:
    """Trim the words of the arrays of `process`, in place."""
    demand = Demand(process)
    for memory in process.memories:
        layout = _Layout(demand.of_memory(memory), memory.width)
        if layout.bits < memory.width:
            _trim_memory(process, memory, layout)
    return process


class _Layout:
    """Where the bits of a mask lie: runs of (position, length), the lowest first."""

    def __init__(self, mask: int, width: int) -> None:
        self.width = width
        self.runs: list[tuple[int, int]] = []
        position = 0
        rest = mask & (1 << width) - 1 or 1
        while rest:
            gap = (rest & -rest).bit_length() - 1
            rest >>= gap
            length = (~rest & rest + 1).bit_length() - 1
            self.runs.append((position + gap, length))
            rest >>= length
            position += gap + length

    @property
    def bits(self) -> int:
        """How many bits are kept."""
        return sum(length for _, length in self.runs)

    def constant(self, value: int) -> int:
        """`value` without the gaps."""
        packed = position = 0
        for start, length in self.runs:
            packed |= (value >> start & (1 << length) - 1) << position
            position += length
        return packed

    def packed(self, value: Value, ops: list[Op], like: Op) -> Value:
        """`value` without the gaps."""
        if isinstance(value, Const):
            return Const(self.constant(value.value), self.bits)
        if value.width < self.width:
            value = _new(ops, "zext", self.width, [value], like)
        parts: list[Value] = [
            _new(ops, "slice", length, [value, Const(start, 32)], like)
            for start, length in reversed(self.runs)
        ]
        return parts[0] if len(parts) == 1 else _new(ops, "concat", self.bits, parts, like)

    def unpacked(self, value: Op, ops: list[Op]) -> Value:
        """`value` with zeros in the gaps."""
        parts: list[Value] = []
        position = end = 0
        for start, length in self.runs:
            if start > end:
                parts.append(Const(0, start - end))
            parts.append(_new(ops, "slice", length, [value, Const(position, 32)], value))
            position, end = position + length, start + length
        if end < self.width:
            parts.append(Const(0, self.width - end))
        return parts[0] if len(parts) == 1 else _new(ops, "concat", self.width, parts[::-1], value)


def _writes(design: Design, process: Process, fifo: str) -> bool:
    names = design.bindings[process.name]
    return any(end.writes and names[end.name] == fifo for end in process.streams)


def _trim_fifo(
    design: Design, fifo: Fifo, layout: _Layout, reader: Process, writer: Process
) -> None:
    for process, kind in ((writer, "write"), (reader, "read")):
        for end in process.streams:
            if design.bindings[process.name][end.name] != fifo.name:
                continue
            end.width = layout.bits
            for block in process.blocks.values():
                mine = {id(op) for op in block.ops if op.stream is end and op.kind == kind}
                _rewrite(process, block, mine, layout)
    fifo.width = layout.bits


def _trim_memory(process: Process, memory: Memory, layout: _Layout) -> None:
    memory.width = layout.bits
    if memory.initial is not None:
        memory.initial = [layout.constant(word) for word in memory.initial]
    for block in process.blocks.values():
        mine = {id(op) for op in block.ops if op.memory is memory}
        _rewrite(process, block, mine, layout)


def _rewrite(process: Process, block: Block, mine: set[int], layout: _Layout) -> None:
    """Pack what the operations `mine` store or write, unpack what they load or read."""
    ops: list[Op] = []
    for op in block.ops:
        if id(op) not in mine:
            ops.append(op)
        elif op.has_effect and op.kind != "read":
            op.args[-1] = layout.packed(op.args[-1], ops, op)
            ops.append(op)
        else:
            # The rest of the process goes on to know the value with its gaps.
            source = Op(op.kind, layout.bits, op.args, op.name, op.line, op.memory, op.stream,
                        op.pointer, op.predicate, op.after)  # fmt: skip
            ops.append(source)
            whole = layout.unpacked(source, ops)
            op.kind, op.args = "zext", [whole]
            op.memory = op.stream = op.predicate = op.after = None
            if whole.width > op.width:
                op.kind = "trunc"
            ops.append(op)
    block.ops = ops


def _new(ops: list[Op], kind: str, width: int, args: list[Value], like: Op) -> Op:
    op = Op(kind, width, args, like.name, like.line)
    ops.append(op)
    return op
