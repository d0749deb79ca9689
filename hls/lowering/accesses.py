"""Accesses of a function: loads and stores of LLVM IR as what they are in hardware.

Streams are known by their volatile accesses, m_axi ports by pointer arguments, arrays by their
allocas and globals.
"""

from __future__ import annotations

from hls.errors import InputError
from hls.lowering.arrays import Address, Array, Choice, Structs
from hls.lowering.banks import BankReading
from hls.lowering.ir import Const, Op, Pointer, StreamEnd, Value
from hls.lowering.llvmir import FLAGS, Instruction, Unsupported, split_commas
from hls.lowering.reading import argument_name, width_of

__all__ = ["AccessReading"]

_SIDES = {"TDATA": (0, 1280), "TUSER": (1280, 1536), "TID": (1536, 1792), "TDEST": (1792, 2048)}
_HEAD = 2048
"""Offsets in hls::stream of hls/include/lowering/hls_stream.h: a read at n of an array of _SIDES
says that a beat has n bits of that; then comes `head_`."""


class AccessReading(BankReading):
    """Loads and stores."""

    def _on_load(self, instruction: Instruction) -> None:
        volatile = instruction.rest.startswith("volatile")
        kind, pointer = split_commas(FLAGS.sub("", instruction.rest))[:2]
        width = width_of(kind, instruction)
        address = self._address(pointer.removeprefix("ptr "))
        if volatile:
            self._refuse_volatile(address)
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
        if volatile:
            self._refuse_volatile(address)
        if isinstance(address, Choice) or isinstance(address.base, Array | Structs):
            self._store(instruction, address, value, None)
        elif volatile:
            op = self._op(instruction, "write", 0, [value])
            op.stream = self._stream(str(address.base), width)
            op.stream.writes = True
        else:
            op = self._op(instruction, "put", 0, [self._index(address, width, instruction), value])
            op.pointer = self._pointer(str(address.base))

    # -------------------------------------------------------------- streams

    def _refuse_volatile(self, address: Address | Choice) -> None:
        """Refuse volatile accesses, but those of streams and of the function's own arrays."""
        if isinstance(address, Choice):
            raise Unsupported(
                "a stream that is chosen is not supported; read or write both in an if"
            )
        if not isinstance(address.base, str):
            return
        size = self._function.references.get(address.base)
        if size is None or 0 < size <= _HEAD:
            raise Unsupported(
                f"{argument_name(address.base)} is a volatile pointer or an array of streams, "
                "which is not supported; leave volatile away, or give each stream a name of its own"
            )

    def _stream(self, base: str, width: int) -> StreamEnd:
        if base not in self._streams:
            self._streams[base] = StreamEnd(argument_name(base), width)
            self._process.streams.append(self._streams[base])
        self._streams[base].width = max(width, self._streams[base].width)
        return self._streams[base]

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

    # -------------------------------------------------------------- arrays

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
        return self._load_element(instruction, address, width)

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
        self._store_element(instruction, address, value, chosen)

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

    # -------------------------------------------------------------- memory

    def _pointer(self, base: str) -> Pointer:
        name = argument_name(base)
        found = next((p for p in self._process.pointers if p.name == name), None)
        if found is None:
            found = Pointer(name)
            self._process.pointers.append(found)
        return found

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
