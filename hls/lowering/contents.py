"""Contents of memories as Verilog statements, many words a line, long words in several.

Statements in the module need no file beside it, so every flow has them: simulators, Yosys, Vivado's
packager. Every word is assigned by itself, which is the form that all of them take for a memory.
"""

from __future__ import annotations

from collections.abc import Sequence

from hls.lowering.expressions import literal

__all__ = ["contents"]

_COLUMNS = 96
_PART_BITS = 320


def contents(name: str, words: Sequence[int], width: int) -> list[str]:
    """Lines of assignments to the words of `name`, without indentation."""
    lines: list[str] = []
    for i, word in enumerate(words):
        value = word % (1 << width)
        if width > _PART_BITS:
            lines += _long(f"{name}[{i}]", value, width)
            continue
        statement = f"{name}[{i}] = {literal(value, width)};"
        if lines and len(lines[-1]) + 1 + len(statement) <= _COLUMNS:
            lines[-1] += f" {statement}"
        else:
            lines.append(statement)
    return lines


def _long(target: str, value: int, width: int) -> list[str]:
    """One word in parts, the highest first."""
    parts = []
    while width > 0:
        bits = min(width, _PART_BITS)
        parts.append(f"  {bits}'h{value % (1 << bits):x}")
        value, width = value >> bits, width - bits
    return [f"{target} = {{", *(f"{part}," for part in parts[:0:-1]), f"{parts[0]}}};"]
