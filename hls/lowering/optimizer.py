"""LLVM passes: what LLVM does better than we would, chosen and ordered by us.

Two rounds. The first inlines all functions but the top, its DATAFLOW region and the processes.
Then loops are told what their pragmas ask for (a pipelined loop has no loops in it, so those are
unrolled), and the second round unrolls, breaks arrays with constant indices into values, and
cleans up. Then arrays that are still filled or copied as a whole get their loops.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

from hls.errors import InputError
from hls.lowering.source import Pragma
from hls.lowering.streams import refuse_streams
from hls.lowering.textloops import FUNCTION, asks_for, text_loops
from hls.lowering.wholearrays import expand_transfers

__all__ = ["optimize", "symbol_of"]

_CLEAN = ("sroa", "instruction_combine", "simplify_cfg", "instruction_combine",
          "simplify_cfg")  # fmt: skip
_INLINE = ("always_inliner", "global_dead_code_eliminate", *_CLEAN)
_UNROLL = ("loop_simplify", "loop_rotate", "loop_unroll", *_CLEAN, "aggressive_dce")


def optimize(ir: str, top: str, pragmas: list[Pragma], own: Collection[Path] = ()) -> str:
    """Optimised LLVM IR.

    Args:
        ir: what the front end makes.
        top: the function.
        pragmas: those that marker calls number; loops that fill or copy an array add theirs.
        own: the user's files, in which messages find their places.

    Raises:
        InputError: there is no function `top`, or it has streams, or fills or copies an array, in a
            way that is not supported.
    """
    symbol = symbol_of(ir, top)
    regions = _regions(ir, symbol, pragmas)
    refuse_streams(ir, symbol, regions, own)
    ir = _run(_keep_apart(ir, symbol, regions), _INLINE)
    ir = _ask_for_unrolling(ir, pragmas)
    # An inner loop's trip count may depend on the counter of an outer one that is unrolled first.
    for _ in range(3):
        ir = _run(ir, _UNROLL)
    expanded = expand_transfers(ir, pragmas, own)
    if expanded != ir:
        ir = _run(expanded, (*_INLINE, *_UNROLL))
    return _run(ir, ("lower_switch",))


def symbol_of(ir: str, top: str) -> str:
    """The mangled name of a function that is not a member and takes any arguments."""
    pattern = rf"^define [^@]*@({re.escape(top)}|_Z(?:L)?{len(top)}{re.escape(top)}\w*)\("
    found = re.findall(pattern, ir, re.MULTILINE)
    if not found:
        names = sorted(
            set(
                re.findall(
                    r"^define (?:dso_local )?[\w ]*@_Z(?:L)?\d+([a-z]\w*?)[A-Z]", ir, re.MULTILINE
                )
            )
        )
        raise InputError(
            f"there is no function {top}; the file defines {', '.join(names) or 'none'}"
        )
    return str(found[0])


def _regions(ir: str, top: str, pragmas: list[Pragma]) -> set[str]:
    """The DATAFLOW functions of a program: `top` itself, or some that it calls."""
    bodies = {found[1]: found[0] for found in FUNCTION.finditer(ir)}
    around = {top} if asks_for(bodies[top], "DATAFLOW", pragmas) else _called(top, bodies)
    return {name for name in around if asks_for(bodies[name], "DATAFLOW", pragmas)}


def _called(caller: str, bodies: Mapping[str, str]) -> set[str]:
    """The functions that one calls; members (constructors, operators) are no processes."""
    names = set(re.findall(r"call [^\n]*?@([\w.$]+)\(", bodies[caller]))
    return {name for name in names & bodies.keys() if not _is_member(bodies[name])}


def _keep_apart(ir: str, top: str, regions: set[str]) -> str:
    """Mark everything for inlining but `top`, the regions, and their processes."""
    bodies = {found[1]: found[0] for found in FUNCTION.finditer(ir)}
    apart = {top, *regions}.union(*(_called(region, bodies) for region in regions))

    def attributed(found: re.Match[str]) -> str:
        line = found[0].replace(" noinline", "").replace(" optnone", "")
        if found[1] in apart:
            return line.replace("define internal", "define").replace("linkonce_odr ", "")
        return re.sub(r" (#\d+)", r" alwaysinline \1", line, count=1)

    ir = re.sub(r"^define [^\n]*?@([\w.$]+)\([^\n]*$", attributed, ir, flags=re.MULTILINE)
    return re.sub(
        r"^(attributes #\d+ = \{.*?) (?:noinline|optnone)\b", r"\1", ir, flags=re.MULTILINE
    )


def _is_member(function: str) -> bool:
    """Whether a function is called on an object; only then may a parameter have that name."""
    return re.search(r"%this[,)]", function.partition("\n")[0]) is not None


def _ask_for_unrolling(ir: str, pragmas: list[Pragma]) -> str:
    """Add unrolling metadata to loops that ask for it, or lie in a pipelined loop."""
    module = llvm.parse_assembly(ir)
    wanted: dict[str, int | None] = {}  # loop metadata -> factor, 0 for full, None for not at all
    for function in FUNCTION.finditer(str(module)):
        for loop in text_loops(function[0]):
            names = {pragmas[n].name: pragmas[n] for n in loop.own_markers}
            if loop.parent is not None and loop.parent.pipelined(pragmas):
                wanted[loop.metadata] = 0
            elif "UNROLL" in names:
                wanted[loop.metadata] = names["UNROLL"].integer("factor", 0)
            else:
                wanted[loop.metadata] = None
    numbers = {metadata: f"!{900001 + i}" for i, metadata in enumerate(wanted)}
    extra = []
    for metadata, factor in wanted.items():
        if factor is None:
            option = '!"llvm.loop.unroll.disable"'
        else:
            count = f'!"llvm.loop.unroll.count", i32 {factor}'
            option = count if factor else '!"llvm.loop.unroll.full"'
        extra.append(f"{numbers[metadata]} = !{{{option}}}")

    def told(found: re.Match[str]) -> str:
        added = f", {numbers[found[1]]}" if found[1] in numbers else ""
        return f"{found[1]} = distinct !{{{found[2]}{added}}}"

    text = re.sub(r"^(![0-9]+) = distinct !\{(.*)\}$", told, str(module), flags=re.MULTILINE)
    return text + "\n".join(extra) + "\n"


@cache
def _machine() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    # Loops that a pragma wants unrolled are unrolled, however large they get.
    llvm.set_option("", "-pragma-unroll-threshold=4000000")
    return llvm.Target.from_default_triple().create_target_machine()


def _run(ir: str, passes: tuple[str, ...]) -> str:
    machine = _machine()
    module = llvm.parse_assembly(ir)
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options())
    manager = llvm.create_new_module_pass_manager()
    for name in passes:
        getattr(manager, f"add_{name}_pass")()
    manager.run(module, builder)
    return str(module)
