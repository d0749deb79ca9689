"""Vitis HLS, where it is installed: it makes the RTL of a project instead of the open lowering.

The tool works in a copy of the project, reports/vitis, so that its logs and databases stay apart
from what was generated. Its Verilog goes to rtl/ and its report to reports/, where those of the
open lowering would be; before that, ports and registers are compared with manifest.json, on which
benches and hosts rely.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hls.csynth import Registers, read_ports, read_registers, read_report
from hls.errors import CheckFailed, InputError, ToolFailed, ToolNotFound
from hls.lowering import Lowered
from hls.project import Project
from hls.rtl import Rtl, write_rtl
from hls.tools import run

__all__ = ["Tool", "find", "synthesize"]

VITIS_VARIABLE = "LINELOOM_VITIS"
TIMEOUT_S = 4 * 3600.0
_PROGRAMS = ("vitis_hls", "v++", "vitis-run", "vivado_hls")
"""In the order of search: v++ came with vitis_hls, but takes --mode hls only since it went."""

# Verilog, the tables that it reads, and the scripts that make vendor IP for it.
_COLLECTED = (".v", ".vh", ".sv", ".dat", ".mem", ".tcl")


@dataclass(frozen=True)
class Tool:
    """A program that synthesizes C++, by its path."""

    program: Path

    @property
    def command(self) -> list[str]:
        """The command line, in the folder of the project."""
        match self.program.stem:
            case "v++":
                return [str(self.program), "-c", "--mode", "hls", "--config", "hls_config.cfg",
                        "--work_dir", "vitis"]  # fmt: skip
            case "vitis-run":
                return [str(self.program), "--mode", "hls", "--tcl", "run_hls.tcl"]
            case _:
                return [str(self.program), "-f", "run_hls.tcl"]

    @property
    def solution(self) -> str:
        """Where it leaves what it made."""
        return "vitis/hls" if self.program.stem == "v++" else "vitis/solution"


def find() -> Tool:
    """The tool that $LINELOOM_VITIS names, else the first one on PATH.

    The variable holds a program, or a folder of an installation with the program in its bin/.

    Raises:
        ToolNotFound: there is none.
    """
    chosen = os.environ.get(VITIS_VARIABLE)
    if chosen:
        folder = Path(chosen)
        names = [folder / "bin" / name for name in _PROGRAMS] if folder.is_dir() else [folder]
        for candidate in names:
            found = shutil.which(str(candidate))
            if found is not None and Path(found).stem in _PROGRAMS:
                return Tool(Path(found).absolute())
        raise ToolNotFound(
            f"{VITIS_VARIABLE}={chosen}: is none of {', '.join(_PROGRAMS)}, nor an installation "
            "with one in bin/; name the program or the folder"
        )
    for name in _PROGRAMS:
        found = shutil.which(name)
        if found is not None:
            return Tool(Path(found).absolute())
    raise ToolNotFound(
        f"no Vitis HLS: searched {', '.join(_PROGRAMS)} on PATH; source the settings64.sh of its "
        f"installation, or set {VITIS_VARIABLE} to the program or the installation; "
        "without --backend vitis, the open lowering needs none"
    )


def synthesize(project: Project, *, timeout_s: float = TIMEOUT_S) -> Rtl:
    """Make the project's RTL with Vitis HLS, for the part and the clock in its scripts.

    Raises:
        ToolNotFound: there is no Vitis HLS.
        ToolFailed: it failed, took longer than `timeout_s`, or left no Verilog or no report.
        CheckFailed: its ports or registers are not those of manifest.json; rtl/ is left alone.
        InputError: the project cannot be written to.
    """
    tool = find()
    top = project.design.name
    work = _stage(project)
    output = run(tool.command, what=f"{tool.program.name} on {top}", cwd=work, timeout_s=timeout_s,
                 env={"LINELOOM_STEPS": "csynth"})  # fmt: skip
    solution = work / tool.solution
    files = _verilog(solution, tool, output, top)
    _check(project, files, read_registers(solution, files, top))
    report = read_report(solution / "syn" / "report", top)
    rtl = write_rtl(Lowered(files, report), project.path, top, {"backend": "vitis"})
    for name in (f"{top}_csynth.xml", f"{top}_csynth.rpt", "csynth.xml", "csynth.rpt"):
        if (solution / "syn" / "report" / name).is_file():
            shutil.copy(solution / "syn" / "report" / name, project.path / "reports")
    return rtl


def _stage(project: Project) -> Path:
    """A copy of what the tool reads, without what an earlier run left."""
    work = project.path / "reports" / "vitis"
    try:
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(project.path / "src", work / "src")
        for name in ("run_hls.tcl", "hls_config.cfg"):
            shutil.copy(project.path / name, work)
    except OSError as error:
        raise InputError(
            f"{work}: the project cannot be copied ({error}); generate it again"
        ) from None
    return work


def _verilog(solution: Path, tool: Tool, output: str, top: str) -> dict[str, str]:
    """The Verilog that the tool left, by file name; it exits with 0 even when it left none."""
    folder = solution / "syn" / "verilog"
    files = {
        file.name: file.read_text(errors="replace")
        for file in sorted(folder.glob("*"))
        if file.suffix in _COLLECTED
    }
    if f"{top}.v" not in files:
        end = "\n".join(output.strip().splitlines()[-20:])
        raise ToolFailed(
            f"{tool.program.name} ended without an error but left no {top}.v in {folder}; "
            f"the end of what it said:\n{end}"
        )
    return files


def _check(project: Project, files: Mapping[str, str], found: Registers) -> None:
    """Compare ports and registers with the manifest."""
    expected = project.manifest["registers"]
    wrong = []
    for name, place in expected["arguments"].items():
        offset = found.offsets.get(name.upper())
        bits = found.bits.get(name.upper(), place["bits"])
        if offset is None:
            wrong.append(f"has no register {name}")
        elif offset != place["offset"]:
            wrong.append(f"has {name} at {offset:#x} instead of {place['offset']:#x}")
        elif bits != place["bits"]:
            wrong.append(f"has {name} with {bits} bits instead of {place['bits']}")
    surplus = set(found.offsets) - {name.upper() for name in expected["arguments"]}
    wrong += [f"has a register {name} that nobody sets" for name in sorted(surplus)]
    present = read_ports(files[f"{project.design.name}.v"])
    needed = [port["name"] for port in project.manifest["ports"]] + [expected["port"]]
    wrong += [f"has no port {name}" for name in needed if name not in present]
    if wrong:
        raise CheckFailed(
            f"{project.design.name}: the RTL of Vitis HLS {'; '.join(wrong)}, as manifest.json "
            f"says ({found.source}); please report it with the version of the tool"
        )
