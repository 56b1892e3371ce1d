"""
Completeness: whether a trial's record is the whole of what was sent.

A missing worker's attempts, or those that a full buffer refused, could hold the very
failure that a check looks for: nothing may pass without them. It speaks only when
something is missing; a whole record goes without saying.
"""

from __future__ import annotations

from harness.trial.schema import Manifest
from harness.verdicts import Finding, Verdict

NAME = "trial.complete"


def check_completeness(manifest: Manifest) -> list[Finding]:
    """One *unknown* finding when part of the record is missing, or all of it, else none."""
    lost = [end.worker for end in manifest.workers if end.state != "drained"]
    dropped = sum(end.dropped for end in manifest.workers)
    never = manifest.state == "interrupted" and not manifest.phases and not manifest.workers
    if not lost and not dropped and not never:
        return []
    parts = ["it was stopped before its load began"] if never else []
    if lost:
        parts.append(f"{', '.join(lost)} ended without a goodbye: the last batches are missing")
    if dropped:
        parts.append(f"{dropped:,} attempts found the recorder's buffer full")
    return [Finding(NAME, "invariant", Verdict.UNKNOWN, "; ".join(parts))]
