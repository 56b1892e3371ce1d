"""
Concurrency limit: a request passes if fewer than ``L`` are in flight.

A request is certainly in flight from the latest time of its decision to just before its
response, and possibly from its sending to its response. Passes bound the limit from below
by the requests certainly in flight, refusals from above by those possibly in flight.
"""

from __future__ import annotations

import numpy as np

from harness.experiments.rate_limit.models.fit import Fit
from harness.experiments.rate_limit.models.limit_bounds import best_limit, broken_by
from harness.experiments.rate_limit.observations import Bools, DecisionLog, Floats


def fit_concurrency(log: DecisionLog) -> Fit | None:
    """Fit the limit; None without a refusal or a pass."""
    if not log.refusals or not log.accepted.any():
        return None
    floors, ceilings = _bounds(log, log.accepted)
    other = log.opposite()
    _, limit = best_limit(floors, ceilings)
    # The largest possible limit: upper bounds from refusals are sharper than lower bounds.
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
    """Bounds on the limit; ``worked`` marks requests that passed."""
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
    """How many of the non-empty spans contain each time."""
    real = ends > starts
    begun = np.searchsorted(np.sort(starts[real]), at)
    over = np.searchsorted(np.sort(ends[real]), at, side="right")
    return (begun - over).astype(float)
