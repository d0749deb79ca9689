"""What pragmas change in the hardware: intervals, memories, FIFOs; seen in report and Verilog."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from shrinking import shrink

from hls.lowering import Lowered, lower

HEAD = "#include <ap_int.h>\n#include <hls_stream.h>\n"
HISTOGRAM = """
void f(const unsigned char* a, int* c) {
#pragma HLS INTERFACE m_axi port=a bundle=gmem_a
#pragma HLS INTERFACE m_axi port=c bundle=gmem_c
  int table[256];
%s
clear:
  for (int i = 0; i < 256; ++i) {
#pragma HLS PIPELINE II=1
    table[i] = 0;
  }
work:
  for (int i = 0; i < 100; ++i) {
#pragma HLS PIPELINE II=1
    table[a[i]] += i;
  }
  c[0] = table[7];
}
"""


def lowered(tmp_path: Path, text: str) -> Lowered:
    source = tmp_path / "f.cpp"
    source.write_text(HEAD + text)
    return lower(source, "f")


def interval(tmp_path: Path, pragma: str) -> int:
    report = lowered(tmp_path, HISTOGRAM % pragma).report
    found: dict[str, Any] = {loop["label"]: loop["ii"] for loop in report["processes"][0]["loops"]}
    return int(found["work"])


@pytest.mark.parametrize(
    ("pragma", "wanted"),
    [
        ("", 2),
        ("#pragma HLS DEPENDENCE variable=table inter false", 1),
        ("#pragma HLS DEPENDENCE variable=table inter RAW false", 1),
        ("#pragma HLS DEPENDENCE variable=table inter RAW distance=4 true", 1),
        # It is the load of what was stored that takes two cycles: the other orders do not help.
        ("#pragma HLS DEPENDENCE variable=table inter WAR false", 2),
        ("#pragma HLS DEPENDENCE variable=table inter WAW distance=4 true", 2),
    ],
)
def test_dependence_relaxes_the_order_that_it_names(
    pragma: str, wanted: int, tmp_path: Path
) -> None:
    assert interval(tmp_path, pragma) == wanted


@pytest.mark.parametrize("depth", [2, 5, 64])
def test_a_stream_has_the_depth_that_is_asked_for(depth: int, tmp_path: Path) -> None:
    text = """
static void one(hls::stream<ap_uint<8> >& in, hls::stream<ap_uint<8> >& mid) {
one_words:
  for (int i = 0; i < 100; ++i) {
#pragma HLS PIPELINE II=1
    mid.write(in.read());
  }
}
static void two(hls::stream<ap_uint<8> >& mid, hls::stream<ap_uint<8> >& out) {
two_words:
  for (int i = 0; i < 100; ++i) {
#pragma HLS PIPELINE II=1
    out.write(mid.read() + 1);
  }
}
void f(hls::stream<ap_uint<8> >& in, hls::stream<ap_uint<8> >& out) {
#pragma HLS INTERFACE axis port=in
#pragma HLS INTERFACE axis port=out
#pragma HLS DATAFLOW
  hls::stream<ap_uint<8> > mid("mid");
#pragma HLS STREAM variable=mid depth=%d
  one(in, mid);
  two(mid, out);
}
"""
    top = lowered(tmp_path, text % depth).files["f.v"]
    assert f".DEPTH({depth})" in top


@pytest.mark.parametrize(
    ("impl", "style"), [("bram", "block"), ("lutram", "distributed"), ("", "block")]
)
def test_a_memory_is_of_the_kind_that_is_asked_for(impl: str, style: str, tmp_path: Path) -> None:
    pragma = f"#pragma HLS BIND_STORAGE variable=table type=ram_2p impl={impl}" if impl else ""
    made = lowered(tmp_path, HISTOGRAM % pragma)
    assert any(f'ram_style = "{style}"' in text for text in made.files.values())


@pytest.mark.parametrize(
    ("pragma", "trips", "copies"),
    [("", 64, 1), ("#pragma HLS UNROLL factor=4", 16, 4), ("#pragma HLS UNROLL", None, 64)],
)
def test_unroll_copies_the_body(
    pragma: str, trips: int | None, copies: int, tmp_path: Path
) -> None:
    text = f"""
void f(const int* a, int* c) {{
#pragma HLS INTERFACE m_axi port=a bundle=gmem_a
#pragma HLS INTERFACE m_axi port=c bundle=gmem_c
  int x = a[0];
work:
  for (int i = 0; i < 64; ++i) {{
{pragma}
    x = (x << 1) ^ (x >> 3);
  }}
  c[0] = x;
}}
"""
    report = lowered(tmp_path, text).report["processes"][0]
    found = {loop["label"]: loop["trip_count"] for loop in report["loops"]}
    assert found.get("work") == trips
    assert copies * (trips or 1) == 64


def test_shrinking_finds_the_statements_that_matter() -> None:
    text = "\n".join(
        [
            "void f() {",
            "  a();",
            "  for (;;) {",
            "    b();",
            "    wrong();",
            "  }",
            "  c();",
            "}",
            "",
        ]
    )
    assert shrink(text, lambda t: "wrong();" in t and t.count("{") == t.count("}"), 10).split() == [
        "wrong();"
    ]
    kept = shrink(text, lambda t: "for" in t and "wrong();" in t and "void" in t, 10)
    assert [line.strip() for line in kept.splitlines()] == [
        "void f() {", "for (;;) {", "wrong();", "}", "}",
    ]  # fmt: skip
