"""One overlay engine for many networks: that of a project, and its hardware, for another one."""

from __future__ import annotations

import shutil
from pathlib import Path

from hls.errors import InputError
from hls.network.overlay import OverlayEngine
from hls.network.overlay_network import engine_from
from hls.project import Project

__all__ = ["engine_of", "share_hardware"]


def engine_of(path: str | Path) -> OverlayEngine:
    """The engine of a network in overlay style.

    Args:
        path: its project, or the folder with its bitstream and manifest.json.

    Raises:
        InputError: it is something else, or of a Lineloom with other instructions.
    """
    manifest = Project.open(path).manifest
    if manifest.get("style") != "overlay":
        raise InputError(f"{path}: has no engine that runs programs; name a project that lineloom "
                         "net made in style overlay")  # fmt: skip
    return engine_from(str(path), manifest["design"])


def share_hardware(source: Path, project: Project) -> None:
    """Give `project` the Verilog of another one, and its models, if its C++ is the very same.

    Raises:
        InputError: something cannot be copied.
    """
    kernels = [{file.name: file.read_bytes() for file in sorted(folder.glob("src/*.[ch]pp"))}
               for folder in (source, project.path)]  # fmt: skip
    if kernels[0] != kernels[1] or not (source / "reports" / "lowering.json").is_file():
        return
    folders = [source / "rtl", *source.glob("sim/model-*")]
    reports = [source / "reports" / name for name in ("lowering.json", "estimate.json")]
    try:
        for folder in folders:
            shutil.copytree(folder, project.path / folder.relative_to(source))
        (project.path / "reports").mkdir()
        for report in reports:
            if report.is_file():
                shutil.copy(report, project.path / "reports")
    except OSError as error:
        raise InputError(
            f"{project.path}: the Verilog of {source} cannot be copied there ({error})"
        ) from None
