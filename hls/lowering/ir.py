"""Our typed intermediate form: processes of blocks of operations on exact-width integers.

A `Value` is an integer of `width` bits without a sign; operations that care about the sign say so.
Every stage takes a `Design` and hands it on; `Process.check` states what holds in between.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from hls.lowering.locations import place

__all__ = [
    "ARITHMETIC",
    "Argument",
    "Block",
    "Const",
    "Design",
    "Fifo",
    "Input",
    "Memory",
    "MemoryPort",
    "Op",
    "Pointer",
    "Process",
    "Register",
    "Sequencer",
    "StreamEnd",
    "Value",
]


class Value:
    """Something that has a value of `width` bits (0 for operations without a result)."""

    width: int
    name: str


@dataclass(eq=False)
class Const(Value):
    """A constant; `value` is unsigned, below 2^width."""

    value: int
    width: int
    name: str = ""

    @property
    def signed(self) -> int:
        """The value as two's complement."""
        return self.value - (1 << self.width) if self.value >> (self.width - 1) & 1 else self.value


@dataclass(eq=False)
class Input(Value):
    """A scalar argument of a process; it does not change while the process runs."""

    name: str
    width: int


@dataclass(eq=False)
class Pointer(Value):
    """A pointer argument of a process: the base of an m_axi access, in bytes."""

    name: str
    width: int = 64


ARITHMETIC = frozenset(
    [
        "add",
        "sub",
        "mul",
        "smul",
        "and",
        "or",
        "xor",
        "shl",
        "lshr",
        "ashr",
        "udiv",
        "sdiv",
        "urem",
        "srem",
        "eq",
        "ne",
        "ult",
        "ule",
        "slt",
        "sle",
        "select",
        "zext",
        "sext",
        "trunc",
        "slice",
        "concat",
        "umin",
        "umax",
        "smin",
        "smax",
    ]
)
"""Pure operations. select is (condition, then, else); comparisons have one bit.

Operands have the width of the result, or of each other where that is one bit. But shifts take an
amount of any width, and smul is the low bits of the product of two signed operands of any widths.
slice is (value, constant): as many bits as the result has, from that one on. concat joins its
operands, the highest first.
"""


@dataclass(eq=False)
class Op(Value):
    """An operation.

    Kinds: those of ARITHMETIC; `phi` (args parallel to the block's predecessors); `load` (address;
    memory) and `store` (address, value; memory); `read`, `write` (value), `empty`, `full` on a
    stream; `fetch` (word address; pointer) and `put` (word address, value; pointer) on AXI4;
    `claim` (index, size), which the reader makes and `ranges` proves; `result` (value returned).
    `predicate`, if not None, is a one-bit value: without it being 1, an effect does not happen.
    """

    kind: str
    width: int
    args: list[Value]
    name: str = ""
    line: int = 0
    memory: Memory | None = None
    stream: StreamEnd | None = None
    pointer: Pointer | None = None
    predicate: Value | None = None
    after: Op | None = None
    """An operation of another stream that must have happened a cycle before."""

    @property
    def has_effect(self) -> bool:
        """Whether it does more than to compute."""
        return self.kind in ("store", "read", "write", "put", "fetch", "claim", "result")

    def inputs(self) -> list[Value]:
        """Arguments and predicate."""
        return self.args if self.predicate is None else [*self.args, self.predicate]


@dataclass(eq=False)
class Register(Value):
    """A value that one block leaves for others."""

    name: str
    width: int


@dataclass(eq=False)
class Memory:
    """One bank of an array after partitioning: `depth` words of `width` bits.

    `initial` holds the words at power-up (a ROM if nothing is stored); `distances` are the least
    numbers of iterations between accesses of the same word, where a pragma promises them: by "RAW"
    (a load after a store), "WAR" and "WAW".
    """

    name: str
    width: int
    depth: int
    initial: list[int] | None = None
    written: bool = False
    distances: dict[str, int] = field(default_factory=dict)
    storage: str = ""

    def distance(self, first: str, second: str) -> int:
        """The least number of iterations from an access to one of the same word, by their kinds."""
        kind = {("store", "load"): "RAW", ("load", "store"): "WAR", ("store", "store"): "WAW"}
        return self.distances.get(kind.get((first, second), ""), 1)


@dataclass(eq=False)
class StreamEnd:
    """A stream argument of a process; `width` bits an element.

    `sides` holds the widths of an AXI4-Stream beat's parts, {"TDATA": 32, "TKEEP": 4, ...}, lowest
    first; it is empty if the elements are no beats.
    """

    name: str
    width: int
    reads: bool = False
    writes: bool = False
    sides: dict[str, int] = field(default_factory=dict)
    order: str = ""
    """Accesses to all ends of the same order happen one after the other, as in the program."""


@dataclass(eq=False)
class Block:
    """Straight-line operations and a terminator.

    `targets` has no entry (return), one (jump), or two (if `condition`, first, else second).
    `ii` is the wanted initiation interval where the block is a pipelined loop of its own.
    """

    name: str
    phis: list[Op] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    condition: Value | None = None
    targets: list[str] = field(default_factory=list)
    predecessors: list[str] = field(default_factory=list)
    pragmas: list[int] = field(default_factory=list)
    ii: int | None = None
    label: str = ""
    line: int = 0
    """Where its terminator comes from; of a loop's last block, the line of the loop."""

    @property
    def loops(self) -> bool:
        """Whether the block is a loop of its own."""
        return self.name in self.targets


@dataclass(eq=False)
class Process:
    """One function of the hardware: a module."""

    name: str
    inputs: list[Input] = field(default_factory=list)
    pointers: list[Pointer] = field(default_factory=list)
    streams: list[StreamEnd] = field(default_factory=list)
    memories: list[Memory] = field(default_factory=list)
    blocks: dict[str, Block] = field(default_factory=dict)
    file: str = ""
    """The source file that the lines of its operations count in."""
    result_bits: int = 0
    """Width of what it returns; 0 if that is nothing."""

    @property
    def entry(self) -> Block:
        """The block in which it starts."""
        return next(iter(self.blocks.values()))

    def ops(self) -> Iterator[Op]:
        """All operations, phis included."""
        for block in self.blocks.values():
            yield from block.phis
            yield from block.ops

    def place(self, line: int) -> str:
        """`file:line` of one of its lines, for a message."""
        return place(self.file, line)

    def check(self) -> None:
        """Blocks' edges agree, and every operand is a leaf or an operation that comes before."""
        defined = set(map(id, self.ops()))
        for block in self.blocks.values():
            for target in block.targets:
                assert block.name in self.blocks[target].predecessors, (block.name, target)
            for phi in block.phis:
                assert len(phi.args) == len(block.predecessors), (block.name, phi.name)
            later = set(map(id, block.ops))
            for op in [*block.phis, *block.ops]:
                for value in op.inputs():
                    assert not isinstance(value, Op) or id(value) in defined, (op.name, value.name)
                    assert op.kind == "phi" or id(value) not in later, (op.name, value.name)
                later.discard(id(op))


@dataclass(eq=False)
class Fifo:
    """A stream between two processes."""

    name: str
    width: int
    depth: int


@dataclass(eq=False)
class MemoryPort:
    """What a pointer argument reaches memory by: bits of a word and of its index."""

    pointer: str
    width: int
    index_width: int
    reads: bool = False
    writes: bool = False

    @property
    def direction(self) -> str:
        """in, out or inout."""
        return "inout" if self.reads and self.writes else "in" if self.reads else "out"


@dataclass(eq=False)
class Argument:
    """An argument of the top function: `kind` is scalar, pointer or stream.

    `port` says where it comes in: "register" of the AXI4-Lite slave, "wire" or "axis". `bits` are
    those of the register or wire.
    """

    name: str
    kind: str
    bits: int
    port: str


@dataclass(frozen=True)
class Sequencer:
    """The process `name` runs all others, the `region`, one run after the other.

    It writes a word to the stream `region`_call, and reads one from `region`_return once they are
    done. The word consists of the `scalars`, name and width, the lowest first.
    """

    name: str
    region: str
    scalars: dict[str, int]

    @property
    def back(self) -> str:
        """The stream that it reads."""
        return f"{self.region}_return"

    @property
    def width(self) -> int:
        """Bits of a word."""
        return max(1, sum(self.scalars.values()))

    def place(self, scalar: str) -> str:
        """Where in the word a scalar lies, as Verilog has it."""
        names = list(self.scalars)
        low = sum(self.scalars[name] for name in names[: names.index(scalar)])
        return f"{low + self.scalars[scalar] - 1}:{low}"


@dataclass(eq=False)
class Design:
    """The top function: its processes and how they are joined.

    `bindings[process][argument]` names a FIFO, or an argument of the top.
    """

    name: str
    processes: list[Process] = field(default_factory=list)
    fifos: list[Fifo] = field(default_factory=list)
    bindings: dict[str, dict[str, str]] = field(default_factory=dict)
    own_names: list[str] = field(default_factory=list)
    """Of the arguments and streams that the top declares."""
    streams: list[StreamEnd] = field(default_factory=list)
    memory_ports: list[MemoryPort] = field(default_factory=list)
    """One for each pointer that is used; those of one bundle share an AXI4 master."""
    arguments: list[Argument] = field(default_factory=list)
    """In the order of the function's parameters."""
    control: str = "s_axilite"
    """How it is started: s_axilite (registers), ap_ctrl_hs (wires) or ap_ctrl_none (always)."""
    result_bits: int = 0
    sequencer: Sequencer | None = None
    """Without one, the call of the top is one call of all processes."""
    interfaces: dict[str, dict[str, str]] = field(default_factory=dict)
    """By argument, the options of its INTERFACE pragma."""

    def free_name(self, wanted: str) -> str:
        """`wanted`, numbered if a process, a stream or an argument has that name."""
        names = itertools.chain([wanted], (f"{wanted}_{i}" for i in itertools.count(1)))
        return next(name for name in names if name not in {*self.bindings, *self.own_names})

    def free_prefix(self, wanted: str) -> str:
        """`wanted`, numbered if a name begins with it; what is to begin with it is then free."""
        taken = [*self.bindings, *self.own_names]
        prefixes = itertools.chain([wanted], (f"{wanted}_{i}" for i in itertools.count(1)))
        return next(p for p in prefixes if not any(name.startswith(f"{p}_") for name in taken))

    def bundle(self, pointer: str) -> str:
        """The AXI4 master of a pointer argument."""
        return self.interfaces.get(pointer, {}).get("bundle") or "gmem"
