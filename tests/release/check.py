"""
``make release-check``: what a user installs works.

Builds sdist and wheel, checks their metadata and contents, installs the wheel into a fresh
environment, and makes a trial and its report there from an unrelated directory. Ends with 1
and one line at the first thing that is wrong.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

from harness import __version__

ROOT = Path(__file__).resolve().parents[2]
NEEDED = {
    "harness/py.typed", "reports/py.typed", "scenarios/py.typed", "harness/launcher.py",
    "scenarios/mixed.py", "scenarios/plans/smoke.toml", "reports/templates/report.html.j2",
}  # fmt: skip
UNWANTED = ("reports/sample/", "tests/", "docs/", "benchmarks/", "deploy/")
VERDICTS = {0, 4}
"""Exit codes of a trial that went well: a short one may have too few attempts for a percentile."""


def wrong_contents(wheel: Path) -> list[str]:
    """What a wheel lacks, and what it holds that no user needs."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        info = f"opensteer_harness-{__version__}.dist-info"
        if f"{info}/METADATA" not in names:
            return [f"no metadata of version {__version__}"]
        commands = archive.read(f"{info}/entry_points.txt").decode()
    wrong = [f"lacks {name}" for name in sorted(NEEDED - names)]
    wrong += [f"holds {name}" for name in sorted(names) if name.startswith(UNWANTED)]
    return wrong + ([] if "harness = harness.cli:main" in commands else ["lacks the command"])


def _run(*command: str | Path, cwd: Path = ROOT, expected: set[int] | None = None) -> str:
    """Run a command; its output. Leaves, with what it said, when it ended otherwise."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "OPENSTEER"))}
    ended = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=kept, check=False, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    if ended.returncode not in (expected or {0}):
        sys.exit(f"{ended.stdout}\nrelease-check: {command[0]} ended with {ended.returncode}")
    return ended.stdout


def _demand(holds: bool, wrong: str) -> None:  # noqa: FBT001  the condition reads first
    if not holds:
        sys.exit(f"release-check: {wrong}")


def _say(text: str) -> None:
    sys.stderr.write(f"release-check: {text}\n")


def main() -> None:
    """Build, look, install, use."""
    with tempfile.TemporaryDirectory(prefix="release-check-") as name:
        folder = Path(name)
        _say("building sdist and wheel …")
        _run(sys.executable, "-m", "build", "--outdir", folder / "dist", ROOT)
        files = sorted((folder / "dist").iterdir())
        _run(sys.executable, "-m", "twine", "check", "--strict", *files)
        (wheel,) = (file for file in files if file.suffix == ".whl")
        _demand(not (wrong := wrong_contents(wheel)), f"{wheel.name}: {', '.join(wrong)}")
        _say("installing the wheel into a fresh environment …")
        venv.create(folder / "venv", with_pip=True)
        python = folder / "venv" / "bin" / "python"
        pip = (python, "-m", "pip", "--quiet", "--disable-pip-version-check")
        _run(*pip, "install", "-c", ROOT / "constraints.txt", wheel)
        _use(folder / "venv" / "bin" / "harness", folder / "elsewhere")
    _say(f"opensteer-harness {__version__} is ready")


def _use(harness: Path, folder: Path) -> None:
    """A trial and its report, in a directory with a package of the same name as one of ours."""
    (folder / "scenarios").mkdir(parents=True)
    (folder / "scenarios" / "__init__.py").write_text("raise SystemExit('a trap')\n")
    told = _run(harness, "--version", cwd=folder)
    _demand(told == f"opensteer-harness {__version__}\n", f"--version says {told!r}")
    _say("making a trial and its report in another directory …")
    load = ("--duration", "5s", "--rate", "40", "--out", "trial")
    said = _run(harness, "run", "mixed", *load, cwd=folder, expected=VERDICTS)
    report = folder / "trial" / "report.html"
    _demand(report.is_file(), f"the trial has no report:\n{said}")
    report.unlink()
    _run(harness, "report", "trial", cwd=folder, expected=VERDICTS)
    _demand(report.is_file(), "`harness report` wrote no report")


if __name__ == "__main__":
    main()
