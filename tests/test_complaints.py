"""Complaints are heard, progress is not, when a command is quiet."""

from __future__ import annotations

import io

from rich.console import Console

from harness.complaints import complain


def test_a_quiet_console_still_complains():
    console = Console(file=io.StringIO(), quiet=True, width=20)
    console.print("progress")
    complain(console, "2 [sessions] could not be closed; they may be open still")
    console.print("more progress")

    assert "harness: 2 [sessions] could not be closed; they may be open still\n" == (
        console.file.getvalue()
    )
    assert console.quiet
