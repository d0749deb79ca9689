"""LLVM passes: what LLVM does better than we would, chosen and ordered by us.

Two rounds. The first inlines all functions but the top and the processes of its DATAFLOW region.
Then loops are told what their pragmas ask for (a pipelined loop has no loops in it, so those are
unrolled), and the second round unrolls, breaks arrays with constant indices into values, and
cleans up.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import llvmlite.binding as llvm

from hls.errors import InputError
from hls.lowering.source import MARKER, Pragma

__all__ = ["optimize", "symbol_of"]

_CLEAN = ("sroa", "instruction_combine", "simplify_cfg", "instruction_combine",
          "simplify_cfg")  # fmt: skip
_INLINE = ("always_inliner", "global_dead_code_eliminate", *_CLEAN)
_UNROLL = ("loop_simplify", "loop_rotate", "loop_unroll", *_CLEAN, "aggressive_dce")


def optimize(ir: str, top: str, pragmas: list[Pragma]) -> str:
    """Optimised LLVM IR.

    Raises:
        InputError: there is no function `top`, or a loop cannot be unrolled as asked.
    """
    ir = _keep_apart(ir, symbol_of(ir, top), pragmas)
    ir = _run(ir, _INLINE)
    ir = _ask_for_unrolling(ir, pragmas)
    # An inner loop's trip count may depend on the counter of an outer one that is unrolled first.
    for _ in range(3):
        ir = _run(ir, _UNROLL)
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


_FUNCTION = re.compile(r"^define [^\n]*?@([\w.$]+)\(.*?^\}", re.MULTILINE | re.DOTALL)


def _keep_apart(ir: str, top: str, pragmas: list[Pragma]) -> str:
    """Mark everything for inlining but `top` and, under DATAFLOW, the functions it calls."""
    bodies = {found[1]: found[0] for found in _FUNCTION.finditer(ir)}
    apart = {top}
    dataflow = any(pragmas[n].name == "DATAFLOW" for n in _markers(bodies[top]))
    if dataflow:
        called = re.findall(r"call [^\n]*?@([\w.$]+)\(", bodies[top])
        # Members (constructors, operators) are no processes.
        apart |= {name for name in called if name in bodies and not name.startswith("_ZN")}

    def attributed(found: re.Match[str]) -> str:
        line = found[0].replace(" noinline", "").replace(" optnone", "")
        if found[1] in apart:
            return line.replace("define internal", "define").replace("linkonce_odr ", "")
        return re.sub(r" (#\d+)", r" alwaysinline \1", line, count=1)

    ir = re.sub(r"^define [^\n]*?@([\w.$]+)\([^\n]*$", attributed, ir, flags=re.MULTILINE)
    return re.sub(
        r"^(attributes #\d+ = \{.*?) (?:noinline|optnone)\b", r"\1", ir, flags=re.MULTILINE
    )


def _markers(text: str) -> list[int]:
    return [int(n) for n in re.findall(rf"@{MARKER}\(i32 (?:noundef )?(\d+)\)", text)]


def _ask_for_unrolling(ir: str, pragmas: list[Pragma]) -> str:
    """Add unrolling metadata to loops that ask for it, or lie in a pipelined loop."""
    module = llvm.parse_assembly(ir)
    wanted: dict[str, int | None] = {}  # loop metadata -> factor, 0 for full, None for not at all
    for function in _FUNCTION.finditer(str(module)):
        for loop in _loops(function[0]):
            names = {pragmas[n].name: pragmas[n] for n in loop.own_markers}
            if loop.pipelined_outside(pragmas):
                wanted[loop.metadata] = 0
            elif "UNROLL" in names:
                wanted[loop.metadata] = names["UNROLL"].integer("factor", 0)
            else:
                wanted[loop.metadata] = None
    text = str(module)
    free = 900000
    extra = []
    for metadata, factor in wanted.items():
        free += 1
        if factor is None:
            option = '!"llvm.loop.unroll.disable"'
        else:
            count = f'!"llvm.loop.unroll.count", i32 {factor}'
            option = count if factor else '!"llvm.loop.unroll.full"'
        extra.append(f"!{free} = !{{{option}}}")
        text = re.sub(
            rf"^{metadata} = distinct !\{{(.*)\}}$", rf"{metadata} = distinct !{{\1, !{free}}}",
            text, flags=re.MULTILINE,
        )  # fmt: skip
    return text + "\n".join(extra) + "\n"


class _Loop:
    """A natural loop of a function: its blocks, the loop around it, its pragmas' numbers."""

    def __init__(self, metadata: str, blocks: set[str]) -> None:
        self.metadata = metadata
        self.blocks = blocks
        self.parent: _Loop | None = None
        self.own_markers: list[int] = []

    def pipelined_outside(self, pragmas: list[Pragma]) -> bool:
        """Whether a loop around this one is pipelined."""
        loop = self.parent
        while loop is not None:
            if any(_pipelines(pragmas[n]) for n in loop.own_markers):
                return True
            loop = loop.parent
        return False


def _pipelines(pragma: Pragma) -> bool:
    return pragma.name == "PIPELINE" and "off" not in pragma.options


_LABEL = re.compile(r'^("[^"]+"|[\w.$-]+):', re.MULTILINE)


def _loops(function: str) -> list[_Loop]:
    blocks = _split(function)
    successors = {
        name: [label.strip('"') for label in re.findall(r'label %("[^"]+"|[\w.$-]+)', body)]
        for name, body in blocks.items()
    }
    predecessors: dict[str, set[str]] = {name: set() for name in blocks}
    for name, following in successors.items():
        for target in following:
            predecessors[target].add(name)
    loops = []
    for name, body in blocks.items():
        found = re.search(r'br .*?label %("[^"]+"|[\w.$-]+).*!llvm\.loop (![0-9]+)', body)
        if found is None:
            continue
        targets = successors[name]
        header = next(t for t in targets if _reaches(successors, t, name))
        inside = {header, name}
        work = [name]
        while work:
            block = work.pop()
            if block != header:
                new = predecessors[block] - inside
                inside |= new
                work += new
        loops.append(_Loop(found[2], inside))
    loops.sort(key=lambda loop: len(loop.blocks))
    for i, loop in enumerate(loops):
        loop.parent = next((o for o in loops[i + 1 :] if loop.blocks < o.blocks), None)
    for block, body in blocks.items():
        for marker in _markers(body):
            owner = next((loop for loop in loops if block in loop.blocks), None)
            if owner is not None:
                owner.own_markers.append(marker)
    return loops


def _reaches(successors: dict[str, list[str]], start: str, end: str) -> bool:
    seen, work = {start}, [start]
    while work:
        block = work.pop()
        if block == end:
            return True
        work += [t for t in successors[block] if t not in seen]
        seen |= set(successors[block])
    return False


def _split(function: str) -> dict[str, str]:
    """Blocks of a function's text by name; the first is called `entry` by clang."""
    body = function[function.index("{\n") + 2 :]
    starts = list(_LABEL.finditer(body))
    names = [found[1].strip('"') for found in starts]
    ends = [found.start() for found in starts[1:]] + [len(body)]
    return {
        name: body[found.end() : end] for name, found, end in zip(names, starts, ends, strict=True)
    }


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
