"""
Tests of Retry-After: single requests just before, at and after its end.

::

    refused, r announced            before       at   after
    ───┼──────────────────────────────┼───────────┼─────┼───►
       received                    r - lead       r   r + lag

*Before* passes: too late, by at least ``lead``. *Before* is refused and *at* passes: correct.
*At* is refused and *after* passes: too early, by at most ``lag``. All are refused: too early
by more. The observations bracket the needed wait without a model.

If refused requests count, *before* prolongs the wait, so every third test omits it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from harness.experiments.rate_limit.designs import Experiment, make_experiment, requests_at
from harness.experiments.rate_limit.observations import Observation
from harness.units import NS_PER_S

BEFORE, AT, AFTER = "retry-after: before", "retry-after: at", "retry-after: after"
TOLERANCE_S = 0.05
"""Smaller differences are ignored: responses take time too."""
ROUNDING_S = 1.05
"""Longest excess that rounding up to whole seconds explains, with jitter."""
_LEAST_LEAD_S, _LEAST_LAG_S, _MOST_S = 0.02, 0.05, 0.5
_SHARE = 0.1
_SLACK_S = 0.002
"""*At* is this late: a value in milliseconds may be rounded down by one."""
_WIDEN = 3.0


class RetryAfterTest(NamedTuple):
    """One tested Retry-After; seconds since the refusal was received."""

    announced_s: float  # Its value
    refused_s: float  # Sending of the last refused request; 0 for none
    passed_s: float  # Sending of the first passed request; infinite for none
    quiet: bool  # No request was sent before its end

    @property
    def was_honest(self) -> bool | None:
        """Whether a request at its end passes (an earlier pass implies it); None without one."""
        if self.refused_s >= self.announced_s:
            return False
        return True if self.passed_s <= self.announced_s + TOLERANCE_S else None

    @property
    def late_s(self) -> float:
        """Least excess over the needed wait."""
        return max(0.0, self.announced_s - self.passed_s)

    @property
    def early_s(self) -> float:
        """Least shortfall of the needed wait."""
        return max(0.0, self.refused_s - self.announced_s)


def design_test(
    operation: str, refusal: Observation, tests: Sequence[RetryAfterTest], *, now_s: float
) -> Experiment:
    """Requests that test a refusal's Retry-After; earlier tests determine the time of *before*."""
    due_s = refusal.received_ns / NS_PER_S + refusal.retry_after_s + _SLACK_S - now_s
    lead_s = next_lead_s(refusal.retry_after_s, tests) if len(tests) % 3 else 0.0
    times = [
        (BEFORE, due_s - lead_s if lead_s else -1.0),
        (AT, max(0.0, due_s)),
        (AFTER, max(0.0, due_s) + next_lag_s(refusal.retry_after_s, tests)),
    ]
    requests = [
        request
        for purpose, at_s in times
        if at_s >= 0
        for request in requests_at(operation, [at_s], purpose=purpose)
    ]
    return make_experiment("retry-after", "what passes just before, at and after its end", requests)


def next_lead_s(announced_s: float, tests: Sequence[RetryAfterTest]) -> float:
    """
    How long before the end to send the next *before*; 0 if the wait is too short.

    First just before; while that passes, earlier than rounding explains; then half-way
    between the passed and the refused time.
    """
    just = min(max(_LEAST_LEAD_S, _SHARE * announced_s), _MOST_S)
    if announced_s < 2 * _LEAST_LEAD_S:
        return 0.0
    loud = [one for one in tests if not one.quiet]
    passed = max((one.late_s for one in loud), default=0.0)
    refused = min(
        (one.announced_s - one.refused_s for one in loud if 0 < one.refused_s < one.announced_s),
        default=announced_s,
    )
    if passed <= 0 or not passed < refused <= announced_s:
        return just
    if passed < ROUNDING_S < refused:
        return min(1.02 * ROUNDING_S, (passed + announced_s) / 2)
    return (passed + refused) / 2


def next_lag_s(announced_s: float, tests: Sequence[RetryAfterTest]) -> float:
    """How long after the end to send *after*: longer after larger shortfalls."""
    least = min(max(_LEAST_LAG_S, _SHARE * announced_s), _MOST_S)
    return max([least, *(_WIDEN * one.early_s for one in tests)])


def last_retry_after(observations: Iterable[Observation]) -> Observation | None:
    """Of the refusals answered last (each may prolong the wait), the one whose wait ends last."""
    refusals = [o for o in observations if o.accepted is False and not math.isnan(o.retry_after_s)]
    last = max(refusals, key=lambda o: o.received_ns, default=None)
    if last is None:
        return None
    return max(
        (o for o in refusals if o.received_ns >= last.sent_ns),
        key=lambda o: o.received_ns + o.retry_after_s * NS_PER_S,
    )


def read_tests(observations: Iterable[Observation]) -> Iterator[RetryAfterTest]:
    """The tests in these observations, in order of time."""
    before: list[Observation] = []
    requests: list[Observation] = []
    for one in sorted(observations, key=lambda o: o.sent_ns):
        if one.key != 0:
            continue
        if one.purpose in (BEFORE, AT, AFTER):
            requests.append(one)
            continue
        if requests:
            yield from _read(last_retry_after(before), requests)
            before, requests = [], []
        before.append(one)
    if requests:
        yield from _read(last_retry_after(before), requests)


def _read(refusal: Observation | None, requests: Sequence[Observation]) -> Iterator[RetryAfterTest]:
    requests = [request for request in requests if request.accepted is not None]
    if refusal is None or not requests:
        return
    since_s = [(request.sent_ns - refusal.received_ns) / NS_PER_S for request in requests]
    first = next((i for i, request in enumerate(requests) if request.accepted), len(requests))
    yield RetryAfterTest(
        announced_s=refusal.retry_after_s,
        refused_s=max([0.0, *since_s[:first]]),
        passed_s=since_s[first] if first < len(requests) else math.inf,
        quiet=requests[0].purpose != BEFORE,
    )
