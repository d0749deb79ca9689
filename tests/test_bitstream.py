"""lineloom bitstream: what it takes and refuses, and Vivado as its driver, by a stub of it."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import vivado
from conftest import Lineloom
from lowered import CONV, lowered

from hls import Conv2d, estimate, generate
from hls.bitstream import find
from hls.errors import ToolNotFound
from hls.project import Project
from hls.registers import register_map

LARGE = Conv2d(name="big", height=32, width=32, in_channels=64, out_channels=64, simd=32, pe=32)


@pytest.fixture
def conv(tmp_path: Path) -> Project:
    return lowered(CONV, tmp_path)


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Vivado's stub on PATH; returns where it records."""
    return vivado.on_path(tmp_path, monkeypatch)


@pytest.fixture
def no_vivado(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.delenv("LINELOOM_VIVADO", raising=False)


# ---- Through to the bitstream --------------------------------------------------------------------


def test_a_bitstream(conv: Project, record: Path, lineloom: Lineloom) -> None:
    done = lineloom("bitstream", conv.path, "--board", "pynq-z2", "--json")
    assert done.code == 0, done.err
    out = conv.path.parent / "conv-pynq-z2"
    files = [out / "overlay" / name for name in ("conv.bit", "conv.hwh", "manifest.json")]
    assert done.json["files"] == [str(file) for file in files]
    assert all(file.is_file() for file in files)
    assert done.json["engines"] == {"conv": "lineloom:hls:conv:1.0"}
    assert (done.json["part"], done.json["clock_mhz"]) == ("xc7z020clg400-1", 100)
    assert done.json["slack"] == "setup slack 0.25 ns, hold slack 0.02 ns"
    assert done.json["warnings"] == []
    command = vivado.calls(record)[0]
    assert command[1:-1] == ["-mode", "batch", "-notrace", "-source", "../build.tcl"]
    assert command[-1] == str(out / "vivado")


def test_a_table_and_a_clock(conv: Project, record: Path, lineloom: Lineloom) -> None:
    out = conv.path.parent / "elsewhere"
    done = lineloom("bitstream", conv.path, "--board", "pynq-z1", "--clock", 125, "-o", out)
    assert done.code == 0, done.err
    assert "125 MHz, setup slack 0.25 ns" in done.out
    assert "conv.bit" in done.out
    lowered = json.loads((conv.path / "reports" / "lowering.json").read_text())
    assert lowered["clock_ns"] == 8.0, "the RTL is of another clock than the overlay"


def test_several_engines(conv: Project, record: Path, lineloom: Lineloom) -> None:
    other = generate(replace(CONV, name="conv_b", simd=1), conv.path.parent / "other")
    done = lineloom("bitstream", conv.path, other.path, "--board", "kv260", "--json")
    assert done.code == 0, done.err
    assert done.json["name"] == "conv_conv_b"
    delivered = conv.path.parent / "conv_conv_b-kv260" / "overlay"
    held = json.loads((delivered / "manifest.json").read_text())
    assert list(held["engines"]) == ["conv", "conv_b"]
    assert held["engines"]["conv_b"]["overlay"]["dma"] == {
        "in_r": "conv_b_dma", "out_r": "conv_b_dma",
    }  # fmt: skip


# ---- Without Vivado, or when it fails ------------------------------------------------------------


@pytest.mark.usefixtures("no_vivado")
def test_without_vivado_the_scripts_are_there(conv: Project, lineloom: Lineloom) -> None:
    done = lineloom("bitstream", conv.path, "--board", "pynq-z2", "--json")
    out = conv.path.parent / "conv-pynq-z2"
    assert done.code == done.json["exit_code"] == 3
    assert "no Vivado: searched vivado on PATH" in done.err
    assert "LINELOOM_VIVADO" in done.err
    assert f"the scripts are in {out}" in done.err
    assert {path.name for path in out.iterdir()} == {
        "README.md", "build.tcl", "engines", "manifest.json",
    }  # fmt: skip


def test_the_variable_names_vivado_or_its_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = vivado.place(tmp_path / "Vivado" / "bin")
    for value in (program, tmp_path / "Vivado"):
        monkeypatch.setenv("LINELOOM_VIVADO", str(value))
        assert find() == program
    monkeypatch.setenv("LINELOOM_VIVADO", str(tmp_path))
    with pytest.raises(ToolNotFound, match="is neither vivado nor an installation"):
        find()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"STUB_SETUP": "-0.5"}, "conv: timing: setup slack -0.5 ns on the path from system_i"),
        ({"STUB_RUN_FAILS": "synth_1"}, "conv: synth_1: synth_design ERROR"),
        ({"STUB_BOARD": ""}, "conv: no board files for pynq-z2"),
        ({"STUB_HANDOFF": "none"}, 'conv: no files matched glob pattern'),
        ({"STUB_HANDOFF": "bare"}, "conv.hwh has no conv.CTRL at 0x0; no conv.GIER at 0x4;"),
    ],
)  # fmt: skip
def test_a_failure_is_one_line_and_leaves_no_delivery(
    settings: dict[str, str],
    words: str,
    conv: Project,
    record: Path,
    lineloom: Lineloom,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    done = lineloom("bitstream", conv.path, "--board", "pynq-z2")
    assert done.code == 1
    assert words in done.err
    assert len(done.err.strip().splitlines()) == 1
    out = conv.path.parent / "conv-pynq-z2"
    assert not (out / "overlay").exists()
    assert (out / "build.tcl").is_file()


def test_a_vivado_that_leaves_nothing(
    conv: Project, tmp_path: Path, lineloom: Lineloom, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "vivado"
    program.write_text("#!/bin/sh\necho something odd\n")
    program.chmod(0o755)
    monkeypatch.setenv("LINELOOM_VIVADO", str(program))
    done = lineloom("bitstream", conv.path, "--board", "pynq-z2")
    assert done.code == 1
    assert "left no conv.bit, conv.hwh, manifest.json" in done.err
    assert "something odd" in done.err


def test_an_earlier_bitstream_does_not_survive_new_scripts(
    conv: Project, record: Path, lineloom: Lineloom, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lineloom("bitstream", conv.path, "--board", "pynq-z2").code == 0
    monkeypatch.setenv("PATH", "/nothing")
    assert lineloom("bitstream", conv.path, "--board", "pynq-z2").code == 3
    assert not (conv.path.parent / "conv-pynq-z2" / "overlay").exists()


# ---- What Vitis HLS made -------------------------------------------------------------------------


def export(project: Project, vlnv: str, *, without: str = "") -> Path:
    """IP as Vitis HLS leaves it, in the structure of IEEE 1685-2009."""
    parts = dict(zip(("vendor", "library", "name", "version"), vlnv.split(":"), strict=True))
    data = project.manifest
    buses = [*(port["name"] for port in data["ports"]), "s_axi_control", "ap_clk", "interrupt"]
    registers = register_map(data["registers"])
    head = "".join(f"<spirit:{key}>{text}</spirit:{key}>" for key, text in parts.items())
    interfaces = "".join(
        f"<spirit:busInterface><spirit:name>{name}</spirit:name></spirit:busInterface>"
        for name in buses if name != without
    )  # fmt: skip
    held = "".join(
        f"<spirit:register><spirit:name>{register.name}</spirit:name>"
        f"<spirit:addressOffset>{register.offset:#x}</spirit:addressOffset></spirit:register>"
        for register in registers if register.name != without
    )  # fmt: skip
    folder = project.path / "vitis" / "solution" / "impl" / "ip"
    folder.mkdir(parents=True)
    (folder / "component.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<spirit:component xmlns:spirit='
        '"http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009">'
        f"{head}<spirit:busInterfaces>{interfaces}</spirit:busInterfaces><spirit:memoryMaps>"
        "<spirit:memoryMap><spirit:name>s_axi_control</spirit:name><spirit:addressBlock>"
        f"<spirit:name>Reg</spirit:name>{held}</spirit:addressBlock></spirit:memoryMap>"
        "</spirit:memoryMaps></spirit:component>\n"
    )
    return folder


@pytest.mark.usefixtures("no_vivado")
@pytest.mark.parametrize("vlnv", ["lineloom:hls:conv:1.0", "xilinx.com:hls:conv:1.0"])
def test_an_export_is_taken_under_its_own_name(
    vlnv: str, tmp_path: Path, lineloom: Lineloom
) -> None:
    project = generate(CONV, tmp_path / "conv")
    export(project, vlnv)
    assert lineloom("bitstream", project.path, "--board", "pynq-z2").code == 3
    out = tmp_path / "conv-pynq-z2"
    assert (out / "engines" / "conv" / "ip" / "component.xml").is_file()
    assert not (out / "engines" / "conv" / "component.xml").exists()
    assert f"create_bd_cell -type ip -vlnv {vlnv} conv" in (out / "build.tcl").read_text()
    assert json.loads((out / "manifest.json").read_text())["vlnv"] == vlnv
    assert not (project.path / "rtl").exists(), "it was lowered for nothing"


@pytest.mark.usefixtures("no_vivado")
@pytest.mark.parametrize(
    ("without", "words"),
    [("in_r", "no interface in_r"), ("frames", "no register frames at 0x10")],
)
def test_an_export_of_another_design_is_refused(
    without: str, words: str, tmp_path: Path, lineloom: Lineloom
) -> None:
    project = generate(CONV, tmp_path / "conv")
    export(project, "lineloom:hls:conv:1.0", without=without)
    done = lineloom("bitstream", project.path, "--board", "pynq-z2")
    assert done.code == 1
    assert f"has {words}, unlike manifest.json" in done.err


@pytest.mark.usefixtures("no_vivado")
def test_an_export_that_cannot_be_read(tmp_path: Path, lineloom: Lineloom) -> None:
    project = generate(CONV, tmp_path / "conv")
    file = export(project, "lineloom:hls:conv:1.0") / "component.xml"
    for text in ("<spirit", "<component/>"):
        file.write_text(text)
        done = lineloom("bitstream", project.path, "--board", "pynq-z2")
        assert done.code == 2
        assert "cannot be read" in done.err


@pytest.mark.usefixtures("no_vivado")
def test_rtl_that_wants_vendor_ip_is_refused(conv: Project, lineloom: Lineloom) -> None:
    (conv.path / "rtl" / "conv_fmul_ip.tcl").write_text("create_ip")
    report = conv.path / "reports" / "lowering.json"
    report.write_text(json.dumps(json.loads(report.read_text()) | {"backend": "vitis"}))
    done = lineloom("bitstream", conv.path, "--board", "pynq-z2")
    assert done.code == 2
    assert "its RTL wants vendor IP (conv_fmul_ip.tcl)" in done.err


# ---- Bad input -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_vivado")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--board", "pynq"], "board 'pynq' is unknown; use one of pynq-z1, pynq-z2"),
        ([], "the following arguments are required: --board"),
        (["--board", "pynq-z2", "--clock", "0"], "clock 0 MHz is outside 1..250"),
        (["--board", "pynq-z2", "--clock", "251"], "clock 251 MHz is outside 1..250"),
        (["--board", "pynq-z2", "--clock", "nan"], "clock nan MHz is outside 1..250"),
        (["--board", "kv260", "--clock", "400"], "clock 400 MHz is outside 1..333"),
    ],
)
def test_bad_arguments(arguments: list[str], words: str, conv: Project, lineloom: Lineloom) -> None:
    done = lineloom("bitstream", conv.path, *arguments)
    assert done.code == 2
    assert words in done.err
    assert [path.name for path in conv.path.parent.iterdir()] == ["conv"]


@pytest.mark.usefixtures("no_vivado")
def test_two_engines_of_one_name(conv: Project, lineloom: Lineloom) -> None:
    done = lineloom("bitstream", conv.path, conv.path, "--board", "pynq-z2")
    assert done.code == 2
    assert "two cells of the overlay would be called conv; generate one" in done.err


@pytest.mark.usefixtures("no_vivado")
def test_no_project(tmp_path: Path, lineloom: Lineloom) -> None:
    done = lineloom("bitstream", tmp_path / "none", "--board", "pynq-z2")
    assert done.code == 2
    assert "no such project" in done.err


@pytest.mark.usefixtures("no_vivado")
def test_a_project_without_sources_for_rtl(tmp_path: Path, lineloom: Lineloom) -> None:
    project = generate(CONV, tmp_path / "conv")
    (project.path / "src" / "conv.cpp").unlink()
    done = lineloom("bitstream", project.path, "--board", "pynq-z2")
    assert done.code == 2
    assert "conv.cpp: is missing; generate the project again" in done.err
    assert not (tmp_path / "conv-pynq-z2").exists()


@pytest.mark.usefixtures("no_vivado")
def test_a_folder_of_other_things_is_left_alone(conv: Project, lineloom: Lineloom) -> None:
    for out in (conv.path, conv.path / "manifest.json"):
        done = lineloom("bitstream", conv.path, "--board", "pynq-z2", "-o", out)
        assert done.code == 2
        assert "choose" in done.err
    assert conv.source(".cpp").is_file()


@pytest.mark.usefixtures("no_vivado")
def test_what_cannot_fit_is_refused_before_anything_is_made(
    tmp_path: Path, lineloom: Lineloom
) -> None:
    project = generate(LARGE, tmp_path / "big")
    done = lineloom("bitstream", project.path, "--board", "pynq-z2")
    assert done.code == 1
    assert "does not fit: big needs 9216 DSP, pynq-z2 has 220" in done.err
    assert "--force" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["big"]
    assert not (project.path / "rtl").exists()


@pytest.mark.usefixtures("no_vivado")
def test_a_kept_estimate_is_heeded(
    conv: Project, lineloom: Lineloom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a stub of Yosys: it counts LUTs that are not there, for this very RTL."""
    yosys = conv.path.parent / "yosys"
    yosys.write_text(
        f"#!{sys.executable}\n"
        "import sys\nfrom pathlib import Path\n"
        "if '-V' in sys.argv:\n    sys.exit(print('Yosys 0.0'))\n"
        """Path('cells.json').write_text('{"design": {"num_cells_by_type": {"LUT6": 30000}}}')\n"""
        "Path('depth.txt').write_text('(length=7)')\n"
    )
    yosys.chmod(0o755)
    monkeypatch.setenv("LINELOOM_YOSYS", str(yosys))
    estimate.yosys.cache_clear()
    assert lineloom("estimate", conv.path, "--board", "pynq-z2").code == 0
    assert lineloom("bitstream", conv.path, "--board", "pynq-z2").code == 3
    # One fits, two do not.
    twin = generate(replace(CONV, name="twin"), conv.path.parent / "twin")
    assert lineloom("estimate", twin.path, "--board", "pynq-z2").code == 0
    arguments = ("bitstream", conv.path, twin.path, "--board", "pynq-z2")
    done = lineloom(*arguments)
    assert done.code == 1
    assert "the engines need 60,000 LUT by their estimates, pynq-z2 has 53,200" in done.err
    assert lineloom(*arguments, "--force").code == 3
    # At another clock the RTL is another one, of which there is no estimate.
    assert lineloom(*arguments, "--clock", 50).code == 3
    estimate.yosys.cache_clear()
