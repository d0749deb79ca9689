"""Whole arrays: memset and memcpy, which initial values become as well, are loops over elements.

LLVM takes apart by itself what is small and has constant indices only. What is left becomes a
function with a pipelined loop, which is inlined: a word of every bank in each cycle, or a word of
memory behind a pointer. Within a pipelined loop it is unrolled.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from hls.errors import InputError
from hls.lowering.arrays import Array, variable_of
from hls.lowering.llvmir import Function, Instruction, Module, Unsupported, parse, split_commas
from hls.lowering.pointees import Pointee, Pointees
from hls.lowering.reading import marks
from hls.lowering.refusals import refuse
from hls.lowering.source import MARKER, Pragma
from hls.lowering.textloops import FUNCTION, split_blocks, text_loops

__all__ = ["expand_transfers"]

_TRANSFER = re.compile(r"@llvm\.mem(set|cpy|move)(?:\.inline)?\.p0\.[\w.]*\(")
_PIPELINED = {False: "llvm.loop.unroll.disable", True: "llvm.loop.unroll.full"}


def expand_transfers(ir: str, pragmas: list[Pragma], own: Collection[Path]) -> str:
    """Replace all memset, memcpy and memmove of LLVM IR by calls of loops that it defines.

    Pragmas that pipeline those loops are added to `pragmas`; `own` are the user's files.

    Raises:
        InputError: elements are covered in part, their number is not seen, or source and
            destination may overlap.
    """
    if not _TRANSFER.search(ir):
        return ir
    module = parse(ir, own)
    made: list[str] = []

    def function(found: re.Match[str]) -> str:
        if not _TRANSFER.search(found[0]):
            return found[0]
        refuse(module.functions[found[1]], module)
        return _Expansion(module, found[1], found[0], pragmas, made).text()

    text = FUNCTION.sub(function, ir)
    if not re.search(rf"^declare [^\n]*@{MARKER}\(", text, re.MULTILINE):
        made.append(
            f"declare void @{MARKER}(i32) nounwind willreturn memory(inaccessiblemem: readwrite)"
        )
    return "\n".join([text, *made, ""])


@dataclass(frozen=True)
class _Nest:
    """Loops as (iterations, bytes from one to the next), outer ones first; what each does.

    `accesses` are bytes from the address of an iteration, and the integer type there. Iterations
    are a number or a name.
    """

    loops: list[tuple[int | str, int]]
    accesses: list[tuple[int, str]]


class _Expansion:
    """The transfers of one function."""

    def __init__(
        self, module: Module, name: str, text: str, pragmas: list[Pragma], made: list[str]
    ) -> None:
        self._module, self._text, self._pragmas, self._made = module, text, pragmas, made
        self._function: Function = module.functions[name]
        self._pointees = Pointees(module, self._function)
        self._marks = [pragmas[n] for n in marks(self._function)]

    def text(self) -> str:
        """The function with calls in the place of its transfers."""
        loops = text_loops(self._text)
        within = [
            any(name in loop.blocks and loop.pipelined(self._pragmas) for loop in loops)
            for name, body in split_blocks(self._text).items()
            for _ in _TRANSFER.finditer(body)
        ]
        calls = [
            instruction
            for block in self._function.blocks.values()
            for instruction in block
            if _TRANSFER.search(instruction.rest)
        ]
        lines = self._text.splitlines()
        places = [i for i, line in enumerate(lines) if _TRANSFER.search(line)]
        for i, call, pipelined in zip(places, calls, within, strict=True):
            try:
                debug = re.search(r", !dbg !\d+", lines[i])
                lines[i] = self._call(call, pipelined) + (debug[0] if debug else "")
            except Unsupported as error:
                raise InputError(f"{call.place}: {error}") from None
        return "\n".join(lines)

    def _call(self, call: Instruction, pipelined: bool) -> str:
        """A call of a new function that does what the transfer `call` does."""
        found = _TRANSFER.search(call.rest)
        assert found is not None
        to, what, length, _ = split_commas(call.rest[found.end() : call.rest.rindex(")")])
        copies = found[1] != "set"
        targets = self._pointees.of(to)
        sources = self._pointees.of(what) if copies else []
        both = {place.symbol for place in targets} & {place.symbol for place in sources}
        if found[1] == "move" and both:
            raise Unsupported(
                "memmove within one array is not supported; move the elements in a loop"
            )
        nest = self._nest(targets, sources, length.split()[-1], to)
        name = f"lineloom_transfer_{len(self._made)}"
        label = f"{'copy' if copies else 'fill'}_{variable_of(targets[0].symbol)}"
        parameters = "ptr %to, ptr %from" if copies else "ptr %to, i8 %value"
        body = self._body(nest, label, copies=copies, unrolled=pipelined)
        self._made.append(
            f"define internal void @{name}({parameters}, i64 %length) alwaysinline nounwind {{\n"
            + "\n".join(body) + "\n}"
        )  # fmt: skip
        first, second, third = (_operand(text) for text in (to, what, length))
        return f"  call void @{name}({first}, {second}, {third})"

    # -------------------------------------------------------------- what is to be done

    def _nest(self, targets: list[Pointee], sources: list[Pointee], length: str, to: str) -> _Nest:
        places = [*targets, *sources]
        sized = [place for place in places if place.leaves]
        shape = max(sized, key=lambda p: p.size) if sized else self._pointees.behind(places, to)
        size = shape.size
        aligned = all(p.constant % size == 0 and p.step % size == 0 for p in places)
        if not re.fullmatch(r"\d+", length):
            if not aligned or self._pointees.multiple(length) % size:
                raise Unsupported(
                    "it cannot be seen that memset or memcpy is of whole elements; write the "
                    f"number of bytes as n * sizeof(element), here n * {size}"
                )
            return _Nest([("%count", size)], shape.leaves)
        many = int(length)
        if not aligned or many % size:
            return _Nest([], self._parts(shape, many))
        whole = self._whole(targets, many) if targets[0].size == size else None
        if whole is not None and all(place.leaves for place in places):
            loops, banks = _divided(whole, banked=True)
        elif whole is not None:
            # Memory behind a pointer brings one word after the other.
            loops, banks = _divided(whole, banked=False)
        else:
            loops, banks = [(many // size, size)], [0]
        accesses = [(bank + offset, kind) for bank in banks for offset, kind in shape.leaves]
        return _Nest([loop for loop in loops if loop[0] != 1], accesses)

    def _whole(self, targets: list[Pointee], many: int) -> Array | None:
        """The array that is covered as a whole, if it is."""
        if len(targets) != 1 or not targets[0].leaves or targets[0].total != many:
            return None
        place = targets[0]
        array = Array(place.symbol, place.sizes or [1], 8 * place.size, place.size, None)
        array.obey(self._marks, place.symbol)
        return array

    def _parts(self, shape: Pointee, many: int) -> list[tuple[int, str]]:
        """The integers in `many` bytes that begin within an element."""
        start = shape.constant % shape.size
        result: list[tuple[int, str]] = []
        for element in itertools.count(0, shape.size):
            for offset, kind in shape.leaves:
                low = element + offset - start
                high = low + self._module.layout.size(kind)
                if low >= many:
                    return result
                if low >= 0 and high <= many:
                    result.append((low, kind))
                elif high > 0:
                    raise Unsupported("memset or memcpy covers a part of an element")
        return result

    # -------------------------------------------------------------- how it is written

    def _body(self, nest: _Nest, label: str, *, copies: bool, unrolled: bool) -> list[str]:
        lines = ["entry:"]
        ends = [str(count) for count, _ in nest.loops]
        if nest.loops and isinstance(nest.loops[0][0], str):
            lines += [
                f"  %count = udiv exact i64 %length, {nest.loops[0][1]}",
                "  %none = icmp eq i64 %count, 0",
                "  br i1 %none, label %leave, label %loop.0",
            ]
        else:
            lines.append(f"  br label %{'loop.0' if nest.loops else 'body'}")
        kinds = ["i64" if end.startswith("%") else "i32" for end in ends]
        to, source = "%to", "%from"
        last = len(nest.loops) - 1
        for n, (_, step) in enumerate(nest.loops):
            before = f"loop.{n - 1}" if n else "entry"
            lines += [
                f"loop.{n}:",
                f"  %i.{n} = phi {kinds[n]} [ 0, %{before} ], [ %next.{n}, %latch.{n} ]",
                f"  %to.{n} = getelementptr inbounds [{step} x i8], ptr {to}, {kinds[n]} %i.{n}",
            ]
            if copies:
                lines.append(f"  %from.{n} = getelementptr inbounds [{step} x i8], ptr {source}, "
                             f"{kinds[n]} %i.{n}")  # fmt: skip
            to, source = f"%to.{n}", f"%from.{n}"
            if n == last and not unrolled:
                lines.append(f"  call void @{MARKER}(i32 {self._pipeline(label)})")
            lines.append(f"  br label %{'body' if n == last else f'loop.{n + 1}'}")
        lines.append("body:")
        for number, access in enumerate(nest.accesses):
            lines += _access(number, access, to, source if copies else "")
        lines.append(f"  br label %{f'latch.{last}' if nest.loops else 'leave'}")
        for n in reversed(range(len(nest.loops))):
            after = f"latch.{n - 1}" if n else "leave"
            lines += [
                f"latch.{n}:",
                f"  %next.{n} = add nuw nsw {kinds[n]} %i.{n}, 1",
                f"  %again.{n} = icmp ult {kinds[n]} %next.{n}, {ends[n]}",
                f"  br i1 %again.{n}, label %loop.{n}, label %{after}, !llvm.loop "
                f"{self._metadata(unrolled)}",
            ]
        return [*lines, "leave:", "  ret void"]

    def _pipeline(self, label: str) -> int:
        """The number of a new pragma that pipelines a loop."""
        self._pragmas.append(Pragma("PIPELINE", {}, self._function.file, 0, label))
        return len(self._pragmas) - 1

    def _metadata(self, unrolled: bool) -> str:
        number = 800000 + 2 * len(self._made)
        option = _PIPELINED[unrolled]
        self._made.append(
            f'!{number} = distinct !{{!{number}, !{number + 1}}}\n!{number + 1} = !{{!"{option}"}}'
        )
        return f"!{number}"


def _operand(text: str) -> str:
    """An argument without its attributes."""
    kind = text.split()[0]
    constant = text.find("getelementptr")
    return f"{kind} {text[constant:] if constant >= 0 else text.split()[-1]}"


def _access(number: int, access: tuple[int, str], to: str, source: str) -> Iterator[str]:
    offset, kind = access
    yield f"  %at.{number} = getelementptr inbounds i8, ptr {to}, i64 {offset}"
    if source:
        yield f"  %there.{number} = getelementptr inbounds i8, ptr {source}, i64 {offset}"
        yield f"  %word.{number} = load {kind}, ptr %there.{number}, align 1"
    else:
        bits = int(kind[1:])
        whole = -(-bits // 8) * 8
        ones = sum(1 << i for i in range(0, whole, 8))
        if whole == 8:
            yield f"  %many.{number} = or i8 %value, 0"
        else:
            yield f"  %wide.{number} = zext i8 %value to i{whole}"
            yield f"  %many.{number} = mul i{whole} %wide.{number}, {ones}"
        if bits == whole:
            yield f"  %word.{number} = or i{bits} %many.{number}, 0"
        else:
            yield f"  %word.{number} = trunc i{whole} %many.{number} to i{bits}"
    yield f"  store {kind} %word.{number}, ptr %at.{number}, align 1"


def _divided(array: Array, *, banked: bool) -> tuple[list[tuple[int | str, int]], list[int]]:
    """Loops over the words of an array, and the bytes to each of its banks.

    Where indices need not stay within their dimensions, neighbouring loops are one.
    """
    loops: list[tuple[int | str, int]] = []
    banks = [0]
    apart = False  # a dimension that is divided lies outside
    for dimension, (size, stride) in enumerate(zip(array.sizes, array.strides(), strict=True)):
        part = array.partitions.get(dimension)
        even = part is not None and banked and size % part.banks == 0
        if part is not None and even:
            step = stride * (part.banks if part.cyclic else 1)
            between = stride * (1 if part.cyclic else part.words)
            banks = [bank + i * between for bank in banks for i in range(part.banks)]
            loop = (part.words, step)
        else:
            loop = (size, stride)
        if loop[0] != 1:
            outer = loops[-1] if loops else None
            joins = part is None or even
            if outer and joins and not apart and outer[1] == loop[0] * loop[1]:
                assert isinstance(outer[0], int)
                loops[-1] = (outer[0] * loop[0], loop[1])
            else:
                loops.append(loop)
        apart |= part is not None
    return loops, banks
