"""Plugins for tests: distributions with entry points in a directory, installed by no pip."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[1] / "docs" / "examples" / "plugin"


def install(
    folder: Path, name: str, points: Mapping[str, Mapping[str, str]], version: str = "1.0"
) -> None:
    """
    Make a distribution known to who has the folder on the path.

    Args:
        folder: Where its ``.dist-info`` goes; its modules may lie elsewhere.
        name: The distribution's.
        points: Group → entry point → what it names.
        version: The distribution's.
    """
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    groups = (
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
        for group, entries in points.items()
    )
    (info / "entry_points.txt").write_text("\n".join(groups))


def install_example(folder: Path) -> list[str]:
    """Install the documented example by its own pyproject.toml; the path that finds it."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    install(folder, project["name"], project["entry-points"], project["version"])
    return [str(folder), str(EXAMPLE)]
