"""What the source calls its loops: labels do not reach LLVM IR, but the lines of loops do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hls.lowering.ir import Process
from hls.lowering.loops import find_loops

__all__ = ["loop_names", "source_lines"]


def source_lines(process: Process) -> list[str]:
    """The lines of the file that a process comes from; none if it cannot be read."""
    try:
        return Path(process.file).read_text(errors="replace").splitlines()
    except OSError:
        return []


def loop_names(process: Process) -> dict[str, str]:
    """Header block of each loop -> its label in the source, or "line N" if it has none."""
    source = source_lines(process)
    names = {}
    for loop in find_loops(process):
        header, line = process.blocks[loop.header], process.blocks[loop.latch].line
        label = _label(source, line) or (header.label if header.label != loop.header else "")
        names[loop.header] = label or (f"line {line}" if line else loop.header)
    return names


_LABEL = re.compile(r"\s*([A-Za-z_]\w*)\s*:(?!:)\s*(?://.*)?$")
_SAME_LINE = re.compile(r"\s*([A-Za-z_]\w*)\s*:(?!:)\s*(?:for|while|do)\b")


def _label(source: Sequence[str], line: int) -> str:
    """The label of the loop that begins in `line`, on that line or by itself above it."""
    if not 1 <= line <= len(source):
        return ""
    found = _SAME_LINE.match(source[line - 1]) or (_LABEL.match(source[line - 2]) if line > 1
                                                    else None)  # fmt: skip
    return found[1] if found else ""
