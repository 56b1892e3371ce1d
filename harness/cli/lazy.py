"""A group of commands whose modules are imported when a command is used, not before."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import takewhile
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

from harness.cli.interrupts import importing
from harness.errors import UsageError

_EMPTY = re.compile(r"--[a-z0-9-]+=")


@dataclass(frozen=True, slots=True)
class Entry:
    """
    What is known of a command without importing its module.

    Attributes:
        where: ``module:attribute`` of its function, or of the Typer app of a group.
        examples: Command lines for its help; a group's commands have their own.
    """

    where: str
    help: str
    examples: tuple[str, ...] = ()


def new_app(**settings: Any) -> typer.Typer:
    """A Typer app with the settings that all commands share."""
    # Plain help: rich tables would cut their texts on a terminal of 80 columns.
    return typer.Typer(
        rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False, **settings
    )


def show_examples(*lines: str) -> str:
    """Format command lines for the end of a help text."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def load_command(name: str, entry: Entry) -> Any:
    """Import a command; return it as a click command of this name."""
    module, attribute = entry.where.split(":")
    with importing():
        found = getattr(import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        function, found = found, new_app()
        found.command(name, epilog=show_examples(*entry.examples))(function)
    command = typer.main.get_command(found)
    command.name = name
    return command


def refuse_empty(args: Sequence[str]) -> None:
    """Refuse empty values, such as ``--host "$URL"`` with URL unset; after ``--`` they are fine."""
    before = ""
    for arg in takewhile(lambda arg: arg != "--", args):
        if not arg or _EMPTY.fullmatch(arg):
            option = arg.rstrip("=") or (before if before.startswith("-") else "an argument")
            raise UsageError(f"{option} is empty; give a value (is a variable unset?)")
        before = arg


def print_usage_error(error: Any) -> bool:
    """Print an error of typer's as a line on stderr; return False for any other error."""
    if not hasattr(error, "format_message"):
        return False
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return True
    message = error.format_message().replace("Value error, ", "").rstrip(".")
    context = getattr(error, "ctx", None)
    see = f"; see `{context.command_path} --help`" if context else ""
    sys.stderr.write(f"harness: {message}{see}\n")
    return True


class LazyGroup(TyperGroup):
    """A group that imports only the command that runs."""

    entries: ClassVar[Mapping[str, Entry]] = {}

    def __init__(self, **attrs: Any) -> None:
        known = {name: TyperCommand(name, help=e.help) for name, e in self.entries.items()}
        super().__init__(**{**attrs, "commands": known})

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the command line; raises UsageError for an empty value."""
        if not ctx.resilient_parsing:
            refuse_empty(args)
            if args and not args[0].startswith("-"):
                super().resolve_command(ctx, args)  # a mistyped command does not wait for imports
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command to run or to complete, and import it."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None:
            command = load_command(name, self.entries[name])
        return name, command, rest
