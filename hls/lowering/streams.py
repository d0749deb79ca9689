"""Streams that a program declares: in a DATAFLOW region each becomes a FIFO; elsewhere none can.

LLVM would take such a stream for variables that something else writes. So they are looked for in
what the front end makes, before any pass.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from hls.errors import InputError
from hls.lowering.arrays import variable_of
from hls.lowering.locations import Locations
from hls.lowering.symbols import plain_name
from hls.lowering.textloops import FUNCTION

__all__ = ["refuse_streams"]

_STREAM = r'%"?(?:class|struct)\.hls::stream'
_LOCAL = re.compile(rf"^  (%[\w.]+) = alloca (\[\d+ x )*{_STREAM}", re.MULTILINE)
_GLOBAL = re.compile(rf"^(@[\w.$]+) = [^\n%]*(?:\[\d+ x )*{_STREAM}", re.MULTILINE)


def refuse_streams(ir: str, top: str, regions: Collection[str], own: Collection[Path]) -> None:
    """Look at all functions that `top` reaches, in unoptimised LLVM IR.

    Args:
        ir: what the front end makes.
        top: the top function; its mangled name, as those of `regions`, the DATAFLOW functions.
        own: the user's files, in which messages find their places.

    Raises:
        InputError: a stream outlives a call, is one of an array, or is declared in a function that
            is no DATAFLOW region; the text names the line.
    """
    bodies = {found[1]: found[0] for found in FUNCTION.finditer(ir)}
    shared = _GLOBAL.findall(ir)
    for name, body in _reached(bodies, top):
        for symbol in shared:
            if re.search(rf"{re.escape(symbol)}(?![\w.$])", body):
                raise InputError(
                    f"{_place(ir, body, symbol, own)}: stream {plain_name(symbol[1:])} is static, "
                    "which is not supported; declare it in the DATAFLOW function"
                )
        for stream, array in _LOCAL.findall(body):
            place, called = _place(ir, body, stream, own), variable_of(stream[1:])
            if array:
                raise InputError(
                    f"{place}: {called} is an array of streams, which is not supported; give "
                    "each stream a name of its own"
                )
            if name not in regions:
                raise InputError(
                    f"{place}: stream {called} is declared in {plain_name(name)}, which is no "
                    "DATAFLOW region; keep its elements in an array, or make writer and reader "
                    "processes of a function with #pragma HLS DATAFLOW"
                )


def _reached(bodies: Mapping[str, str], top: str) -> Iterator[tuple[str, str]]:
    seen, work = {top}, [top]
    while work:
        name = work.pop()
        yield name, bodies[name]
        called = set(re.findall(r"call [^\n]*?@([\w.$]+)\(", bodies[name])) & bodies.keys()
        work += sorted(called - seen)
        seen |= called


def _place(ir: str, body: str, symbol: str, own: Collection[Path]) -> str:
    """`file:line` of the first instruction that has to do with a symbol and has a place."""
    uses = rf"^[^\n]*{re.escape(symbol)}(?![\w.$])[^\n]*, !dbg (!\d+)"
    found = re.search(uses, body, re.MULTILINE) or re.search(r", !dbg (!\d+)", body)
    return "" if found is None else Locations(ir.splitlines(), own).found(found[1])[1]
