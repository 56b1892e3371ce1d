"""
Limiters and a network in a box, written from their definitions alone.

Nothing here knows the estimators: each limiter is the textbook's loop over
``allow(now_s)``, and the network delays, reorders and loses time as networks do.
"""

from __future__ import annotations

import bisect
import heapq
import math
import random
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.experiments.rate_limit.designs import Experiment
from harness.experiments.rate_limit.observations import Observation


class TokenBucket:
    """Full at first; a token a request; refills continuously."""

    def __init__(self, rate, burst, *, refused_count=False):
        self.rate, self.burst, self.level, self.last = rate, burst, float(burst), None
        self.refused_count = refused_count

    def allow(self, now):
        """Whether the request at ``now`` gets a token."""
        if self.last is not None:
            self.level = min(self.burst, self.level + self.rate * (now - self.last))
        self.last = now
        if self.level >= 1:
            self.level -= 1
            return True
        if self.refused_count:
            self.level = max(0.0, self.level - 1)
        return False

    def wait_s(self, now):
        """Seconds until a request would be let through."""
        return max(0.0, (1 - self.level) / self.rate)


class Gcra:
    """nginx's limit_req nodelay: excess in thousandths, time in milliseconds."""

    def __init__(self, rate, burst):
        self.rate, self.limit, self.excess, self.last = rate, (burst - 1) * 1000, 0, None

    def allow(self, now):
        """Whether the excess stays within the burst."""
        ms = int(now * 1000)
        excess = 0
        if self.last is not None:
            excess = max(0, self.excess - int(self.rate * abs(ms - self.last)) + 1000)
        if excess > self.limit:
            return False
        self.excess, self.last = excess, ms
        return True

    def wait_s(self, now):
        """Seconds until the excess fits."""
        return max(0.0, (self.excess + 1000 - self.limit) / 1000 / self.rate - (now - self.last))


class QueueingBucket(Gcra):
    """nginx's limit_req without nodelay: what exceeds ``at_once`` waits for its turn."""

    def __init__(self, rate, burst, *, at_once=1):
        super().__init__(rate, burst)
        self.free = (at_once - 1) * 1000

    def hold_s(self):
        """Seconds that the request just let through is held back."""
        return max(0, self.excess - self.free) / 1000 / self.rate


class FixedWindow:
    """``limit`` a window; windows start on multiples of the length, or at first use."""

    def __init__(self, limit, window, *, anchored=False, phase=0.0):
        self.limit, self.window, self.anchored, self.phase = limit, window, anchored, phase
        self.start, self.count = -math.inf, 0

    def allow(self, now):
        """Whether the window has room."""
        if self.anchored:
            if now >= self.start + self.window:
                self.start, self.count = now, 0
        else:
            start = math.floor((now - self.phase) / self.window) * self.window + self.phase
            if start != self.start:
                self.start, self.count = start, 0
        self.count += 1
        return self.count <= self.limit

    def wait_s(self, now):
        """Seconds to the window's end."""
        return self.start + self.window - now


class SlidingLog:
    """``limit`` in any span of ``window``; refused requests may be logged too."""

    def __init__(self, limit, window, *, refused_count=False):
        self.limit, self.window, self.refused_count = limit, window, refused_count
        self.seen = deque()

    def allow(self, now):
        """Whether fewer than the limit lie in the window behind."""
        while self.seen and self.seen[0] <= now - self.window:
            self.seen.popleft()
        ok = len(self.seen) < self.limit
        if ok or self.refused_count:
            self.seen.append(now)
        return ok

    def wait_s(self, now):
        """Seconds until the oldest that is in the way leaves."""
        return self.seen[len(self.seen) - self.limit] + self.window - now


class SlidingCounter:
    """Two counters; the previous window's weighs by what is left of it."""

    def __init__(self, limit, window, *, phase=0.0):
        self.limit, self.window, self.phase = limit, window, phase
        self.index, self.current, self.previous = None, 0, 0

    def allow(self, now):
        """Whether the weighted count leaves room for one more."""
        at = (now - self.phase) / self.window
        index = math.floor(at)
        if self.index is None or index > self.index + 1:
            self.previous, self.current = 0, 0
        elif index == self.index + 1:
            self.previous, self.current = self.current, 0
        self.index = index
        if self.previous * (1 - (at - index)) + self.current + 1 > self.limit:
            return False
        self.current += 1
        return True

    def wait_s(self, now):
        """A whole window: the simple promise such limiters make."""
        return self.window


class Concurrency:
    """At most ``limit`` at work at once."""

    def __init__(self, limit):
        self.limit, self.ends = limit, []

    def allow(self, now, work_s=0.0):
        """Whether a place is free; takes it until the work is done."""
        while self.ends and self.ends[0] <= now:
            heapq.heappop(self.ends)
        if len(self.ends) >= self.limit:
            return False
        heapq.heappush(self.ends, now + work_s)
        return True

    def wait_s(self, now):
        """Seconds until a place is free."""
        return max(0.0, self.ends[0] - now)


class Unlimited:
    """Lets everything through."""

    def allow(self, now):
        """Always."""
        return True


class RandomChoices:
    """Lets a share of the requests pass, at random."""

    def __init__(self, share, seed):
        self.share, self.random = share, random.Random(f"dice {seed}")

    def allow(self, now):
        """Whether luck has it."""
        return self.random.random() < self.share


class _Pauses:
    """Times at which a process gets no turn: nothing leaves it, nothing is seen."""

    def __init__(self, world, name):
        self.random = random.Random(f"{name} {world.seed}")
        self.mean_s, self.spans, self.last_s = world.pause_ms / 1e3, [], world.start_s

    def over(self, at_s):
        """When what is due at a time is done."""
        if not self.mean_s:
            return at_s
        while self.last_s <= at_s:
            begin = self.last_s + self.random.expovariate(1.5)
            self.last_s = begin + self.random.expovariate(1 / self.mean_s)
            self.spans.append((begin, self.last_s))
        index = bisect.bisect(self.spans, (at_s, math.inf)) - 1
        return max(at_s, self.spans[index][1]) if index >= 0 else at_s


@dataclass
class World:
    """
    A limiter behind a network, on a virtual clock.

    Attributes:
        limiter: One of the above; or a dict operation → limiter for limits per operation.
        seed: Of everything random.
        latency_ms: Least one-way time.
        jitter_ms: Mean of the exponential that comes on top, each way.
        work_ms: How long an accepted request is worked on.
        pause_ms: Mean of the pauses that a busy machine makes, now the client's, now the
            server's; about three a second.
        error_fraction: Share answered by a 503 that says nothing (after the limiter).
        flip_fraction: Share of decisions turned around.
        dies_at_s: When the server dies; everything after is lost.
        retry_after: ``(wait_s, random) -> (seconds, form)``.
    """

    limiter: object
    seed: int = 0
    latency_ms: float = 0.5
    jitter_ms: float = 1.0
    work_ms: float = 3.0
    pause_ms: float = 0.0
    error_fraction: float = 0.0
    flip_fraction: float = 0.0
    dies_at_s: float = math.inf
    retry_after: object = None
    per_key: bool = False
    attempts: int = 0
    now_s: float = field(init=False)

    def __post_init__(self):
        self.random = random.Random(self.seed)
        self.start_s = self.now_s = 1_700_000_000 + self.random.random() * 1000
        self.pauses = {name: _Pauses(self, name) for name in ("client", "server")}

    def run(self, experiment: Experiment) -> list[Observation]:
        """Send the probe, wait for its answers, and a little more."""
        rand = self.random
        flights, free_s = [], 0.0
        for request in experiment.requests:
            # One sender: a shot is late when the one before it still takes its time.
            sent = max(self.now_s + request.intended_ns / 1e9 + rand.expovariate(1e4), free_s)
            sent = self.pauses["client"].over(sent)
            free_s = sent + 6e-5
            lag = (self.latency_ms + rand.expovariate(1 / self.jitter_ms)) / 1e3
            flights.append((self.pauses["server"].over(sent + lag), sent, request))
        seen = [self._decide(*flight) for flight in sorted(flights, key=lambda f: f[0])]
        self.attempts += len(seen)
        last_s = max((o.received_ns / 1e9 for o in seen), default=self.now_s)
        self.now_s = last_s + rand.uniform(0.002, 0.03)
        return sorted(seen, key=lambda o: o.sent_ns)

    def run_all(self, experiments: Iterable[Experiment]) -> list[Observation]:
        """Every probe's observations, one after the other."""
        return [o for experiment in experiments for o in self.run(experiment)]

    def _decide(self, at, sent, request):
        rand = self.random
        back = (self.latency_ms + rand.expovariate(1 / self.jitter_ms)) / 1e3
        work = self.work_ms / 1e3 * rand.uniform(0.7, 1.3)
        retry, form, ok = math.nan, "missing", None
        received = at + back + 1.0
        if at - self.start_s < self.dies_at_s:
            limiter = self.limiter
            if isinstance(limiter, dict):
                limiter = limiter[request.key if self.per_key else request.operation]
            busy = (at, work) if isinstance(limiter, Concurrency) else (at,)
            ok = limiter.allow(*busy)
            if not ok and self.retry_after is not None:
                retry, form = self.retry_after(limiter.wait_s(at), rand)
            if ok and isinstance(limiter, QueueingBucket):
                work += limiter.hold_s()
            received = at + back + (work if ok else 0.0)
            received = self.pauses["client"].over(received)
            if rand.random() < self.flip_fraction:
                ok = not ok
            if rand.random() < self.error_fraction:
                ok, retry, form = None, math.nan, "missing"
        return Observation(
            request.intended_ns,
            round(sent * 1e9),
            round(received * 1e9),
            request.operation,
            request.key,
            ok,
            retry,
            form,
            request.purpose,
        )
