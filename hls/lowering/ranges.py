"""Ranges: for each value of a process, an interval that holds whatever it may be.

Abstract interpretation: all operations are evaluated on intervals until nothing changes. Counters
would grow step by step, so after a few rounds a phi that still grows is widened to the next
constant that something is compared with, and then to everything; two rounds more win back what
that lost. What a branch or a choice has decided is taken into account where a value depends on it
(Cousot and Cousot, POPL 1977).
"""

from __future__ import annotations

from hls.lowering.intervals import Interval, fitted, full, hull, overlap, signed, unsigned
from hls.lowering.ir import ARITHMETIC, Block, Const, Memory, Op, Process, Value
from hls.lowering.predicates import negated
from hls.lowering.transfer import result_of

__all__ = ["Ranges"]

_DEPTH = 8
"""How far values are evaluated again under a condition."""
_PATIENCE = 4
"""How often a phi may grow before it is widened."""
_STOPS = 60
"""How often it may then be widened to a constant of a comparison."""
_COMPARISONS = ("eq", "ne", "ult", "ule", "slt", "sle")

Facts = dict[int, Interval]


class Ranges:
    """The intervals of the values of a process, as it is when this is made."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._known: Facts = {}
        self._memories: dict[int, Interval] = {}
        self._grown: dict[int, int] = {}
        self._stops = _stops(process)
        while self._sweep(widen=True):
            pass
        for _ in range(2):
            self._sweep(widen=False)

    def of(self, value: Value) -> Interval:
        """An interval that holds `value`."""
        if isinstance(value, Const):
            return Interval(value.value, value.value)
        return self._known.get(id(value), full(value.width))

    # A value that is not in `_known` has not been reached yet, while sweeping; afterwards it is
    # one that the process does not compute.

    def _sweep(self, *, widen: bool) -> bool:
        changed = False
        for block in self._process.blocks.values():
            edges = [self._on_edge(name, block) for name in block.predecessors if block.phis]
            for phi in block.phis:
                changed |= self._settle(phi, self._joined(phi, edges), widen)
            for op in block.ops:
                if op.width:
                    changed |= self._settle(op, self._evaluate(op, {}, 0), False)
        return changed

    def _settle(self, op: Op, found: Interval | None, widen: bool) -> bool:
        if found is None:
            return False
        before = self._known.get(id(op))
        if before == found:
            return False
        if widen and before is not None:
            found = hull(before, found, op.width)
            if found == before:
                return False
            self._grown[id(op)] = self._grown.get(id(op), 0) + 1
            if self._grown[id(op)] > _PATIENCE:
                found = self._widened(before, found, op)
        self._known[id(op)] = found
        return True

    def _widened(self, before: Interval, found: Interval, phi: Op) -> Interval:
        low, high = found
        patient = self._grown[id(phi)] <= _PATIENCE + _STOPS
        if high > before.high:
            high = next((s for s in self._stops if s >= high and patient), 1 << phi.width)
        if low < before.low:
            low = next((s for s in reversed(self._stops) if s <= low and patient), -1 << phi.width)
        return fitted(low, high, phi.width)

    def _on_edge(self, name: str, block: Block) -> Facts:
        """What holds when `block` is entered from the block called `name`."""
        before = self._process.blocks[name]
        if before.condition is None or before.targets[0] == before.targets[1]:
            return {}
        return self._assume(before.condition, before.targets[0] == block.name, {}, _DEPTH)

    def _joined(self, phi: Op, edges: list[Facts]) -> Interval | None:
        result: Interval | None = None
        for facts, value in zip(edges, phi.args, strict=True):
            found = self._evaluate(value, facts, _DEPTH) if facts else self._reached(value)
            if found is not None:
                result = found if result is None else hull(result, found, phi.width)
        return result

    def _evaluate(self, value: Value, facts: Facts, depth: int) -> Interval | None:
        """The interval of `value` where `facts` hold; None if it has not been reached."""
        if isinstance(value, Const):
            return Interval(value.value, value.value)
        if id(value) in facts:
            return facts[id(value)]
        if not isinstance(value, Op):
            return full(value.width)
        known = self._known.get(id(value))
        if value.kind == "phi" or (facts and (depth == 0 or value.kind not in ARITHMETIC)):
            return known
        if value.kind == "load":
            assert value.memory is not None
            return self._stored(value.memory)
        if value.kind not in ARITHMETIC:
            return full(value.width)
        if value.kind == "select":
            result = self._chosen(value, facts, depth)
        else:
            args = []
            for arg in value.args:
                found = self._operand(arg, facts, depth)
                if found is None:
                    return None
                args.append(found)
            result = result_of(value, args)
        if result is not None and facts and known is not None:
            result = overlap(known, result, value.width)
        if result is not None and facts:
            facts[id(value)] = result
        return result

    def _operand(self, value: Value, facts: Facts, depth: int) -> Interval | None:
        return self._evaluate(value, facts, depth - 1) if facts else self._reached(value)

    def _reached(self, value: Value) -> Interval | None:
        return self._known.get(id(value)) if isinstance(value, Op) else self.of(value)

    def _chosen(self, choice: Op, facts: Facts, depth: int) -> Interval | None:
        condition, *sides = choice.args
        decided = self._operand(condition, facts, depth)
        result: Interval | None = None
        for value, holds in zip(sides, (True, False), strict=True):
            if decided is not None and decided.span == 0 and bool(decided.low) != holds:
                continue
            there = self._assume(condition, holds, facts, depth or _DEPTH)
            found = self._evaluate(value, dict(there), (depth or _DEPTH) - 1)
            if found is not None:
                result = found if result is None else hull(result, found, choice.width)
        return result

    def _stored(self, memory: Memory) -> Interval:
        """What a ROM holds; of a RAM nothing is known."""
        if memory.written or not memory.initial:
            return full(memory.width)
        if id(memory) not in self._memories:
            size = 1 << memory.width
            words = [word % size for word in memory.initial]
            plain = Interval(min(words), max(words))
            words = [word - size if word >= size >> 1 else word for word in words]
            around = Interval(min(words), max(words))
            self._memories[id(memory)] = min(plain, around, key=lambda i: i.span)
        return self._memories[id(memory)]

    # -------------------------------------------------------------- conditions

    def _assume(self, condition: Value, holds: bool, facts: Facts, depth: int) -> Facts:
        """`facts`, and what it adds that `condition` is 1, or 0."""
        if not isinstance(condition, Op) or condition.width != 1 or depth <= 0:
            return facts
        inner = negated(condition)
        if inner is not None:
            return self._assume(inner, not holds, facts, depth - 1)
        if condition.kind == ("and" if holds else "or"):
            first = self._assume(condition.args[0], holds, facts, depth - 1)
            return self._assume(condition.args[1], holds, first, depth - 1)
        facts = facts | {id(condition): Interval(int(holds), int(holds))}
        if condition.kind not in _COMPARISONS:
            return facts
        left, right = condition.args
        kind = condition.kind
        if kind in ("eq", "ne"):
            kind = "eq" if holds == (kind == "eq") else "ne"
        elif not holds:
            # not (a < b) is b <= a
            left, right = right, left
            kind = {"ult": "ule", "ule": "ult", "slt": "sle", "sle": "slt"}[kind]
        a = self._evaluate(left, dict(facts), 1)
        b = self._evaluate(right, dict(facts), 1)
        if a is None or b is None:
            return facts
        for value, interval in zip((left, right), _decided(kind, a, b, left.width), strict=True):
            self._learn(value, interval, facts)
        return facts

    def _learn(self, value: Value, interval: Interval, facts: Facts) -> None:
        """Put into `facts` that `value` lies in `interval`, and what follows for its operand."""
        if isinstance(value, Const):
            return
        width = value.width
        before = facts.get(id(value), self._known.get(id(value), full(width)))
        facts[id(value)] = overlap(before, interval, width)
        if not isinstance(value, Op) or not value.args:
            return
        inner = value.args[0]
        there = self._known.get(id(inner), full(inner.width))
        if value.kind == "zext":
            self._learn(inner, fitted(*unsigned(interval, width), inner.width), facts)
        elif value.kind == "sext":
            self._learn(inner, fitted(*signed(interval, width), inner.width), facts)
        elif value.kind == "trunc" and unsigned(there, inner.width).high < 1 << width:
            self._learn(inner, unsigned(interval, width), facts)
        elif len(value.args) > 1 and isinstance(value.args[1], Const):
            by = value.args[1].value
            if value.kind == "add":
                self._learn(inner, fitted(interval.low - by, interval.high - by, width), facts)
            elif value.kind == "and" and by & (by + 1) == 0 and unsigned(there, width).high <= by:
                self._learn(inner, interval, facts)


def _decided(kind: str, a: Interval, b: Interval, width: int) -> tuple[Interval, Interval]:
    """The intervals of two values for which a comparison holds."""
    if kind == "eq":
        both = overlap(a, b, width)
        return both, both
    if kind == "ne":
        return _without(a, b, width), _without(b, a, width)
    view = signed if kind[0] == "s" else unsigned
    strict = int(kind.endswith("lt"))
    x, y = view(a, width), view(b, width)
    less = Interval(x.low, min(x.high, y.high - strict))
    more = Interval(max(y.low, x.low + strict), y.high)
    # Where it cannot hold, what is said does not matter.
    return (less if less.low <= less.high else x), (more if more.low <= more.high else y)


def _without(a: Interval, b: Interval, width: int) -> Interval:
    """`a`, knowing that it is not the value at its end that `b` is."""
    if b.span or not a.span:
        return a
    size = 1 << width
    low = a.low + int((a.low - b.low) % size == 0)
    return Interval(low, a.high - int((a.high - b.low) % size == 0))


def _stops(process: Process) -> list[int]:
    """The constants that something is compared with, and their neighbours: where counters stop."""
    found = {0}
    for op in process.ops():
        if op.kind in _COMPARISONS:
            for arg in op.args:
                if isinstance(arg, Const):
                    for value in (arg.value, arg.signed):
                        found |= {value - 1, value, value + 1}
    return sorted(found)
