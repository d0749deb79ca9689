"""A machine: a process as states, pipelines, wires, registers and ports, spelled for Verilog."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from hls.lowering.ir import Memory, Process, StreamEnd

__all__ = [
    "Machine",
    "MemoryPorts",
    "Move",
    "Pipeline",
    "ReadPort",
    "State",
    "StreamPorts",
    "Wire",
    "WritePort",
    "any_of",
    "chosen",
]


@dataclass
class Wire:
    """A named value: `width` bits, computed by `text`, in a cycle of a block.

    `line` is the source line that it comes from, 0 if there is none.
    """

    name: str
    width: int
    text: str
    block: str
    cycle: int
    line: int = 0


@dataclass
class Move:
    """A register that takes a value under a condition: `if (when) name <= text`."""

    name: str
    width: int
    when: str
    text: str


class ReadPort(NamedTuple):
    """A read of a memory: `name` is the word at `address`, taken where `enable` holds."""

    name: str
    address: str
    enable: str


class WritePort(NamedTuple):
    """The write of a memory: where `enable` holds, the word at `address` becomes `data`."""

    enable: str
    address: str
    data: str


@dataclass
class MemoryPorts:
    """A memory with its reads (combinational if asynchronous), and its write."""

    memory: Memory
    asynchronous: bool
    reads: list[ReadPort] = field(default_factory=list)
    write: WritePort | None = None
    shared: ReadPort | None = None
    """A read besides `reads` that has its address in common with `write`: both are one port."""

    @property
    def all_reads(self) -> list[ReadPort]:
        """Its reads, with the one that shares a port with the write."""
        return self.reads if self.shared is None else [*self.reads, self.shared]

    @property
    def address_bits(self) -> int:
        """Width of an address."""
        return max(1, (self.memory.depth - 1).bit_length())


@dataclass
class State:
    """A state: once `advance` holds ("": at once) on to another, (condition or "", next state)."""

    name: str
    advance: str
    next: list[tuple[str, str]]


@dataclass
class Pipeline:
    """A pipelined loop: names of its signals; `blocked[c]` is why stage c waits, or ""."""

    prefix: str
    state: str
    ii: int
    depth: int
    blocked: list[str]
    again: str
    again_stage: int
    label: str
    block: str


@dataclass
class StreamPorts:
    """What a process does with a stream: when it takes, when it puts, and what."""

    end: StreamEnd
    takes: list[str] = field(default_factory=list)
    puts: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Machine:
    """All that the Verilog of a process needs."""

    process: Process
    prefixes: dict[str, str]
    """What the signals of each block begin with."""
    states: list[State] = field(default_factory=list)
    pipelines: list[Pipeline] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    memories: list[MemoryPorts] = field(default_factory=list)
    streams: list[StreamPorts] = field(default_factory=list)
    first: str = ""
    ends: list[str] = field(default_factory=list)
    """When it is done."""

    def moves_by_condition(self) -> dict[str, list[Move]]:
        """Its moves; no two conditions under which one register moves hold in the same cycle."""
        found: dict[str, list[Move]] = {}
        for move in self.moves:
            found.setdefault(move.when, []).append(move)
        return found

    def registers(self) -> dict[str, int]:
        """Widths of all registers that moves write."""
        return {move.name: move.width for move in self.moves}


def any_of(conditions: list[str]) -> str:
    """Whether one of the conditions holds."""
    if len(conditions) == 1:
        return conditions[0]
    return " || ".join(f"({condition})" for condition in conditions)


def chosen(choices: list[tuple[str, str]]) -> str:
    """The value of the first (condition, value) whose condition holds; the last needs none."""
    *firsts, (_, last) = choices
    return "".join(f"({when}) ? {value} : " for when, value in firsts) + last
