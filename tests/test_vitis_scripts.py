"""run_hls.tcl and hls_config.cfg, without Vitis: a stub records what the script would make it do.

What Vitis HLS and Vivado HLS know is written down below from AMD UG1399 ("Vitis HLS Command
Reference", "HLS Config File Commands") and, for Vivado HLS, UG902.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import networks
import pytest
from overlay_engine import ENGINE

from hls import Conv2d, Gemm, Pool, generate
from hls.design import Design
from hls.network.overlay_generation import generate_overlay
from hls.network.overlay_network import OverlayNetwork
from hls.project import Project

DESIGNS: list[Design] = [
    Conv2d(
        name="conv", height=6, width=6, in_channels=2, out_channels=2, padding=1,
        pooling=Pool(kind="max"),
    ),
    Conv2d(name="loaded", height=4, width=4, in_channels=2, out_channels=2, weights="load"),
    Gemm(name="product", max_m=8, max_k=8, max_n=8, rows=4, cols=4, bias="s32"),
    OverlayNetwork(network=networks.chain(0), engine=ENGINE),
]  # fmt: skip

# command -> its options, those that take a value with "=". Only what both tools know is here, so
# -flow_target, for one, is not.
COMMANDS = {
    "open_project": {"-reset"},
    "close_project": set(),
    "set_top": set(),
    "add_files": {"-tb", "-cflags=", "-csimflags="},
    "open_solution": {"-reset"},
    "set_part": set(),
    "create_clock": {"-name=", "-period="},
    "config_interface": {"-m_axi_addr64", "-clock_enable", "-m_axi_offset="},
    "config_rtl": {"-reset=", "-reset_async", "-reset_level=", "-module_prefix="},
    "csim_design": {"-O", "-argv=", "-clean", "-ldflags=", "-mflags=", "-setup"},
    "csynth_design": set(),
    "cosim_design": {
        "-O", "-argv=", "-compiled_library_dir=", "-ldflags=", "-mflags=", "-rtl=", "-setup",
        "-tool=", "-trace_level=",
    },
    "export_design": {
        "-description=", "-display_name=", "-flow=", "-format=", "-ipname=", "-library=", "-rtl=",
        "-taxonomy=", "-vendor=", "-version=",
    },
}  # fmt: skip
STEPS = {
    "csim": "csim_design",
    "csynth": "csynth_design",
    "cosim": "cosim_design",
    "export": "export_design",
}

# Each call becomes a line of JSON-like Tcl lists; STUB_FAILS names a command that fails.
STUB = """
proc record {name arguments} {
    set line [list $name]
    foreach argument $arguments {
        lappend line $argument
    }
    puts "CALL\\t[join $line "\\t"]"
    if {[info exists ::env(STUB_FAILS)] && $::env(STUB_FAILS) eq $name} {
        error "$name: it failed"
    }
    if {$name eq "csynth_design"} {
        file mkdir vitis/solution/syn
    }
}
foreach name {%s} {
    proc $name args "record $name \\$args"
}
source %s
"""


@dataclass(frozen=True)
class Run:
    """What came of a run of the script."""

    code: int
    calls: list[list[str]]
    errors: str

    def named(self, name: str) -> list[list[str]]:
        """The arguments of all calls of a command."""
        return [call[1:] for call in self.calls if call[0] == name]

    def only(self, name: str) -> list[str]:
        """The arguments of the one call of a command."""
        (arguments,) = self.named(name)
        return arguments

    @property
    def steps(self) -> list[str]:
        """The steps that were begun, in order."""
        kinds = {command: step for step, command in STEPS.items()}
        return [kinds[call[0]] for call in self.calls if call[0] in kinds]


def run(project: Project, folder: Path, *, steps: str | None = None, fails: str = "") -> Run:
    """Run the project's script under tclsh, from `folder`."""
    if shutil.which("tclsh") is None:
        pytest.skip("tclsh is not installed")
    stub = folder / "stub.tcl"
    script = project.path / "run_hls.tcl"
    stub.write_text(STUB % (" ".join(COMMANDS), f"{{{script}}}"))
    env = {k: v for k, v in os.environ.items() if k != "LINELOOM_STEPS"} | {"STUB_FAILS": fails}
    if steps is not None:
        env["LINELOOM_STEPS"] = steps
    done = subprocess.run(
        ["tclsh", stub], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    return Run(done.returncode, [line[1:] for line in lines if line[0] == "CALL"], done.stderr)


def options(command: str, arguments: list[str]) -> tuple[dict[str, str], list[str]]:
    """The options of a call and its other arguments; an unknown option fails."""
    known = COMMANDS[command]
    found: dict[str, str] = {}
    others: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if f"{argument}=" in known:
            found[argument] = next(rest)
        elif argument in known:
            found[argument] = ""
        else:
            assert not argument.startswith("-"), f"{command} has no option {argument}"
            others.append(argument)
    return found, others


@pytest.fixture(params=DESIGNS, ids=lambda design: design.name)
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Project:
    design, folder = request.param, tmp_path / "some folder" / request.param.name
    if isinstance(design, OverlayNetwork):
        return generate_overlay(design, folder)
    return generate(design, folder)


@pytest.fixture
def convolution(tmp_path: Path) -> Project:
    design = DESIGNS[0]
    assert isinstance(design, Conv2d)
    return generate(design, tmp_path / "conv")


# ---- run_hls.tcl -------------------------------------------------------------------------------


def test_all_steps_in_order(project: Project, tmp_path: Path) -> None:
    done = run(project, tmp_path)
    assert done.code == 0, done.errors
    names = [call[0] for call in done.calls]
    config = [] if isinstance(project.design, Conv2d) else ["config_interface"]
    assert names == [
        "open_project", "set_top", "add_files", "add_files", "open_solution", "set_part",
        "create_clock", *config, *STEPS.values(), "close_project",
    ]  # fmt: skip
    for call in done.calls:
        options(call[0], call[1:])


def test_what_the_calls_say(project: Project, tmp_path: Path) -> None:
    done = run(project, tmp_path)
    name = project.design.name
    assert done.only("open_project") == ["-reset", "vitis"]
    assert done.only("open_solution") == ["-reset", "solution"]
    assert done.only("set_top") == [name]
    assert done.only("set_part") == ["xc7z020clg400-1"]
    assert options("create_clock", done.only("create_clock"))[0]["-period"] == "10.0"
    for arguments in done.named("add_files"):
        found, files = options("add_files", arguments)
        assert all((project.path / file).is_file() for file in files)
        assert ("-tb" in found) == files[0].endswith("_tb.cpp")
        assert "-std=c++11" in found["-cflags"].split()
    assert [files[-3] for files in done.named("add_files")] == [
        f"src/{name}.cpp", f"src/{name}_tb.cpp",
    ]  # fmt: skip
    exported, _ = options("export_design", done.only("export_design"))
    vlnv = json.loads((project.path / "manifest.json").read_text())["vlnv"]
    parts = [exported["-vendor"], exported["-library"], name, exported["-version"]]
    assert ":".join(parts) == vlnv
    assert exported["-format"] == "ip_catalog"


def test_memory_addresses_have_64_bits(tmp_path: Path) -> None:
    design = DESIGNS[2]
    assert isinstance(design, Gemm)
    done = run(generate(design, tmp_path / "product"), tmp_path)
    assert done.only("config_interface") == ["-m_axi_addr64"]


@pytest.mark.parametrize(
    ("wanted", "steps"),
    [
        ("csim", ["csim"]),
        ("csynth", ["csynth"]),
        ("csim csynth", ["csim", "csynth"]),
        ("export,csynth", ["csynth", "export"]),
        (" cosim\tcsynth csim ", ["csim", "csynth", "cosim"]),
    ],
)
def test_selected_steps(
    wanted: str, steps: list[str], convolution: Project, tmp_path: Path
) -> None:
    done = run(convolution, tmp_path, steps=wanted)
    assert done.code == 0, done.errors
    assert done.steps == steps
    assert ("-reset" in done.only("open_project")) == ("csynth" in steps)


def test_later_steps_go_on_with_what_was_synthesized(convolution: Project, tmp_path: Path) -> None:
    early = run(convolution, tmp_path, steps="cosim export")
    assert early.code == 1
    assert early.calls == []
    assert "there is no RTL yet; select csynth as well" in early.errors
    assert run(convolution, tmp_path, steps="csynth").code == 0
    late = run(convolution, tmp_path, steps="cosim export")
    assert late.code == 0, late.errors
    assert late.steps == ["cosim", "export"]
    assert late.only("open_project") == ["vitis"]
    assert late.only("open_solution") == ["solution"]


@pytest.mark.parametrize("wanted", ["synth", "csim all", "", " , "])
def test_unknown_steps_are_refused(wanted: str, convolution: Project, tmp_path: Path) -> None:
    done = run(convolution, tmp_path, steps=wanted)
    assert done.code == 1
    assert done.calls == []
    assert "use some of: csim csynth cosim export" in done.errors


@pytest.mark.parametrize("command", ["open_project", "set_part", *STEPS.values()])
def test_a_failure_ends_the_script(command: str, convolution: Project, tmp_path: Path) -> None:
    done = run(convolution, tmp_path, fails=command)
    assert done.code == 1
    assert done.calls[-1][0] == command
    assert f"conv failed: {command}: it failed" in done.errors


# ---- hls_config.cfg ----------------------------------------------------------------------------

GENERAL_KEYS = {"part"}
HLS_KEYS = {
    "clock", "cosim.O", "cosim.rtl", "csim.O", "csim.clean", "flow_target",
    "package.ip.library", "package.ip.name", "package.ip.vendor", "package.ip.version",
    "package.output.format", "package.output.syn", "syn.cflags", "syn.file",
    "syn.interface.m_axi_addr64", "syn.top", "tb.cflags", "tb.file",
}  # fmt: skip


def settings(project: Project) -> dict[str, dict[str, str]]:
    """Section -> key -> value of the configuration; general keys are in section ''."""
    sections: dict[str, dict[str, str]] = {"": {}}
    current = sections[""]
    for line in (project.path / "hls_config.cfg").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            assert line.endswith("]")
            current = sections.setdefault(line[1:-1], {})
            continue
        key, sign, value = line.partition("=")
        assert sign, line
        assert re.fullmatch(r"[a-zA-Z0-9_.]+", key), line
        # Values pass through Tcl, which must find nothing to substitute.
        assert not set(value) & set('$[]{}\\"'), line
        assert key not in current, f"{key} is there twice"
        current[key] = value
    return sections


def test_configuration_has_known_keys_only(project: Project) -> None:
    sections = settings(project)
    assert set(sections) == {"", "hls"}
    assert set(sections[""]) == GENERAL_KEYS
    assert set(sections["hls"]) <= HLS_KEYS


def test_configuration_says_what_the_script_says(project: Project, tmp_path: Path) -> None:
    done = run(project, tmp_path)
    sections = settings(project)
    hls = sections["hls"]
    manifest = json.loads((project.path / "manifest.json").read_text())
    assert done.only("set_part") == [sections[""]["part"]]
    assert hls["clock"] == "10.0ns"
    assert hls["syn.top"] == manifest["top"]
    files = [options("add_files", arguments)[1] for arguments in done.named("add_files")]
    assert files == [[hls["syn.file"]], [hls["tb.file"]]]
    assert (
        ":".join(hls[f"package.ip.{key}"] for key in ("vendor", "library", "name", "version"))
        == (manifest["vlnv"])
    )
    assert ("syn.interface.m_axi_addr64" in hls) == bool(done.named("config_interface"))


def test_configuration_names_files_of_the_project(project: Project) -> None:
    hls = settings(project)["hls"]
    for key in ("syn.file", "tb.file"):
        assert (project.path / hls[key]).is_file()


def test_neither_file_knows_where_it_was_made(project: Project, tmp_path: Path) -> None:
    for name in ("run_hls.tcl", "hls_config.cfg"):
        assert str(tmp_path) not in (project.path / name).read_text()
