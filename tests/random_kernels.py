"""Random C++ kernels of the lowering's subset: a program for each seed, nothing of it undefined.

Arithmetic is done in ap_int and ap_uint, whose results are as wide as they have to be, and native
integers only hold values or are unsigned; indices are masked, divisors are odd, loops are bounded.
Processes of a DATAFLOW region take and give as many words as their neighbours. So C-sim and RTL
have to agree to the last bit.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from random_expressions import Variable, ap
from random_statements import MEMORY, Scope, Statements

__all__ = ["Program", "program"]


@dataclass(frozen=True)
class Program:
    """A kernel: its text and top function."""

    seed: int
    text: str
    top: str = "kernel"


def program(seed: int) -> Program:
    """The program of a seed; every third has a DATAFLOW region."""
    rng = random.Random(seed)
    text = _dataflow(rng) if rng.randrange(3) == 0 else _Kernel(rng).text()
    head = ["#include <ap_int.h>", "#include <hls_stream.h>", "#include <cstring>"]
    return Program(seed, "\n".join([*head, "", *text, ""]))


class _Kernel(Statements):
    """One function that is the kernel."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng, rng.choice([8, 13, 32, 40]), rng.choice([7, 16, 32, 64, 72]), True)

    def text(self) -> list[str]:
        rng = self._rng
        scalars = self._scalars()
        arguments = [f"hls::stream<ap_uint<{self._in}>>& in", f"hls::stream<{self._out}>& out"]
        arguments += [f"{s.kind} {s.name}" for s in scalars]
        pragmas = ["INTERFACE axis port=in", "INTERFACE axis port=out"]
        if rng.random() < 0.5:
            self._memory = rng.choice(list(MEMORY))
            arguments.append(f"{MEMORY[self._memory]}* memory")
            pragmas.append("INTERFACE m_axi port=memory depth=32 bundle=gmem")
        globals_ = self._table(constant=True) if rng.random() < 0.5 else []
        lines = [f"#pragma HLS {pragma}" for pragma in pragmas]
        first = self._word("r0")
        lines.append(f"const {first.kind} {first.name} = in.read();")
        scope = Scope([*scalars, first], fixed=list(scalars))
        lines += self._variables(scope, rng.randrange(2, 5))
        for _ in range(rng.randrange(0, 4)):
            lines += self._table()
        seen = scope.variables[:4]
        for _ in range(rng.randrange(3, 7)):
            lines += self._statement(scope)
        lines += [f"out.write({self._out}({variable.value}));" for variable in seen]
        result = rng.choice(["void", "int", "ap_int<21>"])
        if result != "void":
            value, _, _ = self._expression([*scalars, first], 1)
            lines.append(f"return {result}({value});")
        return [*globals_, f"{result} kernel({', '.join(arguments)}) {{", *lines, "}"]

    def _scalars(self) -> list[Variable]:
        """Scalar arguments of at most 64 bits."""
        types = [self._any_type() for _ in range(self._rng.randrange(1, 4))]
        return [Variable(self._name("s"), *kind) for kind in types if kind[1] <= 64]


class _Stage(Statements):
    """A process that takes `takes` words an iteration and gives `gives`."""

    def text(self, name: str, rounds: int, takes: int, gives: int) -> list[str]:
        rng = self._rng
        self._streams = False
        scale = Variable("scale", "ap_int<9>", 9, True)
        scope = Scope([scale], fixed=[scale])
        lines = self._variables(scope, rng.randrange(1, 3))
        for _ in range(rng.randrange(0, 3)):
            lines += self._table()
        pipelined = rng.random() < 0.7
        inner = Scope(list(scope.variables), pipelined, 1, [scale])
        body = [f"#pragma HLS PIPELINE{rng.choice(['', ' II=2'])}"] if pipelined else []
        for _ in range(takes):
            word = self._word(self._name("r"))
            body.append(f"const {word.kind} {word.name} = in.read();")
            inner.variables.append(word)
            inner.fixed.append(word)
        for _ in range(rng.randrange(1, 4)):
            body += self._statement(inner)
        outer = [v for v in inner.variables if v in scope.variables or v in inner.fixed]
        body += [f"out.write({self._out}({self._expression(outer, 2)[0]}));" for _ in range(gives)]
        words = f"hls::stream<ap_uint<{self._in}>>& in, hls::stream<{self._out}>& out"
        return [f"static void {name}({words}, ap_int<9> scale) {{", *lines, f"{name}_loop:",
                f"for (int n = 0; n < {rounds}; ++n) {{", *body, "}", "}"]  # fmt: skip


def _dataflow(rng: random.Random) -> list[str]:
    """A chain of processes, of which one may be two side by side between a fork and a join."""
    words = rng.choice([4, 8, 12])
    bits = first = rng.choice([8, 13, 32, 40])
    texts: list[str] = []
    calls: list[str] = []
    before, count = "in", rng.randrange(2, 5)
    streams: list[tuple[str, int]] = []

    def stage(source: str, width: int, *, last: bool, same: bool) -> tuple[str, int]:
        nonlocal words
        takes, gives = (1, 1) if same else (rng.choice([1, 1, 2]), rng.choice([1, 1, 2]))
        out_bits = rng.choice([7, 16, 33, 72])
        name, target = f"stage{len(calls)}", "out" if last else f"q{len(streams)}"
        texts.extend(_Stage(rng, width, out_bits, False).text(name, words // takes, takes, gives))
        words = words // takes * gives
        calls.append(f"{name}({source}, {target}, scale);")
        if not last:
            streams.append((target, out_bits))
        return target, out_bits

    forks = rng.randrange(count) if rng.random() < 0.5 else -1
    for number in range(count):
        if number != forks:
            before, bits = stage(before, bits, last=number == count - 1 and forks != number,
                                 same=False)  # fmt: skip
            continue
        left, right = (f"q{len(streams)}", f"q{len(streams) + 1}")
        streams += [(left, bits), (right, bits)]
        texts += _fork(words, bits)
        calls.append(f"fork({before}, {left}, {right});")
        sides = [stage(side, bits, last=False, same=True) for side in (left, right)]
        target = "out" if number == count - 1 else f"q{len(streams)}"
        texts += _join(words, sides[0][1], sides[1][1], out_bits := 40)
        calls.append(f"join({sides[0][0]}, {sides[1][0]}, {target});")
        if target != "out":
            streams.append((target, out_bits))
        before, bits = target, out_bits
    lines = ["#pragma HLS INTERFACE axis port=in", "#pragma HLS INTERFACE axis port=out",
             "#pragma HLS DATAFLOW"]  # fmt: skip
    for name, width in streams:
        lines.append(f"hls::stream<ap_uint<{width}>> {name};")
        if rng.random() < 0.4:
            lines.append(f"#pragma HLS STREAM variable={name} depth={rng.choice([2, 3, 16])}")
    top = (f"void kernel(hls::stream<ap_uint<{first}>>& in, hls::stream<ap_uint<{bits}>>& out, "
           "ap_int<9> scale) {")  # fmt: skip
    return [*texts, top, *lines, *calls, "}"]


def _fork(words: int, bits: int) -> list[str]:
    word = ap(bits, False)
    return [
        f"static void fork(hls::stream<{word}>& in, hls::stream<{word}>& a, "
        f"hls::stream<{word}>& b) {{",
        f"for (int n = 0; n < {words}; ++n) {{",
        "#pragma HLS PIPELINE",
        f"const {word} x = in.read();",
        "a.write(x);",
        "b.write(x);",
        "}",
        "}",
    ]


def _join(words: int, left: int, right: int, bits: int) -> list[str]:
    return [
        f"static void join(hls::stream<ap_uint<{left}>>& a, hls::stream<ap_uint<{right}>>& b, "
        f"hls::stream<ap_uint<{bits}>>& out) {{",
        f"for (int n = 0; n < {words}; ++n) {{",
        "#pragma HLS PIPELINE",
        f"out.write(ap_uint<{bits}>(a.read() + b.read()));",
        "}",
        "}",
    ]
