"""A script as a program of its own, in this process: arguments, tracebacks and exit codes."""

from __future__ import annotations

import sys
import types
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from hls.errors import InputError

__all__ = ["run_script"]

_INTERRUPTED = 130


def run_script(script: Path, arguments: Sequence[str]) -> int:
    """Run a script as `python script arguments...` does and return its exit code.

    What it raises is shown as Python shows it, from the script's own first line on. Its module
    stays `__main__` afterwards, for threads and exit functions that it leaves behind.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        source = script.read_bytes()
    except OSError as error:
        raise InputError(f"{script}: cannot be read ({error.strerror}); name a script") from None
    sys.argv = [str(script), *arguments]
    sys.path.insert(0, str(script.resolve().parent))
    main = types.ModuleType("__main__")
    main.__file__ = str(script)
    sys.modules["__main__"] = main
    try:
        exec(compile(source, str(script), "exec", dont_inherit=True), main.__dict__)
    except SystemExit as stop:
        return _code(stop)
    except BaseException as error:
        trace = _inside(error.__traceback__, str(script))
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        return _INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _code(stop: SystemExit) -> int:
    """What the interpreter makes of sys.exit's argument."""
    if stop.code is None or isinstance(stop.code, int):
        return stop.code or 0
    print(stop.code, file=sys.stderr)
    return 1


def _inside(trace: TracebackType | None, script: str) -> TracebackType | None:
    """A traceback without the frames around the script."""
    while trace is not None and trace.tb_frame.f_code.co_filename != script:
        trace = trace.tb_next
    return trace
