"""Natural loops of a process's blocks."""

from __future__ import annotations

from dataclasses import dataclass, field

from hls.lowering.ir import Process
from hls.lowering.order import reverse_postorder

__all__ = ["Joins", "Loop", "find_loops", "joins"]


@dataclass
class Loop:
    """A loop with one latch. `order` is its blocks in topological order, header first."""

    header: str
    latch: str
    blocks: set[str]
    order: list[str] = field(default_factory=list)
    inner: list[Loop] = field(default_factory=list)


def find_loops(process: Process) -> list[Loop]:
    """All loops, innermost first."""
    order = reverse_postorder(process.entry.name, lambda name: process.blocks[name].targets)
    position = {name: i for i, name in enumerate(order)}
    loops = []
    for name in order:
        for target in process.blocks[name].targets:
            if position[target] <= position[name]:
                loops.append(_natural(process, target, name, order))
    loops.sort(key=lambda loop: len(loop.blocks))
    for i, loop in enumerate(loops):
        loop.inner = [other for other in loops[:i] if other.blocks < loop.blocks]
    return loops


def _natural(process: Process, header: str, latch: str, order: list[str]) -> Loop:
    inside, work = {header, latch}, [latch]
    while work:
        block = work.pop()
        if block != header:
            new = set(process.blocks[block].predecessors) - inside
            inside |= new
            work += new
    return Loop(header, latch, inside, [name for name in order if name in inside])


@dataclass
class Joins:
    """How the blocks of a loop's body, which holds no other loop, depend on each other.

    `dominators[b]` are the blocks on every way to b (b itself included), `nearest[b]` is the last
    of them before b. `same[b]` is the nearest dominator that b post-dominates: whenever that block
    is reached, so is b; "" if there is none.
    """

    dominators: dict[str, set[str]]
    nearest: dict[str, str]
    same: dict[str, str]


def joins(process: Process, loop: Loop) -> Joins:
    """Dominance within one iteration of `loop`."""
    dominators: dict[str, set[str]] = {}
    for name in loop.order:
        before = [p for p in process.blocks[name].predecessors if p in dominators]
        shared = set.intersection(*(dominators[p] for p in before)) if before else set()
        dominators[name] = shared | {name}
    after: dict[str, set[str]] = {}
    for name in reversed(loop.order):
        following = process.blocks[name].targets
        inside = [t for t in following if t in loop.blocks and t != loop.header]
        # An exit leads nowhere within the iteration, so nothing follows it for sure.
        certain = bool(inside) and len(inside) == len(following)
        shared = set.intersection(*(after[t] for t in inside)) if certain else set()
        after[name] = shared | {name}
    position = {name: i for i, name in enumerate(loop.order)}
    nearest, same = {}, {}
    for name in loop.order:
        others = dominators[name] - {name}
        nearest[name] = max(others, key=position.__getitem__, default="")
        always = [d for d in others if name in after[d]]
        same[name] = max(always, key=position.__getitem__, default="")
    return Joins(dominators, nearest, same)
