"""The command line as a whole: its version, and how it ends when it cannot go on."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys

import pytest

from harness import __version__
from harness.cli.commands import COMMANDS
from harness.cli.lazy import load_command

HEAVY = {"gevent", "matplotlib", "msgspec", "numpy", "pandas", "pyarrow", "scipy"}
_LIST_MODULES = """
import sys
from harness.cli import main
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""
HELPS = [
    [name, *sub, "--help"]
    for name, entry in COMMANDS.items()
    for sub in ([[], *([key] for key in getattr(load_command(name, entry), "commands", ()))])
]


def run_command(*words):
    """What a command line prints, and the heavy modules that it imported."""
    ended = subprocess.run(
        [sys.executable, "-c", _LIST_MODULES, *words], capture_output=True, text=True, check=False,
        env={**os.environ, "COLUMNS": "80"},
    )  # fmt: skip
    return ended.stdout, HEAVY & set(ended.stderr.split())


def test_the_version_is_shown_without_importing_a_command():
    """One line, at once."""
    assert (f"opensteer-harness {__version__}\n", set()) == run_command("--version")


@pytest.mark.parametrize("words", [["--help"], *HELPS], ids=" ".join)
def test_help_imports_nothing_heavy(words):
    """Help waits for no numerics; completion imports the same modules."""
    text, heavy = run_command(*words)

    assert text.startswith("Usage: ")
    assert set() == heavy


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_has_the_first_line_of_each_command_s_help(name):
    """The group shows the table's line, the command its own docstring."""
    command = load_command(name, COMMANDS[name])

    assert COMMANDS[name].help == command.help.splitlines()[0]
    assert f"  {name:<9}  {COMMANDS[name].help}\n" in run_command("--help")[0]


@pytest.mark.parametrize(
    ("words", "most_s"),
    [(["--version"], 0.15), (["--help"], 0.4), (["rnu"], 0.4), (["run", "--help"], 0.6)],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_start_up_is_quick(words, most_s):
    """CPU time, median of five; importing all commands took 3 s."""
    spent = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run_command(*words)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)

    assert statistics.median(spent) <= most_s


def test_a_mistyped_command_is_suggested():
    """The nearest one, without importing any."""
    ended = subprocess.run(
        [sys.executable, "-c", _LIST_MODULES, "rnu"], capture_output=True, text=True, check=False
    )

    assert 2 == ended.returncode
    assert "No such command 'rnu'. Did you mean 'run'?" in ended.stderr
    assert not {"pydantic", *HEAVY} & set(ended.stderr.split())


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["run"], "Missing argument 'SCENARIO'; see `harness run --help`"),
        (["run", "mixed", "--auth", "basic"],
         "Invalid value for '--auth': 'basic' is not one of 'api-key', 'bearer'; see `harness run --help`"),
        (["capacity", "sessions", "--max-sessions", "0"], None),
        (["serve", "--nothing"], None),
    ],
)  # fmt: skip
def test_what_typer_refuses_is_one_line(words, line):
    """Like every other mistake of the command line; the usage is in the help."""
    ended = subprocess.run(
        [sys.executable, "-c", "import sys; sys.argv[0] = 'harness'; from harness.cli import main; main()", *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert 2 == ended.returncode
    (only,) = ended.stderr.splitlines()
    assert only.startswith("harness: ")
    assert line is None or f"harness: {line}" == only


_FAIL = """
import sys
from harness.cli import main
from harness.assess import evaluate
def fail(path):
    raise {error}
evaluate.open_finalized = fail
main()
"""


@pytest.mark.parametrize(
    ("error", "lines", "word"),
    [("MemoryError('16 bytes')", 1, "not enough memory (16 bytes)"),
     ("ZeroDivisionError", None, "a bug of the harness")],
)  # fmt: skip
def test_what_nobody_foresaw_is_no_verdict(error, lines, word):
    """A 1 would say that the target failed."""
    ended = subprocess.run(
        [sys.executable, "-c", _FAIL.format(error=error), "check", "trial"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines_shown = ended.stderr.splitlines()

    assert 4 == ended.returncode, ended.stderr
    assert word in lines_shown[-1]
    assert len(lines_shown) == lines or "Traceback" in lines_shown[0]
