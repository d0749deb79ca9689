"""The ports of a Verilog module, as its header or its declarations give them.

Read of what is to be packaged, whoever made it: ours declares ports in the header, Vitis HLS lists
names there and declares them below, with widths made of parameters.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass

from hls.errors import ToolFailed

__all__ = ["Port", "read_module"]

_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.floordiv,
}
_DECLARATION = re.compile(
    r"\b(input|output|inout)\b(?:\s+(?:wire|reg|logic|signed))*\s*"
    r"(?:\[([^\]:]+):([^\]]+)\])?\s*(\w+(?:\s*,\s*(?!input\b|output\b|inout\b)\w+)*)\s*(?=[,;)]|$)"
)


@dataclass(frozen=True)
class Port:
    """A port; `left` is the number of its highest bit, None for one that is no vector."""

    name: str
    direction: str
    left: int | None

    @property
    def bits(self) -> int:
        """Its width."""
        return 1 if self.left is None else self.left + 1


def read_module(verilog: str, top: str) -> list[Port]:
    """The ports of the module `top` in `verilog`, in the order of its header.

    Raises:
        ToolFailed: there is no such module, or a declaration cannot be read.
    """
    text = re.sub(r"//[^\n]*|/\*.*?\*/|\(\*.*?\*\)", " ", verilog, flags=re.DOTALL)
    found = re.search(
        rf"\bmodule\s+{re.escape(top)}\s*(?:#\s*\((.*?)\)\s*)?\((.*?)\)\s*;(.*?)\bendmodule\b",
        text, re.DOTALL,
    )  # fmt: skip
    if found is None:
        raise ToolFailed(f"{top}.v: has no module {top} with a list of ports; make the RTL again")
    settings, header, body = found[1] or "", found[2], found[3]
    parameters: dict[str, int] = {}
    for name, value in re.findall(
        r"\bparameter\s+(?:\[[^\]]*\]\s*)?(\w+)\s*=\s*([^;,]+?)\s*[;,]",
        f"{settings};{body}",
    ):
        parameters[name] = _number(value, parameters, top)
    inside = header if re.search(r"\b(?:input|output|inout)\b", header) else body
    declared: dict[str, Port] = {}
    for direction, left, right, names in _DECLARATION.findall(inside):
        if right and _number(right, parameters, top) != 0:
            raise ToolFailed(f"{top}.v: {names} does not end with bit 0; IP has to")
        highest = _number(left, parameters, top) if left else None
        for name in re.split(r"\s*,\s*", names):
            declared[name] = Port(name, {"input": "in", "output": "out"}.get(direction, direction),
                                  highest)  # fmt: skip
    order = [entry.split()[-1] for entry in re.sub(r"\[[^\]]*\]", " ", header).split(",")]
    missing = [name for name in order if name not in declared]
    if missing:
        raise ToolFailed(f"{top}.v: the port {missing[0]} is not declared; make the RTL again")
    return [declared[name] for name in order]


def _number(text: str, parameters: Mapping[str, int], top: str) -> int:
    """The value of a constant expression."""

    def value(node: ast.expr) -> int:
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            return node.value
        if isinstance(node, ast.Name) and node.id in parameters:
            return parameters[node.id]
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return int(_OPERATORS[type(node.op)](value(node.left), value(node.right)))
        raise ValueError

    try:
        # A sized constant has no meaning to Python: 32'd64, 7'h1f.
        plain = re.sub(
            r"\d*'([dh])(\w+)", lambda m: str(int(m[2], 10 if m[1] == "d" else 16)), text.strip()
        )
        return value(ast.parse(plain, mode="eval").body)
    except (ValueError, SyntaxError, ZeroDivisionError):
        raise ToolFailed(
            f"{top}.v: {text.strip()!r} is no constant that the packager understands; package the "
            "IP in Vitis HLS, step export of run_hls.tcl"
        ) from None
