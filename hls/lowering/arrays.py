"""Arrays: byte addresses back to array indices, and partitioning into banks.

LLVM addresses an array by bytes: constant + sum(stride * index). Dimensions that a pragma
partitions completely must come out as constants (the index selects a bank); the others form the
address within the bank. One bank is one memory of the hardware.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hls.errors import InputError
from hls.lowering.ir import Memory, Value

__all__ = ["Address", "Array", "Choice", "Location", "Structs"]


@dataclass
class Address:
    """A byte address: `constant` + the sum of stride * value over `terms`."""

    base: object
    constant: int = 0
    terms: list[tuple[int, Value]] = field(default_factory=list)

    def plus(self, constant: int, terms: list[tuple[int, Value]]) -> Address:
        """The address moved on."""
        return Address(self.base, self.constant + constant, [*self.terms, *terms])


@dataclass
class Choice:
    """One of two addresses: LLVM makes this of an index with two values."""

    condition: Value
    then: Address | Choice
    other: Address | Choice

    def plus(self, constant: int, terms: list[tuple[int, Value]]) -> Choice:
        """Both moved on."""
        then, other = (a.plus(constant, terms) for a in (self.then, self.other))
        return Choice(self.condition, then, other)


@dataclass
class Location:
    """An address as indices: bank indices (by dimension) and the word in the bank.

    A bank index is fixed[d] + sum(factor * value over moving[d]), the word is word + the sum over
    `terms`.
    """

    fixed: dict[int, int]
    moving: dict[int, list[tuple[int, Value]]]
    word: int
    terms: list[tuple[int, Value]]
    claims: dict[int, tuple[int, list[tuple[int, Value]]]]
    """By dimension, the index that has to stay within it: a constant and (factor, value) terms."""


@dataclass(eq=False)
class Array:
    """An array of the program: `sizes` by dimension, elements of `width` bits in `stride` bytes."""

    name: str
    sizes: list[int]
    width: int
    stride: int
    values: list[int] | None
    complete: set[int] = field(default_factory=set)
    """Dimensions (from 0) that are partitioned completely."""
    distance: int = 1
    storage: str = ""
    banks: dict[tuple[int, ...], Memory] = field(default_factory=dict)

    def strides(self) -> list[int]:
        """Bytes between neighbours in each dimension."""
        result, step = [], self.stride
        for size in reversed(self.sizes):
            result.append(step)
            step *= size
        return result[::-1]

    def locate(self, address: Address, place: str) -> Location:
        """Where an address lies.

        Raises:
            InputError: it points into the middle of an element.
        """
        strides = self.strides()
        rest = address.constant
        indices = []
        for stride in strides:
            indices.append(rest // stride)
            rest %= stride
        if rest:
            raise InputError(f"{place}: {self.name} is accessed in the middle of an element")
        factors = self._word_factors()
        word = sum(i * factors[d] for d, i in enumerate(indices) if d not in self.complete)
        terms: list[tuple[int, Value]] = []
        moving: dict[int, list[tuple[int, Value]]] = {}
        inner: dict[int, list[tuple[int, Value]]] = {}
        for stride, value in address.terms:
            dimension = next((d for d, s in enumerate(strides) if stride % s == 0), None)
            if dimension is None:
                raise InputError(f"{place}: {self.name} is accessed in the middle of an element")
            times = stride // strides[dimension]
            inner.setdefault(dimension, []).append((times, value))
            if dimension in self.complete:
                moving.setdefault(dimension, []).append((times, value))
            else:
                terms.append((times * factors[dimension], value))
        fixed = {d: i for d, i in enumerate(indices) if d in self.complete}
        # An index that left its dimension would be another index of the dimension outside. Of the
        # outermost one C++ itself demands that it stays within.
        claims = {
            d: (indices[d], parts)
            for d, parts in inner.items()
            if d and (d in self.complete or any(c < d for c in self.complete))
        }
        return Location(fixed, moving, word, terms, claims)

    def _word_factors(self) -> list[int]:
        factors, step = [0] * len(self.sizes), 1
        for d in reversed(range(len(self.sizes))):
            if d not in self.complete:
                factors[d] = step
                step *= self.sizes[d]
        return factors

    def bank(self, index: tuple[int, ...]) -> Memory:
        """The memory of a bank; `index` has the indices of the partitioned dimensions."""
        if index not in self.banks:
            kept = [size for d, size in enumerate(self.sizes) if d not in self.complete]
            depth = 1
            for size in kept:
                depth *= size
            name = "_".join([self.name, *map(str, index)])
            initial = None if self.values is None else self._initial(index)
            self.banks[index] = Memory(
                name, self.width, depth, initial, distance=self.distance, storage=self.storage
            )
        return self.banks[index]

    def _initial(self, bank: tuple[int, ...]) -> list[int]:
        assert self.values is not None
        fixed = iter(bank)
        ranges = [
            [next(fixed)] if d in self.complete else range(size)
            for d, size in enumerate(self.sizes)
        ]
        words = [0]
        strides: list[int] = []
        step = 1
        for size in reversed(self.sizes):
            strides.insert(0, step)
            step *= size
        for stride, indices in zip(strides, ranges, strict=True):
            words = [base + i * stride for base in words for i in indices]
        return [self.values[word] for word in words]


@dataclass(eq=False)
class Structs:
    """An array of structs of `size` bytes: an array for each member, by its offset in bytes."""

    name: str
    size: int
    members: dict[int, Array]

    def member(self, address: Address, place: str) -> Address:
        """The address within the array of the member that it points to.

        Raises:
            InputError: it points to no member.
        """
        offset = address.constant % self.size
        if offset not in self.members or any(step % self.size for step, _ in address.terms):
            raise InputError(
                f"{place}: {self.name} is accessed in the middle of a struct's member; use structs "
                "of integers, without arrays in them"
            )
        return Address(self.members[offset], address.constant - offset, address.terms)
