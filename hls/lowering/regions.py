"""Regions: a DATAFLOW function -> its processes, and what joins them.

It only declares streams and calls functions: each call becomes a process, each stream a FIFO.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from hls.errors import InputError
from hls.lowering.arrays import variable_of
from hls.lowering.expressions import literal
from hls.lowering.functions import FunctionReader
from hls.lowering.ir import Design, Fifo, Process, StreamEnd
from hls.lowering.llvmir import Function, Instruction, Module, split_commas
from hls.lowering.reading import argument_name, bound, marks
from hls.lowering.refusals import refuse_signature
from hls.lowering.source import MARKER, Pragma
from hls.lowering.symbols import plain_name

__all__ = ["read_region"]


def read_region(
    design: Design,
    module: Module,
    function: Function,
    pragmas: list[Pragma],
    given: Mapping[str, str],
) -> None:
    """Read the processes of `function` into `design`.

    Args:
        given: what the function's parameters are in the top: an argument or a wire of it, or a
            constant of Verilog.

    Raises:
        InputError: the function does more than to call processes, or those share what they cannot.
    """
    _Region(design, module, function, pragmas, given).read()


class _Region:
    def __init__(
        self,
        design: Design,
        module: Module,
        function: Function,
        pragmas: list[Pragma],
        given: Mapping[str, str],
    ) -> None:
        self._design, self._module, self._function = design, module, function
        self._pragmas = pragmas
        self._kinds = {name: kind for kind, name in function.parameters}
        self._outer = dict(given)
        """What values of the function are in the top: arguments, also in another width."""
        self._statics: dict[str, tuple[str, bool]] = {}
        """Variables that outlive a call: a process that uses them, and whether it writes them."""

    def read(self) -> None:
        for instruction in self._function.blocks["entry"]:
            self._instruction(instruction)
        self._join_pointers()
        self._join_streams()

    def _instruction(self, instruction: Instruction) -> None:
        opcode, rest = instruction.opcode, instruction.rest
        if opcode == "alloca":
            name = self._design.free_name(instruction.result)
            self._design.own_names.append(name)
            self._outer[instruction.result] = name
        elif opcode in ("zext", "trunc", "freeze"):
            source = rest.split(" to ")[0].split()[-1].strip("%")
            self._kinds[instruction.result] = self._kinds[source]
            self._outer[instruction.result] = self._outer[source]
        elif opcode == "icmp" and (truth := re.fullmatch(r"ne i\d+ %([\w.]+), 0", rest)):
            # What a bool is in memory, as a bool again; of an integer it would be another value.
            if self._kinds.get(truth[1]) != "i1":
                raise self._computed(instruction)
            self._outer[instruction.result] = self._outer[truth[1]]
        elif opcode == "call":
            if not re.search(rf"@({MARKER}|llvm\.)", rest):
                self._call(instruction)
        elif opcode != "ret":
            raise self._computed(instruction)

    def _computed(self, instruction: Instruction) -> InputError:
        return InputError(
            f"{instruction.place}: {instruction.opcode} in the DATAFLOW function "
            f"{plain_name(self._function.name)}; it may only declare streams and call processes: "
            "compute within them, and pass scalars in the types that they have"
        )

    # -------------------------------------------------------------- processes

    def _call(self, instruction: Instruction) -> None:
        found = re.search(r"@([\w.$]+)\((.*)\)", instruction.rest)
        if found is None or found[1] not in self._module.functions:
            raise InputError(
                f"{instruction.place}: a call that cannot be resolved in "
                f"{plain_name(self._function.name)}"
            )
        callee = self._module.functions[found[1]]
        refuse_signature(callee)
        reader = FunctionReader(self._module, callee, self._pragmas)
        process = reader.process()
        process.name = self._design.free_name(process.name)
        self._keep_apart(instruction, process, reader.statics())
        names = [argument_name(name) for _, name in callee.parameters]
        outer = [self._actual(argument) for argument in split_commas(found[2])]
        self._design.processes.append(process)
        self._design.bindings[process.name] = bound(names, outer)

    def _actual(self, argument: str) -> str:
        """What a call passes, in the top, or a constant as Verilog has it."""
        kind, value = argument.split()[0], argument.split()[-1]
        if value.startswith("%"):
            return self._outer[value.strip("%")]
        constants = {"true": 1, "false": 0, "undef": 0, "poison": 0}
        bits = int(kind[1:])
        number = constants[value] if value in constants else int(value)
        return literal(number % (1 << bits), bits)

    def _keep_apart(
        self, instruction: Instruction, process: Process, statics: Mapping[str, bool]
    ) -> None:
        """Refuse a variable that one process writes and another one uses: each has its own."""
        for symbol, written in statics.items():
            other, writes = self._statics.setdefault(symbol, (process.name, written))
            if other != process.name and (writes or written):
                raise InputError(
                    f"{instruction.place}: processes {other} and {process.name} share the static "
                    f"variable {plain_name(symbol)}, which calls in a DATAFLOW region cannot; "
                    "give each one of its own, or send values through an hls::stream"
                )

    # -------------------------------------------------------------- what joins them

    def _join_pointers(self) -> None:
        for process in self._design.processes:
            for pointer in process.pointers:
                outer = self._design.bindings[process.name][pointer.name]
                if outer not in self._arguments():
                    raise InputError(
                        f"{self._function.place}: array {variable_of(outer)} of "
                        f"{plain_name(self._function.name)} is shared by processes, "
                        "which is not supported; send its elements through an hls::stream"
                    )

    def _join_streams(self) -> None:
        ends: dict[str, list[StreamEnd]] = {}
        for process in self._design.processes:
            for stream in process.streams:
                ends.setdefault(self._design.bindings[process.name][stream.name], []).append(stream)
        own = [self._pragmas[number] for number in marks(self._function)]
        depths = {
            self._outer.get(pragma.options.get("variable", "")): pragma.integer("depth", 2)
            for pragma in own
            if pragma.name == "STREAM"
        }
        where = f"stream {{}} of {plain_name(self._function.name)}"
        for name, both in ends.items():
            width = max(end.width for end in both)
            if name in self._arguments():
                reads, writes = any(e.reads for e in both), any(e.writes for e in both)
                if len(both) > 1:
                    raise InputError(
                        f"{self._function.place}: {where.format(name)} is used by {len(both)} "
                        "processes; one may read it, or one may write it"
                    )
                end = StreamEnd(name, width, reads, writes, both[0].sides)
                self._design.streams.append(end)
                continue
            if sum(e.reads for e in both) != 1 or sum(e.writes for e in both) != 1:
                raise InputError(
                    f"{self._function.place}: {where.format(name)} must have one writing and one "
                    "reading process"
                )
            self._design.fifos.append(Fifo(name, width, depths.get(name, 2)))
        order = [self._outer[name] for _, name in self._function.parameters]
        self._design.streams.sort(key=lambda stream: order.index(stream.name))

    def _arguments(self) -> set[str]:
        """Arguments of the top that come in by the function's parameters."""
        return {self._outer[name] for _, name in self._function.parameters}
