"""Print stages, tables, lines and JSON documents."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Any

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

QUIET_S = 2.0
"""Shorter stages are not logged."""


@contextmanager
def status(text: str, console: Console | None = None) -> Iterator[None]:
    """Show the current stage on stderr: a spinner, or a line if it takes over `QUIET_S`."""
    console = console or Console(stderr=True)
    if console.is_terminal:
        with console.status(text):
            yield
        return
    timer = Timer(QUIET_S, console.print, [text], {"markup": False, "soft_wrap": True})
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def plain_table(title: str | None, *columns: str, right: Iterable[str] = ()) -> Table:
    """Make a table in the style of all commands; then columns of numbers, which are never cut."""
    table = Table(
        *columns, title=title, title_justify="left", title_style="dim", box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )  # fmt: skip
    for column in right:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def facts_table(title: str, rows: Iterable[tuple[str, str]]) -> Table:
    """Make a table of what was found."""
    table = plain_table(title, "what", "found")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def print_line(console: Console, text: str) -> None:
    """Print a line as it is: no markup, no colours, no wrapping."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def print_json(document: Any) -> None:
    """Print a document on stdout, indented, and nothing else."""
    text = msgspec.json.format(msgspec.json.encode(document), indent=2)
    sys.stdout.write(text.decode() + "\n")
