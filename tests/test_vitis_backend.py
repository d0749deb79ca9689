"""lower --backend vitis, without Vitis: stubs record how they are called and leave its files.

What the stubs write has the form of Vitis HLS' files, but says nothing about what it would make.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from conftest import Lineloom

from hls import Conv2d, Gemm, generate
from hls.csynth import read_report
from hls.errors import ToolFailed, ToolNotFound
from hls.project import Project
from hls.vitis import find

CONV = Conv2d(name="conv", height=6, width=6, in_channels=2, out_channels=2)
GEMM = Gemm(name="product", max_m=8, max_k=8, max_n=8, rows=4, cols=4, bias="s32")

REPORT = """<profile>
<ReportVersion><Version>2022.2</Version></ReportVersion>
<UserAssignments><Part>xc7z020-clg400-1</Part><TopModelName>TOP</TopModelName>
<TargetClockPeriod>10.00</TargetClockPeriod></UserAssignments>
<PerformanceEstimates>
  <SummaryOfTimingAnalysis><EstimatedClockPeriod>7.300</EstimatedClockPeriod></SummaryOfTimingAnalysis>
  <SummaryOfOverallLatency>
    <Best-caseLatency>120</Best-caseLatency><Worst-caseLatency>undef</Worst-caseLatency>
    <Interval-min>110</Interval-min><Interval-max>undef</Interval-max>
  </SummaryOfOverallLatency>
  <SummaryOfLoopLatency/>
</PerformanceEstimates>
<AreaEstimates><Resources><BRAM_18K>4</BRAM_18K><DSP48E>9</DSP48E><FF>800</FF><LUT>900</LUT>
</Resources></AreaEstimates>
</profile>"""

MODULES = """<profile>
<ModuleInformation><Module><Name>multiply</Name><PerformanceEstimates><SummaryOfLoopLatency>
  <frames><Name>frames</Name><TripCount>undef</TripCount><Latency>undef</Latency>
    <steps><Name>steps</Name><TripCount>96</TripCount><Latency>101</Latency>
      <PipelineII>1</PipelineII><PipelineDepth>6</PipelineDepth></steps>
  </frames>
</SummaryOfLoopLatency></PerformanceEstimates></Module></ModuleInformation>
</profile>"""

# The stub takes the top's name and the registers from the project, as the tool does from the C++.
STUB = """#!{python}
import json, os, sys
from pathlib import Path

mode = os.environ.get("STUB_MODE", "")
record = {{"argv": sys.argv[1:], "cwd": os.getcwd(), "steps": os.environ.get("LINELOOM_STEPS")}}
Path({record!r}).write_text(json.dumps(record))
print("INFO: working")
if mode == "fails":
    print("ERROR: [HLS 207-1] it does not compile")
    sys.exit(1)
manifest = json.loads(Path({manifest!r}).read_text())
top = manifest["top"]
solution = Path("vitis") / ("hls" if Path(sys.argv[0]).name == "v++" else "solution")
(solution / "syn" / "verilog").mkdir(parents=True)
(solution / "syn" / "report").mkdir()
if mode == "empty":
    sys.exit(0)
ports = [port["name"] + ("_TDATA" if port["protocol"] == "axis" else "_ARADDR")
         for port in manifest["ports"]]
if mode == "portless":
    ports.pop()
verilog = solution / "syn" / "verilog"
(verilog / f"{{top}}.v").write_text(
    f"module {{top}} ({{', '.join([*ports, 's_axi_control_AWADDR'])}});\\nendmodule\\n")
(verilog / f"{{top}}_rom.dat").write_text("00\\n")
(verilog / "README").write_text("not Verilog")
lines, slave = [], []
for name, place in manifest["registers"]["arguments"].items():
    offset = place["offset"] + (8 if "shifted" in mode else 0)
    lines.append(f"#define X{{top.upper()}}_CONTROL_ADDR_{{name.upper()}}_DATA 0x{{offset:02x}}")
    lines.append(f"#define X{{top.upper()}}_CONTROL_BITS_{{name.upper()}}_DATA {{place['bits']}}")
    slave.append(f"ADDR_{{name.upper()}}_DATA_0 = 6'h{{offset:02x}},")
(verilog / f"{{top}}_control_s_axi.v").write_text("localparam\\n" + "\\n".join(slave))
if "headerless" not in mode:
    drivers = solution / "impl" / "misc" / "drivers" / f"{{top}}_v1_0" / "src"
    drivers.mkdir(parents=True)
    (drivers / f"x{{top}}_hw.h").write_text("\\n".join(lines))
if mode != "reportless":
    report = solution / "syn" / "report"
    (report / f"{{top}}_csynth.xml").write_text({report!r}.replace("TOP", top))
    (report / "csynth.xml").write_text({modules!r})
"""


class Stub:
    """A fake tool: `place` puts it on PATH under a name, `record` is its last call."""

    def __init__(self, folder: Path, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder / "bin"
        self._folder.mkdir()
        self._record = folder / "record.json"
        self._manifest = project.path / "manifest.json"
        monkeypatch.setenv("PATH", str(self._folder))
        monkeypatch.delenv("LINELOOM_VITIS", raising=False)

    def place(self, name: str, folder: Path | None = None) -> Path:
        file = (folder or self._folder) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(STUB.format(python=sys.executable, record=str(self._record),
                                    manifest=str(self._manifest.absolute()),
                                    report=REPORT, modules=MODULES))  # fmt: skip
        file.chmod(0o755)
        return file

    @property
    def record(self) -> dict[str, object]:
        data = json.loads(self._record.read_text())
        assert isinstance(data, dict)
        return data

    @property
    def called(self) -> bool:
        return self._record.exists()


@pytest.fixture(params=[CONV, GEMM], ids=lambda design: design.name)
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Project:
    return generate(request.param, tmp_path / "some folder" / request.param.name)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return generate(CONV, tmp_path / "conv")


@pytest.fixture
def stub(tmp_path: Path, project: Project, monkeypatch: pytest.MonkeyPatch) -> Stub:
    return Stub(tmp_path, project, monkeypatch)


# ---- what is called ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "argv"),
    [
        ("vitis_hls", ["-f", "run_hls.tcl"]),
        ("vivado_hls", ["-f", "run_hls.tcl"]),
        ("vitis-run", ["--mode", "hls", "--tcl", "run_hls.tcl"]),
        ("v++", ["-c", "--mode", "hls", "--config", "hls_config.cfg", "--work_dir", "vitis"]),
    ],
)
def test_each_tool_has_its_command(
    name: str, argv: list[str], project: Project, stub: Stub, lineloom: Lineloom
) -> None:
    stub.place(name)
    done = lineloom("lower", project.path, "--backend", "vitis")
    assert done.code == 0, done.err
    work = project.path / "reports" / "vitis"
    assert stub.record == {"argv": argv, "cwd": str(work), "steps": "csynth"}
    for file in argv:
        assert not file.endswith((".tcl", ".cfg")) or (work / file).is_file()
    assert (work / "src" / "conv.cpp").is_file()


def test_rtl_and_reports_are_where_the_open_lowering_puts_them(
    either: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lineloom: Lineloom
) -> None:
    Stub(tmp_path, either, monkeypatch).place("vitis_hls")
    done = lineloom("lower", either.path, "--backend", "vitis", "--json")
    assert done.code == 0, done.err
    top = either.design.name
    names = {file.name for file in (either.path / "rtl").iterdir()}
    assert names == {f"{top}.v", f"{top}_rom.dat", f"{top}_control_s_axi.v"}
    report = json.loads((either.path / "reports" / "lowering.json").read_text())
    assert report["backend"] == "vitis"
    assert done.json == {
        "top": top,
        "files": [str(either.path / "rtl" / f"{top}{end}.v") for end in ("", "_control_s_axi")],
        **report,
    }
    assert (either.path / "reports" / f"{top}_csynth.xml").is_file()
    # A project that Vitis HLS was used on can be generated again.
    generate(either.design, either.path)


def test_the_report_in_words(project: Project, stub: Stub, lineloom: Lineloom) -> None:
    stub.place("vitis_hls")
    text = re.sub(r"\s+", " ", lineloom("lower", project.path, "--backend", "vitis").out)
    assert "120 to None cycles" in text
    assert "BRAM_18K 4, DSP 9, FF 800, LUT 900" in text
    assert "steps │ 96 trips, II 1, 6 stages, 101 cycles in all" in text
    assert "frames │ trips known at run time, not pipelined │" in text


def test_vitis_hls_is_preferred(project: Project, stub: Stub, lineloom: Lineloom) -> None:
    for name in ("v++", "vivado_hls", "vitis_hls"):
        stub.place(name)
    assert lineloom("lower", project.path, "--backend", "vitis").code == 0
    assert stub.record["argv"] == ["-f", "run_hls.tcl"]


@pytest.mark.parametrize("named", ["program", "installation"])
def test_the_variable_wins(
    named: str, project: Project, stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    lineloom: Lineloom,
) -> None:  # fmt: skip
    stub.place("vitis_hls")
    program = stub.place("v++", tmp_path / "Vitis" / "bin")
    monkeypatch.setenv("LINELOOM_VITIS", str(program if named == "program" else tmp_path / "Vitis"))
    assert lineloom("lower", project.path, "--backend", "vitis").code == 0
    assert stub.record["argv"] == [
        "-c", "--mode", "hls", "--config", "hls_config.cfg", "--work_dir", "vitis",
    ]  # fmt: skip


# ---- what is refused ---------------------------------------------------------------------------


def test_without_a_tool(project: Project, stub: Stub, lineloom: Lineloom) -> None:
    done = lineloom("lower", project.path, "--backend", "vitis", "--json")
    assert done.code == done.json["exit_code"] == 3
    assert "searched vitis_hls, v++, vitis-run, vivado_hls on PATH" in done.err
    assert "set LINELOOM_VITIS to the program" in done.err
    assert not stub.called
    assert not (project.path / "reports").exists()


@pytest.mark.parametrize("chosen", ["nothing/there", "bin", "bin/gcc"])
def test_a_wrong_variable(
    chosen: str, stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub.place("gcc")
    monkeypatch.setenv("LINELOOM_VITIS", str(tmp_path / chosen))
    with pytest.raises(ToolNotFound, match=f"LINELOOM_VITIS=.*{chosen}: is none of vitis_hls"):
        find()


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("fails", r"vitis_hls on conv failed with exit code 1:\n.*\nERROR: \[HLS 207-1\] it does"),
        ("empty", r"ended without an error but left no conv\.v in .*\n.*INFO: working"),
        ("reportless", r"left no readable conv_csynth\.xml"),
        ("shifted", r"has frames at 0x18 instead of 0x10.*\(xconv_hw\.h\)"),
        ("portless", r"has no port out_r"),
    ],
)
def test_a_run_without_a_whole_result_fails(
    mode: str, message: str, project: Project, stub: Stub, monkeypatch: pytest.MonkeyPatch,
    lineloom: Lineloom,
) -> None:  # fmt: skip
    stub.place("vitis_hls")
    assert lineloom("lower", project.path, "--backend", "vitis").code == 0
    before = {file: file.read_bytes() for file in (project.path / "rtl").iterdir()}
    monkeypatch.setenv("STUB_MODE", mode)
    done = lineloom("lower", project.path, "--backend", "vitis")
    assert done.code == 1
    assert re.search(message, done.err), done.err
    assert done.out == ""
    # What an earlier run made stays, and is not taken for this one's.
    assert {file: file.read_bytes() for file in (project.path / "rtl").iterdir()} == before


def test_the_slave_tells_the_registers_if_no_header_does(
    project: Project, stub: Stub, monkeypatch: pytest.MonkeyPatch, lineloom: Lineloom
) -> None:
    stub.place("vitis_hls")
    monkeypatch.setenv("STUB_MODE", "headerless")
    assert lineloom("lower", project.path, "--backend", "vitis").code == 0
    monkeypatch.setenv("STUB_MODE", "headerless shifted")
    done = lineloom("lower", project.path, "--backend", "vitis")
    assert done.code == 1
    assert "has frames at 0x18 instead of 0x10" in done.err
    assert "(conv_control_s_axi.v)" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--source k.cpp --top k -o made", "--backend vitis takes the folder of a project"),
        ("{project} --part xc7z020", "--part does not apply to --backend vitis"),
        ("{project} --clock 5", "--clock does not apply to --backend vitis"),
    ],
)
def test_options_that_mean_nothing_here(
    arguments: str, message: str, project: Project, stub: Stub, lineloom: Lineloom
) -> None:
    stub.place("vitis_hls")
    given = [part.format(project=project.path) for part in arguments.split()]
    done = lineloom("lower", "--backend", "vitis", *given)
    assert done.code == 2
    assert message in done.err
    assert not stub.called


# ---- the report --------------------------------------------------------------------------------


def test_what_is_read_from_the_report(tmp_path: Path) -> None:
    (tmp_path / "conv_csynth.xml").write_text(REPORT.replace("TOP", "conv"))
    (tmp_path / "csynth.xml").write_text(MODULES)
    report = read_report(tmp_path, "conv")
    assert report["target"] == "xc7z020-clg400-1"
    assert (report["clock_ns"], report["estimated_clock_ns"]) == (10.0, 7.3)
    assert report["latency_cycles"] == {"best": 120, "worst": None}
    assert report["interval_cycles"] == {"best": 110, "worst": None}
    assert report["resources"] == {"BRAM_18K": 4, "DSP": 9, "FF": 800, "LUT": 900}
    (process,) = report["processes"]
    assert process["name"] == "multiply"
    assert [loop["label"] for loop in process["loops"]] == ["frames", "steps"]
    steps = process["loops"][1]
    assert (steps["ii"], steps["stages"], steps["trip_count"]) == (1, 6, 96)


def test_one_file_per_module_as_vivado_hls_writes_them(tmp_path: Path) -> None:
    (tmp_path / "conv_csynth.xml").write_text(REPORT.replace("TOP", "conv"))
    loop = "<steps><TripCount>96</TripCount><PipelineII>2</PipelineII></steps>"
    (tmp_path / "multiply_csynth.xml").write_text(
        REPORT.replace("TOP", "multiply").replace(
            "<SummaryOfLoopLatency/>", f"<SummaryOfLoopLatency>{loop}</SummaryOfLoopLatency>"
        )
    )
    (process,) = read_report(tmp_path, "conv")["processes"]
    assert (process["name"], process["loops"][0]["label"]) == ("multiply", "steps")
    assert process["loops"][0]["ii"] == 2


def test_a_broken_report(tmp_path: Path) -> None:
    (tmp_path / "conv_csynth.xml").write_text("<profile><a></profile>")
    with pytest.raises(ToolFailed, match=r"no readable conv_csynth\.xml \(mismatched tag"):
        read_report(tmp_path, "conv")
