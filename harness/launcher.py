"""
Start our own modules in child processes, whatever the working directory holds.

``python -m harness.standin`` puts the working directory first on the import path, so a
directory with a ``harness/``, a ``scenarios/`` or a ``random.py`` of its own replaces ours.
Children run this file by its absolute path and with ``-P`` instead, which leaves the working
directory out. The file then imports our packages from its own place before anything else can
take their names, and runs the module.
"""

from __future__ import annotations

import runpy
import sys
from importlib import import_module
from pathlib import Path

_PACKAGES = ("harness", "scenarios", "reports")
_FILE = Path(__file__).absolute()
_ROOT = str(_FILE.parent.parent)


def module_command(module: str, *arguments: str) -> list[str]:
    """
    The command line that runs one of our modules in a child process.

    Args:
        module: Its full name, such as ``harness.standin``; a package runs its ``__main__``.
        arguments: What the module finds in ``sys.argv`` after its own name.
    """
    return [sys.executable, "-P", str(_FILE), module, *arguments]


def _main() -> None:
    sys.path.insert(0, _ROOT)
    for package in _PACKAGES:
        import_module(package)
    sys.path.remove(_ROOT)
    if _ROOT not in sys.path:  # a checkout that is not installed
        sys.path.append(_ROOT)
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
