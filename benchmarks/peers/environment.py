"""A Python of its own that has NNgen, made on demand; nothing of it touches our .venv."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

from hls import tools
from hls.errors import LineloomError, ToolFailed, ToolNotFound

__all__ = ["HOME", "VERSION", "fingerprint", "interpreter"]

VERSION = "1.3.4"
HOME = Path("build/peers")
"""What NNgen makes and what is measured of it."""

_HERE = Path(__file__).parent
_BUILD, _PACKAGES = (_HERE / f"requirements{part}.txt" for part in ("-build", ""))
# A missing network is to be noticed soon.
_PIP = ("-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes",
        "--retries", "1", "--timeout", "15")  # fmt: skip


def interpreter() -> Path:
    """The Python that has NNgen; the first time, it is installed from PyPI.

    Raises:
        ToolNotFound: it cannot be installed; the text ends with why.
    """
    folder = (HOME / "venv").resolve()
    python, stamp = folder / "bin" / "python", folder / "ready"
    if python.exists() and stamp.is_file() and stamp.read_text() == fingerprint():
        return python
    try:
        shutil.rmtree(folder, ignore_errors=True)
        tools.run([sys.executable, "-m", "venv", folder], what="making a place for NNgen")
        # Some of the packages come as sources, and are built with what is pinned as well.
        tools.run([python, *_PIP, "-r", _BUILD], what="pip")
        tools.run([python, *_PIP, "--no-build-isolation", "-r", _PACKAGES], what="pip")
    except ToolFailed as error:
        raise ToolNotFound(f"NNgen {VERSION} cannot be installed: {_reason(error)}") from None
    stamp.write_text(fingerprint())
    return python


def fingerprint() -> str:
    """Of all packages, with their versions."""
    return hashlib.sha256(_BUILD.read_bytes() + _PACKAGES.read_bytes()).hexdigest()


def _reason(error: LineloomError) -> str:
    """What the tool said in the end, without what went before."""
    said = [line for line in str(error).splitlines() if "ERROR" in line]
    return (said or str(error).splitlines())[-1].removeprefix("ERROR: ")
