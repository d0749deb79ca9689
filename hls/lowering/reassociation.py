"""Reassociation: chains of an associative operation become balanced trees.

C++ sums in the order in which it is written; hardware adds side by side. The leaves of a chain are
joined two by two, those first that are there first, as Huffman builds his tree. Leaves that come
around a loop from the root itself are joined last, so that a recurrence stays as short as one
operation.
"""

from __future__ import annotations

import heapq
from collections import Counter

from hls.lowering.ir import Block, Const, Op, Process, Value
from hls.lowering.target import Target

__all__ = ["reassociate"]

_ASSOCIATIVE = ("add", "and", "or", "xor", "umin", "umax", "smin", "smax")


def reassociate(process: Process, target: Target) -> Process:
    """Balance the chains of every block, in place."""
    uses = _uses(process)
    for block in process.blocks.values():
        _Balancing(block, target, uses).run()
    return process


def _uses(process: Process) -> Counter[int]:
    counted = Counter(id(value) for op in process.ops() for value in op.inputs())
    counted.update(id(b.condition) for b in process.blocks.values() if b.condition is not None)
    return counted


class _Balancing:
    def __init__(self, block: Block, target: Target, uses: Counter[int]) -> None:
        self._block = block
        self._target = target
        self._uses = uses
        self._mine = {id(op) for op in block.ops}
        self._arrival: dict[int, float] = {}
        self._dependence, self._feeding = _recurrences(block)

    def run(self) -> None:
        inner = self._inner()
        ops: list[Op] = []
        for op in self._block.ops:
            if id(op) in inner:
                continue
            if op.kind in _ASSOCIATIVE:
                leaves = self._leaves(op, inner)
                if len(leaves) > 2:
                    ops += self._tree(op, leaves)
            self._arrive(op)
            ops.append(op)
        self._block.ops = ops

    def _inner(self) -> set[int]:
        """Operations that are only an operand of one of their own kind and width."""
        return {
            id(value)
            for op in self._block.ops
            if op.kind in _ASSOCIATIVE
            for value in op.args
            if isinstance(value, Op)
            and (value.kind, value.width) == (op.kind, op.width)
            and self._uses[id(value)] == 1
            and id(value) in self._mine
        }

    def _leaves(self, op: Op, inner: set[int]) -> list[Value]:
        found: list[Value] = []
        for value in op.args:
            if isinstance(value, Op) and id(value) in inner:
                found += self._leaves(value, inner)
            else:
                found.append(value)
        return found

    def _tree(self, root: Op, leaves: list[Value]) -> list[Op]:
        """The operations below `root`, whose operands are set."""
        feeding = self._feeding.get(id(root), 0)

        def rank(value: Value) -> tuple[bool, float]:
            carried = bool(self._dependence.get(id(value), 0) & feeding)
            return carried, self._arrival.get(id(value), 0.0)

        constants = [leaf for leaf in leaves if isinstance(leaf, Const)]
        queue = [(*rank(leaf), i, leaf) for i, leaf in enumerate(leaves) if leaf not in constants]
        # A constant rides along with what is there first.
        queue += [(False, -1.0, len(leaves) + i, leaf) for i, leaf in enumerate(constants)]
        heapq.heapify(queue)
        made: list[Op] = []
        while len(queue) > 2:
            first, second = heapq.heappop(queue), heapq.heappop(queue)
            op = Op(root.kind, root.width, [first[-1], second[-1]], root.name, root.line)
            self._arrive(op)
            made.append(op)
            carried = first[0] or second[0]
            heapq.heappush(queue, (carried, self._arrival[id(op)], 2 * len(leaves) + len(made), op))
        root.args = [entry[-1] for entry in sorted(queue, key=lambda entry: entry[:3])]
        return made

    def _arrive(self, op: Op) -> None:
        start = max((self._arrival.get(id(value), 0.0) for value in op.inputs()), default=0.0)
        cycles = self._target.latency(op) * self._target.clock_ns
        self._arrival[id(op)] = start + cycles + self._target.delay_ns(op)


def _recurrences(block: Block) -> tuple[dict[int, int], dict[int, int]]:
    """For each operation the phis that it depends on, and those that it feeds, as sets of bits."""
    depends = {id(phi): 1 << i for i, phi in enumerate(block.phis)}
    for op in block.ops:
        bits = 0
        for value in op.inputs():
            bits |= depends.get(id(value), 0)
        depends[id(op)] = bits
    feeds: dict[int, int] = {}
    if block.loops:
        back = block.predecessors.index(block.name)
        for i, phi in enumerate(block.phis):
            key = id(phi.args[back])
            feeds[key] = feeds.get(key, 0) | 1 << i
    for op in reversed(block.ops):
        for value in op.inputs():
            feeds[id(value)] = feeds.get(id(value), 0) | feeds.get(id(op), 0)
    return depends, feeds
