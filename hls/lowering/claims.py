"""Claims: the reader's promises that indices stay within their dimensions, proved or refused."""

from __future__ import annotations

from hls.errors import InputError
from hls.lowering.intervals import unsigned
from hls.lowering.ir import Const, Process
from hls.lowering.ranges import Ranges

__all__ = ["check_claims"]


def check_claims(process: Process) -> Process:
    """Prove and remove the reader's claims.

    LLVM addresses arrays by bytes, so an index that left its dimension would reach into the next
    bank unnoticed; what cannot be proved is refused.

    Raises:
        InputError: a claim cannot be proved.
    """
    if not any(op.kind == "claim" for op in process.ops()):
        return process
    ranges = Ranges(process)
    for block in process.blocks.values():
        kept = []
        for op in block.ops:
            if op.kind != "claim":
                kept.append(op)
                continue
            index, size = op.args
            assert isinstance(size, Const)
            if unsigned(ranges.of(index), index.width).high >= size.value:
                raise InputError(
                    f"{process.place(op.line)}: it cannot be seen that the index "
                    f"into {op.name} stays below "
                    f"{size.value}, the size of its dimension, which a partitioned array needs; "
                    "count it in an ap_uint that holds no more, or compare it with the size"
                )
        block.ops = kept
    return process
