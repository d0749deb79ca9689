"""Reader: optimised LLVM IR -> our form. What is not supported stops here, with its line.

The top either calls processes (DATAFLOW) or is a process itself. Streams are known by their
volatile accesses, m_axi ports by pointer arguments, arrays by their allocas and globals.
"""

from __future__ import annotations

import re

from hls.errors import InputError
from hls.lowering.expressions import literal
from hls.lowering.functions import FunctionReader
from hls.lowering.interface import arguments_of, control_of, mode_of
from hls.lowering.ir import Design, Fifo, Input, Pointer, StreamEnd
from hls.lowering.llvmir import Function, Instruction, Module, split_commas
from hls.lowering.names import is_word, legal_name
from hls.lowering.reading import argument_name, marks
from hls.lowering.source import MARKER, Pragma
from hls.lowering.symbols import plain_name

__all__ = ["read"]


def read(module: Module, top: str, pragmas: list[Pragma]) -> Design:
    """The design that the function `top` (its mangled name) describes."""
    function = module.functions[top]
    design = Design(plain_name(top))
    if is_word(design.name):
        raise InputError(
            f"{function.place}: the top function is called {design.name}, which is a "
            "word of Verilog; rename it"
        )
    _check_signature(function, design.name)
    own = [pragmas[n] for n in marks(function)]
    interfaces = [pragma for pragma in own if pragma.name == "INTERFACE"]
    for pragma in interfaces:
        # A pointer has two: m_axi for its data, s_axilite for its value.
        if mode_of(pragma) != "s_axilite":
            design.interfaces[pragma.options.get("port", "")] = pragma.options
    dataflow = any(pragma.name == "DATAFLOW" for pragma in own)
    if dataflow:
        _dataflow(design, module, function, own, pragmas)
    else:
        process = FunctionReader(module, function, pragmas).process()
        design.processes.append(process)
        names = [argument_name(name) for _, name in function.parameters]
        design.bindings[process.name] = _bound(names, names)
        design.inputs, design.pointers = list(process.inputs), list(process.pointers)
        design.streams = list(process.streams)
        design.result_bits = process.result_bits
    parameters = [(argument_name(name), kind) for kind, name in function.parameters]
    streams = {stream.name for stream in design.streams}
    design.arguments = arguments_of(parameters, streams, interfaces)
    design.control = control_of(interfaces)
    return design


def _check_signature(function: Function, name: str) -> None:
    """Refuse arguments and results that are no integers, pointers or streams."""
    seen = set()
    for kind, argument in function.parameters:
        plain = argument_name(argument)
        if not re.fullmatch(r"ptr|i\d+", kind):
            raise InputError(
                f"{function.place}: {name}: argument {plain} has type {kind}, which "
                "is not supported; use integers "
                "(ap_int, int, ...), pointers to them or streams"
            )
        if plain in seen:
            raise InputError(
                f"{function.place}: {name}: argument {plain} has more than 64 bits "
                "and is passed by "
                "value; use a stream, a pointer, or several arguments"
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


def _dataflow(
    design: Design, module: Module, function: Function, own: list[Pragma], pragmas: list[Pragma]
) -> None:
    depths = {
        p.options.get("variable", ""): p.integer("depth", 2) for p in own if p.name == "STREAM"
    }
    arguments = {name: kind for kind, name in function.parameters}
    design.own_names = [argument_name(name) for name in arguments]
    design.own_names += [i.result for i in function.blocks["entry"] if i.opcode == "alloca"]
    design.inputs = [
        Input(argument_name(name), int(kind[1:]))
        for kind, name in function.parameters
        if kind != "ptr"
    ]
    called: set[str] = set()
    passed: dict[str, str] = {}  # a value of the top that is but an argument in another width
    for instruction in function.blocks["entry"]:
        if instruction.opcode in ("zext", "trunc", "freeze"):
            source = instruction.rest.split(" to ")[0].split()[-1].strip("%")
            passed[instruction.result] = passed.get(source, source)
        elif truth := re.fullmatch(r"ne i\d+ %([\w.]+), 0", instruction.rest):
            # What a bool is in memory, as a bool again; of an integer it would be another value.
            source = passed.get(truth[1], truth[1])
            if instruction.opcode != "icmp" or arguments.get(source) != "i1":
                raise _computed(instruction, design.name)
            passed[instruction.result] = source
        elif instruction.opcode == "call" and not re.search(
            rf"@({MARKER}|llvm\.)", instruction.rest
        ):
            _process_call(design, module, instruction, passed, called, pragmas)
        elif instruction.opcode not in ("alloca", "call", "ret"):
            raise _computed(instruction, design.name)
    ends: dict[str, list[StreamEnd]] = {}
    for process in design.processes:
        for stream in process.streams:
            ends.setdefault(design.bindings[process.name][stream.name], []).append(stream)
        for pointer in process.pointers:
            outer = design.bindings[process.name][pointer.name]
            if outer not in arguments:
                raise InputError(
                    f"{function.place}: array {outer} of {design.name} is shared by processes, "
                    "which is not supported; send its elements through an hls::stream"
                )
            design.pointers.append(Pointer(outer))
    for name, both in ends.items():
        width = max(end.width for end in both)
        if name in arguments:
            reads, writes = any(e.reads for e in both), any(e.writes for e in both)
            if len(both) > 1:
                raise InputError(
                    f"{function.place}: stream {name} of {design.name} is used by "
                    f"{len(both)} processes; one may read "
                    "it, or one may write it"
                )
            design.streams.append(StreamEnd(name, width, reads, writes, both[0].sides))
            continue
        if sum(e.reads for e in both) != 1 or sum(e.writes for e in both) != 1:
            raise InputError(
                f"{function.place}: stream {name} of {design.name} must have one "
                "writing and one reading process"
            )
        design.fifos.append(Fifo(name, width, depths.get(name, 2)))
    order = [name for _, name in function.parameters]
    design.streams.sort(key=lambda stream: order.index(stream.name))


def _computed(instruction: Instruction, name: str) -> InputError:
    return InputError(
        f"{instruction.place}: {instruction.opcode} in the DATAFLOW function {name}; it may only "
        "declare streams and call processes: compute within them, and pass scalars in the types "
        "that they have"
    )


def _process_call(
    design: Design,
    module: Module,
    instruction: Instruction,
    passed: dict[str, str],
    called: set[str],
    pragmas: list[Pragma],
) -> None:
    found = re.search(r"@([\w.$]+)\((.*)\)", instruction.rest)
    if found is None or found[1] not in module.functions:
        raise InputError(f"{instruction.place}: a call that cannot be resolved in {design.name}")
    callee = module.functions[found[1]]
    _check_signature(callee, plain_name(found[1]))
    process = FunctionReader(module, callee, pragmas).process()
    keeps = any(memory.written and memory.initial is not None for memory in process.memories)
    if found[1] in called and keeps:
        raise InputError(
            f"{instruction.place}: {process.name} has static variables, which its calls in a "
            "DATAFLOW region cannot share; give each call a function of its own"
        )
    called.add(found[1])
    process.name = design.free_name(process.name)
    actual = [_actual(argument) for argument in split_commas(found[2])]
    names = [argument_name(name) for _, name in callee.parameters]
    design.processes.append(process)
    outer = [argument_name(passed.get(value, value)) for value in actual]
    design.bindings[process.name] = _bound(names, outer)


def _actual(argument: str) -> str:
    """The name that a call passes, or a constant as Verilog has it."""
    kind, value = argument.split()[0], argument.split()[-1]
    if value.startswith("%"):
        return value.strip("%")
    constants = {"true": 1, "false": 0, "undef": 0, "poison": 0}
    bits = int(kind[1:])
    number = constants[value] if value in constants else int(value)
    return literal(number % (1 << bits), bits)


def _bound(inner: list[str], outer: list[str]) -> dict[str, str]:
    """What the arguments of a process stand for, by both of their names."""
    pairs = list(zip(inner, outer, strict=True))
    return dict(pairs) | {legal_name(name): value for name, value in pairs}
