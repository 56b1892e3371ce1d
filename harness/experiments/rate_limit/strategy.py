"""
The order of the probes.

1. *Cold burst*, in growing portions, until something is refused. Never: a long offer
   at the highest rate, and the answer is "no limit below".
2. *Recovery*: single shots at growing distances until one passes, and at once a burst
   to see how much came back. A trickle is a bucket, all of it a window.
3. *Trickle*: silence and a burst (refill), a long offer above the rate (also shows
   whether refusals count), bursts from full and from half-full.
   *Window*: the next edge found ever more finely, a fill at half a window's distance
   from an edge (fixed windows reset, sliding ones do not), a hammered window.
4. *Retry-After*: requests sent when it is over. *Scope*: the other operation and the
   other key while this one is drained.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence

from harness.experiments.rate_limit import scope
from harness.experiments.rate_limit.designs import Probe, Shot, volley
from harness.experiments.rate_limit.experiment_session import (
    Bench,
    Step,
    StopProbingError,
    accepted,
    middle_s,
    refused,
)
from harness.experiments.rate_limit.model_selection import choose
from harness.experiments.rate_limit.models.fit import Fit
from harness.experiments.rate_limit.models.queueing import may_queue
from harness.experiments.rate_limit.observations import Observation, read_log
from harness.experiments.rate_limit.refine import (
    EDGE,
    Steps,
    edge_times,
    is_settled,
    long_offer,
    portion_of,
    tighten,
)
from harness.experiments.rate_limit.retry_after_tests import (
    Try,
    last_promise,
    put_to_test,
    read_tries,
)

__all__ = ["Bench", "StopProbingError", "explore"]

_LONGEST_RECOVERY_S = 75.0
_LONGEST_REFILL_S = 12.5
_RECOVERIES = 3
_TRIES, _LONGEST_TOLD_S = 6, 35.0
_SOON_S = 0.2
"""What is all back by then may be a bucket, or what was at work and is done."""
RECOVERY = "recovery"


def explore(bench: Bench) -> Steps:
    """All the steps, in order; `Bench.ended` says why it stopped."""
    burst = yield from _cold(bench)
    if not burst:
        yield from _no_limit(bench)
        bench.ended = "nothing was refused"
        return
    back = yield from _surely_recovered(bench, burst)
    if back is None:
        bench.ended = "it never let go again"
        return
    returned, elapsed = back
    rate = min(max(returned / elapsed, 0.02), bench.max_rate_per_s)
    trickles = returned < 0.6 * burst or elapsed < _SOON_S
    trickled = trickles or burst <= 3
    trickled |= _may_queue(bench) and rate < bench.max_rate_per_s / 2
    if trickled:
        yield from _trickle(bench, burst, rate, elapsed)
    windowed = not trickles and not _is_bucket(choose(bench.observations).best)
    if windowed:
        yield from _windows(bench, burst)
    if not is_settled(choose(bench.observations)):
        # What was taken for a trickle was none, or the other way round.
        if not windowed:
            yield from _windows(bench, burst)
        if not trickled:
            yield from _trickle(bench, burst, rate, elapsed)
    yield from tighten(bench, burst)
    yield from _retry_after(bench, burst)
    yield from _scope(bench, burst)
    bench.ended = bench.ended or "probes done"


def _may_queue(bench: Bench) -> bool:
    return may_queue(read_log(bench.observations, operation=bench.operation))


def _is_bucket(fit: Fit | None) -> bool:
    return fit is not None and fit.algorithm == "token-bucket"


def _cold(bench: Bench) -> Generator[Probe, Sequence[Observation], int]:
    """How many passed before the first refusals; 0 when none came."""
    seen: list[Observation] = []
    most = 0.55 * bench.attempts_left
    portion = 10
    while len(seen) < most:
        seen += yield from bench.burst(
            portion, name="cold burst", why="how many pass at once from rest"
        )
        if refused(seen) >= 3:
            return max(1, accepted(seen))
        # Small portions find a bucket's end cheaply, one large one a limit on what is at work.
        portion = min(60, portion * 2) if len(seen) < 240 else min(300, portion * 2)
    return accepted(seen) if refused(seen) else 0


def _no_limit(bench: Bench) -> Steps:
    count = round(0.6 * bench.attempts_left)
    if count:
        shots = volley(bench.operation, count, spacing_s=1 / bench.max_rate_per_s)
        yield from bench.fire("long offer", "whether a long offer is refused", shots)


def _surely_recovered(
    bench: Bench, burst: int
) -> Generator[Probe, Sequence[Observation], tuple[int, float] | None]:
    """(how many came back, after how long); None when nothing did."""
    for _ in range(_RECOVERIES):
        drained_s, before = bench.now_s, len(bench.observations)
        back = yield from _recovery(bench)
        if not back:
            return None
        elapsed = max(bench.now_s - drained_s, 1e-3)
        waited = not all(
            o.accepted for o in bench.observations[before:] if o.purpose == RECOVERY
        )
        # Else it is a fast bucket, or a window's edge that came by chance: look again.
        if waited and not (accepted(back) >= 0.6 * burst and elapsed < _SOON_S):
            break
    return accepted(back), elapsed


def _recovery(bench: Bench) -> Step:
    """Wait for the first pass after a drain, then see how much came back."""
    gap = 0.004
    while gap < _LONGEST_RECOVERY_S:
        shots = volley(bench.operation, 1, at_s=gap, purpose=RECOVERY)
        seen = list((yield from bench.fire("recovery", EDGE, shots)))
        if accepted(seen):
            more = yield from bench.drain(
                accepted(bench.observations), name="refill", why="how much came back"
            )
            return seen + list(more)
        gap *= 1.6
    return []


def _trickle(bench: Bench, burst: int, rate: float, elapsed_s: float) -> Steps:
    """Refill after silence, the long offer, bursts from full and half-full."""
    longest_s = 4 * elapsed_s + 0.5  # a rate from one pass may be far too low
    for share in (0.5, 0.7):
        tokens = min(max(share * burst, 1.5), 15.0)
        count = math.ceil(tokens * 1.6) + 3
        before_s = bench.now_s
        seen = yield from bench.burst(
            count,
            after_s=min(tokens / rate, longest_s),
            name="refill",
            why="how much a silence brings back",
        )
        longest_s = math.inf
        came = accepted(seen) / (bench.now_s - before_s)
        if burst > 4 and refused(seen) and accepted(seen):
            rate = min(came, bench.max_rate_per_s)
        elif not refused(seen):
            rate = min(max(rate, 2 * came), bench.max_rate_per_s)
    rate = yield from long_offer(bench, rate)
    if burst / rate <= _LONGEST_REFILL_S:
        times = 3 if rate > 40 else 1
        for share in (1.3, 0.6) * times:
            count = math.ceil(min(share, 1) * burst + rate * 0.02) + 4
            yield from bench.burst(
                count,
                after_s=share * burst / rate,
                name="burst from rest",
                why="how much a full or half-full limiter lets through at once",
            )


def _windows(bench: Bench, burst: int) -> Steps:
    """Edges ever more finely, then a fill in the middle of a window."""
    for _ in range(_RECOVERIES):
        yield from bench.drain(burst, name="fill", why="fill a window")
        filled_s = bench.now_s
        times = [filled_s + 0.04 * 1.17**i for i in range(48)]
        seen = yield from bench.poll(times, name="window edge", why=EDGE, portion=1)
        if not accepted(seen):
            yield from _quiet_recovery(bench, bench.now_s - filled_s, burst)
            return
        if refused(seen):
            break
    for spread, step in ((0.17, 0.012), (0.03, 0.004)):
        window_s = middle_s(seen[-1]) - filled_s
        filled_s = bench.now_s
        yield from bench.drain(burst, name="fill", why="fill a window at its start")
        shares = [1 + step * k for k in range(-round(spread / step), 4)]
        seen = yield from bench.poll(
            edge_times(filled_s, window_s, shares),
            name="window edge",
            why=EDGE,
            portion=portion_of(burst),
        )
        if not accepted(seen):
            break
    yield from _half_phase(bench, burst, window_s)


def _half_phase(bench: Bench, burst: int, window_s: float) -> Steps:
    """Fill half a window after an edge: a fixed window resets half a window later."""
    edge_s = bench.now_s
    filled_s = edge_s + 0.5 * window_s
    yield from bench.drain(
        burst,
        after_s=bench.wait_until(filled_s),
        name="half-phase fill",
        why="fill a window in its middle",
    )
    # Refused ones in number: they show whether refusals are counted as well.
    yield from bench.burst(min(burst, 40), name="hammer", why="whether refused requests count")
    for start_s in (edge_s, filled_s):
        times = edge_times(start_s, window_s, [1 + 0.004 * k for k in range(-4, 9)])
        yield from bench.poll(times, name="window edge", why=EDGE, portion=portion_of(burst))
        yield from bench.drain(
            burst, name="double burst", why="how much is back across the window's edge"
        )


def _quiet_recovery(bench: Bench, window_s: float, burst: int) -> Steps:
    """When polling itself keeps the limiter shut: silences of several lengths."""
    window_s = min(window_s, 20.0)
    for share in (1.3, 1.0, 0.75, 0.5, 0.35, 0.25):
        seen = yield from bench.burst(
            3, after_s=share * window_s, name="silence", why="how long a silence lets it go"
        )
        if accepted(seen):
            yield from bench.drain(burst, name="fill", why="fill it again")


def _retry_after(bench: Bench, burst: int) -> Steps:
    """Requests sent just before, at and after the end of a Retry-After."""
    tried: list[Try] = []
    spent_s = 0.0
    for _ in range(_TRIES):
        seen = yield from bench.drain(
            min(burst, 12) if tried else burst, name="drain", why="to be told when to come back"
        )
        last = last_promise(seen)
        if last is None or spent_s + last.retry_after_s > _LONGEST_TOLD_S:
            return
        probe = put_to_test(bench.operation, last, tried, now_s=bench.now_s)
        seen = yield from bench.fire(probe.name, probe.why, probe.shots)
        spent_s += probe.duration_s
        tried += read_tries([last, *seen])


def _scope(bench: Bench, burst: int) -> Steps:
    """The other operation, the other key, while this one is drained."""
    others = []
    if bench.other_operation:
        others.append((bench.other_operation, 0, scope.OTHER_OPERATION))
    if bench.second_key:
        others.append((bench.operation, 1, scope.OTHER_KEY))
    for operation, key, purpose in others:
        yield from bench.drain(burst, name="drain", why="refused here, passed there?")
        # Drained once more with the shots themselves: a pause before them refills a bucket.
        shots = volley(bench.operation, min(burst, 20))
        for i in range(1, 6):
            at_ns = i * 1_000_000
            shots.append(Shot(at_ns, bench.operation, 0, f"{scope.OWN}/{purpose}"))
            shots.append(Shot(at_ns, operation, key, purpose))
        yield from bench.fire("scope", "whether the limit is shared", shots)
