"""What an operator must hear, also of a command that was asked to be quiet."""

from __future__ import annotations

from rich.console import Console


def complain(console: Console, text: str) -> None:
    """Print a line on a progress console, quiet or not: it is a warning, not progress."""
    quiet, console.quiet = console.quiet, False
    try:
        console.print(f"harness: {text}", markup=False, highlight=False, soft_wrap=True)
    finally:
        console.quiet = quiet
