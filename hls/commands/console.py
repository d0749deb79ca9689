"""What the verbs print: tables on a terminal, or one JSON object; progress and logs on stderr."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import rich.box
import rich.console
import rich.measure
import rich.progress
import rich.table
import rich.text

__all__ = ["Console"]


class Console:
    """Where a verb's result goes; `result` is called once."""

    def __init__(self, *, as_json: bool) -> None:
        """Print JSON if `as_json`, else tables."""
        self._as_json = as_json
        self._out = rich.console.Console(highlight=False, soft_wrap=True)
        self._log = rich.console.Console(stderr=True, highlight=False, soft_wrap=True)

    def working(self, what: str) -> AbstractContextManager[object]:
        """Show that something long is going on, if somebody watches."""
        return self._log.status(what) if self._log.is_terminal else nullcontext()

    def result(self, data: Mapping[str, Any], title: str, rows: Iterable[tuple[str, Any]]) -> None:
        """Print `data` as the one JSON object, or `rows` as a table under `title`."""
        if self._as_json:
            print(json.dumps(data))
            return
        table = rich.table.Table(title=title, show_header=False, title_justify="left")
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")  # a long path is wanted whole
        for name, value in rows:
            table.add_row(name, rich.text.Text(str(value)))  # no markup: A[m,k] is meant
        self._out.print(table)

    def tables(
        self,
        data: Mapping[str, Any],
        tables: Iterable[tuple[str, Sequence[str], Iterable[Sequence[str]]]],
    ) -> None:
        """Print `data` as the one JSON object, or tables of a title, a head and rows of texts.

        The first column is at the left, the others at the right.
        """
        if self._as_json:
            print(json.dumps(data))
            return
        for title, head, rows in tables:
            table = rich.table.Table(title=title, title_justify="left", box=rich.box.SIMPLE_HEAD,
                                     padding=(0, 1, 0, 0))  # fmt: skip
            for index, name in enumerate(head):
                table.add_column(name, justify="right" if index else "left", no_wrap=True)
            for row in rows:
                table.add_row(*map(rich.text.Text, row))
            # No cell is cut: a narrow terminal folds the lines, a file has them whole.
            wide = self._out.options.update(width=10_000)
            width = rich.measure.Measurement.get(self._out, wide, table).maximum
            self._out.width = max(self._out.width, width)
            self._out.print(table)

    def text(self, text: str) -> None:
        """Print more below tables; nothing where JSON was asked for."""
        if not self._as_json:
            self._out.print(text, markup=False)

    def warn(self, message: str) -> None:
        """Print the line of something that does not stop us on stderr."""
        self._log.print(f"lineloom: warning: {message}", markup=False)

    @contextmanager
    def progress(self) -> Iterator[Callable[[str, int, int], None]]:
        """A bar, if somebody watches: told what is going on, how much is done, of how much."""
        if not self._log.is_terminal:
            yield lambda what, done, total: None
            return
        columns = (
            rich.progress.TextColumn("{task.description}"),
            rich.progress.BarColumn(),
            rich.progress.MofNCompleteColumn(),
            rich.progress.TimeElapsedColumn(),
        )
        with rich.progress.Progress(*columns, console=self._log, transient=True) as bar:
            tasks: dict[str, rich.progress.TaskID] = {}

            def tell(what: str, done: int, total: int) -> None:
                if what not in tasks:
                    tasks[what] = bar.add_task(what, total=total)
                bar.update(tasks[what], completed=done)

            yield tell

    def failure(self, message: str, exit_code: int) -> None:
        """Print the one line of an error on stderr, and as JSON if that was asked for."""
        self._log.print(f"lineloom: {message}", markup=False, style="red")
        if self._as_json:
            print(json.dumps({"error": message, "exit_code": exit_code}))
