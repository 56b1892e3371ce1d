"""Results of a limiter's lab: as observations for the estimators, and as events."""

from __future__ import annotations

from pathlib import Path

import msgspec

from harness.experiments.rate_limit.designs import Experiment
from harness.experiments.rate_limit.observations import Observation, RetryAfterForm
from harness.load.lab_protocol import LabRequest, SendResult
from harness.trial.parts import EVENTS_SUFFIX, PARTS
from harness.trial.schema import Event


def to_observation(
    intended_ns: int, purpose: str, request: LabRequest, result: SendResult
) -> Observation:
    """Make an observation of one request."""
    return Observation(
        intended_ns=intended_ns,
        sent_ns=result.sent_ns,
        received_ns=result.received_ns,
        operation=request.operation,
        key=request.key,
        accepted=was_accepted(result),
        retry_after_s=float("nan") if result.retry_after_s is None else result.retry_after_s,
        retry_after_form=retry_after_form(result.retry_after, result.retry_after_s),
        purpose=purpose,
    )


def was_accepted(result: SendResult) -> bool | None:
    """
    Whether the limiter accepted a request; None if unknown.

    An answer of the API itself (not found, invalid) shows that the limiter accepted it. A 5xx, a
    refused key and a missing response show neither.
    """
    if result.outcome == "rate_limited" or result.status == 429:
        return False
    if result.outcome == "auth_failed" or result.status == 401:
        return None
    return True if 200 <= result.status < 500 else None


def retry_after_form(header: str | None, seconds: float | None) -> RetryAfterForm:
    """The form of a Retry-After header."""
    if header is None:
        return "missing"
    if seconds is None:
        return "malformed"
    text = header.strip()
    if text.isdigit():
        return "seconds"
    return "decimal" if text.replace(".", "", 1).isdigit() else "http-date"


class ExperimentLog:
    """Writes the experiments as events of the trial."""

    def __init__(self, out: Path) -> None:
        parts = out / PARTS
        parts.mkdir(parents=True, exist_ok=True)
        self._file = (parts / f"lab{EVENTS_SUFFIX}").open("ab")

    def append(self, experiment: Experiment, result: list[Observation]) -> None:
        """Write an experiment that was sent."""
        if not result:
            return
        data = {
            "probe": experiment.name,
            "why": experiment.why,
            "sent": len(result),
            "accepted": sum(o.accepted is True for o in result),
            "refused": sum(o.accepted is False for o in result),
        }
        event = Event(result[0].sent_ns, "note", data=data)
        self._file.write(msgspec.json.encode(event) + b"\n")

    def __enter__(self) -> ExperimentLog:  # noqa: PYI034  no subclasses
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()
