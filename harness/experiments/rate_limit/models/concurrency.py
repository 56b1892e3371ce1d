"""
Concurrency limit: a request passes if fewer than ``L`` are at work.

A request occupies its place at least from the doubtful end of its decision to just
before its answer came, at most from its sending to its answer. Acceptances bound
the limit from below by what was surely at work, refusals from above by what may
have been.
"""

from __future__ import annotations

import numpy as np

from harness.experiments.rate_limit.models.fit import Fit
from harness.experiments.rate_limit.models.limit_bounds import best_limit, broken_by
from harness.experiments.rate_limit.observations import Bools, DecisionLog, Floats


def fit_concurrency(log: DecisionLog) -> Fit | None:
    """Fit the limit; None when the log holds no refusal or no acceptance."""
    if not log.refusals or not log.accepted.any():
        return None
    floors, ceilings = _bounds(log, log.accepted)
    other = log.opposite()
    _, limit = best_limit(floors, ceilings)
    # Of what is possible the most: that somebody is surely at work is seldom seen, that no
    # more may be when one is refused nearly always.
    limit = limit._replace(estimate=limit.high)
    return Fit(
        algorithm="concurrency",
        variant="concurrency",
        parameters=1,
        rate_per_s=None,
        burst=limit,
        window_s=None,
        contradicted=broken_by(log, floors, ceilings, limit.estimate),
        undecided=~broken_by(other, *_bounds(other, log.accepted), limit.estimate),
    )


def _bounds(log: DecisionLog, worked: Bools) -> tuple[Floats, Floats]:
    """Bounds on the limit; ``worked`` says which requests were at work."""
    yes, no = log.accepted, ~log.accepted
    t_s, uncertainty = log.t_s, log.uncertainty_s
    back = min(log.typical_uncertainty_s, float(uncertainty.min()))
    latest = t_s + uncertainty
    surely = _overlapping(latest[worked], (log.received_s - 2 * back)[worked], latest[yes])
    sent, received = np.sort(log.sent_s[worked]), np.sort(log.received_s[worked])
    begun = np.searchsorted(sent, (t_s + uncertainty)[no], side="right")
    over = np.searchsorted(received, (t_s - uncertainty)[no])
    return np.maximum(surely, 1.0), (begun - over - worked[no]).astype(float)


def _overlapping(starts: Floats, ends: Floats, at: Floats) -> Floats:
    """How many of the spans (empty ones left out) hold each time."""
    real = ends > starts
    begun = np.searchsorted(np.sort(starts[real]), at)
    over = np.searchsorted(np.sort(ends[real]), at, side="right")
    return (begun - over).astype(float)
