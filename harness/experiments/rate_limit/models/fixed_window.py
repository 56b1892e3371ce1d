"""
Fixed window: ``L`` requests in each window of length ``W``, then none until the next.

Aligned windows begin at ``phase + k W``; anchored ones begin with the first request after
the last window's end. In both cases a drained client recovers only at a window's end, so
every recovery brackets an edge. Aligned: the length for which the most brackets agree on a
phase. Anchored: the distance from a window's first request to a recovery. The limit follows
from the counts, and contradictions exclude fractions and multiples of the true length.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from harness.experiments.rate_limit.models.fit import Fit, Interval
from harness.experiments.rate_limit.models.limit_bounds import (
    best_limit,
    broken_by,
    fewest_broken,
    recoveries,
)
from harness.experiments.rate_limit.observations import Bools, DecisionLog, Floats

LEAST_WINDOW_S = 0.25
MOST_WINDOW_S = 90.0
_LENGTHS = 100
_BRACKETS = 16
_STARTS = 24
_NEAR = 31


def fit_aligned_window(log: DecisionLog) -> Fit | None:
    """Fit length, phase and limit; None with fewer than two recoveries."""
    low, high = recoveries(log)
    if len(low) < 2:
        return None
    if len(low) > _BRACKETS:
        sharp = np.sort(np.argsort(high - low)[:_BRACKETS])
        low, high = low[sharp], high[sharp]
    fits = [_aligned(log, low, high, window_s) for window_s in _agreeing_lengths(low, high)]
    if not fits:
        return None
    fewest = min(f.contradictions for f in fits)
    return _spanning([f for f in fits if f.contradictions == fewest])


def _spanning(fits: list[Fit]) -> Fit:
    """The middle one of equally good fits, with intervals that contain all."""
    fits = sorted(fits, key=_length)
    middle = fits[len(fits) // 2]
    windows = [f.window_s for f in fits if f.window_s]
    window = Interval(_length(middle), min(w.low for w in windows), max(w.high for w in windows))
    return replace(middle, window_s=window, rate_per_s=middle.burst / window)


def fit_anchored_window(log: DecisionLog) -> Fit | None:
    """Fit length and limit of windows that begin with a request; None without a recovery."""
    low, high = recoveries(log)
    if not len(low):
        return None
    starts = _possible_starts(log, high)
    spans = [
        (e0 - a, e1 - a)
        for e0, e1 in zip(low[-_BRACKETS:], high[-_BRACKETS:], strict=True)
        for a in starts
        if LEAST_WINDOW_S < e1 - a < MOST_WINDOW_S
    ]
    tries = _distinct(sum(span) / 2 for span in spans)
    if not tries:
        return None
    widest = min(0.25, max((e1 - e0) / 2 / e1 for e0, e1 in spans))
    ranked = sorted((_anchored_broken(log, window_s), window_s) for window_s in tries)
    for reach, most in ((widest, 4), (widest / 15, 2)):
        steps = 1 + np.linspace(-reach, reach, _NEAR)
        near = [window_s * step for _, window_s in ranked[:most] for step in steps]
        ranked = sorted([*ranked, *((_anchored_broken(log, w), w) for w in near)])
    broken, best = ranked[0]
    window = _widen(log, best, broken)
    starts_s = anchored_starts(log, window.estimate)
    floors, ceilings = _anchored_counts(log, starts_s, window.estimate)
    _, limit = best_limit(floors, ceilings)
    other = log.opposite()
    reverse = broken_by(other, *_anchored_counts(other, starts_s, window.estimate), limit.estimate)
    return _fit(log, "fixed-window-anchored", 2, window, (floors, ceilings), 0.0, reverse)


def anchored_starts(log: DecisionLog, window_s: float) -> Floats:
    """Start of each anchored window: the first counted request after the last one's end."""
    consumed_at, margin = log.consumed_at_s, log.typical_uncertainty_s
    starts: list[float] = []
    index = 0
    while index < len(consumed_at):
        starts.append(float(consumed_at[index]))
        index = int(
            np.searchsorted(consumed_at, consumed_at[index] + max(window_s - margin, margin))
        )
    return np.array(starts)


def window_begins(fit: Fit, log: DecisionLog, at_s: Floats) -> Floats | None:
    """When the fixed window at each time began; None for a model of another kind."""
    if fit.window_s is None or fit.algorithm != "fixed-window":
        return None
    window_s = fit.window_s.estimate
    if fit.variant == "fixed-window-aligned":
        return fit.phase_s + np.floor((at_s - fit.phase_s) / window_s) * window_s
    starts = anchored_starts(log, window_s)
    return starts[np.maximum(np.searchsorted(starts, at_s, side="right") - 1, 0)]


def _length(fit: Fit) -> float:
    return fit.window_s.estimate if fit.window_s else 0.0


def _agreement(low: Floats, high: Floats, lengths: Floats) -> tuple[Floats, Floats]:
    """For each length: number of brackets that share a phase, and its earliest value."""
    distance = (high[None, :, None] - low[None, None, :]) % lengths[:, None, None]
    # A phase at the end of bracket p lies in bracket q when it is not beyond q's end.
    inside = distance <= (high - low)[None, None, :] + 1e-12
    votes = inside.sum(axis=2)
    best = votes.argmax(axis=1)
    return votes.max(axis=1).astype(float), high[best]


def _agreeing_lengths(low: Floats, high: Floats) -> list[float]:
    """Up to eight distinct lengths under which the most brackets agree, longest first."""
    span = float(high[-1] - low[0])
    step = float(np.clip(0.4 * np.median(high - low) / span, 4e-4, 5e-3))
    most = min(span, MOST_WINDOW_S)
    if most <= LEAST_WINDOW_S:
        return []
    lengths = np.exp(np.arange(np.log(LEAST_WINDOW_S), np.log(most), step))
    votes = np.concatenate(
        [
            _agreement(low, high, part)[0]
            for part in np.array_split(lengths, len(lengths) // 512 + 1)
        ]
    )
    good = lengths[votes >= max(2.0, votes.max() - 1)]
    return _distinct(good[::-1].tolist())[:_LENGTHS]


def _distinct(values: Iterable[float]) -> list[float]:
    kept: list[float] = []
    for value in values:
        if all(abs(value / other - 1) > 0.006 for other in kept):
            kept.append(float(value))
    return kept[:200]


def _aligned(log: DecisionLog, low: Floats, high: Floats, about_s: float) -> Fit:
    lengths = about_s * np.linspace(0.988, 1.012, 481)
    votes, phases = _agreement(low, high, lengths)
    good = np.flatnonzero(votes == votes.max())
    middle = int(good[len(good) // 2])
    window_s = float(lengths[middle])
    end = float(phases[middle])
    # The phases in agreement run from the latest start of a bracket to the earliest end.
    back = (end - low) % window_s
    inside = back <= high - low + 1e-12
    phase = end - float(back[inside].min()) / 2
    window = Interval(window_s, float(lengths[good[0]]), float(lengths[good[-1]]))
    index = np.floor((log.t_s - phase) / window_s)
    start = phase + index * window_s
    floors, ceilings = _counts(log, start, np.ones(len(log), dtype=np.bool_), window_s)
    _, limit = best_limit(floors, ceilings)
    other, whole = log.opposite(), np.ones(len(log), dtype=np.bool_)
    reverse = broken_by(other, *_counts(other, start, whole, window_s), limit.estimate)
    return _fit(log, "fixed-window-aligned", 3, window, (floors, ceilings), phase, reverse)


def _possible_starts(log: DecisionLog, high: Floats) -> list[float]:
    """First requests of a window: the very first, after a recovery, after a silence."""
    consumed_at = log.consumed_at_s
    gaps = np.diff(consumed_at, prepend=-np.inf)
    quiet = consumed_at[np.argsort(-gaps, kind="stable")[:_STARTS]]
    near = np.searchsorted(consumed_at, high - 2 * log.typical_uncertainty_s)
    return sorted(
        {float(t) for t in quiet} | {float(consumed_at[min(i, len(consumed_at) - 1)]) for i in near}
    )


def _place(log: DecisionLog, starts: Floats) -> tuple[Floats, np.ndarray]:
    # Refusals may appear before the request that began their window.
    index = np.searchsorted(starts, log.t_s + 3 * log.uncertainty_s, side="right") - 1
    return starts[np.maximum(index, 0)], index >= 0


def _anchored_broken(log: DecisionLog, window_s: float) -> int:
    starts = anchored_starts(log, window_s)
    floors, ceilings = _anchored_counts(log, starts, window_s)
    return best_limit(floors, ceilings)[0]


def _widen(log: DecisionLog, best: float, broken: int) -> Interval:
    """The lengths around the best one with as few contradictions."""
    ends = []
    for sign in (-1, 1):
        end = best
        for step in np.geomspace(1e-4, 0.5, 28):
            if _anchored_broken(log, best * (1 + sign * step)) > broken:
                break
            end = best * (1 + sign * step)
        ends.append(float(end))
    # The decisions at both ends of a window are uncertain.
    margin = 2 * log.typical_uncertainty_s
    return Interval((ends[0] + ends[1]) / 2, max(ends[0] - margin, margin), ends[1] + margin)


def _anchored_counts(log: DecisionLog, starts: Floats, window_s: float) -> tuple[Floats, Floats]:
    """The counts of windows that begin with a request, which is certainly inside."""
    return _counts(log, *_place(log, starts), window_s, begins_s=-1e-9)


def _counts(
    log: DecisionLog,
    start: Floats,
    placed: np.ndarray,
    window_s: float,
    *,
    begins_s: float | None = None,
) -> tuple[Floats, Floats]:
    """Least counts at passes (plus one), largest counts at refusals."""
    consumed_at, margin = log.consumed_at_s, log.uncertainty_s + log.typical_uncertainty_s
    yes, no = log.accepted, ~log.accepted
    before = np.searchsorted(consumed_at, log.t_s[yes])
    surely = start + (margin if begins_s is None else begins_s)
    floors = before - np.searchsorted(consumed_at, surely[yes]) + 1.0
    next_may_have_begun = (start + window_s - log.t_s < margin)[yes]
    floors[next_may_have_begun] = 1.0
    upto = np.searchsorted(consumed_at, (log.t_s + 3 * log.uncertainty_s)[no], side="right")
    upto -= log.counts_itself
    ceilings = upto - np.searchsorted(consumed_at, (start - margin)[no]) + 0.0
    last_may_not_be_over = (log.t_s - start < margin)[no]
    ceilings[last_may_not_be_over] = np.inf
    over = (~placed | (log.t_s > start + window_s + margin))[no]
    ceilings[over] = 0.0
    return np.maximum(floors, 1.0), ceilings.astype(np.float64)


def _fit(
    log: DecisionLog,
    variant: str,
    parameters: int,
    window: Interval,
    bounds: tuple[Floats, Floats],
    phase: float,
    reverse: Bools,
) -> Fit:
    floors, ceilings = bounds
    _, limit = best_limit(floors, ceilings)
    finite = ceilings[np.isfinite(ceilings)]
    whole = np.arange(max(1.0, limit.low - 3), limit.high + 4)
    _, low, high = fewest_broken(floors, finite, whole)
    limit = Interval(float(round((low + high) / 2)), low, high)
    return Fit(
        algorithm="fixed-window",
        variant=variant,
        parameters=parameters,
        rate_per_s=limit / window,
        burst=limit,
        window_s=window,
        contradicted=broken_by(log, floors, ceilings, limit.estimate),
        undecided=~reverse,
        phase_s=phase,
    )
