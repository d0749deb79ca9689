"""Ports of memories: which accesses of an array fit into one cycle.

A block RAM has two ports, of which one writes here (Xilinx UG473, simple and true dual port); each
port has one address a cycle. LUT RAM writes through one port and copies itself for each read.
Accesses that never happen both, or load the same word, may share a port if an iteration makes them
in the same cycle: iterations overlap, so in different cycles they would meet those of others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hls.lowering.ir import Const, Memory, Op, Value
from hls.lowering.predicates import exclusive

__all__ = ["BLOCK_PORTS", "PortTable", "answers_at_once", "apart", "least_interval", "share"]

BLOCK_PORTS = 2
_ASYNC_WORDS = 64
"""Arrays up to this depth are read within a cycle (LUT RAM); deeper ones are block RAM."""


def answers_at_once(memory: Memory) -> bool:
    """Whether `memory` is LUT RAM, which is read within a cycle."""
    kind = memory.storage.lower()
    if kind in ("bram", "ram_2p_bram", "uram"):
        return False
    return memory.depth <= _ASYNC_WORDS or kind in ("lutram", "register", "srl")


def share(first: Op, second: Op) -> bool:
    """Whether one port can do two accesses of a memory in the same cycle of an iteration."""
    if first.kind == second.kind == "load" and _same(first.args[0], second.args[0]):
        return True
    return exclusive(first, second)


def apart(ops: Sequence[Op]) -> list[Op]:
    """Accesses of which no two can share a port: the more of those found from either end."""
    found: list[list[Op]] = []
    for order in (ops, ops[::-1]):
        chosen: list[Op] = []
        for op in order:
            if not any(share(op, other) for other in chosen):
                chosen.append(op)
        found.append(chosen)
    return max(found, key=len)


def least_interval(memory: Memory, ops: Sequence[Op]) -> int:
    """The least number of cycles in which the ports of `memory` do all of `ops`."""
    stores = len(apart([op for op in ops if op.kind == "store"]))
    if answers_at_once(memory):
        return stores
    return max(stores, -(-len(apart(ops)) // BLOCK_PORTS))


class PortTable:
    """Which accesses of one memory use which port, in each cycle modulo `ii`."""

    def __init__(self, memory: Memory, ii: int) -> None:
        self._ii = ii
        self._ports = 1 if answers_at_once(memory) else BLOCK_PORTS
        self._uses: dict[int, list[list[Op]]] = {}
        self.cycles: dict[int, int] = {}
        """When each access that has a port happens."""

    def place(self, op: Op, cycle: int) -> bool:
        """Give `op` a port in `cycle` if one is left."""
        uses = self._uses.setdefault(cycle % self._ii, [])
        for i, use in enumerate([*uses, []]):
            if not all(self.cycles[id(o)] == cycle and share(op, o) for o in use):
                continue
            after = [*uses[:i], [*use, op], *uses[i + 1 :]]
            if len(after) <= self._ports and sum(map(_writes, after)) <= 1:
                self._uses[cycle % self._ii] = after
                self.cycles[id(op)] = cycle
                return True
        return False

    def sharers(self, op: Op) -> list[Op]:
        """Accesses that have a port and could do so together with `op`."""
        return [o for uses in self._uses.values() for use in uses for o in use if share(op, o)]

    def numbers(self) -> dict[int, int]:
        """The port of each access: stores are on 1, and what shares it; a load alone is on 0."""
        found: dict[int, int] = {}
        for uses in self._uses.values():
            for number, use in enumerate(sorted(uses, key=_writes)):
                found |= {id(op): 1 if _writes(use) else number for op in use}
        return found


def _writes(ops: Iterable[Op]) -> bool:
    return any(op.kind == "store" for op in ops)


def _same(first: Value, second: Value) -> bool:
    if isinstance(first, Const) and isinstance(second, Const):
        return first.value == second.value
    return first is second
