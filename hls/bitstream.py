"""From generated projects to a bitstream for a board, by Vivado, or to the scripts that make it.

A folder gets all that Vivado needs: the engines as IP (their Verilog with a component.xml of ours,
or what Vitis HLS exported), a script that builds the block design around them and implements it,
and the manifest that hosts read. It can be copied to another machine as it is.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hls.boards import LOWERED_FOR, RESOURCES, Board
from hls.errors import CheckFailed, InputError, ToolFailed, ToolNotFound
from hls.estimate import kept, obstacles
from hls.generator import summary
from hls.handoff import check_handoff
from hls.ipxact import package, read_component
from hls.made_for import common_clock
from hls.overlay import Engine, Overlay
from hls.project import Project
from hls.registers import register_map
from hls.rendering import render
from hls.rtl import Rtl, lower_project
from hls.tools import run

__all__ = ["Bitstream", "find", "implement", "scripts", "write"]

VIVADO_VARIABLE = "LINELOOM_VIVADO"
TIMEOUT_S = 24 * 3600.0

# Where run_hls.tcl and the commands in hls_config.cfg leave packaged IP, in the project or in the
# copy of it that --backend vitis works in.
_EXPORTS = [f"{copy}vitis/{solution}/impl/ip" for copy in ("", "reports/vitis/")
            for solution in ("solution", "hls")]  # fmt: skip

_OURS = {"README.md", "build.tcl", "engines", "manifest.json", "overlay", "overlay.part",
         "programs", "reports", "vivado"}  # fmt: skip

# A DMA cannot address more than the processing system has (UG585, UG1085).
_ADDRESS_BITS = {"xc7": 32, "xcup": 40}


@dataclass(frozen=True)
class Bitstream:
    """A folder with the scripts of an overlay and, once implemented, with the bitstream."""

    folder: Path
    overlay: Overlay

    @property
    def delivery(self) -> Path:
        """What goes to the board: .bit, .hwh, manifest.json. There only if all went well."""
        return self.folder / "overlay"

    @property
    def files(self) -> list[Path]:
        """The files to take to the board."""
        name = self.overlay.name
        programs = [engine.program for engine in self.overlay.engines if engine.program]
        names = (f"{name}.bit", f"{name}.hwh", "manifest.json", *programs)
        return [self.delivery / file for file in names]


@dataclass(frozen=True)
class _Source:
    """An engine and its files: IP that Vitis exported, or Verilog to be packaged."""

    engine: Engine
    project: Project
    folder: Path
    rtl: Rtl | None

    @property
    def place(self) -> str:
        return "ip" if self.rtl is None else "rtl"


def write(
    projects: Sequence[Project],
    board: Board,
    *,
    folder: Path | None = None,
    clock_mhz: float | None = None,
    force: bool = False,
) -> Bitstream:
    """Write all that Vivado needs for one bitstream with an engine for each of `projects`.

    Projects without RTL for this board and clock are lowered first; what Vitis HLS exported or
    synthesized is taken as it is.

    Args:
        projects: generated projects, of different names.
        board: where it is to run.
        folder: replaced as a whole; by default beside the first project, called after the overlay
            and the board.
        clock_mhz: of all engines; by default what they were generated for, or the board's.
        force: write what cannot fit the board, too.

    Raises:
        InputError: projects, clock, widths or folder do not do; nothing is written.
        CheckFailed: the design cannot fit, as far as sizes and kept estimates tell.
        ToolFailed: a project cannot be lowered.
    """
    clock_mhz = common_clock(projects, board) if clock_mhz is None else clock_mhz
    engines = tuple(
        Engine(project.design.name, project.manifest["vlnv"], project.manifest)
        for project in projects
    )
    plan = Overlay(board, clock_mhz, engines)
    folder = projects[0].path.parent / f"{plan.name}-{board.name}" if folder is None else folder
    _refuse_foreign(folder)
    if not force:
        _refuse_large([reason for project in projects for reason in _early(project, board)])
    sources = [
        _source(project, engine, board, clock_mhz)
        for project, engine in zip(projects, engines, strict=True)
    ]
    if not force:
        _refuse_large(_late(sources, board))
    overlay = Overlay(board, clock_mhz, tuple(source.engine for source in sources))
    _publish(sources, overlay, folder)
    return Bitstream(folder, overlay)


def find() -> Path:
    """The Vivado that $LINELOOM_VIVADO names, else the one on PATH.

    The variable holds the program, or the folder of an installation with it in bin/.

    Raises:
        ToolNotFound: there is none.
    """
    chosen = os.environ.get(VIVADO_VARIABLE)
    if chosen:
        given = Path(chosen)
        found = shutil.which(str(given / "bin" / "vivado" if given.is_dir() else given))
        if found is None:
            raise ToolNotFound(
                f"{VIVADO_VARIABLE}={chosen}: is neither vivado nor an installation with "
                "bin/vivado; name one of them"
            )
        return Path(found).absolute()
    found = shutil.which("vivado")
    if found is None:
        raise ToolNotFound(
            "no Vivado: searched vivado on PATH; source the settings64.sh of its installation, or "
            f"set {VIVADO_VARIABLE} to the program or the installation"
        )
    return Path(found).absolute()


def implement(bitstream: Bitstream, *, timeout_s: float = TIMEOUT_S) -> str:
    """Run Vivado in the folder, for minutes to hours; returns its line on the slack.

    Raises:
        ToolNotFound: there is no Vivado.
        ToolFailed: it failed, took longer than `timeout_s`, or left no bitstream.
        CheckFailed: negative slack (the text names the path), or a hand-off that hosts cannot use.
    """
    name = bitstream.overlay.name
    try:
        program = find()
    except ToolNotFound as error:
        raise ToolNotFound(
            f"{error}; the scripts are in {bitstream.folder}, README.md tells how to run them "
            "on another machine"
        ) from None
    work = bitstream.folder / "vivado"
    shutil.rmtree(bitstream.delivery, ignore_errors=True)
    work.mkdir(exist_ok=True)
    command: list[str | Path] = [program, "-mode", "batch", "-notrace", "-source", "../build.tcl"]
    try:
        printed = run(command, what=f"Vivado on {name}", cwd=work, timeout_s=timeout_s)
    except ToolFailed as error:
        reason = re.search(r"^Lineloom: \w+ failed: (.*)", str(error), re.MULTILINE)
        if reason is None:
            raise
        kind = CheckFailed if reason[1].startswith("timing:") else ToolFailed
        raise kind(f"{name}: {reason[1]} (in {bitstream.folder}; log: vivado/vivado.log)") from None
    missing = [file.name for file in bitstream.files if not file.is_file()]
    if missing:
        raise ToolFailed(
            f"Vivado ended without an error but left no {', '.join(missing)} in "
            f"{bitstream.delivery}; the end of what it said:\n"
            + "\n".join(printed.strip().splitlines()[-20:])
        )
    try:
        check_handoff(bitstream.delivery / f"{name}.hwh", bitstream.overlay)
    except (CheckFailed, ToolFailed):
        shutil.rmtree(bitstream.delivery)
        raise
    slack = re.search(r"^Lineloom: (setup slack .*)", printed, re.MULTILINE)
    return slack[1] if slack else ""


def _source(project: Project, engine: Engine, board: Board, clock_mhz: float) -> _Source:
    for place in _EXPORTS:
        folder = project.path / place
        if (folder / "component.xml").is_file():
            return _Source(_exported(engine, folder / "component.xml"), project, folder, None)
    rtl = _rtl(project, board, clock_mhz)
    generated = [file.name for file in (project.path / "rtl").glob("*.tcl")]
    if generated:
        raise InputError(
            f"{project.path}: its RTL wants vendor IP ({generated[0]}); let Vitis HLS export it, "
            "step export of run_hls.tcl"
        )
    return _Source(engine, project, project.path / "rtl", rtl)


def _rtl(project: Project, board: Board, clock_mhz: float) -> Rtl:
    """RTL of Vitis HLS if there is some, else that of the open lowering for board and clock."""
    try:
        report = json.loads((project.path / "reports" / "lowering.json").read_text())
    except (OSError, ValueError):
        report = {}
    present = Rtl(project.path, project.design.name, report)
    if report.get("backend") == "vitis" and present.files:
        return present
    return lower_project(
        project, part=LOWERED_FOR[board.family], clock_ns=board.at(clock_mhz).clock_ns
    )


def _exported(engine: Engine, file: Path) -> Engine:
    """The engine as Vitis HLS packaged it, under the name that it was given there."""
    component = read_component(file)
    wrong = [f"no interface {name}" for name in engine.interfaces if name not in
             component.interfaces]  # fmt: skip
    wrong += [
        f"no register {register.name} at {register.offset:#x}"
        for register in register_map(engine.manifest["registers"])
        if component.registers.get(register.name) != register.offset
    ]
    if wrong:
        raise CheckFailed(
            f"{file}: has {'; '.join(wrong)}, unlike manifest.json; export the IP again"
        )
    return Engine(engine.name, component.vlnv, engine.manifest)


def _early(project: Project, board: Board) -> list[str]:
    return [f"{project.design.name} {reason}" for reason in obstacles(project, board)]


def _late(sources: Sequence[_Source], board: Board) -> list[str]:
    """What the engines together need too much of, by estimates that are there already."""
    known = [kept(source.rtl, board.family) for source in sources if source.rtl is not None]
    usages = [usage for usage in known if usage is not None]
    return [
        f"the engines need {needed:,g} {name} by their estimates, {board.name} has "
        f"{getattr(board, field):,}; generate them with fewer lanes"
        for field, name in RESOURCES.items()
        if (needed := sum(getattr(usage, field) for usage in usages)) > getattr(board, field)
    ]


def _refuse_large(reasons: Sequence[str]) -> None:
    if reasons:
        raise CheckFailed(f"does not fit: {'; '.join(reasons)}; or build it with --force")


def _refuse_foreign(folder: Path) -> None:
    try:
        names = {entry.name for entry in folder.iterdir()} if folder.exists() else set()
    except OSError as error:
        raise InputError(f"{folder}: is no folder ({error.strerror}); choose one with -o") from None
    foreign = sorted(names - _OURS)
    if foreign or (names and "build.tcl" not in names):
        what = foreign[0] if foreign else "files without a build.tcl"
        raise InputError(
            f"{folder}: holds something else than a bitstream's scripts ({what}); choose another "
            "folder with -o, or empty it"
        )


def _publish(sources: Sequence[_Source], overlay: Overlay, folder: Path) -> None:
    """Write the folder beside its place and move it there; earlier bitstreams go with the old."""
    texts = scripts(overlay) | {
        f"engines/{source.engine.name}/{name}": text
        for source in sources if source.rtl is not None
        for name, text in _packaged(source).items()
    }  # fmt: skip
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as scratch:
            made, replaced = Path(scratch) / "made", Path(scratch) / "replaced"
            for name, text in texts.items():
                (made / name).parent.mkdir(parents=True, exist_ok=True)
                (made / name).write_text(text)
            for source in sources:
                shutil.copytree(source.folder, made / "engines" / source.engine.name / source.place)
                if source.engine.program is not None:
                    (made / "programs").mkdir(exist_ok=True)
                    held = source.project.path / source.project.manifest["program"]["file"]
                    shutil.copy(held, made / "programs" / source.engine.program)
            if folder.exists():
                folder.rename(replaced)
            made.rename(folder)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror or error}); choose another with -o"
        ) from None


def _packaged(source: _Source) -> dict[str, str]:
    files = {file.name: file.read_bytes() for file in source.folder.iterdir()}
    return package(source.engine, summary(source.project.design), files)


def scripts(overlay: Overlay) -> dict[str, str]:
    """The generated text files beside the engines: path inside the folder -> content."""
    return {
        "manifest.json": json.dumps(overlay.manifests, indent=2) + "\n",
        "README.md": render("pynq/README.md.j2", overlay=overlay),
        "build.tcl": render(
            "pynq/build.tcl.j2",
            overlay=overlay,
            address_bits=_ADDRESS_BITS[overlay.board.family],
        ),
    }
