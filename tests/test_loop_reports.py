"""What lowering says of loops and memories: trips, latencies, and why an interval was missed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from conftest import Lineloom

from hls.lowering import lower

HEAD = "#include <ap_int.h>\n#include <hls_stream.h>\n"  # so the text begins in line 3
PIPELINE = "#pragma HLS PIPELINE II=1\n"


def process(tmp_path: Path, text: str) -> dict[str, Any]:
    """The report of the first process of `f`, which `text` defines."""
    source = tmp_path / "f.cpp"
    source.write_text(HEAD + text)
    found = lower(source, "f").report["processes"][0]
    assert isinstance(found, dict)
    return found


def loops(tmp_path: Path, text: str) -> dict[str, dict[str, Any]]:
    return {loop["label"]: loop for loop in process(tmp_path, text)["loops"]}


MISSED = {
    "a variable": (
        "void f(const int* a, int* c, int n) {\n"
        "  int sum = 1;\n"
        "work:\n  for (int i = 0; i < n; ++i) {\n" + PIPELINE + "    sum = sum * a[i];\n"
        "    sum = sum % 1000;\n  }\n  c[0] = sum;\n}\n",
        2,
        r"^sum \(lines 8, 9\) needs its own value of the iteration before, "
        r"through .*mul \(line 8\) -> .* \(line 9\)",
    ),
    "an array, stored to and loaded from": (
        "void f(const unsigned char* a, int* c) {\n"
        "  int table[256];\n"
        "clear:\n  for (int i = 0; i < 256; ++i) {\n" + PIPELINE + "    table[i] = 0;\n  }\n"
        "work:\n  for (int i = 0; i < 100; ++i) {\n" + PIPELINE + "    table[a[i]] += i;\n  }\n"
        "  c[0] = table[7];\n}\n",
        2,
        r"^array table \(line 13\): what one iteration stores, the next may load \(line 13\); if "
        r"it never does, say so with #pragma HLS DEPENDENCE$",
    ),
    "the write port of an array": (
        "void f(const unsigned char* a, int* c) {\n"
        "  int table[256];\n"
        "work:\n  for (int i = 0; i < 100; ++i) {\n" + PIPELINE + "    unsigned char x = a[i];\n"
        "    table[i] = x;\n    table[255 - x] = i;\n  }\n"
        "  c[0] = table[7];\n}\n",
        2,
        r"^array table \(lines 9, 10\) has one write port, but is stored to 2 times an iteration; "
        r"partition it$",
    ),
    "the ports of a block RAM": (
        "void f(const unsigned char* a, int* c) {\n"
        "  int table[256];\n"
        "clear:\n  for (int i = 0; i < 256; ++i) {\n" + PIPELINE + "    table[i] = a[i];\n  }\n"
        "work:\n  for (int i = 0; i < 100; ++i) {\n" + PIPELINE + "    int x = table[i];\n"
        "    x += table[255 - i];\n    c[i] = x ^ table[i ^ 85];\n  }\n}\n",
        2,
        r"^array table \(lines 13, 14, 15\) has 2 ports, but is accessed 3 times an iteration; "
        r"partition it$",
    ),
    "a stream": (
        "void f(hls::stream<ap_uint<8> >& x, hls::stream<ap_uint<16> >& y, int n) {\n"
        "work:\n  for (int i = 0; i < n; ++i) {\n" + PIPELINE + "    ap_uint<16> low = x.read();\n"
        "    y.write(low + x.read());\n  }\n}\n",
        2,
        r"^stream x \(lines 7, 8\) is read from 2 times an iteration$",
    ),
    "its own end": (
        "void f(const int* a, int* c) {\n  int n = 0;\n"
        "work:\n  do {\n" + PIPELINE + "    ++n;\n  } while (n * n * n % 1000 != a[0]);\n"
        "  c[0] = n;\n}\n",
        2,
        r"^whether another iteration follows \(line 9\) is known \d cycles after an iteration ",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MISSED)
def test_a_missed_interval_says_what_forces_it(case: str, tmp_path: Path) -> None:
    text, least, reason = MISSED[case]
    loop = loops(tmp_path, text)["work"]
    assert loop["ii_wanted"] == 1
    assert loop["ii"] >= least
    assert re.search(reason, loop["reason"]), loop["reason"]


@pytest.mark.parametrize(
    ("header", "trips"),
    [
        ("int i = 0; i < 64; ++i", 64),
        ("int i = 3; i <= 64; i += 7", 9),
        ("int i = 63; i >= 0; --i", 64),
        ("int i = 10; i > -10; i -= 3", 7),
        ("unsigned i = 5; i != 50; i += 5", 9),
        ("ap_uint<7> i = 0; i < 100; ++i", 100),
        ("ap_uint<5> i = 31; i != 0; --i", 31),
        ("long long i = 0; i < 3000000000LL; i += 3", 1_000_000_000),
        ("int i = 0; i < 1; ++i", None),  # no loop at all
    ],
)
def test_constant_trips_are_counted(header: str, trips: int | None, tmp_path: Path) -> None:
    text = (
        "void f(const int* a, int* c) {\n  int s = 0;\nwork:\n"
        f"  for ({header}) {{\n{PIPELINE}    s ^= a[0] + (int)i;\n  }}\n  c[0] = s;\n}}\n"
    )
    found = loops(tmp_path, text)
    assert [loop["trip_count"] for loop in found.values()] == ([] if trips is None else [trips])
    for loop in found.values():
        assert loop["trips_known_by"] == "constant"
        # All iterations, the rest of the last one, and the cycle in which that is seen.
        assert loop["latency_cycles"] == (trips - 1) * loop["ii"] + loop["stages"] + 1


NEST = (
    "void f(const int* a, int* c, int n) {\n"  # line 3
    "  int row[16];\n"
    "rows:\n"
    "  for (int r = 0; r < n; ++r) {\n"
    "#pragma HLS LOOP_TRIPCOUNT min=2 max=8\n"
    "    for (int i = 0; i < 16; ++i) {\n"  # line 8
    "#pragma HLS PIPELINE\n"
    "      row[i] = a[r * 16 + i];\n    }\n"
    "  put: for (int i = 0; i < 16; ++i) {\n"  # line 12
    "#pragma HLS PIPELINE\n"
    "      c[r * 16 + i] = row[15 - i];\n    }\n  }\n}\n"
)


def test_nested_loops_stand_in_the_loop_around_them(tmp_path: Path) -> None:
    found = loops(tmp_path, NEST)
    assert {name: (loop["line"], loop["inside"]) for name, loop in found.items()} == {
        "rows": (6, ""), "line 8": (8, "rows"), "put": (12, "rows"),
    }  # fmt: skip
    rows = found["rows"]
    assert (rows["ii"], rows["stages"]) == (None, None)
    assert (rows["least_trip_count"], rows["trip_count"]) == (2, 8)
    assert rows["trips_known_by"] == "LOOP_TRIPCOUNT"
    inner = sum(found[name]["latency_cycles"] for name in ("line 8", "put"))
    assert inner < rows["iteration_cycles"] <= inner + 4
    assert rows["latency_cycles"] == 8 * rows["iteration_cycles"]


def test_a_run_time_bound_makes_the_latency_unknown(tmp_path: Path) -> None:
    text = NEST.replace("#pragma HLS LOOP_TRIPCOUNT min=2 max=8\n", "\n")
    found = process(tmp_path, text)
    assert found["latency_cycles"] is None
    assert found["loops"][0]["trips_known_by"] == "run-time"
    assert found["loops"][1]["latency_cycles"] is not None


def test_memories_have_a_binding_and_ports(tmp_path: Path) -> None:
    text = (
        "static const int kTable[200] = {" + ", ".join(map(str, range(1, 201))) + "};\n"
        "void f(const unsigned char* a, int* c) {\n"
        "  int small[16];\n  int large[1024];\n"
        "work:\n  for (int i = 0; i < 100; ++i) {\n" + PIPELINE +
        "    small[i & 15] = a[i];\n    large[i] = kTable[a[i] & 127] + kTable[i];\n  }\n"
        "out:\n  for (int i = 0; i < 100; ++i) {\n" + PIPELINE +
        "    c[i] = small[i & 15] + large[99 - i];\n  }\n}\n"
    )  # fmt: skip
    memories = {memory.pop("name"): memory for memory in process(tmp_path, text)["memories"]}
    assert memories["small"] == {
        "words": 16, "bits": 32, "storage": "RAM in LUTs", "read_ports": 1, "write_ports": 1,
    }  # fmt: skip
    assert memories["large"]["storage"] == "RAM in blocks"
    assert memories["kTable"]["storage"].startswith("ROM in")
    # a[i] is fetched twice, so that an iteration has two cycles: one port reads in both.
    assert (memories["kTable"]["read_ports"], memories["kTable"]["write_ports"]) == (1, 0)


def test_the_command_shows_loops_and_memories(tmp_path: Path, lineloom: Lineloom) -> None:
    source = tmp_path / "f.cpp"
    source.write_text(HEAD + NEST)
    outcome = lineloom("lower", "--source", source, "--top", "f", "-o", tmp_path / "f")
    assert outcome.code == 0
    told = " ".join(outcome.out.replace("│", " ").split())
    for said in (
        "rows (line 6)", "2 to 8 trips, not pipelined", "put (line 12)",
        "16 trips, II 1 (wanted 1)", "row[]", "16 words of 32 bits, RAM in LUTs",
    ):  # fmt: skip
        assert said in told
