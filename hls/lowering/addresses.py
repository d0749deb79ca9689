"""Addresses of a function: arrays with their banks, streams, and pointers to memory.

Streams are known by their volatile accesses, m_axi ports by pointer arguments, arrays by their
allocas and globals.
"""

from __future__ import annotations

import re

from hls.errors import InputError
from hls.lowering.arrays import Address, Array, Choice, Location, Structs, variable_of
from hls.lowering.initializers import initial_values, split_type
from hls.lowering.ir import Const, Memory, Op, Pointer, StreamEnd, Value
from hls.lowering.llvmir import FLAGS, Instruction, Unsupported, split_commas
from hls.lowering.reading import Reading, argument_name, width_of
from hls.lowering.symbols import plain_name, variable_name

__all__ = ["AddressReading"]

_SIDES = {"TDATA": (0, 1280), "TUSER": (1280, 1536), "TID": (1536, 1792), "TDEST": (1792, 2048)}
_HEAD = 2048
"""Offsets in hls::stream of hls/include/lowering/hls_stream.h: a read at n of an array of _SIDES
says that a beat has n bits of that; then comes `head_`."""


class AddressReading(Reading):
    """Declarations, addresses, loads and stores."""

    def _stream(self, base: str, width: int) -> StreamEnd:
        if base not in self._streams:
            self._streams[base] = StreamEnd(argument_name(base), width)
            self._process.streams.append(self._streams[base])
        self._streams[base].width = max(width, self._streams[base].width)
        return self._streams[base]

    def _pointer(self, base: str) -> Pointer:
        name = argument_name(base)
        found = next((p for p in self._process.pointers if p.name == name), None)
        if found is None:
            found = Pointer(name)
            self._process.pointers.append(found)
        return found

    def _declare(self, name: str, plain: str, kind: str, values: list[int] | None) -> None:
        layout = self._module.layout
        sizes, element = layout.dimensions(kind)
        count = sum(other.name.split("__")[0] == plain for other in self._arrays.values())
        unique = f"{plain}__{count}" if count else plain
        if re.fullmatch(r"i\d+", element):
            stride = layout.size(element)
            array = Array(unique, sizes or [1], int(element[1:]), stride, values)
            array.obey(self._marks, name)
            self._arrays[name] = array
            self._addresses[name] = Address(array)
            return
        # An array of structs is an array of each member.
        size = layout.size(element)
        leaves = layout.leaves(element)
        members = {}
        for number, (offset, leaf) in enumerate(leaves):
            own = None if values is None else values[number :: len(leaves)]
            width = int(leaf[1:])
            member = Array(f"{unique}_{number}", sizes or [1], width, size, own)
            member.obey(self._marks, name)
            self._arrays[f"{name}.{number}"] = members[offset] = member
        self._addresses[name] = Address(Structs(unique, size, members))

    def _global(self, name: str) -> None:
        if name not in self._module.globals:
            raise Unsupported(
                f"a pointer to the function {plain_name(name)} is not supported; call it by name"
            )
        variable = self._module.globals[name]
        kind, rest = split_type(variable.text)
        values = initial_values(kind, rest, self._module.layout)
        local = name.startswith("__const.")
        plain = variable_of(name) if local else variable_name(name, self._function.name)
        self._declare("@" + name, plain, kind, values)

    # -------------------------------------------------------------- addresses

    def _address(self, text: str) -> Address | Choice:
        text = FLAGS.sub("", text).strip()
        if text.startswith("getelementptr"):
            inner = text[text.index("(") + 1 : text.rindex(")")]
            return self._element(inner)
        if text.startswith("@"):
            if text not in self._arrays:
                self._global(text[1:])
            return self._addresses[text]
        name = text.strip('%"')
        if name not in self._addresses:
            raise Unsupported(f"address {text} is not supported")
        return self._addresses[name]

    def _element(self, text: str) -> Address | Choice:
        """Getelementptr's operands: type, ptr base, indices."""
        kind, base, *indices = split_commas(FLAGS.sub("", text))
        address = self._address(base.removeprefix("ptr "))
        constant, terms = 0, []
        for stride, index in self._module.layout.strides(kind, indices):
            index_kind, value = index.split(" ", 1)
            if re.fullmatch(r"-?\d+", value):
                constant += stride * int(value)
            else:
                index_value = self._value(value, int(index_kind[1:]))
                picked = _picked(index_value)
                if picked is None:
                    terms.append(self._unscaled(stride, index_value, value))
                    continue
                bit, then, other = picked
                address = Choice(
                    bit, address.plus(stride * then, []), address.plus(stride * other, [])
                )
        return address.plus(constant, terms)

    def _unscaled(self, stride: int, value: Value, text: str) -> tuple[int, Value]:
        """LLVM may hide a stride in the index: 1 * (i << 2) is 4 * i."""
        multiple = self._pointees.multiple(text)
        zeros = (multiple & -multiple).bit_length() - 1 if multiple else 0
        zeros = max(zeros, _trailing_zeros(value))
        if not zeros:
            return stride, value
        shifted = Op("lshr", value.width, [value, Const(zeros, value.width)], self._name("index"))
        self._block.ops.append(shifted)
        return stride << zeros, shifted

    def _on_alloca(self, instruction: Instruction) -> None:
        kind, *rest = split_commas(instruction.rest)
        if rest and not re.match(r"align|i\d+ 1$", rest[0]):
            raise InputError(
                f"{instruction.place}: the size of array {instruction.result} is not constant; "
                "give it the largest size"
            )
        self._declare(instruction.result, variable_of(instruction.result), kind, None)

    def _on_getelementptr(self, instruction: Instruction) -> None:
        self._addresses[instruction.result] = self._element(instruction.rest)

    # -------------------------------------------------------------- accesses

    def _on_load(self, instruction: Instruction) -> None:
        volatile = instruction.rest.startswith("volatile")
        kind, pointer = split_commas(FLAGS.sub("", instruction.rest))[:2]
        width = width_of(kind, instruction)
        address = self._address(pointer.removeprefix("ptr "))
        if volatile and isinstance(address, Choice):
            raise Unsupported("a stream that is chosen is not supported; read both in an if")
        if isinstance(address, Choice) or isinstance(address.base, Array | Structs):
            value = self._load(instruction, address, width, None)
            source = address if isinstance(address, Address) else address.then
            while isinstance(source, Choice):
                source = source.then
            array = getattr(source.base, "name", "array")
            value.name = self._name(instruction.result, f"{array}_word")
            self._values[instruction.result] = value
        elif volatile:
            self._stream_load(instruction, address, width)
        else:
            op = self._op(instruction, "fetch", width, [self._index(address, width, instruction)])
            op.pointer = self._pointer(str(address.base))

    def _on_store(self, instruction: Instruction) -> None:
        volatile = instruction.rest.startswith("volatile")
        source, pointer = split_commas(FLAGS.sub("", instruction.rest))[:2]
        kind, text = source.split(" ", 1)
        width = width_of(kind, instruction)
        value = self._value(text, width)
        address = self._address(pointer.removeprefix("ptr "))
        if volatile and isinstance(address, Choice):
            raise Unsupported("a stream that is chosen is not supported; write both in an if")
        if isinstance(address, Choice) or isinstance(address.base, Array | Structs):
            self._store(instruction, address, value, None)
        elif volatile:
            op = self._op(instruction, "write", 0, [value])
            op.stream = self._stream(str(address.base), width)
            op.stream.writes = True
        else:
            op = self._op(instruction, "put", 0, [self._index(address, width, instruction), value])
            op.pointer = self._pointer(str(address.base))

    def _stream_load(self, instruction: Instruction, address: Address, width: int) -> None:
        base = str(address.base)
        if address.constant < _HEAD:
            name, first = next((n, low) for n, (low, high) in _SIDES.items()
                               if low <= address.constant < high)  # fmt: skip
            self._stream(base, 0).sides[name] = address.constant - first
            return
        if address.constant == _HEAD:
            op = self._op(instruction, "read", width, [])
            op.name = self._name(instruction.result, f"{argument_name(base)}_word")
            op.stream = self._stream(base, width)
            op.stream.reads = True
            return
        flag = "empty" if address.constant % 2 == 0 else "full"
        status = Op(flag, 1, [], self._name(flag), instruction.line, stream=self._stream(base, 0))
        self._block.ops.append(status)
        self._op(instruction, "zext", width, [status])

    def _load(
        self,
        instruction: Instruction,
        address: Address | Choice,
        width: int,
        chosen: Value | None,
    ) -> Op:
        if isinstance(address, Choice):
            then, other = (
                self._load(instruction, side, width, bit)
                for side, bit in self._sides(instruction, address, chosen)
            )
            return self._plain_op(instruction, "select", width, [address.condition, then, other])
        if isinstance(address.base, str):
            # Memory is only asked for what is wanted.
            index = self._index(address, width, instruction)
            op = self._plain_op(instruction, "fetch", width, [index])
            op.pointer, op.predicate = self._pointer(address.base), chosen
            return op
        pieces = _pieces(address, width)
        if pieces:
            total: Op | None = None
            for low, piece, bits in pieces:
                part = self._load(instruction, piece, bits, chosen)
                wide = self._plain_op(instruction, "zext", width, [part])
                by = Const(low, width)
                moved = self._plain_op(instruction, "shl", width, [wide, by]) if low else wide
                total = (
                    moved
                    if total is None
                    else (self._plain_op(instruction, "or", width, [total, moved]))
                )
            assert total is not None
            return total
        array, where, indices = self._locate(instruction, address, width)
        return self._load_from(instruction, array, where, indices, where.fixed)

    def _store(
        self,
        instruction: Instruction,
        address: Address | Choice,
        value: Value,
        chosen: Value | None,
    ) -> None:
        if isinstance(address, Choice):
            for side, bit in self._sides(instruction, address, chosen):
                self._store(instruction, side, value, bit)
            return
        if isinstance(address.base, str):
            index = self._index(address, value.width, instruction)
            op = self._plain_op(instruction, "put", 0, [index, value])
            op.pointer, op.predicate = self._pointer(address.base), chosen
            return
        pieces = _pieces(address, value.width)
        if pieces:
            for low, piece, bits in pieces:
                by = Const(low, value.width)
                moved = self._plain_op(instruction, "lshr", value.width, [value, by])
                part = self._plain_op(instruction, "trunc", bits, [moved])
                self._store(instruction, piece, part, chosen)
            return
        array, where, indices = self._locate(instruction, address, value.width)
        self._store_to(instruction, array, where, indices, value, chosen)

    def _sides(
        self, instruction: Instruction, address: Choice, chosen: Value | None
    ) -> list[tuple[Address | Choice, Value]]:
        """Both sides of a choice, each with when it is meant, given that the choice is."""
        opposite = self._plain_op(instruction, "xor", 1, [address.condition, Const(1, 1)])
        result: list[tuple[Address | Choice, Value]] = []
        for bit, side in ((address.condition, address.then), (opposite, address.other)):
            both = bit if chosen is None else self._plain_op(instruction, "and", 1, [chosen, bit])
            result.append((side, both))
        return result

    def _locate(
        self, instruction: Instruction, address: Address, width: int
    ) -> tuple[Array, Location, dict[int, Value]]:
        """The array of an address, the place in it, and the values of its moving bank indices."""
        if isinstance(address.base, Structs):
            address = address.base.member(address, f"{instruction.place}")
        array = address.base
        if not isinstance(array, Array) or width != array.width:
            what = f"elements of {array.width} bits" if isinstance(array, Array) else "no array"
            raise InputError(
                f"{instruction.place}: {getattr(array, 'name', array)} has {what}, but {width} "
                "bits are accessed"
            )
        where = array.locate(address, f"{instruction.place}")
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
        return array, where, indices

    # A moving index of a partitioned dimension: all of its banks are reached, one is meant.

    def _bank_access(
        self, instruction: Instruction, array: Array, where: Location, bank: dict[int, int]
    ) -> tuple[Memory, Value]:
        memory = array.bank(tuple(bank[d] for d in sorted(bank)))
        bits = max(1, (memory.depth - 1).bit_length())
        return memory, self._sum(instruction, where.word, where.terms, bits)

    def _store_to(
        self,
        instruction: Instruction,
        array: Array,
        where: Location,
        indices: dict[int, Value],
        value: Value,
        chosen: Value | None,
    ) -> None:
        choices: list[tuple[dict[int, int], Value | None]] = [(where.fixed, chosen)]
        for dimension, index in indices.items():
            choices = [
                (bank | {dimension: i}, self._both(instruction, so_far, index, i))
                for bank, so_far in choices
                for i in range(array.partitions[dimension].banks)
            ]
        for bank, predicate in choices:
            memory, word = self._bank_access(instruction, array, where, bank)
            op = self._plain_op(instruction, "store", 0, [word, value])
            op.memory, op.predicate = memory, predicate
            memory.written = True

    def _load_from(
        self,
        instruction: Instruction,
        array: Array,
        where: Location,
        indices: dict[int, Value],
        bank: dict[int, int],
    ) -> Op:
        if not indices:
            memory, word = self._bank_access(instruction, array, where, bank)
            op = self._plain_op(instruction, "load", array.width, [word])
            op.memory = memory
            return op
        indices = dict(indices)
        dimension, index = indices.popitem()
        values = [
            self._load_from(instruction, array, where, indices, bank | {dimension: i})
            for i in range(array.partitions[dimension].banks)
        ]
        # A tree over the bits of the index
        for bit in range(index.width):
            moved = self._plain_op(
                instruction, "lshr", index.width, [index, Const(bit, index.width)]
            )
            odd = self._plain_op(instruction, "trunc", 1, [moved])
            pairs = [values[i : i + 2] for i in range(0, len(values), 2)]
            values = [
                self._plain_op(instruction, "select", array.width, [odd, p[1], p[0]])
                if len(p) == 2
                else p[0]
                for p in pairs
            ]
        return values[0]

    def _both(self, instruction: Instruction, chosen: Value | None, index: Value, i: int) -> Value:
        """Whether `chosen` holds and `index` is `i`."""
        equal = self._plain_op(instruction, "eq", 1, [index, Const(i, index.width)])
        if chosen is None:
            return equal
        return self._plain_op(instruction, "and", 1, [chosen, equal])

    def _index(self, address: Address, width: int, instruction: Instruction) -> Value:
        """The word address of an access through a pointer, in words of the access."""
        size = width // 8
        if width % 8 or size & (size - 1) or not 8 <= width <= 1024:
            raise InputError(
                f"{instruction.place}: a pointer to words of {width} bits is not supported; "
                "AXI4 has words of 8, 16, 32, ... 1024 bits"
            )
        if address.constant % size or any(stride % size for stride, _ in address.terms):
            raise InputError(f"{instruction.place}: {address.base} is accessed within a word")
        bits = 32 if all(value.width <= 33 for _, value in address.terms) else 60
        terms = [(stride // size, value) for stride, value in address.terms]
        return self._sum(instruction, address.constant // size, terms, bits)


def _pieces(address: Address, width: int) -> list[tuple[int, Address, int]]:
    """The elements that an access of `width` bits covers, if they are several and whole.

    Each is its lowest bit, its address and its bits: LLVM copies small arrays and structs as one
    large integer.
    """
    base = address.base
    if isinstance(base, Array):
        if base.width != 8 * base.stride or width % base.width or width == base.width:
            return []
        return [
            (i * base.width, address.plus(i * base.stride, []), base.width)
            for i in range(width // base.width)
        ]
    if not isinstance(base, Structs) or any(step % base.size for step, _ in address.terms):
        return []
    start = address.constant % base.size
    found = [
        (8 * low, address.plus(low, []), member.width)
        for first in range(0, base.size + width // 8, base.size)
        for offset, member in base.members.items()
        if 0 <= (low := first + offset - start) < width // 8
    ]
    fits = found and found[0][0] == 0 and all(low + bits <= width for low, _, bits in found)
    return found if fits and len(found) > 1 else []


def _picked(value: Value) -> tuple[Value, int, int] | None:
    """The condition and the two values of a choice between constants, or None."""
    if not isinstance(value, Op) or value.kind != "select":
        return None
    bit, then, other = value.args
    if isinstance(then, Const) and isinstance(other, Const):
        return bit, then.signed, other.signed
    return None


def _trailing_zeros(value: Value) -> int:
    """Bits at the bottom that are 0 for certain."""
    if isinstance(value, Const):
        return (value.value & -value.value).bit_length() - 1 if value.value else value.width
    if not isinstance(value, Op):
        return 0
    if value.kind in ("zext", "sext"):
        return _trailing_zeros(value.args[0])
    if value.kind == "shl" and isinstance(value.args[1], Const):
        return min(value.width, value.args[1].value + _trailing_zeros(value.args[0]))
    if value.kind in ("ashr", "lshr") and isinstance(value.args[1], Const):
        return max(0, _trailing_zeros(value.args[0]) - value.args[1].value)
    if value.kind in ("add", "or"):
        return min(_trailing_zeros(value.args[0]), _trailing_zeros(value.args[1]))
    if value.kind == "and":
        return max(_trailing_zeros(value.args[0]), _trailing_zeros(value.args[1]))
    if value.kind == "select":
        return min(_trailing_zeros(value.args[1]), _trailing_zeros(value.args[2]))
    if value.kind == "mul":
        return _trailing_zeros(value.args[0]) + _trailing_zeros(value.args[1])
    return 0
