"""If-conversion: the body of a pipelined loop becomes one block without branches.

Each block of the body gets a predicate, the condition under which it is reached. Effects happen
under their block's predicate; a phi becomes a choice between its values by the predicates of the
edges. Afterwards a pipelined loop is one block that jumps to itself or leaves.
"""

from __future__ import annotations

from hls.errors import InputError
from hls.lowering.ir import Block, Const, Op, Process, Value
from hls.lowering.loops import Loop, find_loops, joins
from hls.lowering.source import Pragma

__all__ = ["convert"]


def convert(process: Process, pragmas: list[Pragma]) -> Process:
    """Convert every pipelined loop of `process`, in place.

    Raises:
        InputError: a pipelined loop holds a loop, or is left to several places.
    """
    for loop in find_loops(process):
        # A pragma belongs to the innermost loop around it; inner loops may be converted already.
        deeper = {name for other in loop.inner for name in other.blocks}
        wanted = [
            pragmas[n]
            for name in loop.blocks - deeper
            for n in process.blocks[name].pragmas
            if pragmas[n].name == "PIPELINE"
        ]
        if not wanted or "off" in wanted[0].options:
            continue
        if loop.inner:
            raise InputError(
                f"{wanted[0].place}: the pipelined loop of {process.name} holds a loop whose trip "
                "count is not constant; make it constant, or pipeline the inner loop"
            )
        _Conversion(process, loop, wanted[0]).run()
    return process


class _Conversion:
    def __init__(self, process: Process, loop: Loop, pragma: Pragma) -> None:
        self._process = process
        self._loop = loop
        self._place = pragma.place
        self._joins = joins(process, loop)
        self._header = process.blocks[loop.header]
        self._merged = Block(
            loop.header,
            phis=self._header.phis,
            ii=pragma.integer("ii", 1),
            label=pragma.label or loop.header,
            line=process.blocks[loop.latch].line,
        )
        self._reached: dict[str, Value | None] = {}
        self._edges: dict[tuple[str, str], Value | None] = {}
        self._chosen: dict[int, Value] = {}

    def run(self) -> None:
        for name in self._loop.order:
            self._place_block(self._process.blocks[name])
        self._leave()
        self._substitute()

    # A predicate of None is true.

    def _place_block(self, block: Block) -> None:
        if block is not self._header:
            same = self._joins.same[block.name]
            edges = [self._edges[(p, block.name)] for p in block.predecessors]
            self._reached[block.name] = self._reached[same] if same else self._any(edges)
            if block.phis:
                local = self._local_edges(block)
                for phi in block.phis:
                    self._chosen[id(phi)] = self._choice(phi, local)
        else:
            self._reached[block.name] = None
        here = self._reached[block.name]
        for op in block.ops:
            if op.has_effect or op.kind in ("empty", "full"):
                op.predicate = self._both(here, op.predicate)
            self._merged.ops.append(op)
        self._merged.pragmas += block.pragmas
        if block.condition is None:
            self._edges[(block.name, block.targets[0])] = here
            return
        yes, no = block.targets
        self._edges[(block.name, yes)] = self._both(here, block.condition)
        self._edges[(block.name, no)] = self._both(
            here, self._op("xor", 1, [block.condition, Const(1, 1)])
        )

    def _local_edges(self, block: Block) -> list[Value | None]:
        """Which edge leads into `block`, given that it is reached.

        Only what happens after its nearest dominator matters, which keeps the choice off the paths
        of all that was decided before.
        """
        start = self._joins.nearest[block.name]
        reached: dict[str, Value | None] = {start: None}
        edges: dict[tuple[str, str], Value | None] = {}
        for name in self._loop.order[self._loop.order.index(start) :]:
            here = self._process.blocks[name]
            if name != start:
                if start not in self._joins.dominators[name]:
                    continue
                same = self._joins.same[name]
                inward = [edges[(p, name)] for p in here.predecessors]
                if name == block.name:
                    return inward
                reached[name] = reached[same] if same in reached else self._any(inward)
            if here.condition is None:
                edges[(name, here.targets[0])] = reached[name]
                continue
            yes, no = here.targets
            edges[(name, yes)] = self._both(reached[name], here.condition)
            opposite = self._op("xor", 1, [here.condition, Const(1, 1)])
            edges[(name, no)] = self._both(reached[name], opposite)
        raise AssertionError(block.name)

    def _leave(self) -> None:
        exits = [edge for edge in self._edges if edge[1] not in self._loop.blocks]
        targets = sorted({target for _, target in exits})
        if not targets:
            raise InputError(
                f"{self._place}: the pipelined loop of {self._process.name} never ends; give it a "
                "condition"
            )
        latch = self._loop.latch
        self._merged.condition = self._edges[(latch, self._header.name)] or Const(1, 1)
        leaves = self._branch(targets)
        for target, leaf in zip(targets, leaves, strict=True):
            after = self._process.blocks[target]
            inside = [i for i, p in enumerate(after.predecessors) if p in self._loop.blocks]
            for phi in after.phis:
                values = [phi.args[i] for i in inside]
                edges = [self._edges[(after.predecessors[i], after.name)] for i in inside]
                merged = self._select(phi, list(zip(edges, values, strict=True)))
                phi.args = [a for i, a in enumerate(phi.args) if i not in inside] + [merged]
            after.predecessors = [p for p in after.predecessors if p not in self._loop.blocks]
            after.predecessors.append(leaf)
        order = self._header.predecessors
        self._merged.predecessors = [self._merged.name if p == latch else p for p in order]
        for name in self._loop.blocks:
            if name != self._merged.name:
                del self._process.blocks[name]
        self._process.blocks[self._merged.name] = self._merged

    def _branch(self, targets: list[str]) -> list[str]:
        """Go on to one of `targets` by the edge that was taken; the block that jumps to each."""
        before, leaves = self._merged, []
        self._merged.targets = [self._header.name]
        for number, target in enumerate(targets[:-1]):
            edges = [edge for (_, to), edge in self._edges.items() if to == target]
            block = Block(f"{self._header.name}.exit{number}", predecessors=[before.name])
            block.condition, block.targets = self._any(edges) or Const(1, 1), [target]
            before.targets.append(block.name)
            self._process.blocks[block.name] = before = block
            leaves.append(block.name)
        before.targets.append(targets[-1])
        return [*leaves, before.name]

    def _substitute(self) -> None:
        def final(value: Value) -> Value:
            while id(value) in self._chosen:
                value = self._chosen[id(value)]
            return value

        for op in self._process.ops():
            op.args = [final(value) for value in op.args]
            if op.predicate is not None:
                op.predicate = final(op.predicate)
        for block in self._process.blocks.values():
            if block.condition is not None:
                block.condition = final(block.condition)

    def _choice(self, phi: Op, edges: list[Value | None]) -> Value:
        return self._select(phi, list(zip(edges, phi.args, strict=True)))

    def _select(self, phi: Op, pairs: list[tuple[Value | None, Value]]) -> Value:
        """One of the values, by the predicate of its edge; the last one needs no test."""
        result = pairs[-1][1]
        for edge, value in reversed(pairs[:-1]):
            if value is result:
                continue
            if edge is None:
                result = value
                continue
            result = self._op("select", phi.width, [edge, value, result], phi)
        return result

    def _any(self, predicates: list[Value | None]) -> Value | None:
        if any(p is None for p in predicates):
            return None
        result: Value | None = None
        for predicate in predicates:
            assert predicate is not None
            result = predicate if result is None else self._op("or", 1, [result, predicate])
        return result

    def _both(self, a: Value | None, b: Value | None) -> Value | None:
        if a is None or b is None:
            return b if a is None else a
        return self._op("and", 1, [a, b])

    def _op(self, kind: str, width: int, args: list[Value], like: Op | None = None) -> Op:
        name = like.name if like is not None else f"when_{len(self._merged.ops)}"
        op = Op(kind, width, args, name, like.line if like is not None else 0)
        self._merged.ops.append(op)
        return op
