"""One function of LLVM IR -> a process: its blocks, operations, arrays and streams.

What is not supported stops here, with its line. Streams are known by their volatile accesses,
m_axi ports by pointer arguments, arrays by their allocas and globals.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from hls.errors import InputError
from hls.lowering.arrays import Address, Array, Choice, Location, Structs
from hls.lowering.initializers import initial_values, split_type
from hls.lowering.ir import Block, Const, Input, Memory, Op, Pointer, Process, StreamEnd, Value
from hls.lowering.llvmir import Function, Instruction, Module, split_commas
from hls.lowering.names import legal_name
from hls.lowering.source import MARKER, Pragma

__all__ = ["FunctionReader", "argument_name", "marks", "plain_name"]

_BINARY = {"add", "sub", "mul", "and", "or", "xor", "shl", "lshr", "ashr",
           "udiv", "sdiv", "urem", "srem"}  # fmt: skip
_COMPARE = {
    "eq": ("eq", False), "ne": ("ne", False), "ult": ("ult", False), "ule": ("ule", False),
    "slt": ("slt", False), "sle": ("sle", False), "ugt": ("ult", True), "uge": ("ule", True),
    "sgt": ("slt", True), "sge": ("sle", True),
}  # fmt: skip
_SIDES = {"TDATA": (0, 1280), "TUSER": (1280, 1536), "TID": (1536, 1792), "TDEST": (1792, 2048)}
_HEAD = 2048
"""Offsets in hls::stream of hls/include/lowering/hls_stream.h: a read at n of an array of _SIDES
says that a beat has n bits of that; then comes `head_`."""

_TRACES = frozenset(
    ["sroa", "i", "fca", "load", "addr", "coerce", "copyload", "lcssa", "not", "mask", "masked",
     "off", "insert", "ext", "extract", "shift", "trunc", "loadedv", "storedv", "conv", "idxprom",
     "spec", "select", "cond", "tmp"]
)  # fmt: skip
"""Words in LLVM's names that are not of the source."""

_FLAGS = re.compile(
    r"\b(?:nuw|nsw|exact|disjoint|nneg|samesign|inbounds|nusw|fast|volatile|noundef) "
)


def plain_name(symbol: str) -> str:
    """The source name of a mangled function or variable."""
    if symbol.startswith("_ZZ"):
        # A static variable of a function: its own name comes last, after E and its length.
        for local in re.finditer(r"E(\d+)(?=(\w+?)(?:_\d+|__\d+_)?$)", symbol):
            if int(local[1]) == len(local[2]):
                return local[2]
    found = re.match(r"_ZL?(\d+)", symbol)
    if found is None:
        return re.sub(r"\W", "_", symbol)
    return symbol[found.end() : found.end() + int(found[1])]


def marks(function: Function) -> list[int]:
    """Numbers of the pragmas in a function."""
    return [
        int(found[1])
        for block in function.blocks.values()
        for instruction in block
        if (found := re.search(rf"@{MARKER}\(i32 (?:noundef )?(\d+)\)", instruction.rest))
    ]


def argument_name(name: str) -> str:
    """Scalars that travel in an object are called `frames.coerce` by clang."""
    return re.sub(r"\.coerce\d*$", "", name).replace(".", "_")


class FunctionReader:
    """Reads one function into a process."""

    def __init__(self, module: Module, function: Function, pragmas: list[Pragma]) -> None:
        self._module = module
        self._function = function
        self._pragmas = pragmas
        self._process = Process(legal_name(plain_name(function.name)), file=function.file)
        self._values: dict[str, Value] = {}
        self._addresses: dict[str, Address | Choice] = {}
        self._arrays: dict[str, Array] = {}
        self._streams: dict[str, StreamEnd] = {}
        self._phis: list[tuple[Op, Instruction]] = []
        self._block = Block("")
        self._taken: dict[str, int] = {}
        self._marks = [pragmas[n] for n in marks(function)]

    def process(self) -> Process:
        """The process."""
        self._read_parameters()
        self._process.blocks = {name: Block(name) for name in self._function.blocks}
        for name in self._order():
            self._block = self._process.blocks[name]
            for instruction in self._function.blocks[name]:
                self._instruction(instruction)
        self._link()
        for array in self._arrays.values():
            self._process.memories += array.banks.values()
        return self._process

    def _order(self) -> list[str]:
        """The blocks, each behind those that are on every way to it: values before their uses."""
        following = {
            name: re.findall(r'label %("[^"]+"|[\w.$-]+)', instructions[-1].rest)
            for name, instructions in self._function.blocks.items()
        }
        entry = next(iter(following))
        seen, result = {entry}, []
        stack = [(entry, iter(following[entry]))]
        while stack:
            name, targets = stack[-1]
            target = next(targets, None)
            if target is None:
                result.append(name)
                stack.pop()
            elif (plain := target.strip('"')) not in seen:
                seen.add(plain)
                stack.append((plain, iter(following[plain])))
        return result[::-1]

    # -------------------------------------------------------------- parameters and arrays

    def _read_parameters(self) -> None:
        for kind, name in self._function.parameters:
            plain = argument_name(name)
            if kind == "ptr":
                self._addresses[name] = Address(name)
            else:
                value = Input(legal_name(plain), int(kind[1:]))
                self._process.inputs.append(value)
                self._values[name] = value

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
            self._bind(array, plain)
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
            self._bind(member, plain)
            self._arrays[f"{name}.{number}"] = members[offset] = member
        self._addresses[name] = Address(Structs(unique, size, members))

    def _bind(self, array: Array, plain: str) -> None:
        """Do to an array what pragmas ask for the variable `plain`, or for its member."""
        for pragma in self._marks:
            if pragma.options.get("variable", "").partition(".")[0] != plain:
                continue
            if pragma.name == "ARRAY_PARTITION" and "complete" in {
                *pragma.options,
                pragma.options.get("type", "complete"),
            }:
                dimension = pragma.integer("dim", 1)
                array.complete |= {dimension - 1} if dimension else set(range(len(array.sizes)))
            elif pragma.name == "DEPENDENCE":
                array.distance = pragma.integer("distance", 1)
            elif pragma.name == "BIND_STORAGE":
                array.storage = pragma.options.get("impl", pragma.options.get("type", ""))

    def _global(self, name: str) -> None:
        if name not in self._module.globals:
            raise InputError(
                f"{self._process.name}: a pointer to the function {plain_name(name)} is not "
                "supported; call it by name"
            )
        variable = self._module.globals[name]
        kind, rest = split_type(variable.text)
        values = initial_values(kind, rest, self._module.layout)
        self._declare("@" + name, plain_name(name), kind, values)

    # -------------------------------------------------------------- operands

    def _value(self, text: str, width: int) -> Value:
        text = _FLAGS.sub("", text).strip()
        if text in ("undef", "poison", "zeroinitializer", "null", "false"):
            return Const(0, width)
        if text == "true":
            return Const(1, width)
        if re.fullmatch(r"-?\d+", text):
            return Const(int(text) % (1 << width), width)
        name = text.strip('%"')
        if name not in self._values:
            raise InputError(f"{self._process.name}: value {text} cannot be used here")
        return self._values[name]

    def _address(self, text: str) -> Address | Choice:
        text = _FLAGS.sub("", text).strip()
        if text.startswith("getelementptr"):
            inner = text[text.index("(") + 1 : text.rindex(")")]
            return self._element(inner)
        if text.startswith("@"):
            if text not in self._arrays:
                self._global(text[1:])
            return self._addresses[text]
        name = text.strip('%"')
        if name not in self._addresses:
            raise InputError(f"{self._process.name}: address {text} is not supported")
        return self._addresses[name]

    def _element(self, text: str) -> Address | Choice:
        """Getelementptr's operands: type, ptr base, indices."""
        kind, base, *indices = split_commas(_FLAGS.sub("", text))
        address = self._address(base.removeprefix("ptr "))
        layout = self._module.layout
        constant, terms = 0, []
        for position, index in enumerate(indices):
            index_kind, value = index.split(" ", 1)
            if position == 0:
                stride = layout.size(kind)
            elif kind.startswith("["):
                kind = re.fullmatch(r"\[(\d+) x (.*)\]", kind)[2]  # type: ignore[index]
                stride = layout.size(kind)
            else:
                body = layout.body(kind) if kind.startswith("%") else kind
                constant += layout.offsets(body)[int(value)]
                kind = layout.fields(body)[int(value)]
                continue
            if re.fullmatch(r"-?\d+", value):
                constant += stride * int(value)
            else:
                index_value = self._value(value, int(index_kind[1:]))
                picked = _picked(index_value)
                if picked is None:
                    terms.append(self._unscaled(stride, index_value))
                    continue
                bit, then, other = picked
                address = Choice(
                    bit, address.plus(stride * then, []), address.plus(stride * other, [])
                )
        return address.plus(constant, terms)

    def _unscaled(self, stride: int, value: Value) -> tuple[int, Value]:
        """LLVM may hide a stride in the index: 1 * (i << 2) is 4 * i."""
        zeros = _trailing_zeros(value)
        if not zeros:
            return stride, value
        shifted = Op("lshr", value.width, [value, Const(zeros, value.width)], self._name("index"))
        self._block.ops.append(shifted)
        return stride << zeros, shifted

    # -------------------------------------------------------------- instructions

    def _instruction(self, instruction: Instruction) -> None:
        handler: Callable[[Instruction], None] | None
        if instruction.opcode in _BINARY:
            handler = self._binary
        else:
            handler = getattr(self, f"_on_{instruction.opcode}", None)
        if handler is None:
            raise InputError(
                f"line {instruction.line}: LLVM {instruction.opcode} in {self._process.name} "
                "is not supported"
            )
        handler(instruction)

    def _op(self, instruction: Instruction, kind: str, width: int, args: list[Value]) -> Op:
        name = self._name(instruction.result, kind)
        op = Op(kind, width, args, name, instruction.line)
        self._block.ops.append(op)
        if instruction.result:
            self._values[instruction.result] = op
        return op

    def _name(self, result: str, otherwise: str = "value") -> str:
        """A readable name, made unique by a number.

        That is LLVM's, which begins with the variable's, without the traces of inlining and of the
        splitting of aggregates; or `otherwise` if nothing of it is left.
        """
        parts = [re.sub(r"\d+$", "", part) for part in re.split(r"[^A-Za-z0-9]+", result)]
        named = [part for part in parts if part and part not in _TRACES]
        plain = "_".join(named).strip("_")
        if not plain or plain[0].isdigit():
            plain = otherwise
        self._taken[plain] = self._taken.get(plain, -1) + 1
        return f"{plain}_{self._taken[plain]}"

    def _binary(self, instruction: Instruction) -> None:
        kind, rest = _FLAGS.sub("", instruction.rest).split(" ", 1)
        width = _width(kind, instruction)
        left, right = split_commas(rest)
        args = [self._value(left, width), self._value(right, width)]
        self._op(instruction, instruction.opcode, width, args)

    def _on_icmp(self, instruction: Instruction) -> None:
        words = _FLAGS.sub("", instruction.rest).split(" ", 2)
        kind, swap = _COMPARE[words[0]]
        width = _width(words[1], instruction)
        left, right = (self._value(text, width) for text in split_commas(words[2]))
        self._op(instruction, kind, 1, [right, left] if swap else [left, right])

    def _on_select(self, instruction: Instruction) -> None:
        condition, then, other = split_commas(_FLAGS.sub("", instruction.rest))
        if then.startswith("ptr "):
            first, second = (self._address(text.removeprefix("ptr ")) for text in (then, other))
            bit = self._value(condition.split()[1], 1)
            self._addresses[instruction.result] = Choice(bit, first, second)
            return
        width = _width(then.split()[0], instruction)
        args = [self._value(condition.split()[1], 1)]
        args += [self._value(text.split(" ", 1)[1], width) for text in (then, other)]
        self._op(instruction, "select", width, args)

    def _cast(self, instruction: Instruction) -> None:
        source, target = _FLAGS.sub("", instruction.rest).split(" to ")
        kind, value = source.split(" ", 1)
        operand = self._value(value, _width(kind, instruction))
        self._op(instruction, instruction.opcode, _width(target, instruction), [operand])

    _on_zext = _on_sext = _on_trunc = _cast

    def _on_freeze(self, instruction: Instruction) -> None:
        kind, value = instruction.rest.split(" ", 1)
        self._values[instruction.result] = self._value(value, _width(kind, instruction))

    def _on_phi(self, instruction: Instruction) -> None:
        width = _width(instruction.rest.split(" ", 1)[0], instruction)
        op = Op("phi", width, [], self._name(instruction.result, "phi"), instruction.line)
        self._block.phis.append(op)
        self._values[instruction.result] = op
        self._phis.append((op, instruction))

    def _on_alloca(self, instruction: Instruction) -> None:
        kind, *rest = split_commas(instruction.rest)
        if rest and not re.match(r"align|i\d+ 1$", rest[0]):
            raise InputError(
                f"line {instruction.line}: the size of array {instruction.result} is not constant; "
                "give it the largest size"
            )
        # LLVM numbers what it inlines (.i, digits) and what it splits (.sroa.4).
        plain = re.sub(r"\.(sroa|i)\b.*$", "", instruction.result)
        plain = re.sub(r"\d+$", "", plain).replace(".", "_") or "array"
        self._declare(instruction.result, plain, kind, None)

    def _on_getelementptr(self, instruction: Instruction) -> None:
        self._addresses[instruction.result] = self._element(instruction.rest)

    def _on_load(self, instruction: Instruction) -> None:
        volatile = instruction.rest.startswith("volatile")
        kind, pointer = split_commas(_FLAGS.sub("", instruction.rest))[:2]
        width = _width(kind, instruction)
        address = self._address(pointer.removeprefix("ptr "))
        if isinstance(address, Choice) or isinstance(address.base, Array | Structs):
            value = self._load(instruction, address, width)
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
        source, pointer = split_commas(_FLAGS.sub("", instruction.rest))[:2]
        kind, text = source.split(" ", 1)
        width = _width(kind, instruction)
        value = self._value(text, width)
        address = self._address(pointer.removeprefix("ptr "))
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

    def _load(self, instruction: Instruction, address: Address | Choice, width: int) -> Op:
        if isinstance(address, Choice):
            then = self._load(instruction, address.then, width)
            other = self._load(instruction, address.other, width)
            return self._plain_op(instruction, "select", width, [address.condition, then, other])
        pieces = _pieces(address, width)
        if len(pieces) > 1:
            # Several elements at once, the first one lowest
            total: Op | None = None
            for i, piece in enumerate(pieces):
                part = self._load(instruction, piece, width // len(pieces))
                wide = self._plain_op(instruction, "zext", width, [part])
                by = Const(i * part.width, width)
                moved = self._plain_op(instruction, "shl", width, [wide, by]) if i else wide
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
            opposite = self._plain_op(instruction, "xor", 1, [address.condition, Const(1, 1)])
            for bit, side in ((address.condition, address.then), (opposite, address.other)):
                both = (
                    bit
                    if chosen is None
                    else (self._plain_op(instruction, "and", 1, [chosen, bit]))
                )
                self._store(instruction, side, value, both)
            return
        pieces = _pieces(address, value.width)
        if len(pieces) > 1:
            width = value.width // len(pieces)
            for i, piece in enumerate(pieces):
                by = Const(i * width, value.width)
                moved = self._plain_op(instruction, "lshr", value.width, [value, by])
                part = self._plain_op(instruction, "trunc", width, [moved])
                self._store(instruction, piece, part, chosen)
            return
        array, where, indices = self._locate(instruction, address, value.width)
        self._store_to(instruction, array, where, indices, value, chosen)

    def _locate(
        self, instruction: Instruction, address: Address, width: int
    ) -> tuple[Array, Location, dict[int, Value]]:
        """The array of an address, the place in it, and the values of its moving bank indices."""
        if isinstance(address.base, Structs):
            address = address.base.member(address, f"line {instruction.line}")
        array = address.base
        if not isinstance(array, Array) or width != array.width:
            what = f"elements of {array.width} bits" if isinstance(array, Array) else "no array"
            raise InputError(
                f"line {instruction.line}: {getattr(array, 'name', array)} has {what}, but {width} "
                "bits are accessed"
            )
        where = array.locate(address, f"line {instruction.line}")
        for dimension, (constant, terms) in where.claims.items():
            index = self._sum(instruction, constant, terms, 32)
            size = Const(array.sizes[dimension], 32)
            claim = self._plain_op(instruction, "claim", 0, [index, size])
            claim.name = array.name
        indices = {
            dimension: self._sum(instruction, where.fixed[dimension], terms,
                                 max(1, (array.sizes[dimension] - 1).bit_length()))
            for dimension, terms in where.moving.items()
        }  # fmt: skip
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
                for i in range(array.sizes[dimension])
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
            for i in range(array.sizes[dimension])
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
                f"line {instruction.line}: a pointer to words of {width} bits is not supported; "
                "AXI4 has words of 8, 16, 32, ... 1024 bits"
            )
        if address.constant % size or any(stride % size for stride, _ in address.terms):
            raise InputError(f"line {instruction.line}: {address.base} is accessed within a word")
        bits = 32 if all(value.width <= 33 for _, value in address.terms) else 60
        terms = [(stride // size, value) for stride, value in address.terms]
        return self._sum(instruction, address.constant // size, terms, bits)

    def _sum(
        self, instruction: Instruction, constant: int, terms: list[tuple[int, Value]], width: int
    ) -> Value:
        """Constant + sum(factor * value), modulo 2^width, as operations of the block."""
        total: Value = Const(constant % (1 << width), width)
        for factor, value in terms:
            term = self._resized(instruction, value, width)
            if factor != 1:
                term = self._plain_op(instruction, "mul", width, [term, Const(factor, width)])
            if isinstance(total, Const) and total.value == 0:
                total = term
            else:
                total = self._plain_op(instruction, "add", width, [total, term])
        return total

    def _resized(self, instruction: Instruction, value: Value, width: int) -> Value:
        if value.width == width:
            return value
        if isinstance(value, Const):
            return Const(value.signed % (1 << width), width)
        kind = "trunc" if value.width > width else "sext"
        return self._plain_op(instruction, kind, width, [value])

    def _plain_op(self, instruction: Instruction, kind: str, width: int, args: list[Value]) -> Op:
        op = Op(kind, width, args, self._name("address"), instruction.line)
        self._block.ops.append(op)
        return op

    # -------------------------------------------------------------- calls and terminators

    def _on_call(self, instruction: Instruction) -> None:
        found = re.search(r"@([\w.$]+)\((.*)\)", instruction.rest)
        if found is None:
            raise InputError(
                f"line {instruction.line}: an indirect call or inline assembly is not supported; "
                "call functions by name"
            )
        name, arguments = found[1], split_commas(found[2])
        if name == MARKER:
            number = int(arguments[0].split()[-1])
            if number not in self._block.pragmas:
                self._block.pragmas.append(number)
            return
        if name.startswith(("llvm.mem",)):
            raise InputError(
                f"line {instruction.line}: an array is filled or copied as a whole, which is not "
                "supported; do it in a loop over its elements"
            )
        if name.startswith(
            ("llvm.lifetime", "llvm.assume", "llvm.dbg", "llvm.experimental.noalias")
        ):
            return
        intrinsic = re.fullmatch(r"llvm\.(\w+(?:\.sat)?)\.i(\d+)", name)
        if intrinsic is None or f"_call_{intrinsic[1].replace('.', '_')}" not in dir(self):
            raise InputError(
                f"line {instruction.line}: the call of {plain_name(name)} cannot be turned into "
                "hardware; functions must be defined in the file, and not be recursive"
            )
        width = int(intrinsic[2])
        args = [
            self._value(a.split(" ", 1)[1], width) for a in arguments if a.startswith(f"i{width} ")
        ]
        getattr(self, f"_call_{intrinsic[1].replace('.', '_')}")(instruction, width, args)

    def _call_smax(self, instruction: Instruction, width: int, args: list[Value]) -> None:
        self._op(instruction, "smax", width, args)

    def _call_smin(self, instruction: Instruction, width: int, args: list[Value]) -> None:
        self._op(instruction, "smin", width, args)

    def _call_umax(self, instruction: Instruction, width: int, args: list[Value]) -> None:
        self._op(instruction, "umax", width, args)

    def _call_umin(self, instruction: Instruction, width: int, args: list[Value]) -> None:
        self._op(instruction, "umin", width, args)

    def _call_usub_sat(self, instruction: Instruction, width: int, args: list[Value]) -> None:
        larger = self._plain_op(instruction, "umax", width, args)
        self._op(instruction, "sub", width, [larger, args[1]])

    def _call_ctpop(self, instruction: Instruction, width: int, args: list[Value]) -> None:
        total: Value = Const(0, width)
        for bit in range(width):
            moved = self._plain_op(instruction, "lshr", width, [args[0], Const(bit, width)])
            one = self._plain_op(instruction, "and", width, [moved, Const(1, width)])
            total = self._plain_op(instruction, "add", width, [total, one])
        self._op(instruction, "or", width, [total, Const(0, width)])

    def _call_bswap(self, instruction: Instruction, width: int, args: list[Value]) -> None:
        self._reverse(instruction, width, args[0], 8)

    def _call_bitreverse(self, instruction: Instruction, width: int, args: list[Value]) -> None:
        self._reverse(instruction, width, args[0], 1)

    def _reverse(self, instruction: Instruction, width: int, value: Value, piece: int) -> None:
        """The pieces of `piece` bits in the opposite order."""
        total: Value = Const(0, width)
        for low in range(0, width, piece):
            moved = self._plain_op(instruction, "lshr", width, [value, Const(low, width)])
            part = self._plain_op(instruction, "trunc", piece, [moved])
            wide = self._plain_op(instruction, "zext", width, [part])
            place = Const(width - piece - low, width)
            back = self._plain_op(instruction, "shl", width, [wide, place])
            total = self._plain_op(instruction, "or", width, [total, back])
        self._op(instruction, "or", width, [total, Const(0, width)])

    def _call_uadd_sat(self, instruction: Instruction, width: int, args: list[Value]) -> None:
        total = self._plain_op(instruction, "add", width, args)
        wrapped = self._plain_op(instruction, "ult", 1, [total, args[0]])
        self._op(instruction, "select", width, [wrapped, Const((1 << width) - 1, width), total])

    def _call_fshl(self, instruction: Instruction, width: int, args: list[Value]) -> None:
        self._funnel(instruction, width, args, "left")

    def _call_fshr(self, instruction: Instruction, width: int, args: list[Value]) -> None:
        self._funnel(instruction, width, args, "right")

    def _funnel(
        self, instruction: Instruction, width: int, args: list[Value], direction: str
    ) -> None:
        """{high, low} shifted by the amount modulo the width; its upper or lower half."""
        high, low, amount = args
        by = self._plain_op(instruction, "urem", width, [amount, Const(width, width)])
        back = self._plain_op(instruction, "sub", width, [Const(width, width), by])
        # By the width a shift gives 0, so that nothing special is to be done for an amount of 0.
        left, right = (by, back) if direction == "left" else (back, by)
        upper = self._plain_op(instruction, "shl", width, [high, left])
        lower = self._plain_op(instruction, "lshr", width, [low, right])
        self._op(instruction, "or", width, [upper, lower])

    def _call_abs(self, instruction: Instruction, width: int, args: list[Value]) -> None:
        negative = self._plain_op(instruction, "slt", 1, [args[0], Const(0, width)])
        opposite = self._plain_op(instruction, "sub", width, [Const(0, width), args[0]])
        self._op(instruction, "select", width, [negative, opposite, args[0]])

    def _on_br(self, instruction: Instruction) -> None:
        labels = re.findall(r'label %("[^"]+"|[\w.$-]+)', instruction.rest)
        self._block.targets = [label.strip('"') for label in labels]
        self._block.line = instruction.line
        if len(labels) == 2:
            condition = instruction.rest.split(",")[0].split(" ", 1)[1]
            self._block.condition = self._value(condition, 1)

    def _on_ret(self, instruction: Instruction) -> None:
        if instruction.rest == "void":
            return
        kind, value = instruction.rest.split(" ", 1)
        width = int(kind[1:])
        self._plain_op(instruction, "result", 0, [self._value(value, width)])
        self._process.result_bits = width

    def _on_unreachable(self, instruction: Instruction) -> None:
        raise InputError(
            f"line {instruction.line}: {self._process.name} reaches undefined behaviour on some "
            "path; check its loops and indices"
        )

    # -------------------------------------------------------------- edges

    def _link(self) -> None:
        for block in self._process.blocks.values():
            for target in block.targets:
                follower = self._process.blocks[target]
                if block.name not in follower.predecessors:
                    follower.predecessors.append(block.name)
        owners = {id(phi): b for b in self._process.blocks.values() for phi in b.phis}
        for phi, instruction in self._phis:
            pairs = re.findall(r'\[ ([^,\]]+), %("[^"]+"|[\w.$-]+) \]', instruction.rest)
            incoming = {label.strip('"'): text for text, label in pairs}
            block = owners[id(phi)]
            phi.args = [self._value(incoming[p], phi.width) for p in block.predecessors]


def _pieces(address: Address, width: int) -> list[Address]:
    """The elements that an access of `width` bits covers: whole ones without gaps, or just itself.

    LLVM copies small arrays as one large integer.
    """
    array = address.base
    if not isinstance(array, Array) or array.width != 8 * array.stride or width % array.width:
        return [address]
    return [address.plus(i * array.stride, []) for i in range(width // array.width)]


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
    if value.kind in ("add", "or"):
        return min(_trailing_zeros(value.args[0]), _trailing_zeros(value.args[1]))
    if value.kind == "and":
        return max(_trailing_zeros(value.args[0]), _trailing_zeros(value.args[1]))
    if value.kind == "select":
        return min(_trailing_zeros(value.args[1]), _trailing_zeros(value.args[2]))
    if value.kind == "mul":
        return _trailing_zeros(value.args[0]) + _trailing_zeros(value.args[1])
    return 0


def _width(kind: str, instruction: Instruction) -> int:
    if kind == "ptr":
        raise InputError(
            f"line {instruction.line}: a pointer that is loaded, or changes in a loop, is not "
            "supported; use an index into one array"
        )
    if not re.fullmatch(r"i\d+", kind):
        raise InputError(
            f"line {instruction.line}: a value of LLVM type {kind} is not supported; use integers "
            "(ap_int, ap_uint, int, ...)"
        )
    return int(kind[1:])
