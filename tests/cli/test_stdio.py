"""A command whose output goes nowhere, or who is interrupted at once, as a shell has it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

STUB = """
import os, signal, sys, time, types
from harness.cli import commands, main
def command():
    import typer
    from pathlib import Path
    from rich.console import Console
    own = Path("own.txt").open("w")
    {work}
    raise typer.Exit(4)
sys.modules["stub"] = types.SimpleNamespace(command=command)
commands.COMMANDS["doctor"] = commands.Entry("stub:command", "stub")
main()
"""
PRINTS = "[Console().print('x' * 60, i) for i in range(5000)]"
TELLS = "[Console(stderr=True).print('x' * 60, i) for i in range(5000)]"


@pytest.fixture
def stub(tmp_path):
    """Runs a command that does some work and exits with 4, under a shell's redirections."""

    def run(work: str, redirection: str = "", before: str = "", **environ: str):
        script = tmp_path / "stub.py"
        script.write_text(STUB.format(work=work), encoding="utf-8")
        return subprocess.run(
            ["bash", "-c", f'{before} "$@" doctor {redirection}', "-", sys.executable, script],
            cwd=tmp_path, env={**os.environ, "COLUMNS": "80", **environ},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    return run


@pytest.mark.parametrize("work", [PRINTS, "sys.stdout.write('y' * 500_000)"])
def test_a_reader_that_goes_early_changes_no_exit_code(stub, work):
    """``| head -1`` gets its line; the command goes on in silence and says its own 4."""
    ended = stub(work, '| head -c 1 >/dev/null; exit "${PIPESTATUS[0]}"')

    assert (4, "") == (ended.returncode, ended.stderr)


@pytest.mark.parametrize("redirection", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_a_closed_stream_is_no_file_of_the_command(stub, tmp_path, redirection):
    """What is said goes nowhere, and never into the first file that is opened."""
    work = "os.write(2, b'said'); os.write(1, b'said'); own.write('mine'); " + PRINTS
    ended = stub(work, redirection)

    assert 4 == ended.returncode
    assert "mine" == (tmp_path / "own.txt").read_text(encoding="utf-8")


def test_results_that_cannot_be_written_are_an_error(stub):
    """A full disk is one line and the code for unknown; nothing is raised at the end."""
    ended = stub(PRINTS, ">/dev/full")

    message = "standard output cannot be written (No space left on device)"
    assert (4, f"harness: {message}; the results are cut off\n") == (
        ended.returncode,
        ended.stderr,
    )


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2> >(exec 0<&-)"])
def test_progress_that_cannot_be_written_stops_nothing(stub, redirection):
    """Neither a full disk nor a closed terminal behind stderr ends the command."""
    ended = stub(f"{TELLS}; Console().print('done')", redirection)

    assert (4, "done\n") == (ended.returncode, ended.stdout)


def test_what_an_encoding_has_not_is_a_question_mark(stub):
    """No traceback for a micro sign."""
    ended = stub("Console().print('5 \N{MICRO SIGN}s')", PYTHONIOENCODING="ascii")

    assert (4, "5 ?s\n", "") == (ended.returncode, ended.stdout, ended.stderr)


def test_a_width_of_nothing_does_not_silence_a_command(stub):
    """Some shells and CI runners say COLUMNS=0 where there is no terminal."""
    ended = stub("Console().print('shown')", COLUMNS="0")

    assert (4, "shown\n") == (ended.returncode, ended.stdout)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_during_the_first_imports_is_no_traceback(tmp_path, number):
    """Ctrl-C at once: 130 and silence, whatever library was being read."""
    (tmp_path / "typer.py").write_text(
        f"import os, time\nos.kill(os.getpid(), {int(number)})\ntime.sleep(20)\n",
        encoding="utf-8",
    )
    ended = subprocess.run(
        [sys.executable, "-c", "from harness.cli import main; main()", "run", "mixed"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert (130, "") == (ended.returncode, ended.stderr)


def test_a_closed_terminal_ends_a_command_in_order(stub):
    """SIGHUP does what Ctrl-C does; under nohup it is passed over."""
    hangs_up = "signal.raise_signal(signal.SIGHUP); Console().print('on')"
    ended, ignoring = stub(hangs_up), stub(hangs_up, before="trap '' HUP;")

    assert (130, "") == (ended.returncode, ended.stdout)
    assert (4, "on\n") == (ignoring.returncode, ignoring.stdout)
