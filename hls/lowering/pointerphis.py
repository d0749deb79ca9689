"""Pointers that vary: chosen by an if, or moved and exchanged in a loop.

Such a pointer is the number of one of the arrays or arguments that it may point into, where there
are several, and a distance from its start, where that varies: two integers, with phis of their own.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from hls.lowering.arrays import Address, Choice
from hls.lowering.intrinsics import CallReading
from hls.lowering.ir import Const, Op, Value
from hls.lowering.llvmir import Function, Instruction, Module, Unsupported
from hls.lowering.pointees import sides
from hls.lowering.source import Pragma

__all__ = ["PointerReading"]

_DISTANCE_BITS = 32


@dataclass
class _Varying:
    """A phi of pointers: the starts of what it may point into, its number and its distance."""

    instruction: Instruction
    bases: list[object]
    unit: int
    """Bytes that the distance counts in; 0 if there is none."""
    number: Op | None = None
    distance: Op | None = None


class PointerReading(CallReading):
    """Phis and comparisons of pointers."""

    def __init__(self, module: Module, function: Function, pragmas: list[Pragma]) -> None:
        super().__init__(module, function, pragmas)
        self._varying: list[_Varying] = []

    def _pointer_phi(self, instruction: Instruction) -> None:
        pointees = self._pointees
        symbols = list(dict.fromkeys(p.symbol for p in pointees.of(f"%{instruction.result}")))
        starts = [self._address(s if s.startswith("@") else f"%{s}") for s in symbols]
        bases = [start.base for start in starts if isinstance(start, Address)]
        varying = _Varying(instruction, bases, pointees.unit(instruction.result))
        if len(bases) > 1:
            varying.number = self._new_phi(instruction, (len(bases) - 1).bit_length(), "which")
        if varying.unit:
            varying.distance = self._new_phi(instruction, _DISTANCE_BITS, "distance")
        terms: list[tuple[int, Value]] = []
        if varying.distance is not None:
            terms.append((varying.unit, varying.distance))
        address: Address | Choice = Address(bases[0], 0, list(terms))
        for i, base in enumerate(bases[1:], 1):
            assert varying.number is not None
            bit: Value = varying.number
            if len(bases) > 2:
                wanted = Const(i, varying.number.width)
                bit = self._plain_op(instruction, "eq", 1, [varying.number, wanted])
            address = Choice(bit, Address(base, 0, list(terms)), address)
        self._addresses[instruction.result] = address
        self._varying.append(varying)

    def _new_phi(self, instruction: Instruction, width: int, what: str) -> Op:
        name = self._name(f"{instruction.result}.{what}", what)
        phi = Op("phi", width, [], name, instruction.line)
        self._block.phis.append(phi)
        return phi

    def _link_pointers(self) -> None:
        """Give the phis of pointers their values, computed at the ends of the blocks before."""
        blocks = self._process.blocks
        for varying in self._varying:
            phis = [phi for phi in (varying.number, varying.distance) if phi is not None]
            if not phis:
                continue
            block = next(b for b in blocks.values() if any(p is phis[0] for p in b.phis))
            rest = varying.instruction.rest
            labels = re.findall(r', %("[^"]+"|[\w.$-]+) \](?=,|$)', rest)
            plain = [label.strip('"') for label in labels]
            incoming = dict(zip(plain, sides(rest), strict=True))
            for before in block.predecessors:
                self._block = blocks[before]
                number, distance = self._told(varying, self._address(incoming[before]))
                if varying.number is not None:
                    varying.number.args.append(number)
                if varying.distance is not None:
                    varying.distance.args.append(distance)

    def _told(self, varying: _Varying, address: Address | Choice) -> tuple[Value, Value]:
        """The number and the distance of an address."""
        instruction = varying.instruction
        bits = (len(varying.bases) - 1).bit_length() or 1
        if isinstance(address, Choice):
            then, other = (self._told(varying, side) for side in (address.then, address.other))
            number, distance = (
                self._plain_op(instruction, "select", a.width, [address.condition, a, b])
                for a, b in zip(then, other, strict=True)
            )
            return number, distance
        index = next(i for i, base in enumerate(varying.bases) if base is address.base)
        return Const(index, bits), self._distance(instruction, address, varying.unit or 1)

    def _distance(self, instruction: Instruction, address: Address, unit: int) -> Value:
        terms = [(stride // unit, value) for stride, value in address.terms]
        return self._sum(instruction, address.constant // unit, terms, _DISTANCE_BITS)

    def _compare_pointers(self, instruction: Instruction, kind: str, texts: list[str]) -> Op:
        """A comparison of two pointers into one array, by their distances from its start."""
        sides = [self._address(text) for text in texts]
        first, second = sides
        if isinstance(first, Choice) or isinstance(second, Choice) or first.base is not second.base:
            raise Unsupported("pointers into different arrays are compared; compare indices")
        moves = [abs(a.constant) for a in (first, second)]
        moves += [stride for a in (first, second) for stride, _ in a.terms]
        unit = math.gcd(*moves) or 1
        kind = {"ult": "slt", "ule": "sle"}.get(kind, kind)
        return self._op(
            instruction, kind, 1, [self._distance(instruction, a, unit) for a in (first, second)]
        )
