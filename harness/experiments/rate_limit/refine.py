"""
More of what tells most: probes for intervals that are too wide and models that tie.

A rate is known better after a longer offer above it, a window's length after one more of
its edges. A window that the clock sets has edges that can be foretold; one that a
request begins is told from a log by filling its halves half a window apart.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence

from harness.experiments.rate_limit.designs import Probe, shots_at
from harness.experiments.rate_limit.disambiguation import Rivals, find_rivals, tell_apart
from harness.experiments.rate_limit.experiment_session import Bench, accepted, refused
from harness.experiments.rate_limit.model_selection import Choice, choose, cost
from harness.experiments.rate_limit.models.fit import Interval
from harness.experiments.rate_limit.observations import Observation
from harness.units import NS_PER_S

TIGHT = 0.02
EDGE = "where the limiter lets go again"
Steps = Generator[Probe, Sequence[Observation], None]
_TIED = 9.0
"""Three contradictions: less does not tell two models apart."""
_LEAST_DECISIONS = 60
_TIMES_APART, _ROUNDS = 2, 4
_GOLDEN = (math.sqrt(5) - 1) / 2


def tighten(bench: Bench, burst: int) -> Steps:
    """More of what tells most while the intervals are wide and the budget allows."""
    apart = rounds = 0
    while rounds < _ROUNDS:
        choice = choose(bench.observations)
        rivals = find_rivals(choice, tied=_TIED)
        if rivals is not None and apart < (_TIMES_APART if rivals.bucket else 1):
            apart += 1
            yield from _tell_apart(bench, rivals)
            continue
        rounds += 1
        fit = choice.best or (choice.fits[0] if choice.fits else None)
        if _is_tight(choice) and not _is_tied(choice):
            bench.ended = "the intervals are tight"
        if fit is None or bench.ended or bench.attempts_left < burst + 60:
            return
        if _is_tied(choice) and fit.window_s is not None:
            yield from _split_fill(bench, burst, fit.window_s.estimate)
        elif fit.variant == "fixed-window-aligned":
            yield from _next_edge(bench, burst, choice)
        elif fit.window_s is not None and fit.algorithm != "token-bucket":
            yield from _known_edge(bench, burst, fit.window_s)
        elif fit.rate_per_s is not None:
            yield from long_offer(bench, fit.rate_per_s.estimate, most=0.6)


def _tell_apart(bench: Bench, rivals: Rivals) -> Steps:
    for probe in tell_apart(rivals, bench.operation, most=bench.attempts_left // 4):
        yield from bench.fire(probe.name, probe.why, probe.shots)


def _known_edge(bench: Bench, burst: int, window: Interval) -> Steps:
    """Fill a window, and poll where its end is thought to be."""
    window_s = window.estimate
    if window_s > bench.seconds_left / 2:
        return
    filled_s = bench.now_s
    yield from bench.drain(burst, name="fill", why="fill a window")
    low = max(0.97 * window.low, 0.6 * window_s)
    high = min(1.03 * window.high, 1.4 * window_s)
    shares = [(low + (high - low) * k / 20) / window_s for k in range(21)]
    times = edge_times(filled_s, window_s, shares)
    yield from bench.poll(times, name="window edge", why=EDGE, portion=portion_of(burst))


def long_offer(
    bench: Bench, rate: float, *, most: float = 0.45
) -> Generator[Probe, Sequence[Observation], float]:
    """Offer above the rate for twenty of its periods at least; the rate as seen."""
    seconds = max(22.0 / rate, 1.2)
    count = max(170, round(1.6 * rate * seconds))
    affordable = max(20, round(most * bench.attempts_left))
    if count > affordable:
        seconds, count = seconds * affordable / count, affordable
    spacing = max(seconds / count * 0.97, 1 / bench.max_rate_per_s)
    before = bench.now_s
    # Steps of a golden ratio keep the offer out of step with any limiter.
    times = [(i + 0.8 * (i * _GOLDEN % 1)) * spacing for i in range(count)]
    seen = yield from bench.fire(
        "long offer",
        "the sustained rate, and whether refused requests count",
        shots_at(bench.operation, times, purpose="offer"),
    )
    if not refused(seen):
        if rate * 1.6 >= bench.max_rate_per_s or bench.attempts_left < count:
            return rate
        return (yield from long_offer(bench, 2 * rate, most=most))
    return max(accepted(seen) / max(bench.now_s - before, 1e-3), 0.02)


def edge_times(filled_s: float, window_s: float, shares: Sequence[float]) -> list[float]:
    """At these shares of a window after its fill; coarser ones behind, should it be longer."""
    behind = [shares[-1] * more for more in (1.03, 1.08, 1.15, 1.25, 1.4, 1.6, 1.9, 2.3)]
    return [filled_s + window_s * share for share in (*shares, *behind)]


def portion_of(burst: int) -> int:
    """Shots a poll: they must not use a small limit up before its shape is seen."""
    return 1 if burst <= 12 else 3


def is_settled(choice: Choice) -> bool:
    """Whether a model is believed, and none of another algorithm comes near it."""
    if choice.best is None or len(choice.log) < _LEAST_DECISIONS:
        return False
    best = choice.fits[0]
    others = [fit for fit in choice.fits if fit.algorithm != best.algorithm]
    return all(cost(fit) - cost(best) >= _TIED for fit in others)


def _is_tight(choice: Choice) -> bool:
    fit = choice.best
    if fit is None:
        return False
    intervals = [i for i in (fit.rate_per_s, fit.window_s) if i is not None]
    return all(i.relative_width <= TIGHT for i in intervals)


def _is_tied(choice: Choice) -> bool:
    """Whether a window of another kind explains the decisions as well."""
    if len(choice.fits) < 2 or choice.fits[0].window_s is None:
        return False
    first, second = choice.fits[:2]
    differ = second.window_s is not None and first.variant != second.variant
    return differ and cost(second) - cost(first) < _TIED


def _split_fill(bench: Bench, burst: int, window_s: float) -> Steps:
    """Half the limit, the rest half a window later: a log gives back only the first half."""
    if 3.5 * window_s > bench.seconds_left:
        return
    half = math.ceil(burst / 2)
    yield from bench.burst(
        half, after_s=2.1 * window_s, name="half fill", why="fill half of a window"
    )
    begun_s = bench.now_s
    yield from bench.drain(
        burst - half,
        after_s=bench.wait_until(begun_s + 0.5 * window_s),
        name="half fill",
        why="fill the other half half a window later",
    )
    yield from bench.drain(
        burst,
        after_s=bench.wait_until(begun_s + 1.06 * window_s),
        name="split edge",
        why="whether a window is given back at once or as it was used",
    )


def _next_edge(bench: Bench, burst: int, choice: Choice) -> Steps:
    """The next edge of windows that the clock sets, as finely as it can be foretold."""
    fit = choice.fits[0]
    if fit.window_s is None:
        return
    yield from bench.drain(burst, name="fill", why="fill a window")
    window_s = fit.window_s.estimate
    phase_s = choice.log.origin_ns / NS_PER_S + fit.phase_s
    last_s = float(choice.log.t_s[-1]) - fit.phase_s
    ahead = math.floor((bench.now_s + 0.03 - phase_s) / window_s) + 1
    unsure_s = 0.006 + fit.window_s.relative_width * min(3 * window_s, last_s)
    edge_s = phase_s + ahead * window_s
    times = [edge_s + unsure_s * (k - 8) / 8 for k in range(20)]
    times += [edge_s + unsure_s * more for more in (2, 3, 5, 9)]
    yield from bench.poll(times, name="window edge", why=EDGE, portion=portion_of(burst))
