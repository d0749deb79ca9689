"""Banking: arrays that are always accessed together become one array of wide words.

A partitioned array is many memories. Where all of them are read at the same address in the same
step, and written so, they are one memory whose word is all of theirs: the weights of all
multipliers are one row. That takes fewer block RAMs, and says what the hardware does.
"""

from __future__ import annotations

import itertools

from hls.lowering.ir import Const, Memory, Op, Process, Value

__all__ = ["join_banks"]

_Access = tuple[str, Op]


def join_banks(process: Process) -> Process:
    """Join memories in place."""
    groups: dict[tuple[object, ...], list[Memory]] = {}
    accesses = _accesses(process)
    for memory in process.memories:
        mine = accesses.get(id(memory), [])
        if mine:
            groups.setdefault(_signature(memory, mine), []).append(memory)
    for memories in groups.values():
        if len(memories) > 1 and _orderly(process, [accesses[id(m)] for m in memories]):
            _join(process, memories, [accesses[id(m)] for m in memories])
    return process


def _accesses(process: Process) -> dict[int, list[_Access]]:
    found: dict[int, list[_Access]] = {}
    for block in process.blocks.values():
        for op in block.ops:
            if op.memory is not None:
                found.setdefault(id(op.memory), []).append((block.name, op))
    return found


def _signature(memory: Memory, accesses: list[_Access]) -> tuple[object, ...]:
    """What memories have to agree in."""
    return (
        memory.name.rstrip("_0123456789"), memory.depth, memory.initial is None, memory.written,
        tuple(sorted(memory.distances.items())), memory.storage,
        *((name, op.kind, _same(op.args[0]), _same(op.predicate)) for name, op in accesses),
    )  # fmt: skip


def _same(value: Value | None) -> object:
    return value.value if isinstance(value, Const) else id(value)


def _orderly(process: Process, members: list[list[_Access]]) -> bool:
    """Whether the joined accesses keep their order: loads when the first was, stores with the last.

    Where an operand of a store depends on a load of a later member, they would not.
    """
    place = {
        id(op): (i, j)
        for i, block in enumerate(process.blocks.values())
        for j, op in enumerate(block.ops)
    }
    places = []
    for step in zip(*members, strict=True):
        all_of_them = [place[id(op)] for _, op in step]
        places.append(min(all_of_them) if step[0][1].kind == "load" else max(all_of_them))
    return places == sorted(set(places))


def _join(process: Process, memories: list[Memory], members: list[list[_Access]]) -> None:
    first = memories[0]
    width = sum(memory.width for memory in memories)
    initial = None
    if first.initial is not None:
        initial = []
        for words in zip(*(m.initial or [] for m in memories), strict=True):
            row = 0
            for memory, word in zip(reversed(memories), reversed(words), strict=True):
                row = row << memory.width | word % (1 << memory.width)
            initial.append(row)
    joined = Memory(_common_name(process, memories), width, first.depth, initial, first.written,
                    first.distances, first.storage)  # fmt: skip
    at = process.memories.index(first)
    process.memories.insert(at, joined)
    process.memories = [m for m in process.memories if all(m is not old for old in memories)]
    for step in zip(*members, strict=True):
        ops = process.blocks[step[0][0]].ops
        accesses = [op for _, op in step]
        if accesses[0].kind == "load":
            _join_loads(ops, accesses, joined)
        else:
            _join_stores(ops, accesses, joined)


def _join_loads(ops: list[Op], loads: list[Op], joined: Memory) -> None:
    first = min(loads, key=ops.index)
    row = Op("load", joined.width, list(first.args), f"{joined.name}_row", first.line, joined,
             predicate=first.predicate)  # fmt: skip
    ops.insert(ops.index(first), row)
    position = 0
    for load in loads:
        # In the place of the load; whoever used it uses the slice.
        load.kind, load.args, load.memory, load.predicate = (
            "slice", [row, Const(position, 32)], None, None
        )  # fmt: skip
        position += load.width


def _join_stores(ops: list[Op], stores: list[Op], joined: Memory) -> None:
    last = max(stores, key=ops.index)
    row = Op("concat", joined.width, [op.args[1] for op in reversed(stores)],
             f"{joined.name}_row", last.line)  # fmt: skip
    store = Op("store", 0, [last.args[0], row], last.name, last.line, joined,
               predicate=last.predicate)  # fmt: skip
    at = ops.index(last)
    ops[at : at + 1] = [row, store]
    for op in stores:
        if op is not last:
            ops.remove(op)


def _common_name(process: Process, memories: list[Memory]) -> str:
    """What the names begin with; numbered if there are several such rows."""
    base = memories[0].name.rstrip("_0123456789") or "array"
    taken = {memory.name for memory in process.memories}
    candidates = itertools.chain([base], (f"{base}_{i}" for i in itertools.count(1)))
    return next(name for name in candidates if name not in taken)
