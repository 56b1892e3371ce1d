"""
The order of the experiments.

1. *Cold burst*, in growing portions, until requests are refused. If none is, a long offer
   at the highest rate shows that there is no limit below it.
2. *Recovery*: single requests at growing intervals until one passes, then a burst shows how
   much recovered. A bucket recovers a part, a window all.
3. *Trickle* (bucket): a silence and a burst (refill), a long offer above the rate (also shows
   whether refusals count), bursts from full and half-full.
   *Window*: narrow the next edge, then fill half a window after an edge (fixed windows reset,
   sliding ones do not).
4. *Retry-After*: requests at its end. *Scope*: the other operation and the other key while
   this one is drained.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence

from harness.experiments.rate_limit import scope
from harness.experiments.rate_limit.designs import Experiment, PlannedRequest, spaced_requests
from harness.experiments.rate_limit.experiment_session import (
    BudgetSpentError,
    ExperimentSession,
    ObservingSteps,
    accepted,
    midpoint_s,
    refused,
)
from harness.experiments.rate_limit.model_selection import select_model
from harness.experiments.rate_limit.models.fit import Fit
from harness.experiments.rate_limit.models.queueing import may_queue
from harness.experiments.rate_limit.observations import Observation, build_decision_log
from harness.experiments.rate_limit.refine import (
    EDGE,
    ExperimentSteps,
    edge_times,
    is_settled,
    long_offer,
    narrow_intervals,
    portion_of,
)
from harness.experiments.rate_limit.retry_after_tests import (
    RetryAfterTest,
    design_test,
    last_retry_after,
    read_tests,
)

__all__ = ["BudgetSpentError", "ExperimentSession", "explore"]

_LONGEST_RECOVERY_S = 75.0
_LONGEST_REFILL_S = 12.5
_RECOVERIES = 3
_TESTS_MAX, _ANNOUNCED_MAX_S = 6, 35.0
_SOON_S = 0.2
"""A complete recovery by then may be a bucket or a concurrency limit."""
RECOVERY = "recovery"


def explore(session: ExperimentSession) -> ExperimentSteps:
    """All steps in order; `ExperimentSession.ended` has the reason for the end."""
    burst = yield from _cold(session)
    if not burst:
        yield from _no_limit(session)
        session.ended = "nothing was refused"
        return
    back = yield from _surely_recovered(session, burst)
    if back is None:
        session.ended = "the limiter did not recover"
        return
    returned, elapsed = back
    rate = min(max(returned / elapsed, 0.02), session.max_rate_per_s)
    trickles = returned < 0.6 * burst or elapsed < _SOON_S
    trickled = trickles or burst <= 3
    trickled |= _may_queue(session) and rate < session.max_rate_per_s / 2
    if trickled:
        yield from _trickle(session, burst, rate, elapsed)
    windowed = not trickles and not _is_bucket(select_model(session.observations).best)
    if windowed:
        yield from _windows(session, burst)
    if not is_settled(select_model(session.observations)):
        # The guess of a bucket or a window may be wrong.
        if not windowed:
            yield from _windows(session, burst)
        if not trickled:
            yield from _trickle(session, burst, rate, elapsed)
    yield from narrow_intervals(session, burst)
    yield from _retry_after(session, burst)
    yield from _scope(session, burst)
    session.ended = session.ended or "all experiments done"


def _may_queue(session: ExperimentSession) -> bool:
    return may_queue(build_decision_log(session.observations, operation=session.operation))


def _is_bucket(fit: Fit | None) -> bool:
    return fit is not None and fit.algorithm == "token-bucket"


def _cold(session: ExperimentSession) -> Generator[Experiment, Sequence[Observation], int]:
    """Number of passes before the first refusals; 0 without refusals."""
    seen: list[Observation] = []
    most = 0.55 * session.attempts_left
    portion = 10
    while len(seen) < most:
        seen += yield from session.burst(
            portion, name="cold burst", why="how many concurrent requests pass from rest"
        )
        if refused(seen) >= 3:
            return max(1, accepted(seen))
        # Small bursts find a bucket's limit at low cost, a large one a concurrency limit.
        portion = min(60, portion * 2) if len(seen) < 240 else min(300, portion * 2)
    return accepted(seen) if refused(seen) else 0


def _no_limit(session: ExperimentSession) -> ExperimentSteps:
    count = round(0.6 * session.attempts_left)
    if count:
        requests = spaced_requests(session.operation, count, spacing_s=1 / session.max_rate_per_s)
        yield from session.send("long offer", "whether a long offer is refused", requests)


def _surely_recovered(
    session: ExperimentSession, burst: int
) -> Generator[Experiment, Sequence[Observation], tuple[int, float] | None]:
    """(number of recovered requests, after how many seconds); None without recovery."""
    for _ in range(_RECOVERIES):
        drained_s, before = session.now_s, len(session.observations)
        back = yield from _recovery(session)
        if not back:
            return None
        elapsed = max(session.now_s - drained_s, 1e-3)
        waited = not all(o.accepted for o in session.observations[before:] if o.purpose == RECOVERY)
        # Otherwise it may be a fast bucket or a window's edge by chance: repeat.
        if waited and not (accepted(back) >= 0.6 * burst and elapsed < _SOON_S):
            break
    return accepted(back), elapsed


def _recovery(session: ExperimentSession) -> ObservingSteps:
    """Wait for the first pass after a drain, then measure how much recovered."""
    gap = 0.004
    while gap < _LONGEST_RECOVERY_S:
        requests = spaced_requests(session.operation, 1, at_s=gap, purpose=RECOVERY)
        seen = list((yield from session.send("recovery", EDGE, requests)))
        if accepted(seen):
            more = yield from session.drain(
                accepted(session.observations), name="refill", why="how much recovered"
            )
            return seen + list(more)
        gap *= 1.6
    return []


def _trickle(
    session: ExperimentSession, burst: int, rate: float, elapsed_s: float
) -> ExperimentSteps:
    """Bursts after silence, a long offer, bursts from full and half-full."""
    longest_s = 4 * elapsed_s + 0.5  # a rate from one pass may be far too low
    for share in (0.5, 0.7):
        tokens = min(max(share * burst, 1.5), 15.0)
        count = math.ceil(tokens * 1.6) + 3
        before_s = session.now_s
        seen = yield from session.burst(
            count,
            after_s=min(tokens / rate, longest_s),
            name="refill",
            why="how much recovers during a silence",
        )
        longest_s = math.inf
        came = accepted(seen) / (session.now_s - before_s)
        if burst > 4 and refused(seen) and accepted(seen):
            rate = min(came, session.max_rate_per_s)
        elif not refused(seen):
            rate = min(max(rate, 2 * came), session.max_rate_per_s)
    rate = yield from long_offer(session, rate)
    if burst / rate <= _LONGEST_REFILL_S:
        times = 3 if rate > 40 else 1
        for share in (1.3, 0.6) * times:
            count = math.ceil(min(share, 1) * burst + rate * 0.02) + 4
            yield from session.burst(
                count,
                after_s=share * burst / rate,
                name="burst from rest",
                why="how many concurrent requests a full or half-full limiter passes",
            )


def _windows(session: ExperimentSession, burst: int) -> ExperimentSteps:
    """Narrow a window's edges, then fill in the middle of a window."""
    for _ in range(_RECOVERIES):
        yield from session.drain(burst, name="fill", why="fill a window")
        filled_s = session.now_s
        times = [filled_s + 0.04 * 1.17**i for i in range(48)]
        seen = yield from session.poll(times, name="window edge", why=EDGE, portion=1)
        if not accepted(seen):
            yield from _quiet_recovery(session, session.now_s - filled_s, burst)
            return
        if refused(seen):
            break
    for spread, step in ((0.17, 0.012), (0.03, 0.004)):
        window_s = midpoint_s(seen[-1]) - filled_s
        filled_s = session.now_s
        yield from session.drain(burst, name="fill", why="fill a window at its start")
        shares = [1 + step * k for k in range(-round(spread / step), 4)]
        seen = yield from session.poll(
            edge_times(filled_s, window_s, shares),
            name="window edge",
            why=EDGE,
            portion=portion_of(burst),
        )
        if not accepted(seen):
            break
    yield from _half_phase(session, burst, window_s)


def _half_phase(session: ExperimentSession, burst: int, window_s: float) -> ExperimentSteps:
    """Fill half a window after an edge: a fixed window resets half a window later."""
    edge_s = session.now_s
    filled_s = edge_s + 0.5 * window_s
    yield from session.drain(
        burst,
        after_s=session.offset_until(filled_s),
        name="half-phase fill",
        why="fill a window in its middle",
    )
    # Many refusals show whether they count.
    yield from session.burst(
        min(burst, 40), name="refused burst", why="whether refused requests count"
    )
    for start_s in (edge_s, filled_s):
        times = edge_times(start_s, window_s, [1 + 0.004 * k for k in range(-4, 9)])
        yield from session.poll(times, name="window edge", why=EDGE, portion=portion_of(burst))
        yield from session.drain(
            burst, name="double burst", why="how much recovers across the window's edge"
        )


def _quiet_recovery(session: ExperimentSession, window_s: float, burst: int) -> ExperimentSteps:
    """Silences of several lengths, if polling itself prolongs the limit."""
    window_s = min(window_s, 20.0)
    for share in (1.3, 1.0, 0.75, 0.5, 0.35, 0.25):
        seen = yield from session.burst(
            3, after_s=share * window_s, name="silence", why="which silence is long enough"
        )
        if accepted(seen):
            yield from session.drain(burst, name="fill", why="fill it again")


def _retry_after(session: ExperimentSession, burst: int) -> ExperimentSteps:
    """Requests sent just before, at and after the end of a Retry-After."""
    tests: list[RetryAfterTest] = []
    spent_s = 0.0
    for _ in range(_TESTS_MAX):
        seen = yield from session.drain(
            min(burst, 12) if tests else burst, name="drain", why="get a Retry-After"
        )
        last = last_retry_after(seen)
        if last is None or spent_s + last.retry_after_s > _ANNOUNCED_MAX_S:
            return
        experiment = design_test(session.operation, last, tests, now_s=session.now_s)
        seen = yield from session.send(experiment.name, experiment.why, experiment.requests)
        spent_s += experiment.duration_s
        tests += read_tests([last, *seen])


def _scope(session: ExperimentSession, burst: int) -> ExperimentSteps:
    """The other operation, the other key, while this one is drained."""
    others = []
    if session.other_operation:
        others.append((session.other_operation, 0, scope.OTHER_OPERATION))
    if session.second_key:
        others.append((session.operation, 1, scope.OTHER_KEY))
    for operation, key, purpose in others:
        yield from session.drain(
            burst, name="drain", why="whether the other passes while this one is refused"
        )
        # Drain again with the requests themselves: a pause refills a bucket.
        requests = spaced_requests(session.operation, min(burst, 20))
        for i in range(1, 6):
            at_ns = i * 1_000_000
            requests.append(PlannedRequest(at_ns, session.operation, 0, f"{scope.OWN}/{purpose}"))
            requests.append(PlannedRequest(at_ns, operation, key, purpose))
        yield from session.send("scope", "whether the limit is shared", requests)
