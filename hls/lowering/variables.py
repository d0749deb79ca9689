"""Variables: which arrays a pragma with `variable=` is for, by clang's own look-up of the name.

The source stage passes the variable's address to a call beside the pragma's marker. Here those
calls are taken out again, and what they were given is followed to its array: of this function, or,
through a parameter, of those that call it. Arrays of functions get names that inlining, which mixes
the functions, keeps apart.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from hls.lowering.llvmir import split_commas
from hls.lowering.source import VARIABLE, Pragma
from hls.lowering.textloops import FUNCTION

__all__ = ["origin_of", "settle"]

_ARRAY = re.compile(
    r'^  %([A-Za-z_][\w.]*) = alloca (?:\[|%"?(?:struct|class|union)\.(?!hls::stream))', re.M
)
_TOLD = re.compile(rf"^  call void @{VARIABLE}\(i32[\w ]* (\d+), ptr[\w ()]* (.*?)\)[^\n]*\n", re.M)
_BASE = re.compile(r"\bptr ([%@][\w.$]+)")
_TAGGED = re.compile(r"(.+)\.lineloom\d+\.")


def origin_of(symbol: str) -> tuple[str, str]:
    """What an array was called before functions were inlined, and in the source.

    Args:
        symbol: of LLVM; it begins with @ if it is a global.
    """
    found = _TAGGED.match(symbol)
    return (symbol, "") if found is None else (found[0], found[1])


def settle(ir: str, pragmas: list[Pragma]) -> tuple[str, list[Pragma]]:
    """LLVM IR without the calls, its arrays with their names, and pragmas with their targets."""
    count = 0

    def named(found: re.Match[str]) -> str:
        nonlocal count
        names = {}
        for array in _ARRAY.findall(found[0]):
            names[array] = f"{array}.lineloom{count}."
            count += 1
        return re.sub(r"%([\w.]+)", lambda value: f"%{names.get(value[1], value[1])}", found[0])

    ir = FUNCTION.sub(named, ir)
    places = _Places(ir)
    targets: dict[int, set[str]] = defaultdict(set)
    for function in FUNCTION.finditer(ir):
        for number, operand in _TOLD.findall(function[0]):
            targets[int(number)].update(places.of(operand, function[1]))
    settled = [replace(p, targets=frozenset(targets[n])) for n, p in enumerate(pragmas)]
    ir = re.sub(rf"^declare [^\n]*@{VARIABLE}\([^\n]*\n", "", _TOLD.sub("", ir), flags=re.M)
    return ir, settled


class _Places:
    """What addresses of unoptimised IR lead to."""

    def __init__(self, ir: str) -> None:
        self._bodies = {found[1]: found[0] for found in FUNCTION.finditer(ir)}
        self._calls: dict[str, list[tuple[str, list[str]]]] = defaultdict(list)
        for caller, body in self._bodies.items():
            for callee, arguments in re.findall(
                r"^[^@\n]*\bcall [^@\n]*@([\w.$]+)\((.*)\)", body, re.M
            ):
                self._calls[callee].append((caller, split_commas(arguments)))

    def of(self, operand: str, function: str) -> set[str]:
        """Arrays and globals that an operand in `function` may be an address within."""
        found: set[str] = set()
        seen: set[tuple[str, str]] = set()
        work = [(operand, function)]
        while work:
            step = work.pop()
            if step in seen:
                continue
            seen.add(step)
            text, name = step
            if symbol := re.search(r"@[\w.$]+", text):
                found.add(symbol[0])
            elif _TAGGED.match(text):
                found |= {text.strip("%"), *self._tables(text, name)}
            else:
                work += self._before(text, name)
        return found

    def _tables(self, array: str, function: str) -> Iterator[str]:
        """Tables that a local array is filled from; LLVM may use them in its place."""
        filled = (
            rf"@llvm\.memcpy[\w.]*\(ptr[\w ]* {re.escape(array)}, ptr[\w ]* (@__const\.[\w.$]+)"
        )
        yield from re.findall(filled, self._bodies[function])

    def _before(self, value: str, function: str) -> Iterator[tuple[str, str]]:
        """Where an address comes from."""
        body, name = self._bodies[function], re.escape(value)
        made = re.search(rf"^  {name} = (\w+) (.*)", body, re.M)
        if made is None:
            yield from self._given(value, function)
        elif made[1] in ("getelementptr", "load") and (base := _BASE.search(made[2])):
            yield base[1], function
        elif made[1] == "alloca":
            # It holds a parameter or a reference: what it is set to.
            yield from ((v, function) for v in re.findall(rf"store ptr (\S+), ptr {name},", body))

    def _given(self, parameter: str, function: str) -> Iterator[tuple[str, str]]:
        """What calls pass for a parameter."""
        header = self._bodies[function].partition("\n")[0]
        inside = header[header.index(f"@{function}(") + len(function) + 2 : header.rindex(")")]
        names = [text.split()[-1] for text in split_commas(inside)]
        if parameter in names:
            at = names.index(parameter)
            for caller, arguments in self._calls[function]:
                yield arguments[at].split()[-1], caller
