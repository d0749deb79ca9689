"""One function of LLVM IR -> a process: its blocks and operations.

What is not supported stops here, with its line.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from hls.errors import InputError
from hls.lowering.arrays import Address, Choice
from hls.lowering.ir import Block, Input, Op, Process
from hls.lowering.llvmir import FLAGS, Instruction, Unsupported, split_commas
from hls.lowering.names import legal_name
from hls.lowering.order import reverse_postorder
from hls.lowering.pointerphis import PointerReading
from hls.lowering.reading import argument_name, width_of
from hls.lowering.refusals import refuse

__all__ = ["FunctionReader"]

_BINARY = {"add", "sub", "mul", "and", "or", "xor", "shl", "lshr", "ashr",
           "udiv", "sdiv", "urem", "srem"}  # fmt: skip
_COMPARE = {
    "eq": ("eq", False), "ne": ("ne", False), "ult": ("ult", False), "ule": ("ule", False),
    "slt": ("slt", False), "sle": ("sle", False), "ugt": ("ult", True), "uge": ("ule", True),
    "sgt": ("slt", True), "sge": ("sle", True),
}  # fmt: skip


class FunctionReader(PointerReading):
    """Reads one function into a process."""

    _callees: frozenset[str] = frozenset()
    """Functions that are no part of it: calls of them are read by who knows them."""

    def process(self) -> Process:
        """The process."""
        refuse(self._function, self._module, self._callees)
        self._read_parameters()
        self._process.blocks = {name: Block(name) for name in self._function.blocks}
        for name in self._order():
            self._block = self._process.blocks[name]
            for instruction in self._function.blocks[name]:
                try:
                    self._instruction(instruction)
                except Unsupported as error:
                    raise InputError(f"{instruction.place}: {error}") from None
        self._link()
        self._link_pointers()
        for array in self._arrays.values():
            self._process.memories += array.banks.values()
        return self._process

    def statics(self) -> dict[str, bool]:
        """Variables that outlive a call, by symbol, and whether the function writes them."""
        found: dict[str, bool] = {}
        for name, array in self._arrays.items():
            if name.startswith("@"):
                symbol = (
                    name[1:] if name[1:] in self._module.globals else name[1:].rpartition(".")[0]
                )
                written = any(bank.written for bank in array.banks.values())
                found[symbol] = found.get(symbol, False) or written
        return found

    def _order(self) -> list[str]:
        """The blocks, each behind those that are on every way to it: values before their uses."""
        following = {
            name: re.findall(r'label %("[^"]+"|[\w.$-]+)', instructions[-1].rest)
            for name, instructions in self._function.blocks.items()
        }
        return reverse_postorder(
            next(iter(following)), lambda name: [label.strip('"') for label in following[name]]
        )

    def _read_parameters(self) -> None:
        for kind, name in self._function.parameters:
            plain = argument_name(name)
            if kind == "ptr":
                self._addresses[name] = Address(name)
            else:
                value = Input(legal_name(plain), int(kind[1:]))
                self._process.inputs.append(value)
                self._values[name] = value

    # -------------------------------------------------------------- instructions

    def _instruction(self, instruction: Instruction) -> None:
        handler: Callable[[Instruction], None] | None
        if instruction.opcode in _BINARY:
            handler = self._binary
        else:
            handler = getattr(self, f"_on_{instruction.opcode}", None)
        if handler is None:
            raise InputError(
                f"{instruction.place}: LLVM {instruction.opcode} in {self._process.name} "
                "is not supported"
            )
        handler(instruction)

    def _binary(self, instruction: Instruction) -> None:
        kind, rest = FLAGS.sub("", instruction.rest).split(" ", 1)
        width = width_of(kind, instruction)
        left, right = split_commas(rest)
        args = [self._value(left, width), self._value(right, width)]
        self._op(instruction, instruction.opcode, width, args)

    def _on_icmp(self, instruction: Instruction) -> None:
        words = FLAGS.sub("", instruction.rest).split(" ", 2)
        kind, swap = _COMPARE[words[0]]
        texts = split_commas(words[2])
        if words[1] == "ptr":
            self._compare_pointers(instruction, kind, texts[::-1] if swap else texts)
            return
        width = width_of(words[1], instruction)
        left, right = (self._value(text, width) for text in texts)
        self._op(instruction, kind, 1, [right, left] if swap else [left, right])

    def _on_select(self, instruction: Instruction) -> None:
        condition, then, other = split_commas(FLAGS.sub("", instruction.rest))
        if then.startswith("ptr "):
            first, second = (self._address(text.removeprefix("ptr ")) for text in (then, other))
            bit = self._value(condition.split()[1], 1)
            self._addresses[instruction.result] = Choice(bit, first, second)
            return
        width = width_of(then.split()[0], instruction)
        args = [self._value(condition.split()[1], 1)]
        args += [self._value(text.split(" ", 1)[1], width) for text in (then, other)]
        self._op(instruction, "select", width, args)

    def _cast(self, instruction: Instruction) -> None:
        source, target = FLAGS.sub("", instruction.rest).split(" to ")
        kind, value = source.split(" ", 1)
        operand = self._value(value, width_of(kind, instruction))
        self._op(instruction, instruction.opcode, width_of(target, instruction), [operand])

    _on_zext = _on_sext = _on_trunc = _cast

    def _on_freeze(self, instruction: Instruction) -> None:
        kind, value = instruction.rest.split(" ", 1)
        self._values[instruction.result] = self._value(value, width_of(kind, instruction))

    def _on_phi(self, instruction: Instruction) -> None:
        if instruction.rest.startswith("ptr "):
            self._pointer_phi(instruction)
            return
        width = width_of(instruction.rest.split(" ", 1)[0], instruction)
        op = Op("phi", width, [], self._name(instruction.result, "phi"), instruction.line)
        self._block.phis.append(op)
        self._values[instruction.result] = op
        self._phis.append((op, instruction))

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
            f"{instruction.place}: {self._process.name} reaches undefined behaviour on some "
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
