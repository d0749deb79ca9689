"""Demanded bits: which bits of a value anything depends on.

Backward from effects and branches: an addition needs of its operands what lies at or below the
bits wanted of it, a mask keeps some bits, a comparison needs all. A memory is wanted where its
loads are, and a stream where its reader says so.
"""

from __future__ import annotations

from collections.abc import Mapping

from hls.lowering.ir import Const, Op, Process, Value

__all__ = ["Demand"]


def _ones(bits: int) -> int:
    return (1 << bits) - 1


class Demand:
    """The demanded bits of the values and memories of a process, as masks.

    Args:
        written: masks of what is wanted of the streams that the process writes, by name; all bits
            of those that are missing.
    """

    def __init__(self, process: Process, written: Mapping[str, int] | None = None) -> None:
        self._masks: dict[int, int] = {}
        self._memories: dict[int, int] = {}
        self._written = written or {}
        self._work: list[Op] = []
        self._stores: dict[int, list[Op]] = {}
        self.read: dict[str, int] = {}
        """The bits wanted of the streams that are read, by name."""
        for block in process.blocks.values():
            if block.condition is not None:
                self._want(block.condition, 1)
            for op in block.ops:
                if op.kind == "store":
                    self._stores.setdefault(id(op.memory), []).append(op)
                if op.has_effect:
                    self._effect(op)
        while self._work:
            self._propagate(self._work.pop())

    def of(self, value: Value) -> int:
        """The mask of `value`."""
        return self._masks.get(id(value), 0)

    def of_memory(self, memory: object) -> int:
        """The mask of the words of a memory."""
        return self._memories.get(id(memory), 0)

    def _want(self, value: Value, mask: int) -> None:
        mask &= _ones(value.width)
        before = self._masks.get(id(value), 0)
        if mask | before == before:
            return
        self._masks[id(value)] = mask | before
        if isinstance(value, Op):
            self._work.append(value)

    def _effect(self, op: Op) -> None:
        if op.predicate is not None:
            self._want(op.predicate, 1)
        if op.kind == "write":
            assert op.stream is not None
            self._want(op.args[0], self._written.get(op.stream.name, -1))
        elif op.kind == "store":
            self._want(op.args[0], -1)
        else:
            for value in op.args:
                self._want(value, -1)

    def _propagate(self, op: Op) -> None:
        mask = self._masks[id(op)]
        args, width = op.args, op.width
        below = _ones(mask.bit_length())
        match op.kind:
            case "add" | "sub" | "mul" | "smul":
                for value in args:
                    self._want(value, below)
                if op.kind == "smul":
                    self._extended(args, mask)
            case "and" | "or" if isinstance(args[1], Const):
                kept = args[1].value if op.kind == "and" else ~args[1].value
                self._want(args[0], mask & kept)
            case "and" | "or" | "xor" | "phi":
                for value in args:
                    self._want(value, mask)
            case "select":
                self._want(args[0], 1)
                self._want(args[1], mask)
                self._want(args[2], mask)
            case "trunc" | "zext":
                self._want(args[0], mask)
            case "sext":
                self._want(args[0], mask)
                self._extended(args, mask)
            case "slice" if isinstance(args[1], Const):
                self._want(args[0], mask << args[1].value)
            case "concat":
                for value in reversed(args):
                    self._want(value, mask)
                    mask >>= value.width
            case "shl" if isinstance(args[1], Const):
                self._want(args[0], mask >> min(args[1].value, width))
            case "lshr" | "ashr" if isinstance(args[1], Const):
                by = min(args[1].value, width)
                self._want(args[0], mask << by)
                if op.kind == "ashr" and mask >> (width - by):
                    self._want(args[0], 1 << (width - 1))
            case "load":
                self._want(args[0], -1)
                self._want_words(op, mask)
            case "read":
                assert op.stream is not None
                self.read[op.stream.name] = self.read.get(op.stream.name, 0) | mask
            case _:
                for value in args:
                    self._want(value, -1)
        if op.predicate is not None:
            self._want(op.predicate, 1)

    def _extended(self, args: list[Value], mask: int) -> None:
        """Bits above an operand are copies of its sign."""
        for value in args:
            if mask >> value.width:
                self._want(value, 1 << (value.width - 1))

    def _want_words(self, load: Op, mask: int) -> None:
        key = id(load.memory)
        self._memories[key] = self._memories.get(key, 0) | mask
        for store in self._stores.get(key, []):
            self._want(store.args[1], self._memories[key])
