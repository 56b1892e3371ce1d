"""
What a limiter's lab hears: answers as observations for the estimators, and as events.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from harness.experiments.rate_limit.designs import Experiment
from harness.experiments.rate_limit.observations import Observation, RetryAfterForm
from harness.load.lab_protocol import Action, Seen
from harness.trial.parts import EVENTS_SUFFIX, PARTS
from harness.trial.schema import Event


def observe(intended_ns: int, purpose: str, action: Action, seen: Seen) -> Observation:
    """What came of one request, as the estimators take it."""
    return Observation(
        intended_ns=intended_ns,
        sent_ns=seen.sent_ns,
        received_ns=seen.received_ns,
        operation=action.operation,
        key=action.key,
        accepted=verdict_of(seen),
        retry_after_s=float("nan") if seen.retry_after_s is None else seen.retry_after_s,
        retry_after_form=form_of(seen.retry_after, seen.retry_after_s),
        purpose=purpose,
    )


def verdict_of(seen: Seen) -> bool | None:
    """
    Refused by the limiter, past it, or (None) neither: nobody knows.

    Whatever the API itself says of a request (not found, invalid) says that the limiter
    had let it pass. A 5xx, a bad key and silence tell nothing.
    """
    if seen.outcome == "rate_limited" or seen.status == 429:
        return False
    if seen.outcome == "auth_failed" or seen.status == 401:
        return None
    return True if 200 <= seen.status < 500 else None


def form_of(header: str | None, seconds: float | None) -> RetryAfterForm:
    """How a Retry-After was written."""
    if header is None:
        return "missing"
    if seconds is None:
        return "malformed"
    text = header.strip()
    if text.isdigit():
        return "seconds"
    return "decimal" if text.replace(".", "", 1).isdigit() else "http-date"


class Journal:
    """The probes as events of the trial."""

    def __init__(self, out: Path) -> None:
        parts = out / PARTS
        parts.mkdir(parents=True, exist_ok=True)
        self._file = (parts / f"lab{EVENTS_SUFFIX}").open("ab")

    def note(self, experiment: Experiment, seen: list[Observation]) -> None:
        """One probe that was sent."""
        if not seen:
            return
        data = {
            "probe": experiment.name,
            "why": experiment.why,
            "sent": len(seen),
            "accepted": sum(o.accepted is True for o in seen),
            "refused": sum(o.accepted is False for o in seen),
        }
        event = Event(seen[0].sent_ns, "note", data=data)
        self._file.write(msgspec.json.encode(event) + b"\n")

    def __enter__(self) -> Journal:  # noqa: PYI034  no subclasses
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()
