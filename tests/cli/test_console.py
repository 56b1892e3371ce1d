"""What takes long is said; what does not is not."""

from __future__ import annotations

import io
import threading

import pytest
from rich.console import Console

from harness.cli import console


@pytest.fixture
def log():
    """A console that is no terminal."""
    return Console(file=io.StringIO())


def test_what_is_over_at_once_leaves_no_line(log):
    """A log stays short."""
    with console.status("reading …", log):
        pass

    assert log.file.getvalue() == ""


def test_what_lasts_is_said_once(log, monkeypatch):
    """After a while, in one line."""
    monkeypatch.setattr(console, "QUIET_S", 0.0)
    said = threading.Event()
    write = log.print
    monkeypatch.setattr(log, "print", lambda *words, **given: (write(*words, **given), said.set()))
    with console.status("reading [2] trials …", log):
        assert said.wait(20)

    assert log.file.getvalue() == "reading [2] trials …\n"


def test_a_terminal_is_left_as_it_was():
    """The line that moves is taken away again."""
    terminal = Console(file=io.StringIO(), force_terminal=True)
    with console.status("reading …", terminal):
        pass

    assert terminal.file.getvalue().endswith("\x1b[2K")
