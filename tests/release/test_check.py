"""The release check finds what is wrong in a wheel; `make release-check` looks at a real one."""

from __future__ import annotations

import tomllib
import zipfile
from pathlib import Path

import pytest

from harness import __version__
from tests.release.check import NEEDED, ROOT, wrong_contents

INFO = f"opensteer_harness-{__version__}.dist-info"
POINTS = "[console_scripts]\nharness = harness.cli:main\n"


def wheel(folder: Path, *more: str, without: str = "", points: str = POINTS) -> Path:
    """A wheel with what is needed, but one file, and with more."""
    path = folder / "w.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in [*sorted(NEEDED - {without}), f"{INFO}/METADATA", *more]:
            archive.writestr(name, "")
        archive.writestr(f"{INFO}/entry_points.txt", points)
    return path


@pytest.mark.parametrize(
    ("wrong", "given"),
    [
        ([], {}),
        (["lacks harness/py.typed"], {"without": "harness/py.typed"}),
        (["holds reports/sample/report.html"], {"more": "reports/sample/report.html"}),
        (["lacks the command"], {"points": "[console_scripts]\n"}),
    ],
)
def test_a_wheel_is_looked_through(tmp_path, wrong, given):
    """One line a fault, none for a good one."""
    more = [given.pop("more")] if "more" in given else []
    assert wrong == wrong_contents(wheel(tmp_path, *more, **given))


def test_a_wheel_of_another_version_is_found_out(tmp_path):
    """A stale one in the same directory would otherwise be released."""
    path = tmp_path / "w.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("opensteer_harness-0.0.1.dist-info/METADATA", "")
    assert [f"no metadata of version {__version__}"] == wrong_contents(path)


def test_the_version_stands_in_one_place():
    """pyproject.toml reads it from the package."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" not in project["project"]
    assert ["version"] == project["project"]["dynamic"]
    assert "harness/__init__.py" == project["tool"]["hatch"]["version"]["path"]


def test_every_package_of_the_wheel_says_that_it_is_typed():
    """Without the marker a user's mypy takes everything of ours for Any."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for package in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        assert (ROOT / package / "py.typed").is_file(), package
