"""
A Retry-After put to the test: single requests just before, at and after its end.

::

    refused, told r                 before       at   after
    ───┼──────────────────────────────┼───────────┼─────┼───►
       received                    r - lead       r   r + lag

*Before* passes: told too late, by ``lead`` at least. *Before* is refused and *at* passes:
true. *At* is refused and *after* passes: too early, by ``lag`` at most. All are refused:
too early by more. What was seen is a bracket round the wait that was needed, whatever the
algorithm is; no model has a part in it.

Where refused requests count, *before* prolongs the wait; so every third try is without it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from harness.experiments.rate_limit.designs import Probe, design, shots_at
from harness.experiments.rate_limit.observations import Observation
from harness.units import NS_PER_S

BEFORE, AT, AFTER = "retry-after: before", "retry-after: at", "retry-after: after"
TOLERANCE_S = 0.05
"""A lie of less is none: answers take their time as well."""
ROUNDING_S = 1.05
"""Longest wait beyond the need that rounding up to whole seconds explains, with its jitter."""
_LEAST_LEAD_S, _LEAST_LAG_S, _MOST_S = 0.02, 0.05, 0.5
_SHARE = 0.1
_SLACK_S = 0.002
"""*At* is this late: a promise of milliseconds may be rounded down by one."""
_WIDEN = 3.0


class Try(NamedTuple):
    """
    One Retry-After that was put to the test; seconds since the refusal was received.

    Attributes:
        told_s: What it said.
        refused_s: When a request was last sent and refused still; 0 for none.
        passed_s: When the first one was sent that passed; infinite for none.
        quiet: Whether nothing was sent before it was over.
    """

    told_s: float
    refused_s: float
    passed_s: float
    quiet: bool

    @property
    def kept(self) -> bool | None:
        """
        Whether a request sent when it is over passes; None: nobody tried then.

        What passes before would have passed then.
        """
        if self.refused_s >= self.told_s:
            return False
        return True if self.passed_s <= self.told_s + TOLERANCE_S else None

    @property
    def late_s(self) -> float:
        """How much later than needed it told us to come, at least."""
        return max(0.0, self.told_s - self.passed_s)

    @property
    def early_s(self) -> float:
        """How much too early it told us to come, at least."""
        return max(0.0, self.refused_s - self.told_s)


def put_to_test(
    operation: str, told: Observation, tried: Sequence[Try], *, now_s: float
) -> Probe:
    """
    The requests that test one refusal's Retry-After; it must have a readable one.

    Args:
        operation: What to call.
        told: The refusal, the last answer there was.
        tried: Earlier tries: they say whether *before* is sent, and how long before.
        now_s: When the probe will start, Unix seconds.
    """
    due_s = told.received_ns / NS_PER_S + told.retry_after_s + _SLACK_S - now_s
    lead_s = next_lead_s(told.retry_after_s, tried) if len(tried) % 3 else 0.0
    times = [
        (BEFORE, due_s - lead_s if lead_s else -1.0),
        (AT, max(0.0, due_s)),
        (AFTER, max(0.0, due_s) + next_lag_s(told.retry_after_s, tried)),
    ]
    shots = [
        shot
        for purpose, at_s in times
        if at_s >= 0
        for shot in shots_at(operation, [at_s], purpose=purpose)
    ]
    return design("retry-after", "what passes just before, at and after its end", shots)


def next_lead_s(told_s: float, tried: Sequence[Try]) -> float:
    """
    How long before its end the next *before* is sent; 0: too short to say anything.

    First just before; while that passes, earlier than rounding explains; then half-way
    between what passed and what did not.
    """
    just = min(max(_LEAST_LEAD_S, _SHARE * told_s), _MOST_S)
    if told_s < 2 * _LEAST_LEAD_S:
        return 0.0
    loud = [one for one in tried if not one.quiet]
    passed = max((one.late_s for one in loud), default=0.0)
    refused = min(
        (one.told_s - one.refused_s for one in loud if 0 < one.refused_s < one.told_s),
        default=told_s,
    )
    if passed <= 0 or not passed < refused <= told_s:
        return just
    if passed < ROUNDING_S < refused:
        return min(1.02 * ROUNDING_S, (passed + told_s) / 2)
    return (passed + refused) / 2


def next_lag_s(told_s: float, tried: Sequence[Try]) -> float:
    """How long after its end *after* is sent: longer, the longer it was too early."""
    least = min(max(_LEAST_LAG_S, _SHARE * told_s), _MOST_S)
    return max([least, *(_WIDEN * one.early_s for one in tried)])


def last_promise(observations: Iterable[Observation]) -> Observation | None:
    """
    The refusal whose Retry-After is over last, of those answered last; None without one.

    Of refusals that were under way together each may have prolonged the others' wait.
    """
    told = [o for o in observations if o.accepted is False and not math.isnan(o.retry_after_s)]
    last = max(told, key=lambda o: o.received_ns, default=None)
    if last is None:
        return None
    return max(
        (o for o in told if o.received_ns >= last.sent_ns),
        key=lambda o: o.received_ns + o.retry_after_s * NS_PER_S,
    )


def read_tries(observations: Iterable[Observation]) -> Iterator[Try]:
    """The tries that these observations hold, in order of time."""
    before: list[Observation] = []
    shots: list[Observation] = []
    for one in sorted(observations, key=lambda o: o.sent_ns):
        if one.key != 0:
            continue
        if one.purpose in (BEFORE, AT, AFTER):
            shots.append(one)
            continue
        if shots:
            yield from _read(last_promise(before), shots)
            before, shots = [], []
        before.append(one)
    if shots:
        yield from _read(last_promise(before), shots)


def _read(told: Observation | None, shots: Sequence[Observation]) -> Iterator[Try]:
    shots = [shot for shot in shots if shot.accepted is not None]
    if told is None or not shots:
        return
    since_s = [(shot.sent_ns - told.received_ns) / NS_PER_S for shot in shots]
    first = next((i for i, shot in enumerate(shots) if shot.accepted), len(shots))
    yield Try(
        told_s=told.retry_after_s,
        refused_s=max([0.0, *since_s[:first]]),
        passed_s=since_s[first] if first < len(shots) else math.inf,
        quiet=shots[0].purpose != BEFORE,
    )
