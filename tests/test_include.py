"""The headers in hls/include: ap_int.h, ap_axi_sdata.h and hls_stream.h.

The arithmetic of ap_int.h is held to the vendor's open headers, which the hls4ml wheel carries:
one generated C++ program is compiled with either header, and both have to print the same result
types and bits. Where the vendor's header contradicts UG1399 or arithmetic itself, its own test
writes down what either does (or that ours does not compile).
"""

from __future__ import annotations

import importlib.metadata
import math
import random
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
HEADERS = TESTS.parent / "hls" / "include"
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-Wno-unused-label"]

# Widths around every boundary between native integers, and the widest that are common.
WIDTHS = [1, 2, 7, 8, 9, 16, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 576, 1024]


def vendor_headers() -> Path:
    """Return the folder of the vendor's ap_int.h, found without importing hls4ml.

    The test skips where hls4ml is not installed.
    """
    try:
        wheel = importlib.metadata.distribution("hls4ml")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("hls4ml, whose wheel carries the vendor's ap_int.h, is not installed")
    return Path(str(wheel.locate_file("hls4ml/templates/vivado/ap_types")))


def clang(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the clang of the ziglang wheel; ZIG_GLOBAL_CACHE_DIR is honoured if set."""
    command = [sys.executable, "-m", "ziglang", "c++", "-g0", "-fno-sanitize=undefined"]
    return subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def helper(name: str) -> str:
    """Return a source file of tests/include."""
    return (TESTS / "include" / name).read_text()


def run(program: Path) -> str:
    """Return what the program prints; it has to exit with 0."""
    done = subprocess.run([program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{program.name} exits with {done.returncode}: {done.stderr}"
    return done.stdout


def simulate(folder: Path, source: str, *flags: str) -> str:
    """Compile the source with our headers, warnings being errors, and return its output."""
    (folder / "ours.cpp").write_text(source)
    program = folder / "ours"
    done = clang(
        "-O2", "-std=c++17", *WARNINGS, *flags, f"-I{HEADERS}", folder / "ours.cpp", "-o", program
    )
    assert done.returncode == 0, done.stderr
    return run(program)


def simulate_vendor(folder: Path, source: str) -> str:
    """Compile the source with the vendor's headers and return its output.

    The two defines leave out specialisations of std::complex that libc++ rejects.
    """
    (folder / "vendor.cpp").write_text(source)
    program = folder / "vendor"
    flags = ["-O0", "-DNDEBUG", "-std=c++17", "-w", f"-I{vendor_headers()}"]
    flags += ["-D__AP_INT_SPECIAL_H__", "-D__AP_FIXED_SPECIAL_H__"]
    done = clang(*flags, folder / "vendor.cpp", "-o", program)
    assert done.returncode == 0, done.stderr
    return run(program)


def llvm_ir(folder: Path, source: str, *more_flags: str) -> str:
    """Return the optimised LLVM IR of the source, compiled with our headers for lowering."""
    (folder / "ir.cpp").write_text(source)
    output = folder / "ir.ll"
    flags = ["-O2", "-std=c++17", "-DLINELOOM_LOWERING", "-S", "-emit-llvm"]
    done = clang(*flags, *more_flags, f"-I{HEADERS}", folder / "ir.cpp", "-o", output)
    assert done.returncode == 0, done.stderr
    return output.read_text()


def body_of(ir: str, function: str) -> str:
    """Return the instructions of the IR function whose mangled name contains `function`."""
    found = re.search(rf"^define [^\n]*{function}[^\n]*\{{\n(.*?)^\}}", ir, re.M | re.S)
    assert found, f"no function {function} in the IR"
    return found.group(1)


# ---- the arithmetic, held to the vendor's header -----------------------------------------------


class Cases:
    """Random operands for the functions of tests/include/ap_cases.h, reproducible by the seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def type(self, *, signed: bool | None = None, width: int | None = None) -> tuple[str, int]:
        """Return a C++ type and its width."""
        if width is None:
            common = self._random.random() < 0.8
            width = self._random.choice(WIDTHS) if common else self._random.randint(1, 1024)
        if signed is None:
            signed = self._random.random() < 0.5
        return f"ap_{'' if signed else 'u'}int<{width}>", width

    def value(self, cpp_type: tuple[str, int]) -> str:
        """Return a C++ expression for a value of the type, often a corner of its range."""
        name, width = cpp_type
        corners = [0, 1, (1 << width) - 1, 1 << (width - 1), (1 << (width - 1)) - 1]
        bits = self._random.choice([*corners, *(self._random.getrandbits(width),) * 4])
        if self._random.random() < 0.25:
            bits >>= self._random.randrange(width)
        words = (width + 31) // 32
        digits = [f"{bits >> 32 * i & 0xFFFFFFFF:#x}u" for i in reversed(range(words))]
        return f"value<{name}>({{{', '.join(digits)}}})"

    def native(self) -> str:
        """Return a C++ expression of a native integer type."""
        name, width = self._random.choice(
            [
                ("bool", 1),
                ("char", 8),
                ("signed char", 8),
                ("unsigned char", 8),
                ("short", 16),
                ("unsigned short", 16),
                ("int", 32),
                ("unsigned", 32),
                ("long", 64),
                ("unsigned long", 64),
                ("long long", 64),
                ("unsigned long long", 64),
            ]
        )
        bits = self._random.choice([0, 1, 1 << (width - 1), self._random.getrandbits(width)])
        return f"static_cast<{name}>({bits:#x}ull)"

    def bounds(self, *widths: int) -> str:
        """Return two bit positions that all the widths have; a fifth of them hi < lo."""
        hi, lo = sorted((self._random.randrange(min(widths)) for _ in "hl"), reverse=True)
        if self._random.random() < 0.2:
            hi, lo = lo, hi
        return f"{hi}, {lo}"

    def double(self) -> str:
        """Return a finite number that is 0 or at least 0.5 (see differences, below)."""
        magnitude = self._random.choice(
            [0.0, 0.5, 1.0, 127.99, 128.0, 2.0**31, 2.0**63, self._random.uniform(0.5, 1e6)]
        )
        scale = 2.0 ** self._random.choice([0, 0, 0, 20, 40, 60])
        return repr(self._random.choice([-1, 1]) * magnitude * scale)

    def calls(self) -> list[str]:
        """Return the statements of one program: some of each kind of expression."""
        lines: list[str] = []
        for _ in range(6):
            a, b = self.type(), self.type()
            lines += [f"compute({self.value(a)}, {self.value(b)});" for _ in range(4)]
        for _ in range(4):
            a = self.type()
            lines += [f"compute_native({self.value(a)}, {self.native()});" for _ in range(2)]
            lines += [f"unary({self.value(a)});" for _ in range(3)]
            lines += [f"to_native({self.value(a)});" for _ in range(2)]
            lines += [f"from_double<{a[0]}>({self.double()});" for _ in range(4)]
        for _ in range(3):
            a = self.type()
            for limit in (1, a[1], 2 * a[1]):
                amount = min(self._random.randint(0, limit), 2047)
                lines.append(f"shifts({self.value(a)}, {self._random.choice([-1, 1]) * amount});")
        for _ in range(3):
            a, b = self.type(), self.type()
            for _ in range(3):
                operands = f"{self.value(a)}, {self.value(b)}, {self.bounds(a[1], b[1])}"
                lines += [f"parts({operands});", f"concatenations({operands});"]
            a = self.type(signed=False)
            for _ in range(2):
                bounds = self.bounds(a[1])
                lines.append(f"computed_ranges({self.value(a)}, {self.value(b)}, {bounds});")
        return lines

    def exact_calls(self) -> list[str]:
        """Return the statements of a program that computes with one signed and other types."""
        lines: list[str] = []
        for _ in range(12):
            a, b = self.type(), self.type()
            lines += [f"exact({self.value(a)}, {self.value(b)});" for _ in range(4)]
        return lines


def program_of(calls: list[str]) -> str:
    """Return a C++ program that prints "# i" before it runs call i."""
    lines = [f'#include "{TESTS}/include/ap_cases.h"', "int main() {"]
    for i, call in enumerate(calls):
        lines += [f'    std::printf("# {i}\\n");', f"    {call}"]
    return "\n".join([*lines, "}", ""])


@pytest.mark.parametrize("seed", [1, 2])
def test_results_are_the_vendors(tmp_path: Path, seed: int) -> None:
    """Types and bits of more than a thousand results are those of the vendor's header."""
    vendor_headers()
    calls = Cases(seed).calls()
    source = program_of(calls)
    with ThreadPoolExecutor() as pool:
        both = pool.map(lambda f: f(tmp_path, source).splitlines(), [simulate, simulate_vendor])
    ours, vendors = both
    assert len(ours) == len(vendors) > 1000
    call = ""
    different = []
    for mine, theirs in zip(ours, vendors, strict=True):
        if mine.startswith("# "):
            call = calls[int(mine[2:])]
        elif mine != theirs:
            different.append(f"{call}\n  ours:   {mine}\n  vendor: {theirs}")
    assert not different, f"{len(different)} differences\n" + "\n".join(different[:20])


def parsed(result: str) -> tuple[int, int, bool]:
    """Return value, width and signedness of a printed result such as "s5 1f"."""
    cpp_type, digits = result.split()
    signed, width = cpp_type[0] == "s", int(cpp_type[1:])
    bits = int(digits, 16)
    return bits - (bits >> (width - 1) << width if signed else 0), width, signed


def wrapped(value: int, width: int, signed: bool) -> int:
    """Return the value that an object of this type has after the assignment of `value`."""
    bits = value & ((1 << width) - 1)
    return bits - (bits >> (width - 1) << width if signed else 0)


def nearest_double(value: int) -> float:
    """Return the double nearest to the value: an infinity beyond the largest."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def exact_results(a: int, width: int, signed: bool, b: int) -> dict[str, int | bool | str]:
    """Return what the expressions of exact() in ap_cases.h have to give."""
    ones = (a & ((1 << width) - 1)).bit_count()
    quotient = abs(a) // abs(b) * (-1 if (a < 0) != (b < 0) else 1) if b else 0
    by = max(-width, min(b, width))
    left = wrapped(a << by if by >= 0 else a >> -by, width, signed)
    right = wrapped(a >> by if by >= 0 else a << -by, width, signed)
    return {
        "a + b": a + b,
        "a - b": a - b,
        "a * b": a * b,
        "a & b": a & b,
        "a | b": a | b,
        "a ^ b": a ^ b,
        "-a": -a,
        "~a": wrapped(~a, width, signed),
        "a / b": quotient,
        "a % b": a - b * quotient,
        "a == b": a == b,
        "a != b": a != b,
        "a < b": a < b,
        "a <= b": a <= b,
        "a > b": a > b,
        "a >= b": a >= b,
        "a.and_reduce()": ones == width,
        "a.nand_reduce()": ones != width,
        "a.xor_reduce()": ones % 2 == 1,
        "a.xnor_reduce()": ones % 2 == 0,
        "a.to_bool()": a != 0,
        "a << b": left,
        "a >> b": right,
        "a.to_string(10)": str(a),
        "a.to_double()": nearest_double(a).hex(),
    }


@pytest.mark.parametrize("seed", [3])
def test_results_are_exact(tmp_path: Path, seed: int) -> None:
    """The results are those of Python's integers, for operands of any width and signedness."""
    a, b, width, signed = 0, 0, 0, False
    checked = 0
    for line in simulate(tmp_path, program_of(Cases(seed).exact_calls())).splitlines():
        found = re.fullmatch(r"(# \d+|A\(a\)|B\(b\)|a \S+ b|-a|~a|a\.\S+) ?(.*)", line)
        assert found, line
        name, result = found.groups()
        if name == "A(a)":
            a, width, signed = parsed(result)
        elif name == "B(b)":
            b = parsed(result)[0]
        elif not name.startswith("#"):
            expected = exact_results(a, width, signed, b)[name]
            if isinstance(expected, bool):
                assert result == str(int(expected)), f"{name} of a = {a}, b = {b}"
            elif name == "a.to_double()":
                assert float.fromhex(result) == float.fromhex(str(expected)), f"a = {a}"
            elif isinstance(expected, str):
                assert result == expected
            else:
                assert parsed(result)[0] == expected, f"{name} of a = {a}, b = {b}"
            checked += 1
    assert checked > 1000


# ---- where the vendor's header is not followed -------------------------------------------------

# What is true, statements that show it, what they print with the vendor's header, and with ours
# (None: they do not compile). Each is a fault of the vendor's C simulation model: it contradicts
# arithmetic or UG1399. Where a result type is wrong, or the words mean something else, ours
# refuses to compile rather than to give what a design would not do after synthesis by Vitis.
DIFFERENCES = [
    (
        "a negative number is less than any unsigned one",
        'std::printf("%d", ap_int<8>(-1) < ap_uint<65>(1));',
        *("0", "1"),
    ),
    (
        "and has a negative quotient",
        'std::printf("%d", (ap_int<2>(-1) / ap_uint<16>(63629)).to_int());',
        *("-2", "0"),
    ),
    (
        "a fraction above -0.5 is rounded to 0",
        'std::printf("%d", ap_int<8>(-0.25).to_int());',
        *("1", "0"),
    ),
    (
        "truth is that of all bits, also beyond 64",
        'std::printf("%d", ap_uint<128>(ap_uint<128>(1) << 100) ? 1 : 0);',
        *("0", "1"),
    ),
    (
        "so is to_double()",
        'std::printf("%g", ap_uint<128>(ap_uint<128>(1) << 100).to_double());',
        *("0", "1.26765e+30"),
    ),
    (
        "a shift amount may have more than 32 bits",
        'std::printf("%d", (ap_uint<8>(1) << ap_uint<40>(1ull << 32)).to_int());',
        *("1", "0"),
    ),
    (
        "nand_reduce() is not nor_reduce(), also beyond 64 bits",
        'std::printf("%d", ap_uint<128>(1).nand_reduce());',
        *("0", "1"),
    ),
    (
        "xor_reduce() is the parity of the bits, not of copies of the sign as well",
        'std::printf("%d", ap_int<7>(-63).xor_reduce());',
        *("1", "0"),
    ),
    (
        "a range is unsigned, also of a signed object, so that this sum needs ten bits",
        'ap_int<8> x = -1; std::printf("%d", (x.range(7, 0) + ap_int<8>(127)).to_int());',
        *("-130", "382"),
    ),
    (
        "concatenations are compared as a whole, also beyond 64 bits",
        'ap_uint<100> x = -1; std::printf("%d", (x, x) == (x, x));',
        *("0", "1"),
    ),
    (
        "native / ap_int is as wide as the native operand",
        'std::printf("%d", (1000 / ap_int<8>(1)).to_int());',
        *("-24", None),
    ),
    (
        "native % ap_int has the sign of the native operand",
        'std::printf("%d", (-5 % ap_uint<8>(3)).to_int());',
        *("254", None),
    ),
    (
        "a compound assignment to a range changes no other bits",
        'ap_uint<8> x = 0; x.range(3, 0) |= ap_uint<8>(0xf0); std::printf("%d", x.to_int());',
        *("240", None),
    ),
    (
        "a reduction of a range includes its upper bit",
        'ap_uint<8> x = 0x80; std::printf("%d", x.range(7, 4).or_reduce());',
        *("0", None),
    ),
    (
        "a wide integer has more than 64 bits in floating point arithmetic, too",
        'std::printf("%g", ap_uint<128>(ap_uint<128>(1) << 100) * 1.0);',
        *("0", None),
    ),
]


def printing(*statements: str) -> str:
    """Return a program that runs the statements, each in a block and on a line of its own."""
    blocks = "\n".join(f'    {{ {block} std::printf("\\n"); }}' for block in statements)
    return f"#include <ap_int.h>\n#include <cstdio>\nint main() {{\n{blocks}\n}}\n"


def test_differences_in_the_vendor_header(tmp_path: Path) -> None:
    """The vendor's header does what DIFFERENCES says."""
    output = simulate_vendor(tmp_path, printing(*(code for _, code, _, _ in DIFFERENCES)))
    expected = {what: vendors for what, _, vendors, _ in DIFFERENCES}
    assert dict(zip(expected, output.splitlines(), strict=True)) == expected


def test_differences_in_our_header(tmp_path: Path) -> None:
    """Ours does what DIFFERENCES says, where it compiles; the rest is refused."""
    compiled = [(what, code, ours) for what, code, _, ours in DIFFERENCES if ours is not None]
    output = simulate(tmp_path, printing(*(code for _, code, _ in compiled)))
    expected = {what: ours for what, _, ours in compiled}
    assert dict(zip(expected, output.splitlines(), strict=True)) == expected


# ---- what must not compile ---------------------------------------------------------------------


def refused(folder: Path, statements: str) -> str:
    """Return the errors at the statements, which our headers have to reject."""
    (folder / "refused.cpp").write_text(printing(statements))
    done = clang("-fsyntax-only", "-std=c++17", f"-I{HEADERS}", folder / "refused.cpp")
    assert done.returncode != 0, "this compiles"
    return done.stderr


@pytest.mark.parametrize(
    "statements",
    [pytest.param(code, id=what) for what, code, _, ours in DIFFERENCES if ours is None],
)
def test_differences_are_refused(tmp_path: Path, statements: str) -> None:
    """What DIFFERENCES says does not compile does not."""
    assert "error:" in refused(tmp_path, statements)


@pytest.mark.parametrize(
    ("statements", "error"),
    [
        ("ap_int<0> x;", "the width W has to be at least 1"),
        ("int n = 9 / ap_int<8>(3);", "write ap_int<32>(n) / x"),
        ("const ap_int<8> x = 1; x.range(3, 0) = 2;", "a range of a const object cannot be"),
        ("ap_uint<96> x = 1; unsigned long long y = ~x.range(70, 0);", "wider than 64 bits"),
        ("ap_uint<64> x = 1; unsigned long long y = (x, x);", "no viable conversion"),
        ('constexpr ap_int<8> x = "12a";', "constant expression"),
    ],
)
def test_errors_are_worded(tmp_path: Path, statements: str, error: str) -> None:
    """What is not supported stops at compile time, with words where a user may meet it."""
    assert error in refused(tmp_path, statements)


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_gcc_is_told_what_to_use(tmp_path: Path) -> None:
    """g++, which has no _BitInt in C++, gets one worded error."""
    (tmp_path / "gcc.cpp").write_text("#include <ap_int.h>\n")
    command = ["g++", "-fsyntax-only", "-Wfatal-errors", f"-I{HEADERS}"]
    command.append(str(tmp_path / "gcc.cpp"))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "ap_int.h needs clang 16 or later" in done.stderr


# ---- ap_int.h: the cost ------------------------------------------------------------------------


def test_objects_are_thin(tmp_path: Path) -> None:
    """An object is an integer and nothing else, and evaluates at compile time."""
    assert simulate(tmp_path, helper("thin.cpp")) == ""


def test_tables_are_initialised_by_the_compiler(tmp_path: Path) -> None:
    """Static tables are constants, for which no code runs before main()."""
    ir = llvm_ir(
        tmp_path,
        """
        #include <ap_int.h>
        static const ap_int<8> rom[4][2] = {{1, -2}, {3, 4}, {5, -6}, {7, 8}};
        static const ap_uint<100> wide[2] = {1, -1};
        ap_uint<100> cleared[64];
        ap_int<8> look_up(ap_uint<2> i) { return rom[i][1] + wide[i & 1].to_int(); }
        """,
    )
    assert "global_ctors" not in ir
    assert re.search(r"@\w*rom\w* = .*constant ", ir)
    assert re.search(r"@cleared = .*zeroinitializer", ir)


def test_arithmetic_has_the_exact_width(tmp_path: Path) -> None:
    """A multiply-accumulate is computed in integers of exactly the widths of the types."""
    source = """
        #include <ap_int.h>
        void accumulate(ap_int<20>& sum, ap_int<8> a, ap_int<8> b) { sum += a * b; }
        ap_int<16> product(ap_int<8> a, ap_int<8> b) { return a * b; }
    """
    product = body_of(llvm_ir(tmp_path, source), "product")
    instructions = re.findall(r"= (\w+) (?:nsw )?(i\d+)", product)
    assert instructions == [("sext", "i8"), ("sext", "i8"), ("mul", "i16")]
    # In memory and registers an i20 is an i32, to which LLVM's own passes widen the addition
    # (those of an open compiler need not); what clang itself emits is what counts here.
    emitted = llvm_ir(tmp_path, source, "-Xclang", "-disable-llvm-passes")
    assert re.search(r"mul nsw i16 ", emitted)
    assert re.search(r"add nsw i21 ", emitted)
    assert re.search(r"trunc i21 %\S+ to i20", emitted)


def test_constant_parts_are_shifts(tmp_path: Path) -> None:
    """Reading a part with constant bounds is a shift and a truncation; no branch, no call."""
    ir = llvm_ir(
        tmp_path,
        """
        #include <ap_int.h>
        ap_uint<8> part(ap_uint<64> x) { return x.range(23, 16); }
        void set_part(ap_uint<64>& x, ap_uint<8> y) { x.range(23, 16) = y; }
        ap_uint<16> joined(ap_uint<8> x, ap_uint<8> y) { return (x, y); }
        bool bit(ap_uint<64> x) { return x[5]; }
        """,
    )
    assert re.findall(r"= (\w+)", body_of(ir, "4part")) == ["lshr", "trunc"]
    for function in ("8set_part", "6joined", "3bit"):
        assert not re.search(r"\b(br|call|switch|select)\b", body_of(ir, function)), function


# ---- ap_int.h: the rest ------------------------------------------------------------------------


def test_ap_int_in_ordinary_code(tmp_path: Path) -> None:
    """Conditions, switches, indices, enumerators, streams of text: as with a native integer."""
    assert (
        simulate(tmp_path, helper("ordinary.cpp"))
        == "33 12 27 -1 8 7.5 15 0xf0 -0x10 0xf0 0b11000011 0b11000011"
    )


def test_bounds_are_checked_in_simulation(tmp_path: Path) -> None:
    """A bit that does not exist stops the simulation instead of reading something else."""
    assert simulate(tmp_path, helper("bounds.cpp")).splitlines() == [
        "nothing",
        "ap_int: bit 8 of an integer of 8 bits does not exist",
        "ap_int: bit 9 of an integer of 8 bits does not exist",
        "ap_int: bit -1 of an integer of 8 bits does not exist",
        "ap_int: bit -1 of an integer of 8 bits does not exist",
        "ap_int: a NaN or an infinity has no integer value",
        "ap_int: a character of the text is no digit of its radix",
    ]


# ---- hls_stream.h and ap_axi_sdata.h -----------------------------------------------------------

STREAMED = (
    "100/15/0 101/15/0 102/15/1 -7 2 5 9 | 0 400 0 0 0 1 0 | 1 | hls::stream 'windows' is read "
    "while empty: its reader expects more elements than its writer wrote before; compare the "
    "loop bounds of the two"
)


def test_streams_and_beats(tmp_path: Path) -> None:
    """Order, non-blocking access, growth, the error at an empty stream, members of a beat."""
    assert simulate(tmp_path, helper("streams.cpp")) == STREAMED


def test_a_beat_takes_no_more_than_its_signals(tmp_path: Path) -> None:
    """Side-band signals of width 0 take no space."""
    source = """
        #include <ap_axi_sdata.h>
        static_assert(sizeof(ap_axiu<32, 0, 0, 0>) == 8, "");
        static_assert(sizeof(ap_axis<8, 0, 0, 0>) == 4, "");
        static_assert(std::is_trivially_copyable<ap_axiu<32, 1, 1, 1> >::value, "");
        int main() {}
    """
    assert simulate(tmp_path, source) == ""


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
@pytest.mark.parametrize("standard", ["c++11", "c++17"])
def test_streams_and_beats_with_the_vendor_ap_int(tmp_path: Path, standard: str) -> None:
    """hls_stream.h and ap_axi_sdata.h need no more of ap_int.h than the vendor's has."""
    for header in ("hls_stream.h", "ap_axi_sdata.h"):
        shutil.copy(HEADERS / header, tmp_path)
    (tmp_path / "streams.cpp").write_text(helper("streams.cpp"))
    program = tmp_path / "streams"
    done = subprocess.run(
        [
            *["g++", "-O1", f"-std={standard}", *WARNINGS, f"-I{tmp_path}"],
            # The vendor's constructors read what they are about to initialise.
            *["-Wno-maybe-uninitialized", "-isystem", str(vendor_headers())],
            *[str(tmp_path / "streams.cpp"), "-o", str(program)],
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert run(program) == STREAMED
