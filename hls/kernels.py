"""kernel.json: what a bench has to know about a C++ file of the user's own that was lowered.

It lies beside the folder rtl/, names the files that were read (relative to it, with a hash of each)
and holds the interface: arguments in their order, ports and registers.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hls.errors import InputError
from hls.lowering import Lowered

__all__ = ["KERNEL", "Kernel", "record"]

KERNEL = "kernel.json"


@dataclass(frozen=True)
class Kernel:
    """A lowered C++ file."""

    folder: Path
    """It holds rtl/, reports/ and kernel.json."""
    top: str
    source: Path
    includes: list[Path]
    files: list[Path]
    """All files of the user's that were read."""
    interface: dict[str, Any]
    """As `hls.lowering.interface.manifest`."""

    @classmethod
    def open(cls, folder: Path) -> Kernel:
        """The kernel in a folder.

        Raises:
            InputError: there is none, or one of its C++ files changed since.
        """
        file = folder / KERNEL
        try:
            data = json.loads(file.read_text())
        except FileNotFoundError:
            raise InputError(
                f"{folder}: has no {KERNEL}; make one with lineloom lower --source FILE.cpp "
                f"--top FUNCTION -o {folder}"
            ) from None
        except (OSError, ValueError) as error:
            raise InputError(f"{file}: cannot be read ({error}); lower the file again") from None
        for name, digest in data["files"].items():
            path = folder / name
            if not path.is_file() or _digest(path) != digest:
                raise InputError(
                    f"{path}: changed since it was lowered, so the Verilog in {folder} is another "
                    "program's; lower it again"
                )
        return cls(
            folder,
            data["top"],
            folder / data["source"],
            [folder / name for name in data["includes"]],
            [folder / name for name in data["files"]],
            data["interface"],
        )


def record(
    folder: Path, top: str, source: Path, includes: Sequence[Path], lowered: Lowered
) -> None:
    """Write kernel.json."""

    def relative(path: Path) -> str:
        return os.path.relpath(path.resolve(), folder.resolve())

    data = {
        "top": top,
        "source": relative(source),
        "includes": [relative(path) for path in includes],
        "files": {relative(path): _digest(path) for path in lowered.sources},
        "interface": lowered.interface,
    }
    (folder / KERNEL).write_text(json.dumps(data, indent=2) + "\n")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
