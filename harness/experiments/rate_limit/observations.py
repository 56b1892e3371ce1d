"""
One observation per request, and the arrays that the estimators read.

The limiter decides at an unknown time between the sending of a request and its response, so
every decision has an interval::

    sent ──────── decision? ──────────────── received
      └── t - w ──── t ──── t + w ──┘   (rest: the API doing the work it accepted)

An accepted request takes processing time, a refused one does not, so half the round trip of
*refusals* bounds the delay from sending to decision. A request that took far longer than
similar ones may be decided at any time. Estimators use seconds since the first request.
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
"""Least half-width of a decision time: limiters count in milliseconds."""


class Observation(NamedTuple):
    """
    One request and its result.

    Attributes:
        accepted: Passed, refused by the limiter, or (None) neither: an error says nothing
            about the limit.
    """

    intended_ns: int  # From its experiment's start
    sent_ns: int  # Unix ns
    received_ns: int  # End of the response (or of waiting for it), Unix ns
    operation: str
    key: int  # API key: 0 the first, 1 the second
    accepted: bool | None
    retry_after_s: float = float("nan")  # Value of Retry-After; NaN if absent or unreadable
    retry_after_form: RetryAfterForm = "missing"
    purpose: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class DecisionLog:
    """
    The decisions as arrays, in the order of their likely times (seconds).

    Attributes:
        consumed_at_s: Sorted times of all requests that count against the limit: accepted
            ones, and others by hypothesis.
        counts_itself: ``consumed_at_s`` may hold refused requests, so a refusal must not
            count itself.
        counts_refusals: It certainly holds them, so the unknown order in a burst matters.
    """

    origin_ns: int  # Unix ns of second zero, when the first request was sent
    t_s: Floats  # Likely time of each decision; strictly increasing
    uncertainty_s: Floats  # Half-width of the interval of ``t_s``
    sent_s: Floats  # sent_s, received_s: The certain bounds
    received_s: Floats
    accepted: Bools
    consumed_at_s: Floats
    blur_s: Floats  # Half-width of each of ``consumed_at_s`` beyond the typical uncertainty
    counts_itself: bool = False
    counts_refusals: bool = False

    def __len__(self) -> int:
        return len(self.t_s)

    def opposite(self) -> DecisionLog:
        """The log with inverted decisions: a model that allows one in both does not predict it."""
        return replace(self, accepted=~self.accepted, counts_itself=True)

    @property
    def refusals(self) -> int:
        """Number of refusals."""
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
    The arrays of one key's observations, in any order, of one operation (None: all).

    Requests with an error, or refused ones, count against the limit if ``errors_count`` or
    ``refused_count``. With ``held_back`` a slow pass was decided soon after its sending, then
    queued.
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
    # Equal times would exclude one request from the other's count.
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
    """Requests far slower than similar ones, such as on a new connection or after a pause."""
    slow = np.zeros(len(half), dtype=np.bool_)
    for kind in (accepted, ~accepted):
        if kind.any():
            slow |= kind & (half > max(4 * float(np.median(half[kind])), UNCERTAINTY_MIN_S))
    return slow
