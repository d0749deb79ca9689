"""AXI4 masters: accesses through a pointer become streams of addresses and of words.

An adaptor turns the addresses into bursts. Where control and addresses do not depend on data, they
get a process of their own, a copy of the original without anything else: it runs ahead, so that
bursts of nested loops overlap (decoupled access and execute, Smith, ISCA'82). What the original is
told over a stream before it begins, such as its sizes, is no data in this sense: the copy reads it
and hands it on. Otherwise the process itself sends the address, and waits for the word a stage
later.
"""

from __future__ import annotations

from dataclasses import replace

from hls.errors import InputError
from hls.lowering.cleanup import clean
from hls.lowering.ir import Block, Design, Fifo, MemoryPort, Op, Pointer, Process, StreamEnd, Value
from hls.lowering.masters import masters

__all__ = ["split_accesses"]

_ADDRESS_WORDS = 4


def split_accesses(design: Design) -> Design:
    """Replace all fetches and puts of `design`, in place; each process is one block a pipeline."""
    for process in list(design.processes):
        for pointer in process.pointers:
            for kind, side in (("fetch", "read"), ("put", "write")):
                if any(op.kind == kind and op.pointer is pointer for op in process.ops()):
                    _split(design, process, pointer, kind, side)
        process.pointers = []
    depths = {
        f"{port.pointer}_{side}_data": channel.fifo_words(port)
        for master in masters(design)
        for side, channel in (("read", master.reads), ("write", master.writes))
        for port in channel.ports
    }
    for fifo in design.fifos:
        fifo.depth = depths.get(fifo.name, fifo.depth)
    return design


def _split(design: Design, process: Process, pointer: Pointer, kind: str, side: str) -> None:
    outer = design.bindings[process.name][pointer.name]
    ops = [op for op in process.ops() if op.kind == kind and op.pointer is pointer]
    width = ops[0].width if kind == "fetch" else ops[0].args[1].width
    index_width = ops[0].args[0].width
    if any((op.width if kind == "fetch" else op.args[1].width) != width for op in ops):
        other = next(
            op for op in ops if (op.width if kind == "fetch" else op.args[1].width) != width
        )
        raise InputError(
            f"{process.place(other.line)}: {pointer.name} is accessed with different widths; use "
            "one word type, and of structs members of one width"
        )
    port = next((p for p in design.memory_ports if p.pointer == outer), None)
    if port is None:
        port = MemoryPort(outer, width, index_width)
        design.memory_ports.append(port)
    if port.width != width or (side == "read" and port.reads) or (side == "write" and port.writes):
        raise InputError(
            f"{process.place(ops[0].line)}: pointer {outer} is accessed in two processes or "
            "widths; give each process a pointer of its own"
        )
    kinds = {op.kind for op in process.ops() if op.pointer is pointer}
    # What was written may be read again: the memory must not see it in another order.
    both = kinds > {kind} or any(s.order == outer for s in process.streams)
    order = outer if both else ""
    addresses = StreamEnd(f"{outer}_{side}_address", index_width, writes=True, order=order)
    words = StreamEnd(f"{outer}_{side}_data", width, reads=side == "read",
                      writes=side == "write", order=order)  # fmt: skip
    if not both and (port.reads or port.writes):
        raise InputError(
            f"{process.place(ops[0].line)}: pointer {outer} is read by one process and written by "
            "another; give each a pointer of its own"
        )
    design.fifos += [
        Fifo(addresses.name, index_width, _ADDRESS_WORDS), Fifo(words.name, width, 0)
    ]  # fmt: skip
    port.reads |= side == "read"
    port.writes |= side == "write"
    ahead = None if both else _address_process(process, pointer, kind, addresses)
    if ahead is not None:
        ahead.name = design.free_name(f"{process.name}_{outer}_{side}_addresses")
        design.processes.append(ahead)
        shared = design.bindings[process.name]
        design.bindings[ahead.name] = shared | {addresses.name: addresses.name}
        _hand_on(design, process, ahead, f"{outer}_{side}")
    else:
        process.streams.append(addresses)
        design.bindings[process.name][addresses.name] = addresses.name
    process.streams.append(words)
    design.bindings[process.name][words.name] = words.name
    _use_streams(process, ops, kind, words, None if ahead is not None else addresses)


def _use_streams(
    process: Process, ops: list[Op], kind: str, words: StreamEnd, addresses: StreamEnd | None
) -> None:
    """Turn fetches into reads and puts into writes of `words`; tell the address if we have to."""
    wanted = {id(op) for op in ops}
    for block in process.blocks.values():
        result: list[Op] = []
        for op in block.ops:
            if id(op) in wanted:
                told = None
                if addresses is not None:
                    told = Op("write", 0, [op.args[0]], f"{op.name}_address", op.line,
                              stream=addresses, predicate=op.predicate)  # fmt: skip
                    result.append(told)
                op.args = [] if kind == "fetch" else [op.args[1]]
                op.kind = "read" if kind == "fetch" else "write"
                op.pointer, op.stream = None, words
                op.after = told if kind == "fetch" else None
            result.append(op)
        block.ops = result


def _address_process(
    process: Process, pointer: Pointer, kind: str, addresses: StreamEnd
) -> Process | None:
    """A copy that only tells the addresses, or None if those depend on data."""
    copy = _copied(process)
    for block in copy.blocks.values():
        kept = []
        for op in block.ops:
            if op.kind == kind and op.pointer is pointer:
                kept.append(
                    Op("write", 0, [op.args[0]], f"{op.name}_address", op.line,
                       stream=addresses, predicate=op.predicate)
                )  # fmt: skip
                # What it brings, other values here may depend on.
                if kind == "fetch":
                    kept.append(op)
            elif op.kind not in ("store", "write", "put", "result"):
                kept.append(op)
        block.ops = kept
    for op in copy.ops():
        # Not effects here: if nobody needs what they bring, they go.
        if op.kind in ("read", "fetch"):
            op.kind = f"lost {op.kind}"
    clean(copy)
    told = _told(process)
    for op in copy.ops():
        if op.kind == "lost read" and op.stream in told:
            op.kind = "read"
        if op.kind in ("lost read", "lost fetch", "empty", "full"):
            return None
        if op.kind == "load" and op.memory is not None and op.memory.written:
            return None
    _skip_idle_loops(copy)
    copy.streams = [addresses, *(op.stream for op in copy.ops() if op.kind == "read" and op.stream)]
    copy.pointers = []
    # Tables of its own: each process trims its tables to what it reads of them.
    tables = {
        id(m): replace(m) for m in process.memories if any(op.memory is m for op in copy.ops())
    }
    for op in copy.ops():
        op.memory = tables.get(id(op.memory), op.memory)
    copy.memories = list(tables.values())
    return copy


def _told(process: Process) -> list[StreamEnd]:
    """Streams of which one element is read, first of all."""
    entry = next(iter(process.blocks.values()))
    if entry.loops or entry.predecessors:
        return []
    used = [op.stream for op in process.ops() if op.stream is not None]
    return [
        op.stream
        for op in entry.ops
        if op.kind == "read" and op.predicate is None and op.stream is not None
        and used.count(op.stream) == 1 and not op.stream.order and not op.stream.sides
    ]  # fmt: skip


def _hand_on(design: Design, process: Process, ahead: Process, owner: str) -> None:
    """Let the process that runs ahead read what both are told, and tell the other."""
    for block in ahead.blocks.values():
        for op in [op for op in block.ops if op.kind == "read"]:
            assert op.stream is not None
            taken = op.stream
            name = design.free_name(f"{process.name}_{owner}_{taken.name}")
            hands = StreamEnd(name, taken.width, writes=True)
            takes = StreamEnd(name, taken.width, reads=True)
            write = Op("write", 0, [op], f"{op.name}_handed", op.line, stream=hands)
            block.ops.insert(block.ops.index(op) + 1, write)
            ahead.streams.append(hands)
            for own in process.ops():
                if own.stream is taken:
                    own.stream = takes
            process.streams[process.streams.index(taken)] = takes
            design.bindings[ahead.name] |= {name: name}
            design.bindings[process.name] |= {name: name}
            design.fifos.append(Fifo(name, taken.width, 2))


def _skip_idle_loops(process: Process) -> None:
    """Drop loops of one block that tell no address and leave no value to anybody."""
    for name, block in list(process.blocks.items()):
        mine = {id(op) for op in [*block.phis, *block.ops]}
        others = [b for b in process.blocks.values() if b is not block]
        used = any(
            id(value) in mine
            for other in others
            for op in [*other.phis, *other.ops]
            for value in op.inputs()
        ) or any(id(other.condition) in mine for other in others)
        if not block.loops or used or any(op.has_effect for op in block.ops):
            continue
        after = next(target for target in block.targets if target != name)
        before = [p for p in block.predecessors if p != name]
        follower = process.blocks[after]
        if len(before) != 1 or before[0] in follower.predecessors:
            continue
        # In its place, so that the values of phis stay those of this edge.
        follower.predecessors = [before[0] if p == name else p for p in follower.predecessors]
        for other in before:
            targets = process.blocks[other].targets
            process.blocks[other].targets = [after if t == name else t for t in targets]
        del process.blocks[name]


def _copied(process: Process) -> Process:
    twins: dict[int, Op] = {}
    blocks: dict[str, Block] = {}
    for name, block in process.blocks.items():
        new = replace(block, targets=list(block.targets), predecessors=list(block.predecessors),
                      pragmas=list(block.pragmas))  # fmt: skip
        for field in ("phis", "ops"):
            ops = [replace(op) for op in getattr(block, field)]
            twins |= {id(old): op for old, op in zip(getattr(block, field), ops, strict=True)}
            setattr(new, field, ops)
        blocks[name] = new

    def twin(value: Value) -> Value:
        return twins.get(id(value), value)

    for block in blocks.values():
        for op in [*block.phis, *block.ops]:
            op.args = [twin(value) for value in op.args]
            op.predicate = None if op.predicate is None else twin(op.predicate)
        block.condition = None if block.condition is None else twin(block.condition)
    return Process(process.name, list(process.inputs), [], [], [], blocks, process.file)
