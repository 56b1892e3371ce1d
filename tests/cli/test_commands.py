"""The command line as a whole: its version, and how it ends when it cannot go on."""

from __future__ import annotations

import subprocess
import sys

import pytest

from harness import __version__

_TELL = """
import sys
from harness.cli import main
try:
    main()
finally:
    print("pandas" in sys.modules, file=sys.stderr)
"""


def test_the_version_is_told_without_importing_a_command():
    """One line, at once."""
    told = subprocess.run(
        [sys.executable, "-c", _TELL, "--version"], capture_output=True, text=True, check=True
    )

    assert (f"opensteer-harness {__version__}\n", "False\n") == (told.stdout, told.stderr)


_FAIL = """
import sys
from harness.cli import main, report
def fail(path):
    raise {error}
report.check_trial = fail
main()
"""


@pytest.mark.parametrize(
    ("error", "lines", "word"),
    [("MemoryError('16 bytes')", 1, "not enough memory (16 bytes)"),
     ("ZeroDivisionError", None, "a fault of the harness")],
)  # fmt: skip
def test_what_nobody_foresaw_is_no_verdict(error, lines, word):
    """A 1 would say that the target failed."""
    ended = subprocess.run(
        [sys.executable, "-c", _FAIL.format(error=error), "check", "trial"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    told = ended.stderr.splitlines()

    assert 4 == ended.returncode, ended.stderr
    assert word in told[-1]
    assert len(told) == lines or "Traceback" in told[0]
