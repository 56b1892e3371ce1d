"""
What the lab sees: one observation a request, and the arrays the estimators read.

The limiter decides somewhere between the moment a request left and the moment its
answer was there; nothing outside tells more. So every decision carries an
interval::

    sent ──────── decision? ──────────────── received
      └── t - w ──── t ──── t + w ──┘   (rest: the API doing the work it accepted)

An accepted request is worked on before it is answered, a refused one is not, so
the half round trip of *refusals* caps the guess of how late after sending a
decision falls; one that took far longer than its like may have been decided at any
time of it. All estimators work in seconds since the first request was sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.units import NS_PER_S

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

RetryAfterForm = Literal["seconds", "decimal", "http-date", "missing", "malformed"]

UNCERTAINTY_MIN_S = 0.001
"""Half-width under which no decision time is believed: limiters count in milliseconds."""


class Observation(NamedTuple):
    """
    One probe request and what came of it.

    Attributes:
        intended_ns: When it was meant to be sent, from its probe's start.
        sent_ns: When it was sent, Unix nanoseconds.
        received_ns: When its answer was whole (or given up), Unix nanoseconds.
        operation: The operation that was called.
        key: Which API key it carried: 0 the first, 1 the second.
        accepted: Let through, refused by the limiter, or (None) neither: a timeout or
            another error tells nothing about the limit.
        retry_after_s: Seconds that its Retry-After named; NaN when absent or unreadable.
        retry_after_form: How the header was written.
        purpose: The purpose of its shot.
    """

    intended_ns: int
    sent_ns: int
    received_ns: int
    operation: str
    key: int
    accepted: bool | None
    retry_after_s: float = float("nan")
    retry_after_form: RetryAfterForm = "missing"
    purpose: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class DecisionLog:
    """
    The decisions as arrays, in the order of their likely times (seconds).

    Attributes:
        origin_ns: Unix nanoseconds of second zero (the first request sent).
        t_s: Likely time of each decision; strictly increasing.
        uncertainty_s: Half-width of what is believed about ``t_s``.
        sent_s, received_s: The certain bounds.
        accepted: Whether each was let through.
        consumed_at_s: Times of everything that uses the limit up, sorted: the accepted
            requests, and whatever else a hypothesis counts.
        blur_s: Half-width of what is believed about each of ``takes_s``, beyond the
            typical doubt; 0 for most.
        counts_itself: Whether ``takes_s`` may hold the refused requests too, so that a
            refusal has to leave itself out when it counts.
        counts_refusals: Whether it surely does: who of a burst came first then matters, and
            nobody knows.
    """

    origin_ns: int
    t_s: Floats
    uncertainty_s: Floats
    sent_s: Floats
    received_s: Floats
    accepted: Bools
    consumed_at_s: Floats
    blur_s: Floats
    counts_itself: bool = False
    counts_refusals: bool = False

    def __len__(self) -> int:
        return len(self.t_s)

    def opposite(self) -> DecisionLog:
        """
        The log with every decision turned round, what used the limit up unchanged.

        What a model allows here as well as there, it does not predict.
        """
        return replace(self, accepted=~self.accepted, counts_itself=True)

    @property
    def refusals(self) -> int:
        """How many decisions were refusals."""
        return int(np.count_nonzero(~self.accepted))

    @property
    def typical_uncertainty_s(self) -> float:
        """The median half-width of the decision times, seconds."""
        return float(np.median(self.uncertainty_s)) if len(self) else UNCERTAINTY_MIN_S


def build_decision_log(
    observations: Iterable[Observation],
    *,
    operation: str | None = None,
    key: int = 0,
    errors_count: bool = False,
    refused_count: bool = False,
    held_back: bool = False,
) -> DecisionLog:
    """
    Turn observations into the arrays the estimators read.

    Args:
        observations: Any order.
        operation: Only this one; None takes all.
        key: Only this key's.
        errors_count: Whether requests that ended in neither (503 and the like) are
            taken to have used the limit up.
        refused_count: Whether refused requests are taken to use the limit up.
        held_back: Whether a pass that took long is taken to have been decided soon after
            its sending, and then held back by the limiter.
    """
    rows = [o for o in observations if o.key == key and operation in (None, o.operation)]
    rows.sort(key=lambda o: o.sent_ns)
    origin_ns = rows[0].sent_ns if rows else 0
    sent = _seconds(rows, origin_ns, "sent_ns")
    received = np.maximum(_seconds(rows, origin_ns, "received_ns"), sent)
    decided = np.array([o.accepted is not None for o in rows], dtype=np.bool_)
    accepted = np.array([bool(o.accepted) for o in rows], dtype=np.bool_)
    half = (received - sent) / 2
    lag = _decision_lag_s(half, refused=decided & ~accepted)
    slow = _unusually_slow(half, accepted) & ~(held_back & accepted)
    lag = np.where(slow, half, lag)
    times = sent + lag
    uncertainty = np.clip(half, UNCERTAINTY_MIN_S, np.maximum(3 * lag, UNCERTAINTY_MIN_S))
    order = np.argsort(times, kind="stable")
    # Equal times would hide one request from the other's count.
    times = times[order] + np.arange(len(order)) * 1e-9
    keep = decided[order]
    uncertainty = uncertainty[order]
    typical = float(np.median(uncertainty[keep])) if keep.any() else UNCERTAINTY_MIN_S
    consumed_at = accepted[order] | (errors_count & ~keep) | (refused_count & keep)
    return DecisionLog(
        origin_ns=origin_ns,
        t_s=times[keep],
        uncertainty_s=uncertainty[keep],
        sent_s=sent[order][keep],
        received_s=received[order][keep],
        accepted=accepted[order][keep],
        consumed_at_s=times[consumed_at],
        blur_s=np.maximum(0.0, uncertainty[consumed_at] - typical),
        counts_itself=refused_count,
        counts_refusals=refused_count,
    )


def _seconds(rows: Sequence[Observation], origin_ns: int, field: str) -> Floats:
    ns = np.array([getattr(o, field) for o in rows], dtype=np.int64)
    return (ns - origin_ns) / NS_PER_S


def _decision_lag_s(half: Floats, *, refused: Bools) -> Floats:
    """Seconds from sending to the likely decision."""
    if not len(half):
        return half
    fast = half[refused] if np.count_nonzero(refused) >= 5 else half
    return np.minimum(half, float(np.quantile(fast, 0.75)))


def _unusually_slow(half: Floats, accepted: Bools) -> Bools:
    """
    Which took far longer than their like: a new connection, a pause somewhere.

    Where in that time the decision fell nobody knows.
    """
    slow = np.zeros(len(half), dtype=np.bool_)
    for kind in (accepted, ~accepted):
        if kind.any():
            slow |= kind & (half > max(4 * float(np.median(half[kind])), UNCERTAINTY_MIN_S))
    return slow
