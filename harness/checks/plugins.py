"""
Checks of other packages: the entry points of ``opensteer_harness.checks``.

If such a check raises or returns no valid finding, the finding is *unknown* and names the
check's distribution.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import replace
from importlib.metadata import EntryPoint

import msgspec
import pandas as pd

from harness.analysis.generator import assess_generator
from harness.checks.check import Check, TrialContext
from harness.plugins import CHECKS, find_plugins, last_line, origin
from harness.trial.schema import ATTEMPTS
from harness.verdicts import Finding, Verdict

CheckFunction = Callable[[pd.DataFrame, TrialContext], Finding]


def installed_checks(taken: Collection[str]) -> tuple[Check, ...]:
    """The checks of installed packages (unless the name is taken); a broken one is *unknown*."""
    found: dict[str, Check] = {}
    for entry in find_plugins(CHECKS):
        check = _load(entry, {*taken, *found})
        found[check.name] = check
    return tuple(found.values())


def _load(entry: EntryPoint, taken: Collection[str]) -> Check:
    try:
        check = entry.load()
        if not isinstance(check, Check):
            return _broken(entry, f"{entry.value} is a {type(check).__name__}, not a Check")
        if check.name in taken:
            return _broken(entry, f"there is another check named {check.name}")
        if unknown := set(check.columns) - set(ATTEMPTS.names):
            return _broken(entry, f"attempts have no column {', '.join(sorted(unknown))}")
    except (Exception, SystemExit) as error:  # noqa: BLE001  a plugin must not stop the others
        return _broken(entry, last_line(error))
    return replace(check, check=_guarded(entry, check), skips_uneventful=False)


def _guarded(entry: EntryPoint, check: Check) -> CheckFunction:
    """The check's function, with exceptions as *unknown* findings."""

    def guarded(frame: pd.DataFrame, context: TrialContext) -> Finding:
        try:
            finding = check.check(frame, context)
            _require_finding(finding, check)
        except (Exception, SystemExit) as error:  # noqa: BLE001  nor stop the evaluation
            detail = f"the check of {origin(entry)} failed: {last_line(error)}"
            return Finding(check.name, check.kind, Verdict.UNKNOWN, detail)
        if check.kind == "slo" and assess_generator(context.manifest).saturated:
            detail = f"the generator was saturated; {finding.detail}"
            return replace(finding, verdict=Verdict.UNKNOWN, detail=detail)
        return finding

    return guarded


def _require_finding(finding: Finding, check: Check) -> None:
    """
    Require a finding of this check that can be written as JSON.

    Raises:
        TypeError: It is not a finding, another check's, or not JSON.
        ValueError: It holds NaN or an infinity.
    """
    if not isinstance(finding, Finding) or finding.name != check.name:
        raise TypeError(f"it returned {finding!r:.100}, not its finding")
    json.dumps(msgspec.to_builtins(finding), allow_nan=False)


def _broken(entry: EntryPoint, reason: str) -> Check:
    """A check that reports why the plugin cannot be loaded."""
    name = f"{entry.name} ({origin(entry)})"
    finding = Finding(name, "invariant", Verdict.UNKNOWN, f"cannot be loaded: {reason}")
    return Check(name, ("operation",), None, lambda _frame, _context: finding)
