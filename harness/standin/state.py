"""
The stand-in's state: seeded, with instants as arguments.

Each method is one step without interruption; waiting, delivering and storing happen elsewhere.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import Any

import msgspec

from harness.standin.cache import SelectorCache
from harness.standin.config import StandinConfig
from harness.standin.ground_truth import Counters, increment
from harness.standin.idempotency import IdempotencyKeys
from harness.standin.limits import Decision, RateLimiter
from harness.standin.messages import Response, error_response
from harness.standin.request_models import CreateSession, QueueRun
from harness.standin.rng import RandomStreams
from harness.standin.runs import Final, Run, Subscription
from harness.standin.sessions import Session, Sessions
from harness.standin.settings import Settings, limiter_factory

LISTED_MAX = 1_000
"""Longest list in the truth, unless everything is requested."""

LIMITERS_MAX = 10_000
"""Most limiters kept, the last used; keys are untrusted and unlimited in number."""

_LIMITER_FIELDS = ("limiter", "rate", "burst", "window_s", "limit_scope", "refused_count")


class State:
    """Sessions, cache, runs, keys, limits and the truth of one server."""

    def __init__(self, config: StandinConfig, start: int = 0) -> None:
        self.settings = Settings(config)
        self.rng = RandomStreams(config.seed, start)
        self.sessions = Sessions()
        self.cache = SelectorCache()
        self.runs: dict[str, Run] = {}
        self.keys = IdempotencyKeys()
        self.counters = Counters()
        self._make_limiter = limiter_factory(config)
        self._limiters: OrderedDict[tuple[str, str], RateLimiter] = OrderedDict()

    def reconfigure(self, config: StandinConfig) -> None:
        """Take new settings; limiters are reset only if theirs changed."""
        before, make_limiter = self.settings.config, limiter_factory(config)
        self.settings = Settings(config)
        if any(getattr(before, name) != getattr(config, name) for name in _LIMITER_FIELDS):
            self._make_limiter = make_limiter
            self._limiters.clear()

    def limit(self, api_key: str, operation: str, now_ns: int) -> tuple[RateLimiter, Decision]:
        """Let the limiter decide; if it accepts, the caller must `release` it."""
        by_operation = self.settings.config.limit_scope == "key-and-operation"
        scope = (api_key, operation if by_operation else "")
        limiter = self._limiters.get(scope)
        if limiter is None:
            limiter = self._limiters[scope] = self._make_limiter()
            if len(self._limiters) > LIMITERS_MAX:
                self._limiters.popitem(last=False)
        else:
            self._limiters.move_to_end(scope)
        decision = limiter.decide(now_ns)
        increment(self.counters.limiter, "accepted" if decision.accepted else "refused")
        return limiter, decision

    def error(self, code: str, details: object = None) -> Response:
        """An error with a code, in the vocabulary of the settings."""
        return error_response(self.settings.config.vocabulary, code, details)

    def draw_lie(self, name: str) -> bool:
        """Draw whether to lie; the caller calls `count_lie` if it does."""
        probability: float = getattr(self.settings.lies, name)
        return probability > 0 and self.rng.lies.random() < probability

    def lies(self, name: str) -> bool:
        """Draw whether to lie, and count the lie."""
        drawn = self.draw_lie(name)
        if drawn:
            self.count_lie(name)
        return drawn

    def count_lie(self, name: str) -> None:
        """Count a lie."""
        increment(self.counters.lies, name)

    def has_room(self, now_ns: int) -> bool:
        """Whether one more session may be created."""
        limit = self.settings.config.max_sessions
        return not limit or self.taken(now_ns) < limit

    def taken(self, now_ns: int) -> int:
        """Session slots taken now."""
        return self.sessions.taken(now_ns, self.settings.release_delay_ns)

    def create_session(self, request: CreateSession, now_ns: int) -> Session:
        """Create a session and take its slot, without checking for room."""
        settings = self.settings
        session = Session(
            id=self.rng.make_id("sess"),
            created_ns=now_ns,
            active_ns=now_ns + settings.launch_ns,
            expires_ns=now_ns + settings.session_lifetime_ns,
            label=request.name,
        )
        self.taken(now_ns)  # first, so that slots that are free by now are released
        self.sessions.add(session, settings.config.max_sessions)
        return session

    def close_session(self, session: Session, now_ns: int) -> None:
        """Delete an open session, and perhaps leak its slot."""
        leak = self.lies("leaks_slot")
        self.sessions.close(session, now_ns, self.settings.release_delay_ns, leak=leak)

    def fail_create(self, now_ns: int) -> None:
        """Note a create that failed to launch; it may leak a slot."""
        if self.draw_lie("leaks_failed_create") and self.has_room(now_ns):
            self.count_lie("leaks_failed_create")
            self.sessions.leak_slot()

    def queue_run(self, slug: str, request: QueueRun, now_ns: int) -> Run:
        """Queue a run, and draw its course."""
        settings, rng = self.settings, self.rng.runs
        started_ns = now_ns + settings.run_wait(rng)
        hook = request.webhook
        run = Run(
            id=self.rng.make_id("run"),
            slug=slug,
            input=msgspec.Raw(bytes(request.input)),
            created_ns=now_ns,
            started_ns=started_ns,
            finished_ns=started_ns + settings.run_duration(rng),
            final=self._draw_end(),
            lines=settings.config.run_log_lines,
            webhook=Subscription(hook.url, hook.secret, hook.events) if hook else None,
            settled=hook is None,
        )
        self.runs[run.id] = run
        return run

    def _draw_end(self) -> Final:
        config, point = self.settings.config, self.rng.runs.random()
        if point < config.run_failed:
            return "failed"
        return "canceled" if point < config.run_failed + config.run_canceled else "succeeded"

    def describe(self, now_ns: int, *, everything: bool = False) -> dict[str, Any]:
        """The truth as one JSON object; `everything` leaves no list cut."""
        cache, keys = self.cache, self.keys
        limit = None if everything else LISTED_MAX
        hooked = [run for run in self.runs.values() if run.tries]
        return {
            "now_ns": now_ns,
            "requests": msgspec.to_builtins(self.counters.requests),
            "limiter": {"accepted": 0, "refused": 0} | self.counters.limiter,
            "lies": dict(self.counters.lies),
            "work": dict(self.counters.work),
            "sessions": self._describe_sessions(now_ns, limit),
            "idempotency": {
                "keys": len(keys.executions),
                "executions": dict(list(keys.executions.items())[:limit]),
                "executed_more_than_once": keys.repeated(),
            },
            "cache": {
                "entries": len(cache.updated_us),
                "inserted": cache.inserted,
                "updated": cache.updated,
                "skipped": cache.skipped,
            },
            "runs": {
                "queued": len(self.runs),
                "by_status": Counter(run.status_at(now_ns) for run in self.runs.values()),
            },
            "deliveries": {
                "due": 0, "attempted": 0, "delivered": 0,
                "given_up": 0, "lost": 0, "blocked": 0,
            }
            | self.counters.deliveries
            | {
                "by_run": {
                    run.id: {"tries": run.tries, "delivered": run.delivered}
                    for run in hooked[:limit]
                }
            },
        }  # fmt: skip

    def _describe_sessions(self, now_ns: int, limit: int | None) -> dict[str, Any]:
        sessions = self.sessions
        opened = sessions.open(now_ns, self.settings.release_delay_ns)
        return {
            "created": sessions.created,
            "closed": sessions.closed,
            "expired": sessions.expired,
            "leaked": sessions.leaked,
            "open": len(opened),
            "open_ids": list(opened)[:limit],
            "taken": self.taken(now_ns),
            "peak_taken": sessions.peak_taken,
            "over_admitted": sessions.over_admitted,
        }
