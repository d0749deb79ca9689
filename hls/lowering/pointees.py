"""Pointees: which arrays and arguments a pointer of LLVM IR points into, and how far.

Pointers have no types in LLVM; what lies behind one follows from what it comes from.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from hls.lowering.initializers import split_type
from hls.lowering.llvmir import FLAGS, Function, Instruction, Module, Unsupported, split_commas

__all__ = ["Pointee", "Pointees", "sides"]


_DEEPEST = 4
"""Phis within phis that are looked through."""


def sides(phi: str) -> list[str]:
    """The values of a phi's operands `T [ value, %block ], ...`, in their order."""
    return re.findall(r'\[ (.+?), %(?:"[^"]+"|[\w.$-]+) \](?=,|$)', phi)


@dataclass(frozen=True)
class Pointee:
    """A place in an array or behind an argument: `symbol` is its name, without % but with @.

    It is `constant` bytes from the start, and a multiple of `step` more (0: no more). Elements
    have `size` bytes and integers at offsets, `leaves`; an argument's are not known and empty.
    """

    symbol: str
    size: int = 1
    leaves: list[tuple[int, str]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    constant: int = 0
    step: int = 0

    @property
    def total(self) -> int:
        """Bytes of the whole array, if it is pointed to from its start."""
        return 0 if self.constant or self.step else self.size * math.prod(self.sizes)


class Pointees:
    """The pointers of one function."""

    def __init__(self, module: Module, function: Function) -> None:
        self._module, self._function = module, function
        self._multiples: dict[tuple[str, frozenset[str]], int] = {}
        self._made = {i.result: i for i in self._instructions() if i.result}

    def _instructions(self) -> Iterator[Instruction]:
        for block in self._function.blocks.values():
            yield from block

    def of(self, text: str) -> list[Pointee]:
        """What an operand may point to.

        Raises:
            Unsupported: it is loaded, or points to something else.
        """
        found: dict[tuple[str, int, int], Pointee] = {}
        for place in self._trace(text, set()):
            found[place.symbol, place.constant, place.step] = place
        return list(found.values())

    def unit(self, name: str) -> int:
        """Bytes of which all moves on the ways to a pointer are multiples; 0 without any."""
        unit, seen, work = 0, set(), [f"%{name}"]
        while work:
            text = work.pop()
            if "getelementptr" in text:
                inner = text[text.index("getelementptr") + 13 :]
                kind, base, *indices = split_commas(inner[inner.index("(") + 1 : inner.rindex(")")])
            else:
                made = self._made.get(text.split()[-1].strip('%"'))
                if made is None or made.result in seen:
                    continue
                seen.add(made.result)
                rest = FLAGS.sub("", made.rest)
                if made.opcode == "select":
                    work += split_commas(rest)[1:]
                if made.opcode == "phi":
                    work += sides(rest)
                if made.opcode != "getelementptr":
                    continue
                kind, base, *indices = split_commas(rest)
            for stride, index in self._module.layout.strides(kind, indices):
                unit = math.gcd(unit, stride * self.multiple(index.split()[-1]))
            work.append(base)
        return unit

    def _trace(self, text: str, seen: set[str]) -> list[Pointee]:
        if "getelementptr" in text:
            inner = text[text.index("getelementptr") + 13 :]
            return self._moved(inner[inner.index("(") + 1 : inner.rindex(")")], seen)
        name = text.split()[-1].strip('"')
        if name.startswith("@"):
            variable = self._module.globals.get(name[1:])
            if variable is None:
                raise Unsupported(f"{name} is no array")
            return [self._array(name, split_type(variable.text)[0])]
        name = name.strip('%"')
        if name in seen:
            return []
        if any(name == argument for _, argument in self._function.parameters):
            return [Pointee(name)]
        made = self._made[name]
        rest = FLAGS.sub("", made.rest)
        seen = seen | {name}
        if made.opcode == "alloca":
            return [self._array(name, split_commas(rest)[0])]
        if made.opcode == "getelementptr":
            return self._moved(rest, seen)
        if made.opcode == "select":
            return [p for side in split_commas(rest)[1:] for p in self._trace(side, seen)]
        if made.opcode == "phi":
            # Around a loop it may have moved any number of times.
            unit = self.unit(name)
            return [
                replace(place, step=math.gcd(place.step, unit))
                for side in sides(rest)
                for place in self._trace(side, seen)
            ]
        raise Unsupported("a pointer that is kept in memory is not supported; use an index")

    def _array(self, symbol: str, kind: str) -> Pointee:
        layout = self._module.layout
        sizes, element = layout.dimensions(kind)
        return Pointee(symbol, layout.size(element), layout.leaves(element), sizes)

    def _moved(self, text: str, seen: set[str]) -> list[Pointee]:
        """Getelementptr's operands: type, ptr base, indices."""
        kind, base, *indices = split_commas(FLAGS.sub("", text))
        constant, step = 0, 0
        for stride, index in self._module.layout.strides(kind, indices):
            value = index.split()[1]
            if re.fullmatch(r"-?\d+", value):
                constant += stride * int(value)
            else:
                step = math.gcd(step, stride * self.multiple(value))
        return [
            replace(place, constant=place.constant + constant, step=math.gcd(place.step, step))
            for place in self._trace(base, seen)
        ]

    def behind(self, places: list[Pointee], operand: str) -> Pointee:
        """The words behind arguments: those that are loaded or stored, else of its alignment."""
        symbols = {place.symbol for place in places}
        for instruction in self._instructions():
            if instruction.opcode in ("load", "store"):
                kind, pointer = split_commas(FLAGS.sub("", instruction.rest))[:2]
                kind = kind.split()[0]
                if kind != "ptr" and symbols & self._symbols(pointer):
                    return Pointee(places[0].symbol, self._module.layout.size(kind), [(0, kind)])
        aligned = re.search(r"\balign (\d+)", operand)
        size = int(aligned[1]) if aligned else 1
        return Pointee(places[0].symbol, size, [(0, f"i{8 * size}")])

    def _symbols(self, pointer: str) -> set[str]:
        try:
            return {place.symbol for place in self.of(pointer)}
        except Unsupported:
            return set()

    def multiple(self, value: str, around: frozenset[str] = frozenset()) -> int:
        """A number that an integer operand is certain to be a multiple of; 0 if it is 0.

        `around` are phis of which that is assumed: what is added to them in a loop decides.
        """
        if (value, around) not in self._multiples:
            self._multiples[value, around] = self._multiple(value, around)
        return self._multiples[value, around]

    def _multiple(self, value: str, around: frozenset[str]) -> int:
        if re.fullmatch(r"-?\d+", value):
            return abs(int(value))
        made = self._made.get(value.strip('%"'))
        if made is None or len(around) > _DEEPEST:
            return 1
        if made.result in around:
            return 0
        _, _, rest = FLAGS.sub("", made.rest).partition(" ")
        operands = split_commas(rest)
        if made.opcode == "phi":
            around |= {made.result}
            return math.gcd(*(self.multiple(side, around) for side in sides(rest)))
        if made.opcode in ("zext", "sext"):
            return self.multiple(rest.split(" to ")[0], around)
        if made.opcode == "select":
            return math.gcd(*(self.multiple(side.split()[-1], around) for side in operands[1:]))
        if made.opcode == "shl" and operands[1].isdigit():
            return self.multiple(operands[0], around) << int(operands[1])
        if made.opcode == "mul":
            return self.multiple(operands[0], around) * self.multiple(operands[1], around)
        if made.opcode in ("add", "sub") or (made.opcode == "or" and "disjoint" in made.rest):
            return math.gcd(*(self.multiple(operand, around) for operand in operands))
        return 1
