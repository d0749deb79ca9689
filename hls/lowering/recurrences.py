"""Why a loop cannot start an iteration every so many cycles: in the words of its source."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hls.lowering.ir import Block, Memory, Op, Value
from hls.lowering.ports import BLOCK_PORTS, answers_at_once, apart

__all__ = ["late_decision", "reason"]


def reason(
    block: Block,
    op: Op,
    ii: int,
    carried: Mapping[int, Value],
    latency: Mapping[int, int],
) -> str:
    """Why `op`, which the scheduler kept moving, finds no place at `ii`.

    Args:
        block: the loop.
        op: a phi, an access of a memory, or one of a stream.
        ii: the initiation interval that was tried.
        carried: phi -> what it is in the next iteration.
        latency: operation -> cycles from its start to its result.
    """
    if op.memory is not None:
        return _memory(block, op.memory, ii)
    if op.stream is not None:
        same = [o for o in block.ops if o.stream is op.stream and o.kind == op.kind]
        done = "read from" if op.kind in ("read", "empty") else "written to"
        return f"stream {op.stream.name} {_lines(same)} is {done} {len(same)} times an iteration"
    if op.kind == "phi":
        return _recurrence(op, carried, latency)
    return f"{op.kind} {op.name} {_lines([op])} comes too late"


def late_decision(condition: Value, cycles: int) -> str:
    """Why a loop cannot be faster than its own end is known."""
    # Logic of our own has no line; what it is made of has.
    while isinstance(condition, Op) and not condition.line and condition.args:
        condition = condition.args[0]
    at = f" {_lines([condition])}" if isinstance(condition, Op) and condition.line else ""
    return (
        f"whether another iteration follows{at} is known {cycles} cycles after an iteration starts"
    )


def _memory(block: Block, memory: Memory, ii: int) -> str:
    ops = [op for op in block.ops if op.memory is memory]
    stores = [op for op in ops if op.kind == "store"]
    loads = [op for op in ops if op.kind == "load"]
    if (count := len(apart(stores))) > ii:
        return (
            f"array {memory.name} {_lines(stores)} has one write port, but is stored to "
            f"{count} times an iteration; partition it"
        )
    if not answers_at_once(memory) and (count := len(apart(ops))) > BLOCK_PORTS * ii:
        return (
            f"array {memory.name} {_lines(ops)} has {BLOCK_PORTS} ports, but is accessed {count} "
            "times an iteration; partition it"
        )
    if not stores or not loads:
        return (
            f"array {memory.name} {_lines(ops)} is accessed in different cycles of an iteration, "
            "which cannot share a port; partition it"
        )
    return (
        f"array {memory.name} {_lines(stores)}: what one iteration stores, the next may load "
        f"{_lines(loads)}; if it never does, say so with #pragma HLS DEPENDENCE"
    )


def _recurrence(phi: Op, carried: Mapping[int, Value], latency: Mapping[int, int]) -> str:
    """The way from a value of one iteration to that of the next, with its operations."""
    path = _way(phi, carried)
    work = [op for op in path if op.kind not in ("phi", "zext", "sext", "trunc")]
    steps = " -> ".join(f"{op.kind} {_lines([op])}".strip() for op in work)
    names = dict.fromkeys(_variable(op) for op in [phi, *path] if op.kind == "phi")
    registers = sum(latency.get(id(op), 0) for op in work)
    return (
        f"{' and '.join(names)} {_lines(work)} needs its own value of the iteration before, "
        f"through {steps}" + (f", with {registers} registers between" if registers else "")
    )


def _way(phi: Op, carried: Mapping[int, Value]) -> list[Op]:
    """The operations on the shortest way from `phi` to its next value, through other phis too."""
    start = carried[id(phi)]
    before: dict[int, Op] = {}
    queue: list[Value] = [start]
    for value in queue:
        if not isinstance(value, Op):
            continue
        for argument in [carried[id(value)]] if id(value) in carried else value.inputs():
            if argument is phi:
                way = [value]
                while way[-1] is not start:
                    way.append(before[id(way[-1])])
                return way
            if isinstance(argument, Op) and id(argument) not in before:
                before[id(argument)] = value
                queue.append(argument)
    return []


def _variable(op: Op) -> str:
    """The name of the variable that LLVM named an operation after."""
    return re.sub(r"(_\d+)?_x?\d+$", "", op.name) or op.name


def _lines(ops: list[Op]) -> str:
    numbers = sorted({op.line for op in ops if op.line})
    if not numbers:
        return ""
    return f"(line{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))})"
