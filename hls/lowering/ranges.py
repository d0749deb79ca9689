"""Ranges: the least upper bound that can be seen of a value, by looking at how it is computed.

Only bounds of unsigned values, only what addressing needs. A counter's bound is proved by
induction: if it holds before an iteration, does the iteration keep it?
"""

from __future__ import annotations

from hls.errors import InputError
from hls.lowering.ir import Const, Op, Process, Value

__all__ = ["check_claims", "stays_within"]

_DEPTH = 40


def check_claims(process: Process) -> Process:
    """Prove and remove the reader's claims that indices stay within their dimensions.

    LLVM addresses arrays by bytes, so an index that left its dimension would reach into the next
    bank unnoticed; what cannot be proved is refused.

    Raises:
        InputError: a claim cannot be proved.
    """
    for block in process.blocks.values():
        kept = []
        for op in block.ops:
            if op.kind != "claim":
                kept.append(op)
                continue
            size = op.args[1]
            assert isinstance(size, Const)
            if not stays_within(op.args[0], size.value - 1):
                raise InputError(
                    f"line {op.line}: it cannot be seen that the index into {op.name} stays below "
                    f"{size.value}, the size of its dimension, which a partitioned array needs; "
                    "count it in an ap_uint that holds no more, or compare it with the size"
                )
        block.ops = kept
    return process


def stays_within(value: Value, limit: int) -> bool:
    """Whether `value` can be seen never to exceed `limit`."""
    return _bound(value, {}, limit, _DEPTH) <= limit


def _bound(value: Value, known: dict[int, int], limit: int, depth: int) -> int:
    """An upper bound of `value`, given bounds in `known`; phis are tried with `limit`."""
    if isinstance(value, Const):
        return value.value
    full = (1 << value.width) - 1
    if id(value) in known:
        return known[id(value)]
    if not isinstance(value, Op) or depth == 0:
        return full

    def of(arg: Value, facts: dict[int, int] | None = None) -> int:
        return _bound(arg, known if facts is None else facts, limit, depth - 1)

    args = value.args
    match value.kind:
        case "zext" | "trunc":
            bound = of(args[0])
        case "and":
            bound = min(of(args[0]), of(args[1]))
        case "or" | "xor":
            bound = (1 << max(of(args[0]), of(args[1])).bit_length()) - 1
        case "add":
            bound = of(args[0]) + of(args[1])
        case "mul":
            bound = of(args[0]) * of(args[1])
        case "shl" if isinstance(args[1], Const):
            bound = of(args[0]) << min(args[1].value, value.width)
        case "lshr" if isinstance(args[1], Const):
            bound = of(args[0]) >> args[1].value
        case "urem" if isinstance(args[1], Const) and args[1].value:
            bound = min(of(args[0]), args[1].value - 1)
        case "udiv" if isinstance(args[1], Const) and args[1].value:
            bound = of(args[0]) // args[1].value
        case "umin":
            bound = min(of(args[0]), of(args[1]))
        case "umax":
            bound = max(of(args[0]), of(args[1]))
        case "select":
            bound = max(
                of(args[1], _assume(args[0], True, known, limit, depth)),
                of(args[2], _assume(args[0], False, known, limit, depth)),
            )
        case "phi":
            bound = _inductive(value, known, limit, depth)
        case _:
            bound = full
    return bound if bound <= full else full


def _inductive(phi: Op, known: dict[int, int], limit: int, depth: int) -> int:
    tried = min(limit, (1 << phi.width) - 1)
    facts = known | {id(phi): tried}
    if all(arg is phi or _bound(arg, facts, limit, depth - 1) <= tried for arg in phi.args):
        return tried
    return (1 << phi.width) - 1


def _assume(
    condition: Value, holds: bool, known: dict[int, int], limit: int, depth: int
) -> dict[int, int]:
    """`known`, and what a comparison with a constant adds to it."""
    if not isinstance(condition, Op) or depth == 0:
        return known
    if condition.kind == "xor" and condition.width == 1:
        return _assume(condition.args[0], not holds, known, limit, depth)
    if condition.kind == "and" and condition.width == 1 and holds:
        first = _assume(condition.args[0], True, known, limit, depth)
        return _assume(condition.args[1], True, first, limit, depth)
    if condition.kind == "or" and condition.width == 1 and not holds:
        first = _assume(condition.args[0], False, known, limit, depth)
        return _assume(condition.args[1], False, first, limit, depth)
    if condition.kind not in ("eq", "ne", "ult", "ule"):
        return known
    left, right = condition.args
    new: dict[int, int] = {}
    if isinstance(right, Const):
        equal = holds == (condition.kind == "eq")
        bound = _bound(left, known, limit, depth - 1)
        if condition.kind == "ult" and holds:
            bound = right.value - 1
        elif condition.kind == "ule" and holds:
            bound = right.value
        elif condition.kind in ("eq", "ne"):
            bound = right.value if equal else bound - 1 if bound == right.value else bound
        for name in _aliases(left, known):
            new[name] = min(bound, known.get(name, bound))
    elif isinstance(left, Const) and not holds and condition.kind in ("ult", "ule"):
        bound = left.value if condition.kind == "ult" else left.value - 1
        for name in _aliases(right, known):
            new[name] = min(bound, known.get(name, bound))
    return known | new


def _aliases(value: Value, known: dict[int, int]) -> list[int]:
    """The value itself, and what it is a copy of: wider, or with bits masked that are 0 anyway."""
    names = [id(value)]
    while isinstance(value, Op):
        inner = value.args[0] if value.args else None
        if value.kind == "and" and isinstance(value.args[1], Const) and inner is not None:
            mask = value.args[1].value
            if mask & (mask + 1) or known.get(id(inner), mask + 1) > mask:
                break
        elif value.kind != "zext":
            break
        assert inner is not None
        value = inner
        names.append(id(value))
    return names
