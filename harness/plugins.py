"""
Plugins: what other installed packages add to the harness, by entry points.

==============================  ================================================
group                           an entry point names
==============================  ================================================
``opensteer_harness.scenarios``  a module that is a Locust file
``opensteer_harness.checks``     a ``harness.checks.check.Check``
==============================  ================================================

Every error in a plugin is reported with the name of its distribution
(docs/how-to/plugins.md).
"""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

from harness.errors import UsageError

SCENARIOS = "opensteer_harness.scenarios"
CHECKS = "opensteer_harness.checks"


def find_plugins(group: str) -> Sequence[EntryPoint]:
    """The entry points of a group, sorted by name and distribution."""
    return sorted(entry_points(group=group), key=lambda entry: (entry.name, origin(entry)))


def origin(entry: EntryPoint) -> str:
    """Name and version of the distribution that offers an entry point."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown package"


def last_line(error: BaseException) -> str:
    """An error in one line."""
    return traceback.format_exception_only(error)[-1].strip()


def offered_scenarios() -> set[str]:
    """The names of the scenarios that plugins offer."""
    return {entry.name for entry in find_plugins(SCENARIOS)}


def scenario_file(name: str) -> Path | None:
    """
    The Locust file that a plugin offers under a name; None when no plugin does.

    This imports the packages of the module, not the module. It raises UsageError when several
    packages offer the name, or the module cannot be found.
    """
    offers = [entry for entry in find_plugins(SCENARIOS) if entry.name == name]
    if not offers:
        return None
    entry, *others = offers
    if others:
        packages = ", ".join(map(origin, offers))
        raise UsageError(f"scenario {name!r} is offered by {packages}; uninstall all but one")
    try:
        spec = find_spec(entry.module)
    except (Exception, SystemExit) as error:
        reason = last_line(error)
        raise UsageError(f"scenario {name!r} of {origin(entry)}: {reason}") from error
    if spec is None or not spec.has_location or spec.origin is None:
        raise UsageError(f"scenario {name!r} of {origin(entry)}: no module {entry.module}")
    return Path(spec.origin)
