"""Sequencers: a top that calls a DATAFLOW function in a loop -> a process that runs its region.

Each call is a word that starts the region, made of the scalars that the loop computes, and a word
that comes back when all processes are done and memory has answered all they wrote. So what one call
leaves in memory, the next one finds.
"""

from __future__ import annotations

import re

from hls.errors import InputError
from hls.lowering.arrays import Address
from hls.lowering.expressions import literal
from hls.lowering.functions import FunctionReader
from hls.lowering.ir import Const, Design, Input, Op, Process, Sequencer, StreamEnd, Value
from hls.lowering.llvmir import Function, Instruction, Module, split_commas
from hls.lowering.reading import argument_name, bound, marks
from hls.lowering.regions import read_region
from hls.lowering.source import Pragma
from hls.lowering.symbols import plain_name

__all__ = ["read_sequence", "regions_of"]


def regions_of(module: Module, top: str, pragmas: list[Pragma]) -> list[Function]:
    """The DATAFLOW functions that the top calls."""
    return [
        function
        for function in module.functions.values()
        if function.name != top and any(pragmas[n].name == "DATAFLOW" for n in marks(function))
    ]


def read_sequence(
    design: Design,
    module: Module,
    function: Function,
    regions: list[Function],
    pragmas: list[Pragma],
) -> None:
    """Read the top `function`, which calls one of `regions`, into `design`.

    Raises:
        InputError: the top does more than to count and to call one region in one place, or
            something in the region is not supported.
    """
    region, *others = regions
    if others:
        raise InputError(
            f"{others[0].place}: {design.name} calls the DATAFLOW functions "
            f"{plain_name(region.name)} and {plain_name(others[0].name)}; call one, whose "
            "processes do what both do"
        )
    names = [argument_name(name) for _, name in function.parameters]
    design.own_names = list(names)
    reader = _SequencerReader(design, module, function, region, pragmas)
    process = reader.process()
    read_region(design, module, region, pragmas, reader.given)
    process.name = design.free_name(process.name)
    design.processes.insert(0, process)
    names += [end.name for end in process.streams]
    design.bindings[process.name] = bound(names, names)
    design.sequencer = Sequencer(process.name, reader.wires, reader.scalars)
    design.result_bits = process.result_bits


class _SequencerReader(FunctionReader):
    """Reads the top.

    `given` are the parameters of the region, `scalars` those that it is sent, with their widths,
    and `wires` is what names of wires around the region begin with.
    """

    def __init__(
        self,
        design: Design,
        module: Module,
        function: Function,
        region: Function,
        pragmas: list[Pragma],
    ) -> None:
        super().__init__(module, function, pragmas)
        self._region = region
        self._callees = frozenset({region.name})
        self._says = (
            f"{plain_name(function.name)} calls the DATAFLOW function {plain_name(region.name)} "
        )
        self.given: dict[str, str] = {}
        self.scalars: dict[str, int] = {}
        self.wires = design.free_prefix(plain_name(region.name))

    def process(self) -> Process:
        """The process."""
        for mark in self._marks:
            if mark.name == "PIPELINE":
                raise InputError(
                    f"{mark.place}: {self._says}in a pipelined loop; its calls run one after the "
                    "other, so leave the pragma away"
                )
        process = super().process()
        if not self.given:
            raise InputError(f"{self._function.place}: {self._says}in no case; check its loop")
        for op in process.ops():
            reads = op.kind == "load" and op.memory is not None and op.memory.written
            streams = op.stream is not None and op.stream.order != self._region.name
            if op.kind in ("fetch", "put", "store") or reads or streams:
                raise InputError(
                    f"{process.place(op.line)}: {self._says}and may only count beside that; move "
                    "what uses memory, arrays or streams into one of its processes"
                )
        return process

    def _on_call(self, instruction: Instruction) -> None:
        found = re.search(r"@([\w.$]+)\((.*)\)", instruction.rest)
        if found is None or found[1] != self._region.name:
            super()._on_call(instruction)
            return
        if self.given:
            raise InputError(
                f"{instruction.place}: {self._says}in several places; call it in one, with "
                "what differs as arguments"
            )
        sent: list[Value] = []
        actual = split_commas(found[2])
        for (kind, name), argument in zip(self._region.parameters, actual, strict=True):
            text = argument.split()[-1]
            if kind == "ptr":
                self.given[name] = self._passed(instruction, text)
            else:
                self.given[name] = self._scalar(name, self._value(text, int(kind[1:])), sent)
        word = self._joined(instruction, sent)
        call = self._channel(f"{self.wires}_call", word.width, writes=True)
        back = self._channel(f"{self.wires}_return", 1, writes=False)
        told = Op("write", 0, [word], call.name, instruction.line, stream=call)
        answer = Op("read", 1, [], back.name, instruction.line, stream=back, after=told)
        self._block.ops += [told, answer]

    def _passed(self, instruction: Instruction, text: str) -> str:
        """The argument of the top that is passed as a pointer or stream."""
        address = self._address(text)
        if isinstance(address, Address) and not (address.constant or address.terms):
            base = address.base
            if isinstance(base, str):
                return argument_name(base)
        raise InputError(
            f"{instruction.place}: {self._says}with a pointer that is not an argument of its own; "
            "pass the argument, and what is to be added to it as a scalar"
        )

    def _scalar(self, name: str, value: Value, sent: list[Value]) -> str:
        """What a scalar parameter is in the top; what the loop computes is sent."""
        if isinstance(value, Const):
            return literal(value.value, value.width)
        if isinstance(value, Input):
            return value.name
        sent.append(value)
        wire = f"{self.wires}_scalar_{argument_name(name)}"
        self.scalars[wire] = value.width
        return wire

    def _joined(self, instruction: Instruction, sent: list[Value]) -> Value:
        if not sent:
            return Const(0, 1)
        if len(sent) == 1:
            return sent[0]
        width = sum(value.width for value in sent)
        return self._plain_op(instruction, "concat", width, sent[::-1])

    def _channel(self, name: str, width: int, *, writes: bool) -> StreamEnd:
        # One call after the other, as in the program.
        end = StreamEnd(name, width, reads=not writes, writes=writes, order=self._region.name)
        self._process.streams.append(end)
        return end
