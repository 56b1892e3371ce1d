"""
Start our own modules in child processes, whatever the working directory holds.

``python -m harness.standin`` puts the working directory first on the import path, so a
``harness/``, ``scenarios/`` or ``random.py`` in it would replace ours. Children instead run this
file by its absolute path with ``-P``, which leaves the working directory out. It imports our
packages from its own location, then runs the module.
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
    """The command line that runs one of our modules, such as ``harness.standin``, in a child."""
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
