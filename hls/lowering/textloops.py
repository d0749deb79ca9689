"""Natural loops of a function's LLVM IR text, and the pragmas in them."""

from __future__ import annotations

import re

from hls.lowering.source import MARKER, Pragma

__all__ = ["FUNCTION", "TextLoop", "asks_for", "markers", "split_blocks", "text_loops"]


def markers(text: str) -> list[int]:
    """Numbers of the pragmas that a text calls."""
    return [int(n) for n in re.findall(rf"@{MARKER}\(i32 (?:noundef )?(\d+)\)", text)]


def asks_for(text: str, name: str, pragmas: list[Pragma]) -> bool:
    """Whether a text calls a pragma of that name."""
    return any(pragmas[n].name == name for n in markers(text))


FUNCTION = re.compile(r"^define [^\n]*?@([\w.$]+)\(.*?^\}", re.MULTILINE | re.DOTALL)


class TextLoop:
    """A natural loop of a function: its blocks, the loop around it, its pragmas' numbers."""

    def __init__(self, metadata: str, blocks: set[str]) -> None:
        self.metadata = metadata
        self.blocks = blocks
        self.parent: TextLoop | None = None
        self.own_markers: list[int] = []

    def pipelined(self, pragmas: list[Pragma]) -> bool:
        """Whether it or a loop around it is pipelined."""
        if any(_pipelines(pragmas[n]) for n in self.own_markers):
            return True
        return self.parent is not None and self.parent.pipelined(pragmas)


def _pipelines(pragma: Pragma) -> bool:
    return pragma.name == "PIPELINE" and "off" not in pragma.options


_LABEL = re.compile(r'^("[^"]+"|[\w.$-]+):', re.MULTILINE)


def text_loops(function: str) -> list[TextLoop]:
    """The loops of a function's text, inner ones first."""
    blocks = split_blocks(function)
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
        loops.append(TextLoop(found[2], inside))
    loops.sort(key=lambda loop: len(loop.blocks))
    for i, loop in enumerate(loops):
        loop.parent = next((o for o in loops[i + 1 :] if loop.blocks < o.blocks), None)
    for block, body in blocks.items():
        for marker in markers(body):
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


def split_blocks(function: str) -> dict[str, str]:
    """Blocks of a function's text by name; the first is called `entry` by clang."""
    body = function[function.index("{\n") + 2 :]
    starts = list(_LABEL.finditer(body))
    names = [found[1].strip('"') for found in starts]
    ends = [found.start() for found in starts[1:]] + [len(body)]
    return {
        name: body[found.end() : end] for name, found, end in zip(names, starts, ends, strict=True)
    }
