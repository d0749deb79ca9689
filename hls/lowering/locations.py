"""Source locations of LLVM IR: its debug metadata -> lines, and places for messages."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path

__all__ = ["Locations", "place"]

_METADATA = re.compile(r"^(![0-9]+) = (?:distinct )?!(DI\w+)\((.*)\)$")


def place(file: str, line: int) -> str:
    """`file:line` for a message; a file in the working folder is named from there."""
    path = Path(file)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return f"{path}:{line}" if line else str(path)


class Locations:
    """Where the instructions of a module come from."""

    def __init__(self, lines: Sequence[str], own: Collection[Path]) -> None:
        """`lines` are those of the module's text, `own` the files of the user."""
        self._lines = lines
        self._own = {str(path.absolute()) for path in own}
        self._known: dict[str, tuple[int, str]] = {}

    def scope(self, number: str) -> tuple[str, str, str]:
        """File, place and title of a function by the number of its metadata."""
        file, (_, fields) = self._file(number), self._metadata.get(number, ("", {}))
        return file, place(file, int(fields.get("line", "0"))), fields.get("name", "").strip('"')

    def found(self, number: str) -> tuple[int, str]:
        """Line and place of a debug location by its number.

        What was inlined from another file (our headers, say) has the line that calls it, so that
        all lines of a function lie in its own file; its place is the innermost one in the user's
        files.
        """
        if number not in self._known:
            self._known[number] = self._find(number)
        return self._known[number]

    def _find(self, number: str) -> tuple[int, str]:
        chain = []
        at: str | None = number
        while at is not None:
            _, fields = self._metadata[at]
            chain.append((self._file(fields.get("scope", "")), int(fields.get("line", "0"))))
            at = fields.get("inlinedAt")
        own = chain[-1][0]
        line = next(line for file, line in chain if file == own)
        inner = next((pair for pair in chain if pair[0] in self._own and pair[1]), (own, line))
        return line, place(*inner)

    @cached_property
    def _metadata(self) -> dict[str, tuple[str, dict[str, str]]]:
        """Debug metadata by its number: kind and fields."""
        found = (_METADATA.match(line) for line in self._lines)
        return {
            match[1]: (match[2], dict(re.findall(r'(\w+): ("[^"]*"|[^,()]+)', match[3])))
            for match in found
            if match
        }

    def _file(self, scope: str) -> str:
        """The file of a scope; clang may name it relative to its own folder."""
        _, fields = self._metadata.get(scope, ("", {}))
        _, file = self._metadata.get(fields.get("file", ""), ("", {}))
        name, folder = (file.get(field, "").strip('"') for field in ("filename", "directory"))
        return str(Path(folder) / name) if name else ""
