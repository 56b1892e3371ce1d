"""
Experiments that narrow wide intervals and distinguish tied models.

A longer offer narrows the rate, another edge narrows a window's length. The edges of an
aligned window are predictable. Two half fills, half a window apart, distinguish an anchored
window from a sliding log.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence

from harness.experiments.rate_limit.designs import Experiment, requests_at
from harness.experiments.rate_limit.disambiguation import (
    TiedModels,
    discriminating_experiments,
    find_tied_models,
)
from harness.experiments.rate_limit.experiment_session import ExperimentSession, accepted, refused
from harness.experiments.rate_limit.model_selection import ModelSelection, cost, select_model
from harness.experiments.rate_limit.models.fit import Interval
from harness.experiments.rate_limit.observations import Observation
from harness.units import NS_PER_S

TIGHT = 0.02
EDGE = "when the limiter recovers"
ExperimentSteps = Generator[Experiment, Sequence[Observation], None]
_TIED = 9.0
"""Three contradictions: models with a smaller difference are tied."""
_LEAST_DECISIONS = 60
_TIMES_APART, _ROUNDS = 2, 4
_GOLDEN = (math.sqrt(5) - 1) / 2


def narrow_intervals(session: ExperimentSession, burst: int) -> ExperimentSteps:
    """Run experiments while the intervals are wide and the budget allows."""
    apart = rounds = 0
    while rounds < _ROUNDS:
        selection = select_model(session.observations)
        tied_models = find_tied_models(selection, tied=_TIED)
        if tied_models is not None and apart < (_TIMES_APART if tied_models.bucket else 1):
            apart += 1
            yield from _discriminate(session, tied_models)
            continue
        rounds += 1
        fit = selection.best or (selection.fits[0] if selection.fits else None)
        if _is_tight(selection) and not _is_tied(selection):
            session.ended = "the intervals are tight"
        if fit is None or session.ended or session.attempts_left < burst + 60:
            return
        if _is_tied(selection) and fit.window_s is not None:
            yield from _split_fill(session, burst, fit.window_s.estimate)
        elif fit.variant == "fixed-window-aligned":
            yield from _next_edge(session, burst, selection)
        elif fit.window_s is not None and fit.algorithm != "token-bucket":
            yield from _known_edge(session, burst, fit.window_s)
        elif fit.rate_per_s is not None:
            yield from long_offer(session, fit.rate_per_s.estimate, most=0.6)


def _discriminate(session: ExperimentSession, tied_models: TiedModels) -> ExperimentSteps:
    for experiment in discriminating_experiments(
        tied_models, session.operation, most=session.attempts_left // 4
    ):
        yield from session.send(experiment.name, experiment.why, experiment.requests)


def _known_edge(session: ExperimentSession, burst: int, window: Interval) -> ExperimentSteps:
    """Fill a window and poll around its predicted end."""
    window_s = window.estimate
    if window_s > session.seconds_left / 2:
        return
    filled_s = session.now_s
    yield from session.drain(burst, name="fill", why="fill a window")
    low = max(0.97 * window.low, 0.6 * window_s)
    high = min(1.03 * window.high, 1.4 * window_s)
    shares = [(low + (high - low) * k / 20) / window_s for k in range(21)]
    times = edge_times(filled_s, window_s, shares)
    yield from session.poll(times, name="window edge", why=EDGE, portion=portion_of(burst))


def long_offer(
    session: ExperimentSession, rate: float, *, most: float = 0.45
) -> Generator[Experiment, Sequence[Observation], float]:
    """Offer above the rate for at least twenty of its periods; the observed rate."""
    seconds = max(22.0 / rate, 1.2)
    count = max(170, round(1.6 * rate * seconds))
    affordable = max(20, round(most * session.attempts_left))
    if count > affordable:
        seconds, count = seconds * affordable / count, affordable
    spacing = max(seconds / count * 0.97, 1 / session.max_rate_per_s)
    before = session.now_s
    # Steps of a golden ratio keep the offer out of step with any limiter.
    times = [(i + 0.8 * (i * _GOLDEN % 1)) * spacing for i in range(count)]
    seen = yield from session.send(
        "long offer",
        "the sustained rate, and whether refused requests count",
        requests_at(session.operation, times, purpose="offer"),
    )
    if not refused(seen):
        if rate * 1.6 >= session.max_rate_per_s or session.attempts_left < count:
            return rate
        return (yield from long_offer(session, 2 * rate, most=most))
    return max(accepted(seen) / max(session.now_s - before, 1e-3), 0.02)


def edge_times(filled_s: float, window_s: float, shares: Sequence[float]) -> list[float]:
    """Times at these shares of a window after its fill, then coarser ones."""
    behind = [shares[-1] * more for more in (1.03, 1.08, 1.15, 1.25, 1.4, 1.6, 1.9, 2.3)]
    return [filled_s + window_s * share for share in (*shares, *behind)]


def portion_of(burst: int) -> int:
    """Requests per poll; few for a small limit, which they would use up."""
    return 1 if burst <= 12 else 3


def is_settled(selection: ModelSelection) -> bool:
    """Whether a model is selected and no other algorithm is tied with it."""
    if selection.best is None or len(selection.log) < _LEAST_DECISIONS:
        return False
    best = selection.fits[0]
    others = [fit for fit in selection.fits if fit.algorithm != best.algorithm]
    return all(cost(fit) - cost(best) >= _TIED for fit in others)


def _is_tight(selection: ModelSelection) -> bool:
    fit = selection.best
    if fit is None:
        return False
    intervals = [i for i in (fit.rate_per_s, fit.window_s) if i is not None]
    return all(i.relative_width <= TIGHT for i in intervals)


def _is_tied(selection: ModelSelection) -> bool:
    """Whether a window of another kind explains the decisions equally."""
    if len(selection.fits) < 2 or selection.fits[0].window_s is None:
        return False
    first, second = selection.fits[:2]
    differ = second.window_s is not None and first.variant != second.variant
    return differ and cost(second) - cost(first) < _TIED


def _split_fill(session: ExperimentSession, burst: int, window_s: float) -> ExperimentSteps:
    """Half the limit, the rest half a window later: a sliding log recovers only the first half."""
    if 3.5 * window_s > session.seconds_left:
        return
    half = math.ceil(burst / 2)
    yield from session.burst(
        half, after_s=2.1 * window_s, name="half fill", why="fill half of a window"
    )
    begun_s = session.now_s
    yield from session.drain(
        burst - half,
        after_s=session.offset_until(begun_s + 0.5 * window_s),
        name="half fill",
        why="fill the other half half a window later",
    )
    yield from session.drain(
        burst,
        after_s=session.offset_until(begun_s + 1.06 * window_s),
        name="split edge",
        why="whether a window recovers all at its end or as it was used",
    )


def _next_edge(
    session: ExperimentSession, burst: int, selection: ModelSelection
) -> ExperimentSteps:
    """Poll finely around the next predicted edge of an aligned window."""
    fit = selection.fits[0]
    if fit.window_s is None:
        return
    yield from session.drain(burst, name="fill", why="fill a window")
    window_s = fit.window_s.estimate
    phase_s = selection.log.origin_ns / NS_PER_S + fit.phase_s
    last_s = float(selection.log.t_s[-1]) - fit.phase_s
    ahead = math.floor((session.now_s + 0.03 - phase_s) / window_s) + 1
    unsure_s = 0.006 + fit.window_s.relative_width * min(3 * window_s, last_s)
    edge_s = phase_s + ahead * window_s
    times = [edge_s + unsure_s * (k - 8) / 8 for k in range(20)]
    times += [edge_s + unsure_s * more for more in (2, 3, 5, 9)]
    yield from session.poll(times, name="window edge", why=EDGE, portion=portion_of(burst))
