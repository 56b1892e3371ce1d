"""What a command is at, said on stderr when it takes longer than one waits gladly."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Any

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

QUIET_S = 2.0
"""In a log, what is over sooner is not worth a line."""


@contextmanager
def status(text: str, console: Console | None = None) -> Iterator[None]:
    """
    Say what is under way for as long as the block lasts.

    On a terminal a line that moves and goes; else one plain line, after `QUIET_S`.
    """
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


def plain_table(title: str | None = None) -> Table:
    """A table of a terminal, without a column yet."""
    return Table(
        title=title,
        title_justify="left",
        title_style="dim",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )


def print_json(document: Any) -> None:
    """Print a document on stdout, indented, and nothing else."""
    text = msgspec.json.format(msgspec.json.encode(document), indent=2)
    sys.stdout.write(text.decode() + "\n")
