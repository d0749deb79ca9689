"""Arrays: byte addresses back to array indices, and partitioning into banks.

LLVM addresses an array by bytes: constant + sum(stride * index). A dimension that a pragma
partitions has banks: index i is in bank i % F, word i / F (cyclic; complete is F = size), or in
bank i / B, word i % B (block). What is left forms the address within the bank. One bank is one
memory of the hardware.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from hls.errors import InputError
from hls.lowering.ir import Memory, Value
from hls.lowering.source import Pragma
from hls.lowering.variables import origin_of

__all__ = ["Address", "Array", "Choice", "Location", "Partition", "Structs", "variable_of"]


def variable_of(symbol: str) -> str:
    """What the source calls the array of an alloca, or of a table of its initial values.

    LLVM numbers what it inlines (.i, digits) and what it splits (.sroa.4).
    """
    symbol = symbol.lstrip("@")
    if said := origin_of(symbol)[1]:
        return said.replace(".", "_")
    if symbol.startswith("__const."):
        symbol = next(part for part in reversed(symbol.split(".")) if not part.isdigit())
    plain = re.sub(r"\.(sroa|i)\b.*$", "", symbol)
    return re.sub(r"\d+$", "", plain).replace(".", "_") or "array"


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


_NEVER = 1 << 20


def _promised(pragma: Pragma) -> dict[str, int]:
    """Iterations between accesses of the same word that a DEPENDENCE pragma promises.

    Without a direction it speaks of all three; what it says within an iteration is not needed.
    """
    words = {word.upper() for pair in pragma.options.items() for word in pair}
    if "INTRA" in words:
        return {}
    never = "FALSE" in words and "distance" not in pragma.options
    distance = _NEVER if never else pragma.integer("distance", 1)
    directions = {"RAW", "WAR", "WAW"}
    return dict.fromkeys(sorted(words & directions or directions), distance)


@dataclass
class Location:
    """An address as bank indices (by dimension) and the word in the bank.

    The bank of a partitioned dimension d is fixed[d]; where moving[d] is there, that and the word
    follow from the index whole[d] + sum(factor * value over moving[d]). The word is word + the sum
    over `terms`, and what `moving` adds to it.
    """

    fixed: dict[int, int]
    whole: dict[int, int]
    moving: dict[int, list[tuple[int, Value]]]
    word: int
    terms: list[tuple[int, Value]]
    claims: dict[int, tuple[int, list[tuple[int, Value]]]]
    """By dimension, the index that has to stay within it: a constant and (factor, value) terms."""


@dataclass(frozen=True)
class Partition:
    """How a dimension of `size` is divided: into `banks`, neighbours apart (cyclic) or together."""

    size: int
    banks: int
    cyclic: bool = True

    @property
    def words(self) -> int:
        """Indices that a bank holds."""
        return -(-self.size // self.banks)

    @property
    def complete(self) -> bool:
        """Each index is a bank of its own."""
        return self.banks == self.size

    def place(self, index: int) -> tuple[int, int]:
        """Bank and word of an index."""
        if self.cyclic:
            return index % self.banks, index // self.banks
        return index // self.words, index % self.words

    def index(self, bank: int, word: int) -> int:
        """The index of a word in a bank; it may be beyond the size."""
        return word * self.banks + bank if self.cyclic else bank * self.words + word


@dataclass(eq=False)
class Array:
    """An array of the program: `sizes` by dimension, elements of `width` bits in `stride` bytes."""

    name: str
    sizes: list[int]
    width: int
    stride: int
    values: list[int] | None
    partitions: dict[int, Partition] = field(default_factory=dict)
    """Dimensions (from 0) that are partitioned."""
    distances: dict[str, int] = field(default_factory=dict)
    storage: str = ""
    banks: dict[tuple[int, ...], Memory] = field(default_factory=dict)

    def partition(self, dimension: int, banks: int, *, cyclic: bool = True) -> None:
        """Divide a dimension into banks, at most one for each index."""
        size = self.sizes[dimension]
        self.partitions[dimension] = Partition(size, min(size, banks), cyclic)

    def obey(self, pragmas: Sequence[Pragma], symbol: str) -> None:
        """Do what those of the pragmas ask for that are for the array of LLVM's `symbol`."""
        for pragma in pragmas:
            if origin_of(symbol)[0] not in pragma.targets:
                continue
            if pragma.name == "ARRAY_PARTITION":
                self._divide(pragma)
            elif pragma.name == "DEPENDENCE":
                self.distances |= _promised(pragma)
            elif pragma.name == "BIND_STORAGE":
                self.storage = pragma.options.get("impl", pragma.options.get("type", ""))

    def _divide(self, pragma: Pragma) -> None:
        kinds = {*pragma.options, pragma.options.get("type", "")}
        chosen = pragma.integer("dim", 1)
        for dimension in range(len(self.sizes)) if chosen == 0 else [chosen - 1]:
            if dimension >= len(self.sizes):
                continue  # LLVM made arrays of the rows of this one
            banks = self.sizes[dimension]
            if kinds & {"cyclic", "block"}:
                banks = pragma.integer("factor", 1)
            if banks > 1 or self.sizes[dimension] == 1:
                self.partition(dimension, banks, cyclic="block" not in kinds)

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
        factors = self.word_factors()
        inner: dict[int, list[tuple[int, Value]]] = {}
        for stride, value in address.terms:
            dimension = next((d for d, s in enumerate(strides) if stride % s == 0), None)
            if dimension is None:
                raise InputError(f"{place}: {self.name} is accessed in the middle of an element")
            times = stride // strides[dimension]
            inner.setdefault(dimension, []).append((times, value))
        word, terms = 0, []
        fixed: dict[int, int] = {}
        whole: dict[int, int] = {}
        moving: dict[int, list[tuple[int, Value]]] = {}
        for d, index in enumerate(indices):
            parts, part = inner.get(d, []), self.partitions.get(d)
            if part is None:
                word += index * factors[d]
                terms += [(times * factors[d], value) for times, value in parts]
            elif not parts or (part.cyclic and all(t % part.banks == 0 for t, _ in parts)):
                # Whole turns over the banks do not change the bank.
                fixed[d], row = part.place(index)
                word += row * factors[d]
                terms += [(times // part.banks * factors[d], value) for times, value in parts]
            else:
                whole[d], moving[d] = index, parts
        # An index that left its dimension would be another index of the dimension outside. Of the
        # outermost one C++ itself demands that it stays within.
        claims = {
            d: (indices[d], parts)
            for d, parts in inner.items()
            if d and (d in self.partitions or any(c < d for c in self.partitions))
        }
        return Location(fixed, whole, moving, word, terms, claims)

    def _words(self, dimension: int) -> int:
        part = self.partitions.get(dimension)
        return self.sizes[dimension] if part is None else part.words

    def word_factors(self) -> list[int]:
        """Words of a bank between neighbours of each dimension."""
        factors, step = [0] * len(self.sizes), 1
        for d in reversed(range(len(self.sizes))):
            factors[d] = step
            step *= self._words(d)
        return factors

    def bank(self, index: tuple[int, ...]) -> Memory:
        """The memory of a bank; `index` has the indices of the partitioned dimensions."""
        if index not in self.banks:
            depth = math.prod(self._words(d) for d in range(len(self.sizes)))
            name = "_".join([self.name, *map(str, index)])
            initial = None if self.values is None else self._initial(index)
            self.banks[index] = Memory(
                name, self.width, depth, initial, distances=self.distances, storage=self.storage
            )
        return self.banks[index]

    def _initial(self, bank: tuple[int, ...]) -> list[int]:
        assert self.values is not None
        banks = dict(zip(sorted(self.partitions), bank, strict=True))
        indices = [
            [self.partitions[d].index(banks[d], w) if d in banks else w
             for w in range(self._words(d))]
            for d in range(len(self.sizes))
        ]  # fmt: skip
        return [self._initial_at(place) for place in itertools.product(*indices)]

    def _initial_at(self, place: tuple[int, ...]) -> int:
        """An element; 0 behind the end of a dimension that its banks do not divide."""
        assert self.values is not None
        at = 0
        for index, size in zip(place, self.sizes, strict=True):
            if index >= size:
                return 0
            at = at * size + index
        return self.values[at]


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
