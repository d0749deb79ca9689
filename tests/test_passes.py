"""The optimising passes of the lowering: what each does, and that no value changes."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hls.errors import InputError
from hls.lowering.banking import join_banks
from hls.lowering.casts import simplify_casts
from hls.lowering.claims import check_claims
from hls.lowering.cleanup import clean, evaluate
from hls.lowering.congruence import fold_low_bits
from hls.lowering.constants import multiply_by_constants, signed_digits
from hls.lowering.countdown import count_down
from hls.lowering.demand import Demand
from hls.lowering.forwarding import forward_words
from hls.lowering.intervals import Interval, fitted, hull, overlap, signed, unsigned
from hls.lowering.ir import (
    ARITHMETIC,
    Block,
    Const,
    Design,
    Fifo,
    Input,
    Memory,
    Op,
    Process,
    StreamEnd,
    Value,
)
from hls.lowering.narrowing import narrow
from hls.lowering.ranges import Ranges
from hls.lowering.reassociation import reassociate
from hls.lowering.target import target_of
from hls.lowering.trimming import trim_arrays, trim_streams

TARGET = target_of("xc7z020", 10.0)


# ------------------------------------------------------------------ an interpreter of the IR


class Machine:
    """Runs a process block by block; streams are lists, `written` what it wrote, in order."""

    def __init__(
        self, process: Process, inputs: Mapping[str, int], streams: Mapping[str, list[int]]
    ) -> None:
        self.process = process
        self.streams = {name: list(words) for name, words in streams.items()}
        self.written: list[tuple[str, int]] = []
        self.values: dict[int, int] = {id(i): inputs[i.name] for i in process.inputs}
        self.words = {
            id(m): dict(enumerate(w % (1 << m.width) for w in m.initial or []))
            for m in process.memories
        }
        self.seen: dict[int, list[int]] = {}

    def of(self, value: Value) -> int:
        return value.value if isinstance(value, Const) else self.values[id(value)]

    def run(self, steps: int = 200) -> Machine:
        block, before = self.process.entry, ""
        for _ in range(steps):
            if block.phis:
                index = block.predecessors.index(before)
                taken = [self.of(phi.args[index]) for phi in block.phis]
                for phi, value in zip(block.phis, taken, strict=True):
                    self.set(phi, value)
            for op in block.ops:
                self.do(op)
            if not block.targets:
                return self
            go = 0 if block.condition is None or self.of(block.condition) else 1
            before, block = block.name, self.process.blocks[block.targets[go]]
        raise AssertionError("the process does not end")

    def set(self, op: Op, value: int) -> None:
        assert 0 <= value < 1 << op.width, (op.kind, op.name, value)
        self.values[id(op)] = value
        self.seen.setdefault(id(op), []).append(value)

    def do(self, op: Op) -> None:
        if op.kind in ARITHMETIC:
            self.set(op, evaluate(op, [self.of(a) for a in op.args]))
        elif op.kind == "load":
            self.set(op, self.words[id(op.memory)].get(self.of(op.args[0]), 0))
        elif op.predicate is not None and not self.of(op.predicate):
            if op.width:
                self.set(op, 0)
        elif op.kind == "store":
            assert op.memory is not None
            self.words[id(op.memory)][self.of(op.args[0])] = self.of(op.args[1])
        elif op.kind == "read":
            assert op.stream is not None
            self.set(op, self.streams[op.stream.name].pop(0))
        else:
            assert op.kind == "write"
            assert op.stream is not None
            self.written.append((op.stream.name, self.of(op.args[0])))


# ------------------------------------------------------------------ random expressions

_SAME = ("add", "sub", "mul", "and", "or", "xor", "umin", "umax", "smin", "smax",
         "udiv", "urem", "sdiv", "srem")  # fmt: skip
_TESTS = ("eq", "ne", "ult", "ule", "slt", "sle")
_WIDTHS = (1, 3, 8, 13, 16, 32)


@st.composite
def processes(draw: st.DrawFn) -> Process:
    """A loop of random arithmetic on inputs, a stream, a ROM and carried values."""
    process = Process("p", [Input("a", 8), Input("b", 13), Input("c", 32)])
    incoming, outgoing = StreamEnd("in", 16, reads=True), StreamEnd("out", 32, writes=True)
    rom = Memory("rom", 8, 4, draw(st.lists(st.integers(-128, 127), min_size=4, max_size=4)))
    process.streams, process.memories = [incoming, outgoing], [rom]
    count = Op("phi", 8, [], "count")
    carried = Op("phi", draw(st.sampled_from(_WIDTHS)), [], "carried")
    loop = Block("loop", [count, carried], [], targets=["loop", "end"], ii=1,
                 predecessors=["entry", "loop"])  # fmt: skip
    ops = loop.ops
    ops.append(Op("read", 16, [], "word", stream=incoming))
    ops.append(Op("load", 8, [_made(ops, "trunc", 2, [count])], "weight", memory=rom))
    values: list[Value] = [*process.inputs, count, carried, *ops]

    def pick(width: int) -> Value:
        if draw(st.integers(0, 4)) == 0:
            return Const(draw(st.integers(0, (1 << width) - 1)), width)
        # What came last is used most, so that little of what is drawn goes unused.
        value = draw(st.sampled_from(values[-3:] if draw(st.integers(0, 2)) else values))
        if value.width == width:
            return value
        kinds = ["trunc"] if value.width > width else ["zext", "sext"]
        return _made(ops, draw(st.sampled_from(kinds)), width, [value])

    for _ in range(draw(st.integers(1, 14))):
        width = draw(st.sampled_from(_WIDTHS))
        kind = draw(st.sampled_from([*_SAME, *_TESTS, "select", "shl", "lshr", "ashr", "chain"]))
        if kind in _TESTS:
            values.append(_made(ops, kind, 1, [pick(width), pick(width)]))
        elif kind == "select":
            values.append(_made(ops, kind, width, [pick(1), pick(width), pick(width)]))
        elif kind in ("shl", "lshr", "ashr") and draw(st.booleans()):
            by = Const(draw(st.integers(0, width)) % (1 << width), width)
            values.append(_made(ops, kind, width, [pick(width), by]))
        elif kind == "chain":
            total = pick(width)
            link = draw(st.sampled_from(["add", "and", "or", "xor", "umax", "smin"]))
            for _ in range(draw(st.integers(2, 5))):
                total = _made(ops, link, width, [total, pick(width)])
            values.append(total)
        else:
            values.append(_made(ops, kind, width, [pick(width), pick(width)]))
    for value in values[-4:]:
        if value.width < 32:
            value = _made(ops, draw(st.sampled_from(["zext", "sext"])), 32, [value])
        mask = Const(draw(st.sampled_from([0xFFFFFFFF, 0xFF, 0xF0, 1])), 32)
        ops.append(
            Op("write", 0, [_made(ops, "and", 32, [value, mask])], "result", stream=outgoing)
        )
    again = pick(carried.width)
    following = _made(ops, "add", 8, [count, Const(1, 8)])
    limit = draw(st.integers(1, 6))
    loop.condition = _made(ops, "ult", 1, [following, Const(limit, 8)])
    count.args = [Const(0, 8), following]
    carried.args = [Const(draw(st.integers(0, (1 << carried.width) - 1)), carried.width), again]
    process.blocks = {
        "entry": Block("entry", targets=["loop"]),
        "loop": loop,
        "end": Block("end", predecessors=["loop"]),
    }
    process.check()
    return process


def _made(ops: list[Op], kind: str, width: int, args: list[Value]) -> Op:
    op = Op(kind, width, args, f"t_{len(ops)}")
    ops.append(op)
    return op


STIMULI = st.fixed_dictionaries(
    {"a": st.integers(0, 255), "b": st.integers(0, 8191), "c": st.integers(0, 2**32 - 1)}
)
WORDS = st.lists(st.integers(0, 65535), min_size=6, max_size=6)

PASSES: dict[str, Callable[[Process], Process]] = {
    "clean": clean,
    "low bits": lambda p: clean(fold_low_bits(p)),
    "casts": lambda p: clean(simplify_casts(p)),
    "reassociate": lambda p: clean(reassociate(p, TARGET)),
    "narrow": narrow,
    "constants": lambda p: multiply_by_constants(p),
    "countdown": lambda p: clean(count_down(narrow(p))),
    "arrays": lambda p: clean(trim_arrays(p)),
    "all": lambda p: narrow(
        clean(trim_arrays(narrow(clean(multiply_by_constants(narrow(
            clean(reassociate(clean(simplify_casts(p)), TARGET))
        ))))))
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PASSES)
@settings(max_examples=120, deadline=None)
@given(process=processes(), inputs=STIMULI, words=WORDS)
def test_a_pass_changes_no_result(
    name: str, process: Process, inputs: dict[str, int], words: list[int]
) -> None:
    before = Machine(process, inputs, {"in": words}).run().written
    after = PASSES[name](copy.deepcopy(process))
    after.check()
    assert Machine(after, inputs, {"in": words}).run().written == before


@settings(max_examples=150, deadline=None)
@given(process=processes(), inputs=STIMULI, words=WORDS)
def test_every_value_lies_in_its_range(
    process: Process, inputs: dict[str, int], words: list[int]
) -> None:
    ranges = Ranges(process)
    machine = Machine(process, inputs, {"in": words}).run()
    for op in process.ops():
        low, high = ranges.of(op) if op.width else (0, 0)
        for value in machine.seen.get(id(op), []):
            around = value - (1 << op.width)
            assert low <= value <= high or low <= around <= high, (op.kind, value, low, high)


@settings(max_examples=100, deadline=None)
@given(process=processes(), inputs=STIMULI, words=WORDS, data=st.data())
def test_bits_that_nobody_wants_change_nothing(
    process: Process, inputs: dict[str, int], words: list[int], data: st.DataObject
) -> None:
    demand = Demand(process)
    unwanted = 0xFFFF & ~demand.read.get("in", 0)
    noise = data.draw(st.integers(0, 0xFFFF)) & unwanted
    before = Machine(process, inputs, {"in": words}).run().written
    noisy = [word ^ noise for word in words]
    assert Machine(process, inputs, {"in": noisy}).run().written == before


@st.composite
def words_in_memory(draw: st.DrawFn) -> Process:
    """A loop of random stores and loads of two single words, under conditions or not."""
    process = Process("p", [Input("a", 8), Input("b", 13), Input("c", 32)])
    incoming, outgoing = StreamEnd("in", 16, reads=True), StreamEnd("out", 32, writes=True)
    held = [Memory(f"m{i}", 16, 1, [7 * i], written=True) for i in range(2)]
    process.streams, process.memories = [incoming, outgoing], held
    count = Op("phi", 8, [], "count")
    loop = Block("loop", [count], [], targets=["loop", "end"], ii=1, predecessors=["entry", "loop"])
    ops = loop.ops
    word = Op("read", 16, [], "word", stream=incoming)
    ops.append(word)
    even = _made(ops, "eq", 1, [_made(ops, "trunc", 1, [word]), Const(0, 1)])
    conditions = [None, even, _made(ops, "xor", 1, [even, Const(1, 1)]),
                  _made(ops, "ult", 1, [word, Const(1 << 15, 16)])]  # fmt: skip
    values: list[Value] = [word]
    for _ in range(draw(st.integers(2, 9))):
        memory = draw(st.sampled_from(held))
        if draw(st.booleans()):
            load = Op("load", 16, [Const(0, 1)], "held", memory=memory)
            ops.append(load)
            values.append(_made(ops, "add", 16, [load, Const(1, 16)]))
            ops.append(Op("write", 0, [_made(ops, "zext", 32, [load])], stream=outgoing))
        else:
            ops.append(Op("store", 0, [Const(0, 1), draw(st.sampled_from(values))], memory=memory,
                          predicate=draw(st.sampled_from(conditions))))  # fmt: skip
    following = _made(ops, "add", 8, [count, Const(1, 8)])
    loop.condition = _made(ops, "ult", 1, [following, Const(5, 8)])
    count.args = [Const(0, 8), following]
    process.blocks = {
        "entry": Block("entry", targets=["loop"]),
        "loop": loop,
        "end": Block("end", predecessors=["loop"]),
    }
    process.check()
    return process


@settings(max_examples=200, deadline=None)
@given(process=words_in_memory(), inputs=STIMULI, words=WORDS)
def test_words_that_are_forwarded_keep_their_values(
    process: Process, inputs: dict[str, int], words: list[int]
) -> None:
    before = Machine(process, inputs, {"in": words}).run().written
    after = forward_words(copy.deepcopy(process))
    after.check()
    for memory in after.memories:
        for kind in ("load", "store"):
            assert sum(op.kind == kind and op.memory is memory for op in after.ops()) <= 1
    assert Machine(after, inputs, {"in": words}).run().written == before


def test_a_word_that_both_halves_of_an_if_store_is_not_loaded() -> None:
    word, flag = Memory("word", 8, 1, written=True), Input("flag", 1)
    ops: list[Op] = []
    otherwise = _made(ops, "xor", 1, [flag, Const(1, 1)])
    for value, when in ((3, flag), (5, otherwise)):
        ops.append(Op("store", 0, [Const(0, 1), Const(value, 8)], memory=word, predicate=when))
    ops.append(Op("load", 8, [Const(0, 1)], "held", memory=word))
    process = straight(ops, inputs=[flag])
    process.memories = [word]
    assert "load" not in kinds(forward_words(process))
    assert process.memories == []


# ------------------------------------------------------------------ intervals

INTERVALS = st.tuples(st.integers(-300, 300), st.integers(0, 300))


@settings(deadline=None)
@given(first=INTERVALS, second=INTERVALS)
def test_intervals_hold_what_they_are_made_of(
    first: tuple[int, int], second: tuple[int, int]
) -> None:
    sets = [{(low + i) % 256 for i in range(span + 1)} for low, span in (first, second)]
    a, b = (fitted(low, low + span, 8) for low, span in (first, second))

    def members(interval: Interval) -> set[int]:
        return {value % 256 for value in range(interval.low, interval.high + 1)}

    assert sets[0] <= members(a)
    assert members(a) <= members(unsigned(a, 8))
    assert members(a) <= members(signed(a, 8))
    assert members(a) | members(b) <= members(hull(a, b, 8))
    if members(a) & members(b):
        assert members(a) & members(b) <= members(overlap(a, b, 8))


# ------------------------------------------------------------------ what each pass is for


def straight(ops: list[Op], *, inputs: list[Input]) -> Process:
    """A process of one block that writes the last operation's value."""
    out = StreamEnd("out", ops[-1].width, writes=True)
    block = Block("entry", ops=[*ops, Op("write", 0, [ops[-1]], stream=out)])
    return Process("p", inputs, streams=[out], blocks={"entry": block})


def kinds(process: Process) -> list[str]:
    return [op.kind for op in process.ops()]


def counter(limit: Value, width: int = 32) -> tuple[Process, Op]:
    """`for (i = 0; i + 1 < limit; ++i) write(i)`, and its i."""
    out = StreamEnd("out", width, writes=True)
    phi = Op("phi", width, [], "i")
    after = Op("add", width, [phi, Const(1, width)], "next")
    again = Op("ult", 1, [after, limit], "again")
    phi.args = [Const(0, width), after]
    write = Op("write", 0, [phi], stream=out)
    process = Process("p", streams=[out])
    process.blocks = {
        "entry": Block("entry", targets=["loop"]),
        "loop": Block("loop", [phi], [after, again, write], again, ["loop", "end"],
                      ["entry", "loop"], ii=1),
        "end": Block("end", predecessors=["loop"]),
    }  # fmt: skip
    return process, phi


def test_a_counter_gets_the_bits_that_its_limit_needs() -> None:
    process, phi = counter(Const(100, 32))
    assert Ranges(process).of(phi) == (0, 99)
    narrow(process)
    assert [p.width for p in process.blocks["loop"].phis] == [7]


def test_a_signed_product_is_done_in_narrow_signed_operands() -> None:
    a, b = Input("a", 8), Input("b", 8)
    ops: list[Op] = []
    product = _made(ops, "mul", 32, [_made(ops, "sext", 32, [a]), _made(ops, "sext", 32, [b])])
    process = narrow(straight(ops, inputs=[a, b]))
    (found,) = [op for op in process.ops() if op.kind == "smul"]
    assert found.width == 16
    assert [arg.width for arg in found.args] == [8, 8]
    assert product.kind == "mul"


def test_the_low_bits_of_a_counter_by_four_are_known() -> None:
    out = StreamEnd("out", 2, writes=True)
    phi = Op("phi", 8, [], "i")
    after = Op("add", 8, [phi, Const(4, 8)], "next")
    plus = Op("add", 8, [phi, Const(3, 8)], "plus")
    low = Op("trunc", 2, [plus], "low")
    again = Op("ult", 1, [after, Const(100, 8)], "again")
    phi.args = [Const(8, 8), after]
    write = Op("write", 0, [low], stream=out)
    process = Process("p", streams=[out])
    process.blocks = {
        "entry": Block("entry", targets=["loop"]),
        "loop": Block("loop", [phi], [after, plus, low, again, write], again, ["loop", "end"],
                      ["entry", "loop"], ii=1),
        "end": Block("end", predecessors=["loop"]),
    }  # fmt: skip
    clean(fold_low_bits(process))
    assert [getattr(value, "value", None) for value in write.args] == [3]


def test_a_wrapping_counter_stays_below_its_limit() -> None:
    process, phi = counter(Input("n", 32))
    loop = process.blocks["loop"]
    wrap = Op("phi", 8, [], "wrap")
    at_end = Op("eq", 1, [wrap, Const(111, 8)], "at_end")
    plus = Op("add", 8, [wrap, Const(1, 8)], "plus")
    following = Op("select", 8, [at_end, Const(0, 8), plus], "following")
    wrap.args = [Const(0, 8), following]
    loop.phis.append(wrap)
    loop.ops[:0] = [at_end, plus, following]
    assert Ranges(process).of(wrap) == (0, 111)
    assert Ranges(process).of(phi).low == 0


def test_a_claim_that_holds_goes_and_another_is_refused() -> None:
    for size, holds in ((100, True), (99, False)):
        process, phi = counter(Const(100, 32))
        claim = Op("claim", 0, [phi, Const(size, 32)], "table", 7)
        process.blocks["loop"].ops.append(claim)
        if holds:
            assert "claim" not in kinds(check_claims(process))
            continue
        with pytest.raises(InputError, match=r":7: it cannot be seen .* table stays below 99"):
            check_claims(process)


def test_a_shift_there_and_back_is_an_extension() -> None:
    a = Input("a", 64)
    ops: list[Op] = []
    up = _made(ops, "shl", 64, [a, Const(44, 64)])
    _made(ops, "ashr", 64, [up, Const(44, 64)])
    process = clean(simplify_casts(straight(ops, inputs=[a])))
    assert kinds(process) == ["trunc", "sext", "write"]


def depth_of(value: Value, leaves: set[int]) -> int:
    if id(value) in leaves or not isinstance(value, Op):
        return 0
    return 1 + max(depth_of(arg, leaves) for arg in value.args)


@pytest.mark.parametrize("kind", ["add", "xor", "smax"])
def test_a_chain_becomes_a_tree(kind: str) -> None:
    inputs = [Input(f"x{i}", 16) for i in range(8)]
    ops: list[Op] = []
    total: Value = inputs[0]
    for value in inputs[1:]:
        total = _made(ops, kind, 16, [total, value])
    process = reassociate(straight(ops, inputs=inputs), TARGET)
    root = process.entry.ops[-1].args[0]
    assert depth_of(root, {id(i) for i in inputs}) == 3
    assert kinds(process).count(kind) == 7


def test_what_comes_around_a_loop_is_added_last() -> None:
    process, _ = counter(Const(9, 32))
    loop = process.blocks["loop"]
    total = Op("phi", 32, [], "total")
    words = [Op("read", 32, [], f"w{i}", stream=StreamEnd(f"s{i}", 32, True)) for i in range(4)]
    ops: list[Op] = []
    value: Value = total
    for word in words:
        value = _made(ops, "add", 32, [value, word])
    total.args = [Const(0, 32), value]
    loop.phis.append(total)
    loop.ops[:0] = [*words, *ops]
    reassociate(process, TARGET)
    assert isinstance(value, Op)
    assert value.args[1] is total


@pytest.mark.parametrize("bound", [0, 1, 2, 9])
def test_a_counter_that_only_ends_its_loop_counts_down(bound: int) -> None:
    process, phi = counter(Input("n", 32))
    loop = process.blocks["loop"]
    process.inputs.append(next(op.args[1] for op in loop.ops if op.kind == "ult"))  # type: ignore[arg-type]
    loop.ops[-1].args = [Const(3, 32)]
    before = Machine(process, {"n": bound}, {}).run().written
    assert len(before) == max(1, bound)
    count_down(process)
    assert "sub" in kinds(process)
    assert Machine(process, {"n": bound}, {}).run().written == before
    assert phi.args[0] is process.inputs[0]


def test_a_counter_that_is_used_counts_up() -> None:
    process, _ = counter(Input("n", 32))
    assert "sub" not in kinds(count_down(process))


@given(number=st.integers(1, 1 << 40))
def test_signed_digits_are_the_number_and_sparse(number: int) -> None:
    digits = signed_digits(number)
    assert sum(digit << position for position, digit in digits) == number
    positions = [position for position, _ in digits]
    assert all(b - a > 1 for a, b in itertools.pairwise(positions))


@given(factor=st.integers(-(1 << 23), 1 << 23), value=st.integers(0, 65535))
def test_a_product_with_a_constant_needs_no_multiplier(factor: int, value: int) -> None:
    a = Input("a", 16)
    ops: list[Op] = []
    wide = _made(ops, "sext", 40, [a])
    _made(ops, "mul", 40, [wide, Const(factor % (1 << 40), 40)])
    process = narrow(straight(ops, inputs=[a]))
    before = Machine(process, {"a": value}, {}).run().written
    narrow(clean(multiply_by_constants(process)))
    assert not {"mul", "smul"} & set(kinds(process))
    assert Machine(process, {"a": value}, {}).run().written == before


def pipe(width: int, wanted: int) -> Design:
    """A writer of inputs, and a reader of which only the bits `wanted` go on."""
    word = Input("word", width)
    end = StreamEnd("to", width, writes=True)
    writer = Process("writer", [word], streams=[end])
    writer.blocks = {"entry": Block("entry", ops=[Op("write", 0, [word], stream=end)])}
    start, out = StreamEnd("start", width, reads=True), StreamEnd("out", width, writes=True)
    ops = [Op("read", width, [], "got", stream=start)]
    kept = _made(ops, "and", width, [ops[0], Const(wanted, width)])
    ops.append(Op("write", 0, [kept], stream=out))
    reader = Process("reader", streams=[start, out], blocks={"entry": Block("entry", ops=ops)})
    names = {"writer": {"word": "word", "to": "fifo"}, "reader": {"start": "fifo", "out": "out"}}
    return Design("d", [writer, reader], [Fifo("fifo", width, 2)], names)


@given(wanted=st.integers(0, (1 << 24) - 1), word=st.integers(0, (1 << 24) - 1))
def test_a_stream_stores_what_its_reader_wants(wanted: int, word: int) -> None:
    design = pipe(24, wanted)
    writer, reader = design.processes
    trim_streams(design, reader)
    assert design.fifos[0].width == max(1, wanted.bit_count())
    (sent,) = Machine(writer, {"word": word}, {}).run().written
    assert sent[1] < 1 << design.fifos[0].width
    (put,) = Machine(reader, {}, {"start": [sent[1]]}).run().written
    assert put == ("out", word & wanted)


def banks(stores: bool) -> Process:
    """Three arrays that are loaded at one address, and stored to at it."""
    address, out = Input("address", 2), StreamEnd("out", 24, writes=True)
    memories = [
        Memory(f"bank_{i}", 8, 4, [i * 10 + w for w in range(4)], written=stores) for i in range(3)
    ]
    ops = [Op("load", 8, [address], f"l{i}", memory=m) for i, m in enumerate(memories)]
    loads = list(ops)
    if stores:
        ops += [
            Op("store", 0, [address, loads[(i + 1) % 3]], memory=m) for i, m in enumerate(memories)
        ]
        again = [Op("load", 8, [address], f"m{i}", memory=m) for i, m in enumerate(memories)]
        ops += again
        loads = again
    joined = _made(ops, "concat", 24, list(loads))
    ops.append(Op("write", 0, [joined], stream=out))
    return Process("p", [address], [], [out], memories, {"entry": Block("entry", ops=ops)})


@pytest.mark.parametrize("stores", [False, True])
def test_banks_at_one_address_are_one_memory(stores: bool) -> None:
    process = banks(stores)
    before = [Machine(process, {"address": i}, {}).run().written for i in range(4)]
    join_banks(process)
    process.check()
    (memory,) = process.memories
    assert (memory.name, memory.width, memory.depth) == ("bank", 24, 4)
    assert [Machine(process, {"address": i}, {}).run().written for i in range(4)] == before


def test_banks_whose_loads_depend_on_one_another_stay() -> None:
    process = banks(stores=False)
    entry = process.entry
    entry.ops[1].args = [_made(entry.ops, "trunc", 2, [entry.ops[0]])]
    entry.ops.insert(1, entry.ops.pop())
    join_banks(process)
    assert sorted(m.name for m in process.memories) == ["bank", "bank_1"]


def test_an_array_keeps_the_bits_that_are_read() -> None:
    process = banks(stores=True)
    written = process.entry.ops[-1]
    low = Op("and", 24, [written.args[0], Const(0x0F0F0F, 24)], "low")
    process.entry.ops.insert(-1, low)
    written.args = [low]
    before = [Machine(process, {"address": i}, {}).run().written for i in range(4)]
    trim_arrays(process)
    assert [m.width for m in process.memories] == [4, 4, 4]
    assert [Machine(process, {"address": i}, {}).run().written for i in range(4)] == before
