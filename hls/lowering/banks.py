"""Accesses of an element of an array: its bank, or, where that moves, a choice of all banks."""

from __future__ import annotations

from dataclasses import dataclass

from hls.errors import InputError
from hls.lowering.addresses import AddressReading
from hls.lowering.arrays import Address, Array, Location, Structs
from hls.lowering.ir import Const, Memory, Op, Value
from hls.lowering.llvmir import Instruction

__all__ = ["BankReading"]


@dataclass(frozen=True)
class _Element:
    """An element of `array`; `indices` are the values of those that say in which bank it is."""

    array: Array
    where: Location
    indices: dict[int, Value]


class BankReading(AddressReading):
    """Loads and stores of elements."""

    def _load_element(self, instruction: Instruction, address: Address, width: int) -> Op:
        """Load from every bank that may be meant, and choose."""
        element = self._locate(instruction, address, width)
        return self._load_from(instruction, element, element.where.fixed)

    def _store_element(
        self, instruction: Instruction, address: Address, value: Value, chosen: Value | None
    ) -> None:
        """Store to every bank that may be meant, where it is, and `chosen` holds if it is given."""
        element = self._locate(instruction, address, value.width)
        choices: list[tuple[dict[int, int], Value | None]] = [(element.where.fixed, chosen)]
        for dimension, index in element.indices.items():
            choices = [
                (bank | {dimension: i}, self._both(instruction, so_far, index, i))
                for bank, so_far in choices
                for i in range(element.array.partitions[dimension].banks)
            ]
        for bank, predicate in choices:
            memory, word = self._word(instruction, element, bank)
            op = self._plain_op(instruction, "store", 0, [word, value])
            op.memory, op.predicate = memory, predicate
            memory.written = True

    def _locate(self, instruction: Instruction, address: Address, width: int) -> _Element:
        if isinstance(address.base, Structs):
            address = address.base.member(address, instruction.place)
        array = address.base
        if not isinstance(array, Array) or width != array.width:
            what = f"elements of {array.width} bits" if isinstance(array, Array) else "no array"
            raise InputError(
                f"{instruction.place}: {getattr(array, 'name', array)} has {what}, but {width} "
                "bits are accessed"
            )
        where = array.locate(address, instruction.place)
        factors = array.word_factors()
        for dimension, (constant, terms) in where.claims.items():
            index = self._sum(instruction, constant, terms, 32)
            size = Const(array.sizes[dimension], 32)
            claim = self._plain_op(instruction, "claim", 0, [index, size])
            claim.name = array.name
        indices: dict[int, Value] = {}
        for dimension, terms in where.moving.items():
            part = array.partitions[dimension]
            bits = max(1, (array.sizes[dimension] - 1).bit_length())
            # What is divided further is used as a number, for which the sign bit has to be 0.
            bits += not part.complete
            index = self._sum(instruction, where.whole[dimension], terms, bits)
            if part.complete:
                indices[dimension] = index
                continue
            turn = Const(part.banks if part.cyclic else part.words, bits)
            over = self._plain_op(instruction, "udiv", bits, [index, turn])
            rest = self._plain_op(instruction, "urem", bits, [index, turn])
            indices[dimension], row = (rest, over) if part.cyclic else (over, rest)
            where.terms.append((factors[dimension], row))
        return _Element(array, where, indices)

    def _word(
        self, instruction: Instruction, element: _Element, bank: dict[int, int]
    ) -> tuple[Memory, Value]:
        """A bank, by dimension, and the address of the element's word in it."""
        memory = element.array.bank(tuple(bank[d] for d in sorted(bank)))
        bits = max(1, (memory.depth - 1).bit_length())
        return memory, self._sum(instruction, element.where.word, element.where.terms, bits)

    def _load_from(self, instruction: Instruction, element: _Element, bank: dict[int, int]) -> Op:
        """The element, if the dimensions in `bank` have these banks."""
        array = element.array
        moving = [dimension for dimension in element.indices if dimension not in bank]
        if not moving:
            memory, word = self._word(instruction, element, bank)
            op = self._plain_op(instruction, "load", array.width, [word])
            op.memory = memory
            return op
        dimension = moving[-1]
        values = [
            self._load_from(instruction, element, bank | {dimension: i})
            for i in range(array.partitions[dimension].banks)
        ]
        return self._nth(instruction, values, element.indices[dimension])

    def _nth(self, instruction: Instruction, values: list[Op], index: Value) -> Op:
        """The value of that number: a tree of choices over the bits of the index."""
        for bit in range(index.width):
            moved = self._plain_op(
                instruction, "lshr", index.width, [index, Const(bit, index.width)]
            )
            odd = self._plain_op(instruction, "trunc", 1, [moved])
            pairs = [values[i : i + 2] for i in range(0, len(values), 2)]
            values = [
                self._plain_op(instruction, "select", pair[0].width, [odd, pair[1], pair[0]])
                if len(pair) == 2
                else pair[0]
                for pair in pairs
            ]
        return values[0]

    def _both(self, instruction: Instruction, chosen: Value | None, index: Value, i: int) -> Value:
        """Whether `chosen` holds and `index` is `i`."""
        equal = self._plain_op(instruction, "eq", 1, [index, Const(i, index.width)])
        if chosen is None:
            return equal
        return self._plain_op(instruction, "and", 1, [chosen, equal])
