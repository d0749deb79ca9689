"""What a benchmark hands back: tables of plain values, to be printed and written as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table as RichTable

__all__ = ["Benchmark", "Table", "Value"]

Value = str | int | float


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of values under named columns; units stand in the names."""

    title: str
    caption: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Value, ...]]
    misses: Sequence[str] = ()
    """Rows that missed their mark, each with its figures in words."""

    def data(self) -> dict[str, Any]:
        """The table as JSON-able data, a dictionary a row."""
        rows = [dict(zip(self.columns, row, strict=True)) for row in self.rows]
        return {"title": self.title, "caption": self.caption, "rows": rows,
                "misses": list(self.misses)}  # fmt: skip

    def show(self, console: Console) -> None:
        """Print the table; columns of numbers are aligned at the right."""
        shown = RichTable(
            title=self.title,
            title_justify="left",
            box=box.SIMPLE_HEAD,
            padding=(0, 1, 0, 0),
            show_edge=False,
        )
        for index, name in enumerate(self.columns):
            text = all(isinstance(row[index], str) for row in self.rows)
            header = name if text else name.replace(" ", "\n")  # narrow enough for 80 columns
            shown.add_column(header, justify="left" if text else "right", vertical="bottom")
        for row in self.rows:
            shown.add_row(*map(_text, row))
        console.print(shown)
        console.print(self.caption, style="dim", highlight=False)
        console.print()


def _text(value: Value) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.3f}"


@dataclass(frozen=True)
class Benchmark:
    """A named measurement; `run` reports its progress through the callable it is given."""

    name: str
    about: str
    run: Callable[[Callable[[str], None]], list[Table]]
