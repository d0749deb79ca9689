"""What reading a function needs everywhere: its values, its operations, and names for them."""

from __future__ import annotations

import re

from hls.errors import InputError
from hls.lowering.arrays import Address, Array, Choice
from hls.lowering.ir import Block, Const, Op, Process, StreamEnd, Value
from hls.lowering.llvmir import FLAGS, Function, Instruction, Module, Unsupported
from hls.lowering.names import legal_name
from hls.lowering.pointees import Pointees
from hls.lowering.source import MARKER, Pragma
from hls.lowering.symbols import process_name

__all__ = ["Reading", "argument_name", "bound", "marks", "width_of"]

_TRACES = frozenset(
    ["sroa", "i", "fca", "load", "addr", "coerce", "copyload", "lcssa", "not", "mask", "masked",
     "off", "insert", "ext", "extract", "shift", "trunc", "loadedv", "storedv", "conv", "idxprom",
     "spec", "select", "cond", "tmp", "lineloom"]
)  # fmt: skip
"""Words in LLVM's names that are not of the source."""


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


def bound(inner: list[str], outer: list[str]) -> dict[str, str]:
    """What the arguments of a process stand for, by both of their names."""
    pairs = list(zip(inner, outer, strict=True))
    return dict(pairs) | {legal_name(name): value for name, value in pairs}


def width_of(kind: str, instruction: Instruction) -> int:
    """The width of an integer type.

    Raises:
        InputError: it is no integer.
    """
    if kind == "ptr":
        raise InputError(
            f"{instruction.place}: a pointer that is kept in memory is not supported; use an "
            "index into one array"
        )
    if not re.fullmatch(r"i\d+", kind):
        raise InputError(
            f"{instruction.place}: a value of LLVM type {kind} is not supported; use integers "
            "(ap_int, ap_uint, int, ...)"
        )
    return int(kind[1:])


class Reading:
    """A function that is being read into a process."""

    def __init__(self, module: Module, function: Function, pragmas: list[Pragma]) -> None:
        self._module = module
        self._function = function
        self._pragmas = pragmas
        name = process_name(function.name, function.title)
        self._process = Process(legal_name(name), file=function.file)
        self._values: dict[str, Value] = {}
        self._addresses: dict[str, Address | Choice] = {}
        self._arrays: dict[str, Array] = {}
        self._streams: dict[str, StreamEnd] = {}
        self._phis: list[tuple[Op, Instruction]] = []
        self._pointees = Pointees(module, function)
        self._block = Block("")
        self._taken: dict[str, int] = {}
        self._marks = [pragmas[n] for n in marks(function)]

    def _value(self, text: str, width: int) -> Value:
        text = FLAGS.sub("", text).strip()
        if text in ("undef", "poison", "zeroinitializer", "null", "false"):
            return Const(0, width)
        if text == "true":
            return Const(1, width)
        if re.fullmatch(r"-?\d+", text):
            return Const(int(text) % (1 << width), width)
        name = text.strip('%"')
        if name not in self._values:
            raise Unsupported(f"value {text} cannot be used here")
        return self._values[name]

    def _op(self, instruction: Instruction, kind: str, width: int, args: list[Value]) -> Op:
        name = self._name(instruction.result, kind)
        op = Op(kind, width, args, name, instruction.line)
        self._block.ops.append(op)
        if instruction.result:
            self._values[instruction.result] = op
        return op

    def _plain_op(self, instruction: Instruction, kind: str, width: int, args: list[Value]) -> Op:
        op = Op(kind, width, args, self._name("address"), instruction.line)
        self._block.ops.append(op)
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
