"""Output of all commands: tables without lines between columns, and JSON documents."""

from __future__ import annotations

import sys
from typing import Any

import msgspec
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


def print_json(document: Any) -> None:
    """Print a document on stdout, indented, and nothing else."""
    text = msgspec.json.format(msgspec.json.encode(document), indent=2)
    sys.stdout.write(text.decode() + "\n")
