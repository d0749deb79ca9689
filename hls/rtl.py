"""RTL of a project: made by the open lowering, put where benches and scripts look for it."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hls import kernels
from hls.boards import LOWERED_FOR
from hls.errors import InputError
from hls.lowering import Lowered, lower
from hls.made_for import asked_for
from hls.project import Project
from hls.rendering import INCLUDE, TEMPLATES

__all__ = ["Rtl", "fingerprint", "lower_project", "lower_source", "write_rtl"]


@dataclass(frozen=True)
class Rtl:
    """RTL on disk: `folder`/rtl/*.v with the module `top`, and the report of how it came about."""

    folder: Path
    top: str
    report: dict[str, Any]

    @property
    def files(self) -> list[Path]:
        """The Verilog files."""
        return sorted((self.folder / "rtl").glob("*.v"))


def lower_project(
    project: Project, *, part: str | None = None, clock_ns: float | None = None
) -> Rtl:
    """Lower a generated project into its folders rtl/ and reports/; nothing is done twice.

    Part and clock are by default those of the board that it was generated for.

    Raises:
        InputError, ToolFailed: as `hls.lowering.lower`.
    """
    source = project.source(".cpp")
    if not source.is_file():
        raise InputError(f"{source}: is missing; generate the project again")
    target = asked_for(project)
    part = LOWERED_FOR[target.family] if part is None else part
    clock_ns = target.clock_ns if clock_ns is None else clock_ns
    sources = [file.read_bytes() for file in sorted(project.path.glob("src/*.[ch]pp"))]
    key = fingerprint(sources, part, clock_ns)
    known = project.path / "reports" / "lowering.json"
    if known.is_file():
        found = json.loads(known.read_text())
        if found.get("key") == key and (project.path / "rtl").is_dir():
            return Rtl(project.path, project.design.name, found)
    lowered = lower(source, project.design.name, part=part, clock_ns=clock_ns)
    return write_rtl(lowered, project.path, project.design.name, {"key": key})


def lower_source(
    source: Path,
    top: str,
    folder: Path,
    *,
    includes: Sequence[Path] = (),
    part: str = "xc7z020",
    clock_ns: float = 10.0,
) -> Rtl:
    """Lower any C++ file into `folder`/rtl and `folder`/reports.

    Raises:
        InputError, ToolFailed: as `hls.lowering.lower`; or the folder cannot be written.
    """
    if not source.is_file():
        raise InputError(f"{source}: no such file; name a C++ file with --source")
    lowered = lower(source, top, includes=includes, part=part, clock_ns=clock_ns)
    rtl = write_rtl(lowered, folder, top, {})
    kernels.record(folder, top, source, includes, lowered)
    return rtl


def write_rtl(lowered: Lowered, folder: Path, top: str, extra: Mapping[str, Any]) -> Rtl:
    """Replace `folder`/rtl by the files of `lowered`, whole or not at all."""
    report = {**lowered.report, **extra}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".rtl.", dir=folder) as scratch:
            made = Path(scratch) / "rtl"
            made.mkdir()
            for name, text in lowered.files.items():
                (made / name).write_text(text)
            place = folder / "rtl"
            if place.exists():
                place.rename(Path(scratch) / "replaced")
            made.rename(place)
        (folder / "reports").mkdir(exist_ok=True)
        (folder / "reports" / "lowering.json").write_text(json.dumps(report, indent=2) + "\n")
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror}); choose another"
        ) from None
    return Rtl(folder, top, report)


def fingerprint(sources: Iterable[bytes], part: str, clock_ns: float) -> str:
    """A hash of all that the Verilog depends on, our compiler and its templates included."""
    here = Path(__file__).parent
    digest = hashlib.sha256(f"{part} {clock_ns}".encode())
    own = [*here.glob("lowering/*.py"), *(TEMPLATES / "rtl").glob("*.j2")]
    for source in sources:
        digest.update(source)
    for file in [*sorted(INCLUDE.rglob("*.h")), *sorted(own)]:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:32]
