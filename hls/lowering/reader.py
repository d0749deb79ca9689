"""Reader: optimised LLVM IR -> our form. What is not supported stops here, with its line.

The top either calls processes (DATAFLOW) or is a process itself. Streams are known by their
volatile accesses, m_axi ports by pointer arguments, arrays by their allocas and globals.
"""

from __future__ import annotations

from hls.errors import InputError
from hls.lowering.functions import FunctionReader
from hls.lowering.interface import arguments_of, control_of, mode_of
from hls.lowering.ir import Design
from hls.lowering.llvmir import Module
from hls.lowering.names import is_word
from hls.lowering.reading import argument_name, bound, marks
from hls.lowering.refusals import refuse_signature
from hls.lowering.regions import read_region
from hls.lowering.sequencer import read_sequence, regions_of
from hls.lowering.source import Pragma
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
    refuse_signature(function)
    own = [pragmas[n] for n in marks(function)]
    interfaces = [pragma for pragma in own if pragma.name == "INTERFACE"]
    for pragma in interfaces:
        # A pointer has two: m_axi for its data, s_axilite for its value.
        if mode_of(pragma) != "s_axilite":
            design.interfaces[pragma.options.get("port", "")] = pragma.options
    names = [argument_name(name) for _, name in function.parameters]
    regions = regions_of(module, top, pragmas)
    if any(pragma.name == "DATAFLOW" for pragma in own):
        design.own_names = list(names)
        given = {name: argument_name(name) for _, name in function.parameters}
        read_region(design, module, function, pragmas, given)
    elif regions:
        read_sequence(design, module, function, regions, pragmas)
    else:
        process = FunctionReader(module, function, pragmas).process()
        design.processes.append(process)
        design.bindings[process.name] = bound(names, names)
        design.streams = list(process.streams)
        design.result_bits = process.result_bits
    parameters = [(argument_name(name), kind) for kind, name in function.parameters]
    streams = {stream.name for stream in design.streams}
    design.arguments = arguments_of(parameters, streams, interfaces)
    design.control = control_of(interfaces)
    return design
