"""
Completeness: whether a trial's record holds every attempt that was sent.

Attempts of a lost worker, or dropped from a full buffer, could hold a failure, so nothing
passes without them. A complete record gives no finding.
"""

from __future__ import annotations

from harness.trial.schema import Manifest
from harness.verdicts import Finding, Verdict

NAME = "trial.complete"


def check_completeness(manifest: Manifest) -> list[Finding]:
    """One *unknown* finding if part of the record is missing, else none."""
    lost = [end.worker for end in manifest.workers if end.state != "drained"]
    dropped = sum(end.dropped for end in manifest.workers)
    never = manifest.state == "interrupted" and not manifest.phases and not manifest.workers
    if not lost and not dropped and not never:
        return []
    parts = ["the trial was stopped before its load began"] if never else []
    if lost:
        parts.append(f"{', '.join(lost)} ended unexpectedly: the last batches are missing")
    if dropped:
        parts.append(f"{dropped:,} attempts were dropped because the recorder's buffer was full")
    return [Finding(NAME, "invariant", Verdict.UNKNOWN, "; ".join(parts))]
