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
    A command of a group, as far as it is known without its module.

    Attributes:
        where: ``module:attribute`` of its function, or of the Typer app of a group.
        help: Its first line of help.
        examples: Command lines that its help shows; a group's commands have their own.
    """

    where: str
    help: str
    examples: tuple[str, ...] = ()


def new_app(**settings: Any) -> typer.Typer:
    """A Typer app with the settings that all commands share."""
    # Plain help: tables of four columns would cut their texts in a terminal of 80.
    return typer.Typer(
        rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False, **settings
    )


def show_examples(*lines: str) -> str:
    """Format command lines for the end of a help text."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def load_command(name: str, entry: Entry) -> Any:
    """Import a command; a `click` command under this name, with its options."""
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
    """
    Refuse empty values, as of ``--host "$URL"`` where URL is not set; behind -- all is allowed.

    Raises:
        UsageError: There is one; the message names its option.
    """
    before = ""
    for arg in takewhile(lambda arg: arg != "--", args):
        if not arg or _EMPTY.fullmatch(arg):
            option = arg.rstrip("=") or (before if before.startswith("-") else "an argument")
            raise UsageError(f"{option} is empty; give a value (is a variable unset?)")
        before = arg


def tell_usage_error(error: Any) -> bool:
    """Write a line on what typer refuses; whether the error is one of typer's at all."""
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
    """A group that knows names and help of its commands, and imports only the one it runs."""

    entries: ClassVar[Mapping[str, Entry]] = {}

    def __init__(self, **attrs: Any) -> None:
        known = {name: TyperCommand(name, help=e.help) for name, e in self.entries.items()}
        super().__init__(**{**attrs, "commands": known})

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """
        Parse the command line; a value that was given empty is no value.

        Raises:
            UsageError: There is one: most likely a variable that is not set.
        """
        if not ctx.resilient_parsing:
            refuse_empty(args)
            if args and not args[0].startswith("-"):
                super().resolve_command(ctx, args)  # a mistyped one need not wait for pydantic
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command that is to run or to be completed, and import it."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None:
            command = load_command(name, self.entries[name])
        return name, command, rest
