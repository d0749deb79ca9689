"""Refusals: constructs of C++ that no hardware can have, before anything else of it is read.

They are looked for first, because what LLVM makes around them (pointers, objects on the stack)
would otherwise be met before, and explained less well.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from hls.errors import InputError
from hls.lowering.llvmir import Function, Instruction, Module
from hls.lowering.reading import argument_name
from hls.lowering.symbols import plain_name

__all__ = ["refuse", "refuse_signature"]

_ALLOCATION = re.compile(r"(malloc|calloc|realloc|free|aligned_alloc|_Zn[wa]\w*|_Zd[la]\w*)$")
_EXCEPTION = re.compile(r"(__cxa_\w+|_Unwind_\w+|__clang_call_terminate|.*__throw_\w+)$")
_OUTPUT = re.compile(r"(printf|fprintf|puts|putchar|abort|exit|__assert_fail|.*basic_ostream.*)$")
_FLOAT = re.compile(r"(f(add|sub|mul|div|rem|neg|cmp|pext|ptrunc)|[su]itofp|fpto[su]i)$")
_FLOAT_TYPE = re.compile(r"(?<![\w.%@\"])(half|bfloat|float|double|x86_fp80|fp128)(?![\w.\"])")


def refuse(function: Function, module: Module, callees: Collection[str] = ()) -> None:
    """Look through a function, which may call `callees`.

    Raises:
        InputError: it has something that no hardware can have; the text names the line.
    """
    found = [
        (words != _NO_ALLOCATION, f"{instruction.place}: {words}")
        for block in function.blocks.values()
        for instruction in block
        if (words := _reason(instruction, function, module, callees))
    ]
    if found:
        # Containers throw as well, but it is that they allocate which tells what to do.
        raise InputError(min(found, key=lambda pair: pair[0])[1])


def refuse_signature(function: Function) -> None:
    """Look at what a function takes and returns.

    Raises:
        InputError: something is no integer, pointer or stream, or has too many bits.
    """
    name, seen = plain_name(function.name), set()
    for kind, argument in function.parameters:
        plain = argument_name(argument)
        if plain.isdigit():
            raise InputError(
                f"{function.place}: {name}: argument {int(plain) + 1} has no name; give it one, "
                "which its port or register will have"
            )
        if not re.fullmatch(r"ptr|i\d+", kind):
            raise InputError(
                f"{function.place}: {name}: argument {plain} has type {kind}, which is not "
                "supported; use integers (ap_int, int, ...), pointers to them or streams"
            )
        if plain in seen:
            raise InputError(
                f"{function.place}: {name}: argument {plain} has more than 64 bits and is passed "
                "by value; use a stream, a pointer, or several arguments"
            )
        seen.add(plain)
    for block in function.blocks.values():
        for instruction in block:
            if instruction.opcode != "ret" or instruction.rest == "void":
                continue
            width = re.match(r"i(\d+) ", instruction.rest)
            if width is None or int(width[1]) > 64:
                raise InputError(
                    f"{instruction.place}: {name} returns more than an integer of 64 bits; "
                    "write to a stream or through a pointer instead"
                )


_NO_ALLOCATION = (
    "memory cannot be allocated, by new or malloc or within a std:: container; use an array, or a "
    "std::array, of the largest size"
)
_NO_EXCEPTIONS = "exceptions are not supported; return a flag, or write it to a register"


def _reason(
    instruction: Instruction, function: Function, module: Module, callees: Collection[str]
) -> str:
    """What is wrong with an instruction, or nothing."""
    opcode, rest = instruction.opcode, instruction.rest
    if _FLOAT.match(opcode) or _FLOAT_TYPE.search(rest):
        kind = _FLOAT_TYPE.search(rest)
        return (
            f"values of type {kind[1] if kind else 'double'} are not supported; use integers "
            "(ap_int, int, ...), scaled by a power of two"
        )
    if opcode in ("landingpad", "resume"):
        return _NO_EXCEPTIONS
    if opcode not in ("call", "invoke"):
        return ""
    if re.match(r"[^@]*\basm\b", rest):
        return "inline assembly is not supported; say it in C++"
    found = re.search(r"@([\w.$]+)\(", rest)
    if found is None:
        return (
            "a call through a pointer, or of a virtual function, is not supported; call functions "
            "by name"
        )
    name = found[1]
    if name in callees:
        return ""
    if _ALLOCATION.match(name):
        return _NO_ALLOCATION
    if opcode == "invoke" or _EXCEPTION.match(name):
        return _NO_EXCEPTIONS
    if _OUTPUT.match(name):
        return (
            f"hardware cannot {plain_name(name)}; keep that to the test bench, or between #ifndef "
            "__SYNTHESIS__ and #endif"
        )
    if name == function.name or (name in module.functions and _calls(module.functions[name], name)):
        return f"{plain_name(name)} calls itself; recursion is not supported, use a loop"
    if name in module.functions:
        return (
            f"{plain_name(name)} is a process of the DATAFLOW region, and called by another one "
            "too; give that a function of its own"
        )
    return ""


def _calls(function: Function, name: str) -> bool:
    return any(
        re.search(rf"@{re.escape(name)}\(", instruction.rest)
        for block in function.blocks.values()
        for instruction in block
        if instruction.opcode == "call"
    )
