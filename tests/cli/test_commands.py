"""The command line as a whole: its version, and what it imports for it."""

from __future__ import annotations

import subprocess
import sys

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
