r"""
Windows aligned to a clock, by search: fixed windows and two-counter windows.

A two-counter window approximates the sliding log, as in many proxies: it weights the count of
the previous window by the part of it that still lies in the sliding window. With edges
:math:`e_k = p + k W`, ``N(t)`` counted requests before *t*, and the remaining part
:math:`\lambda = (e_{k+1} - t)/W` of window *k*, a request finds

.. math:: n = N(t) - (1 - \lambda)\, N(e_k) - \lambda\, N(e_{k-1})

(a fixed window :math:`N(t) - N(e_k)`) and passes if :math:`n \le \theta`. Some limiters
need room for a whole request (:math:`\theta = L - 1`), others only a count below the limit
(:math:`\theta \to L`); from rest both pass ``L`` requests.

``N`` only grows, so over a span of lengths and phases *n* has simple bounds: a decision that
contradicts them contradicts every window of the span. Branch and bound over spans (Land and
Doig, 1960) finds the windows with the fewest contradictions. Late decisions count only once a
span is narrow, so drift does not mislead. The search takes a second, so it is used only if no
simpler model explains the decisions.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from harness.experiments.rate_limit.models.fit import Algorithm, Fit, Interval
from harness.experiments.rate_limit.models.window_spans import (
    WindowSpans,
    drift_of,
    first_spans,
    split,
)
from harness.experiments.rate_limit.observations import Bools, DecisionLog, Floats, Ints

COUNTER, FIXED = "sliding-window-counter", "fixed-window-aligned"
_OPEN = 0.05
"""Distance below the limit that a count needs in the second kind; more than the slack."""
_SLACK = 0.02
_BATCH, _MOST_SPANS = 96, 12_000
_FINE = 0.002
"""Share of a window to which an edge's place is narrowed."""
_ROWS = 320
_MOST_LIMITS = 24
_LEAST_EXPLAINED = 0.95


class _Place(NamedTuple):
    """A narrow span with few contradictions; ``broken`` and ``theta`` are of its middle."""

    broken: int
    theta: float
    short: float
    long: float
    first: float
    last: float

    @property
    def window_s(self) -> float:
        return (self.short + self.long) / 2

    @property
    def phase_s(self) -> float:
        return (self.first + self.last) / 2


def fit_sliding_counter(log: DecisionLog) -> Fit | None:
    """Fit length, phase and limit; None without a pass and a refusal, or a near window."""
    return _fit(log, "sliding-window", COUNTER)


def search_fixed_window(log: DecisionLog) -> Fit | None:
    """As `fit_aligned_window`, but slow and exhaustive: for edges far from any decision."""
    return _fit(log, "fixed-window", FIXED)


def _fit(log: DecisionLog, algorithm: Algorithm, variant: str) -> Fit | None:
    if not log.refusals or not log.accepted.any():
        return None
    carry = variant == COUNTER
    limits = _limits(log)
    thetas: Floats = limits - 1
    if carry:
        thetas = np.sort(np.concatenate([thetas, limits - _OPEN]))
    places, unsearched = _search(_thinned(log), thetas, carry=carry)
    if not places:
        return None
    exact = [(int(_contradicted(log, place, carry=carry).sum()), place) for place in places]
    fewest = min(broken for broken, _ in exact)
    good = sorted((p for broken, p in exact if broken == fewest), key=lambda p: p.window_s)
    best = good[len(good) // 2]
    window = Interval(
        best.window_s,
        min([*(p.short for p in good), *unsearched.short.tolist()]),
        max([*(p.long for p in good), *unsearched.long.tolist()]),
    )
    possible = [_limit_of(p.theta) for p in good]
    limit = Interval(float(_limit_of(best.theta)), float(min(possible)), float(max(possible)))
    return Fit(
        algorithm=algorithm,
        variant=variant,
        parameters=3,
        rate_per_s=limit / window,
        burst=limit,
        window_s=window,
        contradicted=_contradicted(log, best, carry=carry),
        undecided=~_contradicted(log.opposite(), best, carry=carry),
        phase_s=best.phase_s,
    )


def _limits(log: DecisionLog) -> Floats:
    """Possible whole limits: the first drain shows the limit, up to its uncertainty."""
    first = float(log.t_s[int(np.argmax(~log.accepted))])
    took = log.t_s[log.accepted]
    least, most = np.searchsorted(took, [first, first + 0.03 + 4 * log.typical_uncertainty_s])
    low, high = max(1, int(least) - 1), max(1, int(most) + 1)
    few = np.linspace(low, high, min(high - low + 1, _MOST_LIMITS))
    return np.unique(few.astype(int)).astype(np.float64)


def _limit_of(theta: float) -> int:
    return int(np.floor(theta)) + 1


def _thinned(log: DecisionLog) -> DecisionLog:
    """The most informative decisions, beside a change of the decision, and some others."""
    if len(log) <= _ROWS:
        return log
    change = np.flatnonzero(np.diff(log.accepted.astype(int)))
    informative = np.unique(np.concatenate([change, change + 1]))[-_ROWS:]
    spread = np.linspace(0, len(log) - 1, max(0, _ROWS - len(informative))).astype(int)
    rows = np.union1d(informative, spread)
    return replace(
        log,
        t_s=log.t_s[rows],
        uncertainty_s=log.uncertainty_s[rows],
        sent_s=log.sent_s[rows],
        received_s=log.received_s[rows],
        accepted=log.accepted[rows],
    )


def _search(log: DecisionLog, thetas: Floats, *, carry: bool) -> tuple[list[_Place], WindowSpans]:
    """
    The narrow spans whose middles contradict the fewest decisions, and the unsearched spans.

    Spans with the smallest lower bound are split first, of equals the narrowest. Spans with
    more contradictions than an acceptable model are not searched.
    """
    most = int((1 - _LEAST_EXPLAINED) * len(log)) + 2
    heap = _ranked(log, first_spans(log), thetas, most, carry=carry)
    heapq.heapify(heap)
    places: list[_Place] = []
    searched = 0
    while heap and heap[0][0] <= most and searched < _MOST_SPANS:
        popped = [heapq.heappop(heap) for _ in range(min(_BATCH, len(heap)))]
        spans = _spans_of(popped, most)
        fine = drift_of(log, spans) < _FINE * spans.short
        if fine.any():
            places += _places(
                log, WindowSpans(*(part[fine] for part in spans)), thetas, carry=carry
            )
            most = min([most, *(place.broken for place in places)])
        parts = split(log, WindowSpans(*(part[~fine] for part in spans)))
        searched += len(parts.short) + int(fine.sum())
        for item in _ranked(log, parts, thetas, most, carry=carry):
            heapq.heappush(heap, item)
    return [place for place in places if place.broken <= most], _spans_of(heap, most)


def _spans_of(ranked: Sequence[tuple[float, ...]], most: int) -> WindowSpans:
    rows = [item[2:] for item in ranked if item[0] <= most]
    return WindowSpans(*np.array(rows).reshape(-1, 4).T)


def _ranked(
    log: DecisionLog, spans: WindowSpans, thetas: Floats, most: int, *, carry: bool
) -> list[tuple[float, ...]]:
    """(least contradictions, drift, span) of the spans with at most `most` contradictions."""
    broken = _fewest(log, spans, thetas, carry=carry)[0]
    kept = broken <= most
    drift = drift_of(log, spans)
    rows = np.column_stack([broken, drift, *spans])[kept]
    return [tuple(row) for row in rows.tolist()]


def _places(log: DecisionLog, spans: WindowSpans, thetas: Floats, *, carry: bool) -> list[_Place]:
    window, phase = (spans.short + spans.long) / 2, (spans.first + spans.last) / 2
    points = WindowSpans(window, window, phase, phase)
    broken, best = _fewest(log, points, thetas, carry=carry, across=carry)
    columns = np.column_stack([broken, thetas[best], *spans]).tolist()
    return [_Place(int(row[0]), *row[1:]) for row in columns]


def _fewest(
    log: DecisionLog, spans: WindowSpans, thetas: Floats, *, carry: bool, across: bool = False
) -> tuple[Ints, Ints]:
    """For each span: its least contradictions, and the index of their theta."""
    least, most = _counts(log, spans, carry=carry, across=across)
    broken = np.stack([_broken(log, least, most, one, carry=carry).sum(axis=1) for one in thetas])
    best = broken.argmin(axis=0)
    return broken.min(axis=0), best


def _broken(log: DecisionLog, least: Floats, most: Floats, theta: float, *, carry: bool) -> Bools:
    slack = _SLACK if carry else -1e-9  # fixed windows count in whole numbers
    broken: Bools = np.where(log.accepted, least > theta + _SLACK, most <= theta - slack)
    return broken


def _contradicted(log: DecisionLog, place: _Place, *, carry: bool) -> Bools:
    window, phase = np.array([place.window_s]), np.array([place.phase_s])
    points = WindowSpans(window, window, phase, phase)
    least, most = _counts(log, points, carry=carry, across=carry)
    broken: Bools = _broken(log, least, most, place.theta, carry=carry)[0]
    return broken


def _counts(
    log: DecisionLog, spans: WindowSpans, *, carry: bool, across: bool
) -> tuple[Floats, Floats]:
    """
    Least and largest count that each decision may have found; one row per span.

    If an edge may lie on either side of a decision there is no bound, or with ``across`` the
    wider of both sides, because a two-counter window does not jump at an edge.
    """
    margin = log.uncertainty_s + log.typical_uncertainty_s
    short, long, first, last = (part[:, None] for part in spans)
    early, late = log.t_s - margin - last, log.t_s + margin - first
    low, high = np.minimum(early / long, early / short), np.maximum(late / short, late / long)
    index, after = np.floor(low), np.floor(high)
    least, most = _counts_in(log, spans, index, low, np.minimum(high, index + 1), carry=carry)
    vague = after != index
    if across:
        other = _counts_in(log, spans, after, np.maximum(low, after), high, carry=carry)
        least, most = np.minimum(least, other[0]), np.maximum(most, other[1])
        vague = after > index + 1
    return np.where(vague, 0.0, least), np.where(vague, np.inf, most)


def _counts_in(
    log: DecisionLog, spans: WindowSpans, index: Floats, low: Floats, high: Floats, *, carry: bool
) -> tuple[Floats, Floats]:
    """The counts in the windows of these indexes, from ``low`` to ``high`` windows on."""
    consumed_at, blur = log.consumed_at_s, log.typical_uncertainty_s
    short, long, first, last = (part[:, None] for part in spans)
    left_most, left_least = carry * (index + 1 - low), carry * (index + 1 - high)
    (now_least, now_most), (before_least, before_most) = (
        (
            np.searchsorted(consumed_at, first + np.minimum(k * short, k * long) - blur),
            np.searchsorted(consumed_at, last + np.maximum(k * short, k * long) + blur),
        )
        for k in (index, index - 1)
    )
    reach = (
        np.searchsorted(consumed_at, log.t_s + 2 * log.uncertainty_s, side="right")
        - log.counts_itself
    )
    most = reach - (1 - left_most) * now_least - left_most * before_least
    least = np.searchsorted(consumed_at, log.t_s) - (1 - left_least) * now_most
    return least - left_least * before_most, most
