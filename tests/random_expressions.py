"""Random C++ expressions, nothing of which is undefined, over variables and arrays."""

from __future__ import annotations

import random
from dataclasses import dataclass

__all__ = ["NATIVE", "Expressions", "Table", "Variable", "ap"]

NATIVE = {"bool": (1, False), "char": (8, True), "unsigned char": (8, False), "short": (16, True),
           "unsigned short": (16, False), "int": (32, True), "unsigned": (32, False),
           "long long": (64, True), "unsigned long long": (64, False)}  # fmt: skip
_WIDEST = 150


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
        return f"{ap(self.bits, self.signed)}({self.name})"


@dataclass(frozen=True)
class Table:
    """An array: name, sizes by dimension and its elements."""

    name: str
    sizes: tuple[int, ...]
    element: Variable
    constant: bool = False


def ap(bits: int, signed: bool) -> str:
    """The type of an ap_int or ap_uint."""
    return f"ap_{'int' if signed else 'uint'}<{bits}>"


class Expressions:
    """What makes expressions of the names at a place, by the numbers of a seed."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._count = 0
        self._tables: list[Table] = []

    def _name(self, stem: str) -> str:
        self._count += 1
        return f"{stem}{self._count}"

    def _any_type(self) -> tuple[str, int, bool]:
        if self._rng.random() < 0.4:
            kind = self._rng.choice(list(NATIVE))
            return kind, *NATIVE[kind]
        bits = self._rng.choice(
            [1, 2, 3, 5, 7, 8, 9, 12, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 90]
        )
        signed = self._rng.random() < 0.5
        return ap(bits, signed), bits, signed

    def _place(self, table: Table, variables: list[Variable], *, simple: bool = False) -> str:
        """Indices into a table that stay within it."""
        texts = []
        for size in table.sizes:
            text = (
                self._rng.choice(variables).value if simple else self._expression(variables, 1)[0]
            )
            if size == 1:
                texts.append("[0]")
            elif size & (size - 1) == 0:
                texts.append(f"[ap_uint<{(size - 1).bit_length()}>({text})]")
            else:
                texts.append(f"[(ap_uint<9>({text}) % {size}).to_int()]")
        return "".join(texts)

    def _cast(self, to: Variable, value: tuple[str, int, bool]) -> str:
        text, _, _ = value
        if to.kind.startswith("ap_"):
            return f"{to.kind}({text})"
        if to.kind == "bool":
            return f"(ap_uint<1>({text}) == 1)"
        convert = "to_int64" if to.signed else "to_uint64"
        return f"static_cast<{to.kind}>({ap(to.bits, to.signed)}({text}).{convert}())"

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
            same = ap(min(bits, _WIDEST), signed)
            condition = self._condition(variables)
            text = f"({condition} ? {same}({a}) : {same}({b}))"
        elif kind == 11:
            operator = rng.choice("<>")
            bits = max(aw, bw) + 1
            same = ap(min(bits, _WIDEST), signed)
            text = f"({same}({a}) {operator} {same}({b}) ? {same}({a}) : {same}({b}))"
        else:
            x, y = (f"{ap(32, False)}({t}).to_uint()" for t in (a, b))
            text = f"ap_uint<32>({x} {rng.choice('+-*^')} {y} * 3u)"
            bits, signed = 32, False
        bits = min(bits, _WIDEST)
        return f"{ap(bits, signed)}({text})", bits, signed

    def _leaf(self, variables: list[Variable]) -> tuple[str, int, bool]:
        rng = self._rng
        choice = rng.random()
        if self._tables and choice < 0.25:
            table = rng.choice(self._tables)
            where = self._place(table, variables, simple=True)
            element = table.element
            text = f"{ap(element.bits, element.signed)}({table.name}{where})"
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
        choice = self._rng.random()
        if choice < 0.3:
            return f"({simple} {self._rng.choice(['&&', '||'])} {_bit(self._leaf(variables))})"
        if choice < 0.45:  # the exclusive or of two truths
            other = _bit(self._leaf(variables))
            return f"(({simple}) {self._rng.choice(['==', '!='])} {other})"
        return f"({simple})"


def _bit(value: tuple[str, int, bool]) -> str:
    """A value as a truth."""
    return f"({value[0]} != 0)"
