"""One process at a time: a lock on the board, which ends with the process at the latest."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path

from host.errors import AcceleratorError

__all__ = ["BoardLock"]


class BoardLock:
    """A locked file in the folder for temporary files, which is gone after `release`."""

    def __init__(self, board: str) -> None:
        """Lock the board of that name.

        Raises:
            AcceleratorError: another process has it.
        """
        self._place = Path(tempfile.gettempdir()) / f"lineloom-{board}.lock"
        while True:
            try:
                self._file = self._place.open("a")
            except OSError as error:
                raise AcceleratorError(
                    f"{self._place} cannot be opened ({error.strerror}); delete it"
                ) from None
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                self._file.close()
                raise AcceleratorError(
                    "another process uses the accelerators of this board; shut down its notebook "
                    "kernel"
                ) from None
            if self._is_in_place():
                return
            self._file.close()  # its last owner deleted it between the opening and the locking

    def _is_in_place(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), self._place.stat())
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Let others have the board. Releasing twice is allowed."""
        if not self._file.closed:
            self._place.unlink(missing_ok=True)
            self._file.close()
