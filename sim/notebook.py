"""A notebook in a kernel that has the simulated board plugged in before its first cell."""

from __future__ import annotations

import os
import re
from pathlib import Path

from hls.errors import InputError, ToolFailed, ToolNotFound
from sim.overlay_path import inherited_path
from sim.plug import VARIABLE, Setting

__all__ = ["run_notebook"]

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_STARTUP = "__import__('sim.plug').plug.plug_in_from_environment()"


def run_notebook(notebook: Path, setting: Setting, output: Path) -> str | None:
    """Execute a notebook and write it with its outputs.

    Args:
        notebook: the .ipynb file; its folder is the working directory of its cells.
        setting: the board.
        output: where the executed notebook goes, also if a cell fails.

    Returns:
        The traceback of the cell that failed, or None.

    Raises:
        InputError: it is no notebook, or the output cannot be written.
        ToolNotFound: the packages that execute notebooks are missing.
        ToolFailed: the kernel died.
    """
    try:
        import nbclient
        import nbformat
    except ImportError as error:
        raise ToolNotFound(
            f"no Python package {error.name} to execute notebooks with; pip install "
            "nbclient nbformat ipykernel"
        ) from None
    try:
        held = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, nbformat.reader.NotJSONError) as error:
        raise InputError(f"{notebook}: cannot be read as a notebook ({error})") from None
    # Absolute, since the kernel works in the notebook's folder.
    overlays = tuple(tuple(str(Path(project).resolve()) for project in projects)
                     for projects in setting.overlays)  # fmt: skip
    away = Setting(**{**vars(setting), "overlays": overlays})
    environment = {
        **os.environ,
        VARIABLE: away.text(),
        "PYTHONPATH": os.pathsep.join(
            str(Path(path).resolve()) for path in inherited_path() if path
        ),
    }
    client = nbclient.NotebookClient(
        held,
        timeout=None,
        kernel_name="python3",
        resources={"metadata": {"path": str(notebook.resolve().parent)}},
        # It would warn that sockets of this machine are not encrypted.
        extra_arguments=[f"--IPKernelApp.exec_lines={_STARTUP}", "--log-level=ERROR"],
        record_timing=False,
    )
    failure = None
    try:
        client.execute(env=environment)
    except nbclient.exceptions.CellExecutionError as error:
        failure = _COLOURS.sub("", str(error))
    except nbclient.exceptions.DeadKernelError:
        raise ToolFailed(f"{notebook}: its kernel died; run its cells as a script") from None
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(held, output)  # type: ignore[no-untyped-call]
    except OSError as error:
        raise InputError(f"{output}: cannot be written ({error.strerror})") from None
    return failure
