"""Shell completion: names from the file system, without slow imports."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import scenarios

SCENARIOS = Path(scenarios.__file__).parent
BASELINES = Path("baselines")
TRIALS = Path("trials")
_MANIFEST = "manifest.json"
_SHOWN_MAX = 200


def complete_scenario(incomplete: str) -> list[str]:
    """The built-in scenarios, and Locust files by path."""
    names = (path.stem for path in SCENARIOS.glob("[!_]*.py"))
    return [*_matching(names, incomplete), *_paths(incomplete, ".py")]


def complete_plan(incomplete: str) -> list[str]:
    """The built-in plans, and plan files by path."""
    names = (path.stem for path in (SCENARIOS / "plans").glob("*.toml"))
    return [*_matching(names, incomplete), *_paths(incomplete, ".toml")]


def complete_fault(incomplete: str) -> list[str]:
    """The kinds of faults."""
    from harness.faults.spec import KINDS

    return _matching(KINDS, incomplete)


def complete_baseline(incomplete: str) -> list[str]:
    """The baselines of this directory."""
    names = (path.parent.name for path in BASELINES.glob(f"*/{_MANIFEST}"))
    return _matching(names, incomplete)


def complete_trial(incomplete: str) -> list[str]:
    """The trials in ``trials/``, newest first, and directories by path."""
    names = [str(path.parent) for path in TRIALS.glob(f"*/{_MANIFEST}")]
    found = _matching(names, incomplete)[::-1]
    return [*found, *(path for path in _paths(incomplete) if path.rstrip("/") not in found)]


def complete_side(incomplete: str) -> list[str]:
    """Baselines and trials: the two sides of ``harness compare``."""
    return [*complete_baseline(incomplete), *complete_trial(incomplete)]


def _matching(names: Iterable[str], incomplete: str) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))


def _paths(incomplete: str, suffix: str | None = None) -> list[str]:
    """Directories, and files with the suffix, that continue an incomplete path."""
    return sorted(islice(_walk(incomplete, suffix), _SHOWN_MAX))


def _walk(incomplete: str, suffix: str | None) -> Iterator[str]:
    folder, slash, start = incomplete.rpartition("/")
    try:
        with os.scandir(f"{folder}{slash}" or ".") as entries:
            for entry in entries:
                if not entry.name.startswith(start) or entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    yield f"{folder}{slash}{entry.name}/"
                elif suffix is not None and entry.name.endswith(suffix):
                    yield f"{folder}{slash}{entry.name}"
    except OSError:
        return
