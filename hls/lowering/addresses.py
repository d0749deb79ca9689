"""Addresses of a function: its arrays as they are declared, and where a pointer points.

Streams and m_axi ports are known by the arguments that pointers come from, arrays by their allocas
and globals.
"""

from __future__ import annotations

import re

from hls.errors import InputError
from hls.lowering.arrays import Address, Array, Choice, Structs, variable_of
from hls.lowering.initializers import initial_values, split_type
from hls.lowering.ir import Const, Op, Value
from hls.lowering.llvmir import FLAGS, Instruction, Unsupported, split_commas
from hls.lowering.reading import Reading
from hls.lowering.symbols import plain_name, variable_name

__all__ = ["AddressReading"]


class AddressReading(Reading):
    """Declarations and addresses."""

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
