"""Forwarding: within an iteration, a single word is a value, not a memory.

LLVM makes values of variables and of arrays with constant indices. An array that is partitioned
completely but indexed by a variable stays in memory for it; as banks of one word each, what one
operation stores the next may use in the same cycle. A block then loads a word at most once, before
all else, and stores it at most once, at its end.
"""

from __future__ import annotations

from hls.lowering.cleanup import clean
from hls.lowering.ir import Block, Const, Memory, Op, Process, Value
from hls.lowering.predicates import opposite

__all__ = ["forward_words"]


def forward_words(process: Process) -> Process:
    """Forward in every block, in place; words that nobody loads any more are dropped."""
    replaced: dict[int, Value] = {}
    for block in process.blocks.values():
        _Forwarder(block, replaced).run()

    def final(value: Value) -> Value:
        while id(value) in replaced:
            value = replaced[id(value)]
        return value

    for block in process.blocks.values():
        for op in [*block.phis, *block.ops]:
            op.args = [final(value) for value in op.args]
            op.predicate = None if op.predicate is None else final(op.predicate)
        block.condition = None if block.condition is None else final(block.condition)
    clean(process)
    loaded = {id(op.memory) for op in process.ops() if op.kind == "load"}
    for block in process.blocks.values():
        block.ops = [
            op
            for op in block.ops
            if op.kind != "store" or id(op.memory) in loaded or not _is_word(op.memory)
        ]
    used = {id(op.memory) for op in process.ops()}
    process.memories = [m for m in process.memories if id(m) in used or not _is_word(m)]
    return clean(process)


def _is_word(memory: Memory | None) -> bool:
    return memory is not None and memory.depth == 1


class _Forwarder:
    def __init__(self, block: Block, replaced: dict[int, Value]) -> None:
        self._block, self._replaced = block, replaced
        self._before: list[Op] = []
        self._ops: list[Op] = []
        self._now: dict[int, Value] = {}
        """Memory -> its word at this place of the block."""
        self._stores: dict[int, list[Op]] = {}

    def run(self) -> None:
        for op in self._block.ops:
            memory = op.memory
            if memory is None or not _is_word(memory) or op.kind not in ("load", "store"):
                self._ops.append(op)
            elif op.kind == "load":
                self._replaced[id(op)] = self._word(memory, op)
            else:
                self._store(memory, op)
        for stores in self._stores.values():
            last = stores[-1]
            last.args = [last.args[0], self._now[id(last.memory)]]
            last.predicate = self._any(stores)
            self._ops.append(last)
        self._block.ops = [*self._before, *self._ops]

    def _word(self, memory: Memory, like: Op) -> Value:
        if id(memory) not in self._now:
            load = Op("load", memory.width, [Const(0, 1)], like.name or memory.name, like.line,
                      memory=memory)  # fmt: skip
            self._before.append(load)
            self._now[id(memory)] = load
        return self._now[id(memory)]

    def _store(self, memory: Memory, op: Op) -> None:
        value, when = op.args[1], op.predicate
        if when is not None:
            held = self._word(memory, op)
            if isinstance(held, Op) and held.kind == "select" and opposite(held.args[0], when):
                # The other half of an if: nothing is left of what was there before.
                value = self._made("select", memory.width, [held.args[0], held.args[1], value], op)
            else:
                value = self._made("select", memory.width, [when, value, held], op)
        self._now[id(memory)] = value
        self._stores.setdefault(id(memory), []).append(op)

    def _any(self, stores: list[Op]) -> Value | None:
        """Whether one of the stores happens; None if that is sure."""
        result: Value | None = None
        for store in stores:
            condition = store.predicate
            if condition is None or (result is not None and opposite(result, condition)):
                return None
            if result is not None:
                condition = self._made("or", 1, [result, condition], store)
            result = condition
        return result

    def _made(self, kind: str, width: int, args: list[Value], like: Op) -> Op:
        op = Op(kind, width, args, like.name, like.line)
        self._ops.append(op)
        return op
