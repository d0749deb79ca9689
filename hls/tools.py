"""Find tools, run them, report failures whole."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import NoReturn

from hls.errors import ToolFailed, ToolNotFound, ToolTooSlow

__all__ = ["cache_folder", "cxx", "end_all", "processor", "run", "unwinding"]

CXX_VARIABLE = "LINELOOM_CXX"
CACHE_VARIABLE = "LINELOOM_CACHE"
_GRACE_S = 2.0
"""For a tool that is told to end, so that it can end its own tools."""

_ENDING = (signal.SIGTERM, signal.SIGHUP)

_running: set[subprocess.Popen[str]] = set()


def cache_folder() -> Path:
    """Where compiled simulations are kept between runs: $LINELOOM_CACHE or ~/.cache/lineloom."""
    chosen = os.environ.get(CACHE_VARIABLE)
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lineloom"
    folder = Path(chosen) if chosen else base
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@cache
def cxx() -> tuple[str, ...]:
    """The command of a clang that knows `_BitInt`, as our headers need.

    Looked for in $LINELOOM_CXX, in the `ziglang` package (a pinned clang from PyPI), and as
    `clang++` on PATH.

    Raises:
        ToolNotFound: none of them is there.
    """
    chosen = os.environ.get(CXX_VARIABLE)
    if chosen:
        if shutil.which(chosen) is None:
            raise ToolNotFound(f"{CXX_VARIABLE}={chosen}: no such program; name a clang++ >= 16")
        return (chosen,)
    if importlib.util.find_spec("ziglang") is not None:
        return (sys.executable, "-m", "ziglang", "c++")
    found = shutil.which("clang++")
    if found is not None:
        return (found,)
    raise ToolNotFound(
        "no C++ compiler for C-sim: searched the Python package ziglang and clang++ on PATH; "
        f"pip install ziglang, or set {CXX_VARIABLE} to a clang++ >= 16"
    )


@cache
def processor() -> str:
    """What the processor can do, as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


def run(
    command: Sequence[str | Path],
    *,
    what: str,
    cwd: Path | None = None,
    timeout_s: float = 600,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run `command` to its end and return what it printed.

    If SIGINT, SIGTERM or SIGHUP ends this process meanwhile, what it runs ends first.

    Raises:
        ToolNotFound: the program is not there.
        ToolTooSlow: it took longer than `timeout_s` and was ended.
        ToolFailed: it failed; the text holds its output.
    """
    argv = [str(part) for part in command]
    environment = os.environ | {"ZIG_GLOBAL_CACHE_DIR": str(_zig_cache())} | dict(env or {})
    if shutil.which(argv[0]) is None:
        raise ToolNotFound(f"{what}: {argv[0]} is not installed or not on PATH")
    with unwinding():
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # so that what the tool started ends with it
        )
        try:
            _running.add(process)
            printed, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise ToolTooSlow(f"{what}: took longer than {timeout_s:g} s and was ended") from None
        finally:
            if process.returncode is None:
                _end(process)
            _running.discard(process)
    if process.returncode:
        raise ToolFailed(f"{what} failed with exit code {process.returncode}:\n{printed.strip()}")
    return printed


@contextmanager
def unwinding() -> Iterator[None]:
    """Within it SIGTERM and SIGHUP raise SystemExit, so that what is under way is cleared up.

    Nothing changes outside of the main thread, and for signals that the program handles itself.
    """

    def leave(number: int, _frame: object) -> NoReturn:
        signal.signal(number, signal.SIG_IGN)  # clearing up takes a while, and is over soon
        raise SystemExit(128 + number)

    inside = threading.current_thread() is threading.main_thread()
    ours = [n for n in _ENDING if inside and signal.getsignal(n) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def end_all() -> None:
    """Tell every tool to end that some thread of this process runs; those runs fail."""
    for process in tuple(_running):
        _signal(process, signal.SIGTERM)


def _end(process: subprocess.Popen[str]) -> None:
    """End a tool and what it started."""
    _signal(process, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=_GRACE_S)
    _signal(process, signal.SIGKILL)
    process.communicate()


def _signal(process: subprocess.Popen[str], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _zig_cache() -> str:
    return os.environ.get("ZIG_GLOBAL_CACHE_DIR") or str(cache_folder() / "zig")
