"""Help: every command shows an example, in 80 columns, with nothing cut."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

import pytest

from harness.cli.commands import COMMANDS
from harness.cli.lazy import load_command

GROUPS = {name: load_command(name, entry) for name, entry in COMMANDS.items()}
LEAVES = {
    " ".join(filter(None, (name, sub))): leaf
    for name, command in GROUPS.items()
    for sub, leaf in getattr(command, "commands", {"": command}).items()
}
_MAIN = "import sys; sys.argv[0] = 'harness'; from harness.cli import main; main()"


def help_of(words):
    """The help as a terminal of 80 columns shows it."""
    return subprocess.run(
        [sys.executable, "-c", _MAIN, *words.split(), "--help"],
        env={**os.environ, "COLUMNS": "80"}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


@pytest.mark.parametrize("words", ["", *GROUPS, *sorted(LEAVES.keys() - GROUPS.keys())])
def test_help_fits_80_columns_uncut(words):
    text = help_of(words)

    assert [] == [line for line in text.splitlines() if len(line) > 80]
    assert "…" not in text
    assert "..." not in text.replace("COMMAND [ARGS]...", "").replace("OPTIONS]]...", "")


@pytest.mark.parametrize("words", LEAVES)
def test_help_has_every_option_with_a_text_and_an_example(words):
    text, command = help_of(words), LEAVES[words]
    for param in command.params:
        assert param.help, param.name
        last = param.help.split()[-1]
        assert f"{param.opts[0]}" in text or param.param_type_name == "argument"
        assert last in re.sub(r"-\n +", "-", text), param.name
    examples = re.sub(r"\\\n +", "", text.partition("Examples:\n")[2]).strip().splitlines()
    assert examples
    for line in examples:
        assert line.strip().startswith(f"harness {words}")


@pytest.mark.parametrize("words", LEAVES)
def test_the_examples_are_command_lines_that_the_command_takes(words):
    """Parsed, not run."""
    command = LEAVES[words]
    epilog = re.sub(r"\\\n +", "", command.epilog)
    for line in epilog.splitlines()[2:]:
        given = shlex.split(line)[1 + len(words.split()) :]
        context = command.make_context(words, given)
        assert context.params
