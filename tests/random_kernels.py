"""Random C++ kernels of the lowering's subset: a program for each seed, nothing of it undefined.

Arithmetic is done in ap_int and ap_uint, whose results are as wide as they have to be, and native
integers only hold values or are unsigned; indices are masked, divisors are odd, loops are bounded.
So C-sim and RTL have to agree to the last bit.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

__all__ = ["Program", "program"]

_NATIVE = {"bool": (1, False), "char": (8, True), "unsigned char": (8, False), "short": (16, True),
           "unsigned short": (16, False), "int": (32, True), "unsigned": (32, False),
           "long long": (64, True), "unsigned long long": (64, False)}  # fmt: skip
_WIDEST = 150
_MEMORY = {8: "unsigned char", 16: "short", 32: "int", 64: "unsigned long long"}


@dataclass(frozen=True)
class Variable:
    """A scalar variable of the program: its C++ type, width, sign."""

    name: str
    kind: str
    bits: int
    signed: bool

    @property
    def value(self) -> str:
        """It as an ap_int or ap_uint."""
        return f"{_ap(self.bits, self.signed)}({self.name})"


@dataclass(frozen=True)
class Table:
    """An array: name, size and its elements."""

    name: str
    size: int
    element: Variable
    constant: bool = False


@dataclass(frozen=True)
class Program:
    """A kernel: its text and top function."""

    seed: int
    text: str
    top: str = "kernel"


@dataclass
class _Scope:
    """What can be used at a place, and what is still allowed there."""

    variables: list[Variable]
    pipelined: bool = False
    depth: int = 0
    fixed: list[Variable] = field(default_factory=list)


def program(seed: int) -> Program:
    """The program of a seed."""
    return Program(seed, _Writer(random.Random(seed)).text())


def _ap(bits: int, signed: bool) -> str:
    return f"ap_{'int' if signed else 'uint'}<{bits}>"


class _Writer:
    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._count = 0
        self._tables: list[Table] = []
        self._memory = 0

    def _name(self, stem: str) -> str:
        self._count += 1
        return f"{stem}{self._count}"

    def _any_type(self) -> tuple[str, int, bool]:
        if self._rng.random() < 0.4:
            kind = self._rng.choice(list(_NATIVE))
            return kind, *_NATIVE[kind]
        bits = self._rng.choice(
            [1, 2, 3, 5, 7, 8, 9, 12, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 90]
        )
        signed = self._rng.random() < 0.5
        return _ap(bits, signed), bits, signed

    def text(self) -> str:
        rng = self._rng
        in_bits, out_bits = rng.choice([8, 13, 32, 40]), rng.choice([7, 16, 32, 64, 72])
        scalars = []
        for _ in range(rng.randrange(1, 4)):
            kind, bits, signed = self._any_type()
            if bits <= 64:
                scalars.append(Variable(self._name("s"), kind, bits, signed))
        arguments = [
            f"hls::stream<ap_uint<{in_bits}>>& in",
            f"hls::stream<ap_int<{out_bits}>>& out",
        ]
        arguments += [f"{s.kind} {s.name}" for s in scalars]
        pragmas = ["INTERFACE axis port=in", "INTERFACE axis port=out"]
        if rng.random() < 0.5:
            self._memory = rng.choice(list(_MEMORY))
            arguments.append(f"{_MEMORY[self._memory]}* memory")
            pragmas.append("INTERFACE m_axi port=memory depth=32 bundle=gmem")
        self._in, self._out = in_bits, out_bits
        globals_ = [self._table(constant=True)] if rng.random() < 0.5 else []
        lines = [f"#pragma HLS {pragma}" for pragma in pragmas]
        first = Variable("r0", f"ap_uint<{in_bits}>", in_bits, False)
        lines.append(f"const {first.kind} {first.name} = in.read();")
        variables = [*scalars, first]
        for _ in range(rng.randrange(2, 5)):
            kind, bits, signed = self._any_type()
            variable = Variable(self._name("v"), kind, bits, signed)
            static = "static " if rng.random() < 0.25 else ""
            start = (
                str(rng.randrange(2))
                if static
                else self._cast(variable, self._expression(variables, 1))
            )
            lines.append(f"{static}{kind} {variable.name} = {start};")
            variables.append(variable)
        for _ in range(rng.randrange(0, 3)):
            lines += self._table(constant=False)
        scope = _Scope(variables, fixed=list(scalars))
        for _ in range(rng.randrange(3, 7)):
            lines += self._statement(scope)
        for variable in variables[:4]:
            lines.append(f"out.write({_ap(out_bits, True)}({variable.value}));")
        result = rng.choice(["void", "int", "ap_int<21>"])
        if result != "void":
            lines.append(f"return {result}({self._expression(variables, 1)[0]});")
        head = [
            "#include <ap_int.h>",
            "#include <hls_stream.h>",
            "",
            *(g for t in globals_ for g in t),
        ]
        return "\n".join([*head, f"{result} kernel({', '.join(arguments)}) {{", *lines, "}", ""])

    # ------------------------------------------------------------------ arrays

    def _table(self, *, constant: bool) -> list[str]:
        rng = self._rng
        kind, bits, signed = self._any_type()
        size = rng.choice([1, 4, 5, 8, 16, 70, 128])
        element = Variable(self._name("e"), kind, bits, signed)
        table = Table(self._name("t"), size, element, constant)
        self._tables.append(table)
        values = ", ".join(str(rng.randrange(1 << min(bits - signed, 30))) for _ in range(size))
        if constant:
            return [f"static const {kind} {table.name}[{size}] = {{{values}}};"]
        if rng.random() < 0.3:
            return [f"static {kind} {table.name}[{size}] = {{{values}}};"]
        lines = [f"{kind} {table.name}[{size}];"]
        choice = rng.random()
        if choice < 0.25 and size <= 16 and size & (size - 1) == 0:
            lines.append(f"#pragma HLS ARRAY_PARTITION variable={table.name} complete")
        elif choice < 0.5:
            impl = rng.choice(["bram", "lutram"])
            lines.append(f"#pragma HLS BIND_STORAGE variable={table.name} type=ram_2p impl={impl}")
        counter = self._name("i")
        lines += [f"for (int {counter} = 0; {counter} < {size}; ++{counter}) "
                  f"{table.name}[{counter}] = static_cast<{kind}>({counter} * 5 + 1);"]  # fmt: skip
        return lines

    def _index(self, table: Table, variables: list[Variable]) -> str:
        size = table.size
        text, _, _ = self._expression(variables, 1)
        if size == 1:
            return "0"
        if size & (size - 1) == 0:
            return f"ap_uint<{(size - 1).bit_length()}>({text})"
        return f"(ap_uint<8>({text}) % {size}).to_int()"

    # ------------------------------------------------------------------ expressions

    def _cast(self, to: Variable, value: tuple[str, int, bool]) -> str:
        text, _, _ = value
        if to.kind.startswith("ap_"):
            return f"{to.kind}({text})"
        if to.kind == "bool":
            return f"(ap_uint<1>({text}) == 1)"
        convert = "to_int64" if to.signed else "to_uint64"
        return f"static_cast<{to.kind}>({_ap(to.bits, to.signed)}({text}).{convert}())"

    def _expression(self, variables: list[Variable], depth: int) -> tuple[str, int, bool]:
        """An expression whose C++ type is an ap_int or ap_uint of the width and sign returned."""
        rng = self._rng
        if depth <= 0 or rng.random() < 0.15:
            return self._leaf(variables)
        a, aw, asigned = self._expression(variables, depth - 1)
        b, bw, bsigned = self._expression(variables, depth - 1)
        signed = asigned or bsigned
        kind = rng.randrange(13)
        if kind == 0:
            text, bits = f"({a} + {b})", max(aw, bw) + 2
        elif kind == 1:
            text, bits, signed = f"({a} - {b})", max(aw, bw) + 2, True
        elif kind == 2:
            text, bits = f"({a} * {b})", aw + bw
        elif kind == 3:
            by = rng.choice([f"(ap_uint<6>({b}) | 1)", str(rng.choice([2, 3, 7, 10, 100]))])
            text, bits, signed = f"({a} {rng.choice('/%')} {by})", aw + 1, asigned
        elif kind == 4:
            text, bits = f"({a} {rng.choice('&|^')} {b})", max(aw, bw) + 1
        elif kind == 5:
            text, bits, signed = f"(~{a})", aw + 1, True
        elif kind == 6:
            amount = f"ap_uint<{rng.randrange(1, 5)}>({b})"
            text, bits, signed = f"({a} {rng.choice(['<<', '>>'])} {amount})", aw, asigned
        elif kind == 7:
            high = rng.randrange(aw)
            low = rng.randrange(high + 1)
            text = f"ap_uint<{high - low + 1}>(ap_uint<{aw}>({a}).range({high}, {low}))"
            bits, signed = high - low + 1, False
        elif kind == 8:
            text = f"ap_uint<{aw + bw}>((ap_uint<{aw}>({a}), ap_uint<{bw}>({b})))"
            bits, signed = aw + bw, False
        elif kind == 9:
            operator = rng.choice(["<", "<=", ">", ">=", "==", "!="])
            text, bits, signed = f"ap_uint<1>({a} {operator} {b})", 1, False
        elif kind == 10:
            bits = max(aw, bw) + 1
            same = _ap(min(bits, _WIDEST), signed)
            condition = self._condition(variables)
            text = f"({condition} ? {same}({a}) : {same}({b}))"
        elif kind == 11:
            operator = rng.choice("<>")
            bits = max(aw, bw) + 1
            same = _ap(min(bits, _WIDEST), signed)
            text = f"({same}({a}) {operator} {same}({b}) ? {same}({a}) : {same}({b}))"
        else:
            x, y = (f"{_ap(32, False)}({t}).to_uint()" for t in (a, b))
            text = f"ap_uint<32>({x} {rng.choice('+-*^')} {y} * 3u)"
            bits, signed = 32, False
        bits = min(bits, _WIDEST)
        return f"{_ap(bits, signed)}({text})", bits, signed

    def _leaf(self, variables: list[Variable]) -> tuple[str, int, bool]:
        rng = self._rng
        choice = rng.random()
        if self._tables and choice < 0.25:
            table = rng.choice(self._tables)
            if table.size == 1:
                where = "0"
            else:
                index = rng.choice(variables).value
                bits = (table.size - 1).bit_length()
                power = table.size & (table.size - 1) == 0
                where = (
                    f"ap_uint<{bits}>({index})"
                    if power
                    else f"(ap_uint<9>({index}) % {table.size}).to_int()"
                )
            element = table.element
            text = f"{_ap(element.bits, element.signed)}({table.name}[{where}])"
            return text, element.bits, element.signed
        if choice < 0.4:
            bits = rng.choice([1, 3, 8, 16, 31])
            value = rng.choice([0, 1, (1 << bits) - 1, rng.randrange(1 << bits)])
            return f"ap_uint<{bits}>({value}u)", bits, False
        variable = rng.choice(variables)
        return variable.value, variable.bits, variable.signed

    def _condition(self, variables: list[Variable]) -> str:
        a, _, _ = self._expression(variables, 1)
        b, _, _ = self._expression(variables, 0)
        simple = f"{a} {self._rng.choice(['<', '>=', '==', '!='])} {b}"
        if self._rng.random() < 0.3:
            return f"({simple} {self._rng.choice(['&&', '||'])} {rng_bit(self._leaf(variables))})"
        return f"({simple})"

    # ------------------------------------------------------------------ statements

    def _leave(self, scope: _Scope) -> list[str]:
        word = "break" if self._rng.random() < 0.7 else "continue"
        return [f"if {self._condition(scope.variables)} {word};"]

    def _block(self, scope: _Scope, count: int) -> list[str]:
        inner = _Scope(list(scope.variables), scope.pipelined, scope.depth + 1, list(scope.fixed))
        return [line for _ in range(count) for line in self._statement(inner)]

    def _statement(self, scope: _Scope) -> list[str]:
        rng = self._rng
        choice = rng.random()
        if choice < 0.3:
            return [self._assignment(scope)]
        if choice < 0.4:
            kind, bits, signed = self._any_type()
            variable = Variable(self._name("v"), kind, bits, signed)
            value = self._cast(variable, self._expression(scope.variables, 2))
            line = f"{kind} {variable.name} = {value};"
            scope.variables.append(variable)
            return [line]
        if choice < 0.48:
            return [
                f"out.write({_ap(self._out, True)}({self._expression(scope.variables, 2)[0]}));"
            ]
        if choice < 0.55:
            variable = Variable(self._name("r"), f"ap_uint<{self._in}>", self._in, False)
            scope.variables.append(variable)
            return [f"const {variable.kind} {variable.name} = in.read();"]
        tables = [table for table in self._tables if not table.constant]
        if choice < 0.65 and tables:
            table = rng.choice(tables)
            value = self._cast(table.element, self._expression(scope.variables, 2))
            return [f"{table.name}[{self._index(table, scope.variables)}] = {value};"]
        if choice < 0.72 and self._memory:
            return self._access(scope)
        if choice < 0.84 or scope.depth >= 3:
            lines = [
                f"if {self._condition(scope.variables)} {{",
                *self._block(scope, rng.randrange(1, 3)),
            ]
            if rng.random() < 0.5:
                lines += ["} else {", *self._block(scope, rng.randrange(1, 3))]
            return [*lines, "}"]
        return self._loop(scope)

    def _assignment(self, scope: _Scope) -> str:
        own = [v for v in scope.variables if v not in scope.fixed and not v.name.startswith("r")]
        if not own:
            return ";"
        variable = self._rng.choice(own)
        return f"{variable.name} = {self._cast(variable, self._expression(scope.variables, 3))};"

    def _access(self, scope: _Scope) -> list[str]:
        index = f"ap_uint<5>({self._expression(scope.variables, 1)[0]})"
        element = Variable("memory", _MEMORY[self._memory], self._memory,
                           not _MEMORY[self._memory].startswith("u"))  # fmt: skip
        if self._rng.random() < 0.5:
            value = self._cast(element, self._expression(scope.variables, 1))
            return [f"memory[{index}] = {value};"]
        variable = Variable(self._name("m"), element.kind, element.bits, element.signed)
        scope.variables.append(variable)
        return [f"{variable.kind} {variable.name} = memory[{index}];"]

    def _loop(self, scope: _Scope) -> list[str]:
        rng = self._rng
        trips = rng.randrange(1, 7)
        counter = Variable(self._name("i"), "int", 32, True)
        inner = _Scope([*scope.variables, counter], scope.pipelined, scope.depth + 1,
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
            lines += [f"int {name} = 0;", f"{label}:", f"while ({name} < {bound}) {{", *pragmas,
                      f"++{name};", *body, "}"]  # fmt: skip
        else:
            lines += [f"{label}:", f"for (int {name} = 0; {name} < {bound}; ++{name}) {{", *pragmas,
                      *body, "}"]  # fmt: skip
        return ["{", *lines, "}"]


def rng_bit(value: tuple[str, int, bool]) -> str:
    """A value as a truth."""
    return f"({value[0]} != 0)"
