"""LLVM IR text -> plain objects: functions, blocks, instructions, types. Nothing is judged here."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hls.errors import InputError
from hls.lowering.locations import Locations

__all__ = ["FLAGS", "Function", "Global", "Instruction", "Layout", "Module", "Unsupported", "parse"]


FLAGS = re.compile(
    r"\b(?:nuw|nsw|exact|disjoint|nneg|samesign|inbounds|nusw|fast|volatile|noundef) "
)
"""What LLVM knows beyond the operation itself."""


class Unsupported(InputError):
    """Something that is not supported; who reads the instruction with it says where it is."""


@dataclass
class Instruction:
    """One instruction: `%result = opcode rest`.

    `line` counts in its function's file; `place` is the `file:line` of the user's that it is from.
    """

    result: str
    opcode: str
    rest: str
    line: int
    place: str


@dataclass
class Function:
    """A function definition: (type, name) of its parameters, its file, its blocks in order.

    `place` is the `file:line` of its header, `title` its name with the arguments of its template.
    """

    name: str
    parameters: list[tuple[str, str]]
    file: str = ""
    place: str = ""
    title: str = ""
    blocks: dict[str, list[Instruction]] = field(default_factory=dict)
    references: dict[str, int] = field(default_factory=dict)
    """Bytes behind each parameter that is a reference; 0 where its class was still incomplete."""


@dataclass
class Global:
    """A global variable: its type, initial value and whether it is constant."""

    name: str
    constant: bool
    text: str


@dataclass
class Module:
    """A module's functions and globals by name, and its named types."""

    functions: dict[str, Function]
    globals: dict[str, Global]
    layout: Layout


class Layout:
    """Sizes of LLVM types on x86-64: i<n> up to 64 bits takes a power of two of bytes."""

    def __init__(self, named: dict[str, str]) -> None:
        """`named` maps %struct names to their bodies."""
        self._named = named
        self._sizes: dict[str, tuple[int, int]] = {}

    def size(self, text: str) -> int:
        """Bytes from one element of an array to the next."""
        size, alignment = self._measure(text.strip())
        return -(-size // alignment) * alignment

    def _measure(self, text: str) -> tuple[int, int]:
        if text not in self._sizes:
            self._sizes[text] = self._compute(text)
        return self._sizes[text]

    def _compute(self, text: str) -> tuple[int, int]:
        if text == "ptr":
            return 8, 8
        if re.fullmatch(r"i\d+", text):
            size = -(-int(text[1:]) // 8)
            if size > 8:
                return size, 16
            power = 1 << (size - 1).bit_length()
            return size, power
        array = re.fullmatch(r"\[(\d+) x (.*)\]", text)
        if array:
            element = self.size(array[2])
            return int(array[1]) * element, self._measure(array[2])[1]
        if text.startswith("%"):
            return self._measure(self._named[text])
        if text.startswith(("{", "<{")):
            parts = self.fields(text)
            alignment = 1
            if not text.startswith("<"):
                alignment = max([1, *(self._measure(part)[1] for part in parts)])
            end = self.offsets(text)[-1] + self.size(parts[-1]) if parts else 0
            return end, alignment
        raise _no_integer(text)

    def offsets(self, text: str) -> list[int]:
        """Bytes from the start of a struct to each of its elements."""
        result, end = [], 0
        for part in self.fields(text):
            align = 1 if text.startswith("<") else self._measure(part)[1]
            result.append(-(-end // align) * align)
            end = result[-1] + self.size(part)
        return result

    def leaves(self, text: str) -> list[tuple[int, str]]:
        """Offset and type of each integer in a type.

        Raises:
            Unsupported: it holds something else.
        """
        if re.fullmatch(r"i\d+", text):
            return [(0, text)]
        array = re.fullmatch(r"\[(\d+) x (.*)\]", text)
        if array:
            step, inner = self.size(array[2]), self.leaves(array[2])
            return [(i * step + at, kind) for i in range(int(array[1])) for at, kind in inner]
        body = self._named.get(text, text)
        if not body.startswith(("{", "<{")):
            raise _no_integer(text)
        return [
            (offset + at, kind)
            for offset, part in zip(self.offsets(body), self.fields(body), strict=True)
            for at, kind in self.leaves(part)
        ]

    def fields(self, text: str) -> list[str]:
        """The element types of a struct type's text."""
        inner = text.strip("<>").strip()[1:-1]
        return [part.strip() for part in split_commas(inner)]

    def strides(self, kind: str, indices: Sequence[str]) -> list[tuple[int, str]]:
        """What getelementptr's indices into a type count in, in bytes, and each index.

        A member of a struct is its offset, once.
        """
        result = []
        for position, index in enumerate(indices):
            if position == 0:
                result.append((self.size(kind), index))
            elif array := re.fullmatch(r"\[(\d+) x (.*)\]", kind):
                kind = array[2]
                result.append((self.size(kind), index))
            else:
                body = self._named[kind] if kind.startswith("%") else kind
                member = int(index.split()[1])
                result.append((self.offsets(body)[member], "i32 1"))
                kind = self.fields(body)[member]
        return result

    def dimensions(self, text: str) -> tuple[list[int], str]:
        """[2 x [3 x T]] -> ([2, 3], T), looking into structs of one array."""
        sizes = []
        while True:
            array = re.fullmatch(r"\[(\d+) x (.*)\]", text)
            if array:
                sizes.append(int(array[1]))
                text = array[2]
                continue
            if text.startswith(("%", "{", "<{")):
                parts = self.fields(self._named[text] if text.startswith("%") else text)
                if len(parts) == 1:
                    text = parts[0]
                    continue
                # A table whose last elements are 0 is a struct of parts of it.
                leaves = self.leaves(text) if not text.startswith("%") else []
                kinds = {kind for _, kind in leaves}
                step = self.size(leaves[0][1]) if leaves else 0
                if len(kinds) == 1 and all(at == i * step for i, (at, _) in enumerate(leaves)):
                    return [*sizes, len(leaves)], kinds.pop()
            return sizes, text


def _no_integer(text: str) -> Unsupported:
    if text == "ptr":
        return Unsupported(
            "a pointer that is kept in a variable, a struct or an object with virtual functions is "
            "not supported; keep an index into one array"
        )
    return Unsupported(f"values of type {text} are not supported; use integers (ap_int, int, ...)")


def split_commas(text: str) -> list[str]:
    """Split at commas outside of brackets."""
    parts, depth, start = [], 0, 0
    for i, char in enumerate(text):
        if char in "([{<":
            depth += 1
        elif char in ")]}>":
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    last = text[start:].strip()
    return [*parts, last] if last else parts


_DEFINE = re.compile(r"^define [^@]*@([\w.$]+)\((.*)\) ?[^()]*\{$")
_NAMED = re.compile(r'^(%"[^"]+"|%[\w.$-]+) = type (.*)$')
_GLOBAL = re.compile(r"^@([\w.$]+) = (.*)$")
_RESULT = re.compile(r'^  (?:(%"[^"]+"|%[\w.$-]+) = )?(?:tail |musttail |notail )?(\w+) ?(.*)$')
_LABEL = re.compile(r'^("[^"]+"|[\w.$-]+):')


def parse(text: str, own: Collection[Path] = ()) -> Module:
    """Parse the text of an LLVM module; `own` are the user's files, in which messages find it."""
    lines = text.splitlines()
    source = Locations(lines, own)
    named, functions, variables = {}, {}, {}
    function: Function | None = None
    block: list[Instruction] = []
    pending = ""
    for raw in lines:
        if function is None:
            if match := _NAMED.match(raw):
                named[match[1]] = match[2]
            elif match := _GLOBAL.match(raw):
                constant = re.search(r"\b(constant|global) ", match[2])
                if constant:
                    rest = match[2][constant.end() :]
                    variables[match[1]] = Global(match[1], constant[1] == "constant", rest)
            elif match := _DEFINE.match(raw.split(" !dbg")[0].rstrip(" {") + " {"):
                scope = re.search(r" !dbg (![0-9]+)", raw)
                file, header, title = source.scope(scope[1]) if scope else ("", "", "")
                parameters = [_parameter(p, header) for p in split_commas(match[2])]
                function = Function(match[1], parameters, file, header, title)
                function.references = _references(match[2])
                functions[match[1]] = function
            continue
        if raw == "}":
            function = None
            continue
        if match := _LABEL.match(raw):
            block = function.blocks.setdefault(match[1].strip('"'), [])
            continue
        if not raw.strip():
            continue
        # A switch lists its cases on lines of their own.
        if pending or raw.rstrip().endswith("["):
            pending += " " + raw.strip()
            if not raw.strip().startswith("]"):
                continue
            raw, pending = "  " + pending.strip(), ""
        line, place = 0, function.place
        if at := re.search(r", !dbg (![0-9]+)", raw):
            line, place = source.found(at[1])
        if raw.lstrip().startswith("#dbg"):
            continue
        match = _RESULT.match(raw.split(", !")[0])
        if match:
            block.append(Instruction((match[1] or "").strip('%"'), match[2], match[3], line, place))
    return Module(functions, variables, Layout(named))


def _references(parameters: str) -> dict[str, int]:
    found = {}
    for text in split_commas(parameters):
        if " nonnull " in text:
            size = re.search(r"\bdereferenceable\((\d+)\)", text)
            found[text.split()[-1].strip('%"')] = int(size[1]) if size else 0
    return found


def _parameter(text: str, place: str) -> tuple[str, str]:
    name = text.split()[-1].strip('%"')
    if "sret(" in text:
        raise InputError(
            f"{place}: a function returns more than 128 bits; write to a stream or through a "
            "pointer instead"
        )
    if "byval(" in text:
        raise InputError(
            f"{place}: argument {name} has more than 128 bits and is passed by value; use a "
            "stream, a pointer, or several arguments"
        )
    return text.split()[0], name
