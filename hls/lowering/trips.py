"""How often loops run: counted where a counter with constant bounds decides, else as told."""

from __future__ import annotations

from dataclasses import dataclass

from hls.lowering.cleanup import evaluate
from hls.lowering.ir import Block, Const, Input, Op, Process, Value
from hls.lowering.loops import Loop
from hls.lowering.predicates import negated
from hls.lowering.source import Pragma

__all__ = ["Trips", "counting_argument", "trips"]


@dataclass(frozen=True)
class Trips:
    """Iterations of a loop once it is entered, from `least` to `most`.

    `known_by` is "constant", "LOOP_TRIPCOUNT" (the pragma's claim, which nobody checks) or
    "run-time"; then both are None.
    """

    least: int | None
    most: int | None
    known_by: str


def trips(process: Process, loop: Loop, pragmas: list[Pragma]) -> Trips:
    """The trips of one loop; only a loop with one exit, at its end, is counted."""
    latch = process.blocks[loop.latch]
    leaving = [n for n in loop.blocks if {*process.blocks[n].targets} - loop.blocks]
    if leaving == [loop.latch] and latch.condition is not None:
        again = latch.targets[0] == loop.header
        counted = _counted(process.blocks[loop.header], latch, latch.condition, again=again)
        if counted is not None:
            return Trips(counted, counted, "constant")
    deeper = {name for other in loop.inner for name in other.blocks}
    for number in (n for b in sorted(loop.blocks - deeper) for n in process.blocks[b].pragmas):
        told = pragmas[number]
        if told.name == "LOOP_TRIPCOUNT" and "max" in told.options:
            return Trips(told.integer("min", 0), told.integer("max", 0), "LOOP_TRIPCOUNT")
    return Trips(None, None, "run-time")


def counting_argument(process: Process, loop: Loop) -> str:
    """The scalar argument n of a loop from 0 to n by 1, or ""."""
    header, latch = process.blocks[loop.header], process.blocks[loop.latch]
    test = latch.condition
    if not isinstance(test, Op) or len(test.args) != 2 or latch.targets[0] != loop.header:
        return ""
    moved, bound = test.args
    counter = _counter(moved, header)
    if counter is None or not isinstance(bound, Input) or test.kind not in ("ult", "slt", "ne"):
        return ""
    back = header.predecessors.index(latch.name)
    starts = {value.value if isinstance(value, Const) else -1
              for i, value in enumerate(counter.args) if i != back}  # fmt: skip
    whole = counter.args[back] is moved and _step(moved, counter) == (1, counter.width)
    return bound.name if starts == {0} and whole else ""


def _counted(header: Block, latch: Block, condition: Value, *, again: bool) -> int | None:
    """Iterations of a loop whose condition compares a counter with a constant, or None.

    In iteration n (from 0) the counter is `start + n * step`, and what is compared is a function of
    it alone. The iterations that go on are the first ones: they end where the comparison turns,
    which bisection finds among the iterations before the counter wraps.
    """
    while (inner := negated(condition)) is not None:
        condition, again = inner, not again
    counter = _counter(condition, header)
    if not isinstance(condition, Op) or counter is None:
        return None
    back = header.predecessors.index(latch.name)
    starts = [value for i, value in enumerate(counter.args) if i != back]
    stepped = _step(counter.args[back], counter)
    if len(starts) != 1 or not isinstance(starts[0], Const) or not stepped or not stepped[0]:
        return None
    start, (step, bits) = starts[0], stepped
    # LLVM may add 31 where five bits count down by 1.
    step = (step + (1 << bits) // 2) % (1 << bits) - (1 << bits) // 2
    count = _turns(condition, counter, start, step, bits, again=again)
    if count is None or count < 2:
        return count
    # The counter must not have wrapped on its way, in itself or in a mask behind its sum.
    last = (start.value + (count - 2) * step) % (1 << counter.width)
    moved = (last + step) % (1 << counter.width)
    return count if _at(counter.args[back], counter, last) == moved else None


def _turns(
    condition: Op, counter: Op, start: Const, step: int, bits: int, *, again: bool
) -> int | None:
    """Iterations until `condition` is no longer `again`; `bits` of the counter count."""
    modulus = 1 << counter.width

    def goes_on(n: int) -> bool:
        return bool(_at(condition, counter, (start.value + n * step) % modulus)) == again

    if not goes_on(0):
        return 1
    if condition.kind in ("eq", "ne"):
        # It goes on until the one value at which the two are equal.
        if again != (condition.kind == "ne"):
            return None
        return _until_equal(condition, counter, start.value, step)
    signed = condition.kind in ("slt", "sle")
    first = start.signed if signed else start.value
    low = -(1 << bits) // 2 if signed else 0
    room = low + (1 << bits) - 1 - first if step > 0 else first - low
    # What is compared may be the next count, which wraps one iteration earlier.
    furthest = room // abs(step)
    least, most = 0, next((n for n in (furthest, furthest - 1) if n > 0 and not goes_on(n)), 0)
    if not most:
        return None
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (middle, most) if goes_on(middle) else (least, middle)
    return most + 1


def _until_equal(condition: Op, counter: Op, start: int, step: int) -> int | None:
    moving, bound = condition.args
    if isinstance(moving, Const):
        moving, bound = bound, moving
    if not isinstance(bound, Const):
        return None
    first = _at(moving, counter, start)
    modulus = 1 << min(counter.width, bound.width)
    steps, rest = divmod((bound.value - first) * (1 if step > 0 else -1) % modulus, abs(step))
    if rest or _at(moving, counter, (start + steps * step) % (1 << counter.width)) != bound.value:
        return None
    return steps + 1


def _counter(value: Value, header: Block) -> Op | None:
    """The only phi of `header` on which a value depends, through operations on constants."""
    found: set[int] = set()
    counter, work = None, [value]
    while work:
        op = work.pop()
        if isinstance(op, Const):
            continue
        if not isinstance(op, Op) or op.kind not in _AFFINE | {"phi"}:
            return None
        if op.kind != "phi":
            work += op.args
        elif not any(op is phi for phi in header.phis):
            return None
        else:
            found.add(id(op))
            counter = op
    return counter if len(found) == 1 else None


_AFFINE = frozenset(
    ["add", "sub", "zext", "sext", "trunc", "eq", "ne", "ult", "ule", "slt", "sle", "and"]
)


def _step(value: Value, counter: Op) -> tuple[int, int] | None:
    """What `value` is more than `counter`, and the bits that it is cut to, as ap_uint<W> does."""
    if value is counter:
        return 0, counter.width
    if not isinstance(value, Op) or value.kind not in ("and", "zext", "trunc", "add", "sub"):
        return None
    found = _step(value.args[0], counter)
    if found is None or value.kind in ("zext", "trunc"):
        return None if found is None else (found[0], min(found[1], value.width))
    step, bits = found
    if not isinstance(value.args[1], Const):
        return None
    if value.kind == "and":
        mask = value.args[1].value
        return (step, min(bits, mask.bit_length())) if mask & (mask + 1) == 0 else None
    sign = 1 if value.kind == "add" else -1
    return step + sign * value.args[1].signed, bits


def _at(value: Value, counter: Op, count: int) -> int:
    """A value in the iteration in which the counter is `count`."""
    if isinstance(value, Const):
        return value.value
    if value is counter:
        return count
    assert isinstance(value, Op)
    return evaluate(value, [_at(argument, counter, count) for argument in value.args])
