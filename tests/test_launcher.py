"""Our modules in child processes: ours whatever the working directory holds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.launcher import module_command

ROOT = Path(__file__).resolve().parents[1]
TRAP = "raise SystemExit(f'trap: {__name__}')\n"


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A directory in which an import of one of these names ends the process."""
    for package in ("harness", "scenarios", "reports", "locust", "gevent"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(TRAP)
    for module in ("random", "json", "runpy", "uvicorn", "msgspec", "sitecustomize"):
        (tmp_path / f"{module}.py").write_text(TRAP)
    return tmp_path


def run(*command: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """A command in a directory."""
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **environ}, check=False, timeout=60,
        input="", capture_output=True, text=True,
    )  # fmt: skip


def test_the_trap_is_one(trap: Path) -> None:
    """``python -m`` steps into it; without that the tests below show nothing."""
    ended = run(sys.executable, "-m", "harness.standin", cwd=trap, PYTHONSAFEPATH="")

    assert "trap: " in ended.stderr


@pytest.mark.parametrize("environ", [{}, {"PYTHONSAFEPATH": "1"}])
@pytest.mark.parametrize(
    ("module", "said"),
    [("harness.standin", "usage: python -m harness.standin"),
     ("harness.load.locust_process", "Usage: locust")],
)  # fmt: skip
def test_a_child_is_ours_in_any_directory(trap, module, said, environ):
    """Neither our packages nor what they import come from the working directory."""
    ended = run(*module_command(module, "--help"), cwd=trap, **environ)

    assert (0, "") == (ended.returncode, ended.stderr)
    assert said in ended.stdout


def test_a_child_finds_our_packages_without_an_installation(tmp_path: Path) -> None:
    """A checkout on nobody's path is enough; the working directory is not on the child's."""
    script = "import sys, harness, reports; print(harness.__file__, '' in sys.path)"
    (tmp_path / "shown.py").write_text(script)
    command = module_command("shown")
    command.insert(1, "-S")  # no site-packages, hence no installation
    ended = run(*command, cwd=ROOT.parent, PYTHONPATH=str(tmp_path))

    assert f"{ROOT / 'harness' / '__init__.py'} False\n" == ended.stdout, ended.stderr


def test_every_child_is_started_by_the_launcher() -> None:
    """Whoever names the interpreter otherwise would look into the working directory again."""
    by_hand = {
        str(path.relative_to(ROOT))
        for folder in ("harness", "scenarios", "reports")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"\bsys\.executable\b", path.read_text())
    }

    # The browser's wrapper runs a text of its own with -I, and no module of ours.
    assert {"harness/launcher.py", "harness/standin/browsers/chromium.py"} == by_hand
