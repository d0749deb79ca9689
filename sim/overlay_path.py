"""Overlays that pynq finds by their bare names, as it finds those that are installed.

pynq looks in the packages of the entry-point group "pynq.overlays". A temporary folder with such a
package, which links to the folders of the overlays, serves every working directory.
"""

from __future__ import annotations

import atexit
import sys
import tempfile
from functools import cache
from pathlib import Path

import pkg_resources

__all__ = ["inherited_path", "make_findable"]

_PACKAGE = "lineloom_overlays"


def make_findable(bit: Path) -> None:
    """Let `pynq.Overlay("conv1.bit")` find `bit` until this process ends."""
    link = _package() / bit.stem
    link.unlink(missing_ok=True)
    link.symlink_to(bit.parent.resolve())


def inherited_path() -> list[str]:
    """`sys.path` for a process of ours, which makes a package of the same name of its own."""
    return [entry for entry in sys.path if not (Path(entry) / _PACKAGE).is_dir()]


@cache
def _package() -> Path:
    """The package; pkg_resources has listed what is installed and is told of it."""
    place = tempfile.TemporaryDirectory(prefix="lineloom-")
    atexit.register(place.cleanup)
    package = Path(place.name) / _PACKAGE
    package.mkdir()
    (package / "__init__.py").touch()
    described = Path(place.name) / f"{_PACKAGE}-0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {_PACKAGE}\nVersion: 0\n")
    (described / "entry_points.txt").write_text(f"[pynq.overlays]\nlineloom = {_PACKAGE}\n")
    sys.path.append(place.name)
    pkg_resources.working_set.add_entry(place.name)
    return package
