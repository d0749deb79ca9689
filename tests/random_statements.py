"""Random C++ statements and arrays, nothing of which is undefined.

What has to stay together for that (an array and its first values, a counter and its step) is in one
line, so that `shrinking` cannot part it.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

from random_expressions import NATIVE, Expressions, Table, Variable, ap

__all__ = ["MEMORY", "Scope", "Statements"]

MEMORY = {8: "unsigned char", 16: "short", 32: "int", 64: "unsigned long long"}


@dataclass
class Scope:
    """What can be used at a place, and what is still allowed there."""

    variables: list[Variable]
    pipelined: bool = False
    depth: int = 0
    fixed: list[Variable] = field(default_factory=list)


class Statements(Expressions):
    """What makes statements; streams `in` and `out` have elements of `in_bits` and `out_bits`."""

    def __init__(self, rng: random.Random, in_bits: int, out_bits: int, out_signed: bool) -> None:
        super().__init__(rng)
        self._memory = 0
        self._streams = True
        self._in, self._out = in_bits, ap(out_bits, out_signed)

    def _word(self, name: str) -> Variable:
        return Variable(name, ap(self._in, False), self._in, False)

    def _variables(self, scope: Scope, count: int) -> list[str]:
        """Declarations of new variables."""
        rng = self._rng
        lines = []
        for _ in range(count):
            kind, bits, signed = self._any_type()
            variable = Variable(self._name("v"), kind, bits, signed)
            static = rng.random() < 0.25
            start = str(rng.randrange(2)) if static else ""
            start = start or self._cast(variable, self._expression(scope.variables, 1))
            lines.append(f"{'static ' * static}{kind} {variable.name} = {start};")
            scope.variables.append(variable)
        return lines

    # ------------------------------------------------------------------ arrays

    def _table(self, *, constant: bool = False) -> list[str]:
        rng = self._rng
        kind, bits, signed = self._any_type()
        sizes = rng.choice(
            [(1,), (4,), (5,), (8,), (16,), (70,), (128,), (4, 8), (6, 3), (2, 3, 4)]
        )
        element = Variable(self._name("e"), kind, bits, signed)
        table = Table(self._name("t"), sizes, element, constant)
        count = math.prod(sizes)
        given = count if constant or rng.random() < 0.5 else rng.randrange(1, count + 1)
        values = [str(rng.randrange(1 << min(bits - signed, 30))) for _ in range(given)]
        declared = f"{kind} {table.name}{''.join(f'[{size}]' for size in sizes)}"
        listed = f"{declared} = {_braced(values, sizes)};"
        others = [t for t in self._tables if t.sizes == sizes and t.element.kind == kind]
        self._tables.append(table)
        if constant:
            return [f"static const {listed}"]
        choice = rng.random()
        if choice < 0.25:
            return [f"static {listed}", *self._asked(table)]
        if choice < 0.45:
            return [listed, *self._asked(table)]
        if choice < 0.6:
            return [f"{declared} = {{}};", *self._asked(table)]
        if choice < 0.8 and others:
            copied = f"memcpy({table.name}, {rng.choice(others).name}, sizeof {table.name});"
            return [f"{declared}; {copied}", *self._asked(table)]
        loops, place, sum_ = "", "", "1"
        for size in sizes:
            counter = self._name("i")
            loops += f"for (int {counter} = 0; {counter} < {size}; ++{counter}) "
            place, sum_ = f"{place}[{counter}]", f"{sum_} + {counter} * 5"
        value = f"static_cast<{kind}>({sum_})"
        return [f"{declared}; {loops}{table.name}{place} = {value};", *self._asked(table)]

    def _asked(self, table: Table) -> list[str]:
        """Pragmas for a table."""
        rng = self._rng
        choice, prefix = rng.random(), "#pragma HLS ARRAY_PARTITION"
        dim = rng.randrange(1, len(table.sizes) + 1)
        size = table.sizes[dim - 1]
        if choice < 0.15 and math.prod(table.sizes) <= 24:
            return [f"{prefix} variable={table.name} complete dim={rng.choice([0, dim])}"]
        if choice < 0.45 and size > 1:
            kind, factor = rng.choice(["cyclic", "block"]), rng.choice([2, 2, 3, 4])
            return [f"{prefix} variable={table.name} {kind} factor={factor} dim={dim}"]
        if choice < 0.6:
            impl = rng.choice(["bram", "lutram"])
            return [f"#pragma HLS BIND_STORAGE variable={table.name} type=ram_2p impl={impl}"]
        return []

    def _whole(self, table: Table) -> list[str]:
        """Fill or copy a table as a whole."""
        rng = self._rng
        same = [t for t in self._tables if t is not table and t.sizes == table.sizes
                and t.element.kind == table.element.kind]  # fmt: skip
        if same and rng.random() < 0.6:
            return [f"memcpy({table.name}, {rng.choice(same).name}, sizeof {table.name});"]
        bytes_ = [0, 0, 0x5A, 0xFF] if table.element.kind in set(NATIVE) - {"bool"} else [0]
        return [f"memset({table.name}, {rng.choice(bytes_)}, sizeof {table.name});"]

    # ------------------------------------------------------------------ statements

    def _leave(self, scope: Scope) -> list[str]:
        word = "break" if self._rng.random() < 0.7 else "continue"
        return [f"if {self._condition(scope.variables)} {word};"]

    def _block(self, scope: Scope, count: int) -> list[str]:
        inner = Scope(list(scope.variables), scope.pipelined, scope.depth + 1, list(scope.fixed))
        return [line for _ in range(count) for line in self._statement(inner)]

    def _statement(self, scope: Scope) -> list[str]:
        rng = self._rng
        choice = rng.random()
        if choice < 0.3 or scope.depth > 5 or (0.4 <= choice < 0.55 and not self._streams):
            return [self._assignment(scope)]
        if choice < 0.4:
            kind, bits, signed = self._any_type()
            variable = Variable(self._name("v"), kind, bits, signed)
            value = self._cast(variable, self._expression(scope.variables, 2))
            line = f"{kind} {variable.name} = {value};"
            scope.variables.append(variable)
            return [line]
        if choice < 0.48:
            return [f"out.write({self._out}({self._expression(scope.variables, 2)[0]}));"]
        if choice < 0.55:
            variable = self._word(self._name("r"))
            scope.variables.append(variable)
            return [f"const {variable.kind} {variable.name} = in.read();"]
        tables = [table for table in self._tables if not table.constant]
        if choice < 0.65 and tables:
            table = rng.choice(tables)
            value = self._cast(table.element, self._expression(scope.variables, 2))
            return [f"{table.name}{self._place(table, scope.variables)} = {value};"]
        if choice < 0.69 and self._memory:
            return self._access(scope)
        if 0.69 <= choice < 0.72 and tables:
            return self._whole(rng.choice(tables))
        if choice < 0.84 or scope.depth >= 3:
            lines = [
                f"if {self._condition(scope.variables)} {{",
                *self._block(scope, rng.randrange(1, 3)),
            ]
            if rng.random() < 0.5:
                lines += ["} else {", *self._block(scope, rng.randrange(1, 3))]
            return [*lines, "}"]
        return self._loop(scope)

    def _assignment(self, scope: Scope) -> str:
        own = [v for v in scope.variables if v not in scope.fixed and not v.name.startswith("r")]
        if not own:
            return ";"
        variable = self._rng.choice(own)
        return f"{variable.name} = {self._cast(variable, self._expression(scope.variables, 3))};"

    def _access(self, scope: Scope) -> list[str]:
        index = f"ap_uint<5>({self._expression(scope.variables, 1)[0]})"
        element = Variable("memory", MEMORY[self._memory], self._memory,
                           not MEMORY[self._memory].startswith("u"))  # fmt: skip
        if self._rng.random() < 0.5:
            value = self._cast(element, self._expression(scope.variables, 1))
            return [f"memory[{index}] = {value};"]
        variable = Variable(self._name("m"), element.kind, element.bits, element.signed)
        scope.variables.append(variable)
        return [f"{variable.kind} {variable.name} = memory[{index}];"]

    def _loop(self, scope: Scope) -> list[str]:
        rng = self._rng
        trips = rng.randrange(1, 7)
        counter = Variable(self._name("i"), "int", 32, True)
        inner = Scope([*scope.variables, counter], scope.pipelined, scope.depth + 1,
                       [*scope.fixed, counter])  # fmt: skip
        pragmas: list[str] = []
        runtime = not scope.pipelined and rng.random() < 0.4
        if not scope.pipelined:
            choice = rng.random()
            if choice < 0.5:
                ii = rng.choice(["", " II=1", " II=2", " II=3", " off"])
                pragmas.append(f"#pragma HLS PIPELINE{ii}")
                inner.pipelined = ii != " off"
            elif choice < 0.65 and not runtime:
                pragmas.append(rng.choice(["#pragma HLS UNROLL", "#pragma HLS UNROLL factor=2"]))
        bound = str(trips)
        if runtime:
            bound = f"ap_uint<3>({self._expression(scope.variables, 1)[0]}).to_int()"
            limit = self._name("n")
            lines = [f"const int {limit} = {bound};"]
            bound = limit
        else:
            lines = []
        body: list[str] = []
        leaves = rng.random() < 0.3
        for number in range(rng.randrange(1, 4)):
            body += self._leave(inner) if leaves and number == 1 else self._statement(inner)
        name, label = counter.name, f"loop_{counter.name}"
        if rng.random() < 0.25:
            lines += [f"int {name} = 0;", f"{label}:", f"while ({name} < {bound}) {{ ++{name};",
                      *pragmas, *body, "}"]  # fmt: skip
        else:
            lines += [f"{label}:", f"for (int {name} = 0; {name} < {bound}; ++{name}) {{", *pragmas,
                      *body, "}"]  # fmt: skip
        return ["{", *lines, "}"]


def _braced(values: list[str], sizes: tuple[int, ...]) -> str:
    """An initializer list, in braces for each dimension."""
    if len(sizes) == 1:
        return f"{{{', '.join(values)}}}"
    step = math.prod(sizes[1:])
    rows = [values[i : i + step] for i in range(0, len(values), step)]
    return f"{{{', '.join(_braced(row, sizes[1:]) for row in rows)}}}"
