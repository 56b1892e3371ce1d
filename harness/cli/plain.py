"""The tables of all commands: no lines between columns, for eighty letters are few."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table


def plain_table(title: str | None = None) -> Table:
    """A table of a terminal, without a column yet."""
    return Table(
        title=title,
        title_justify="left",
        title_style="dim",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
