"""
Every setting of the stand-in, in one frozen record that travels as JSON.

Durations are seconds. Distributions keep their text (``lognormal(20ms,0.5)``), which is checked
when the record is made, so that it reads the same in a file and in a test.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal, Self

import msgspec
from msgspec import Meta, inspect

from harness.standin.codes import ALL_CODES, Vocabulary
from harness.standin.distributions import DURATION_MAX_S, parse_distribution
from harness.standin.operations import CONFIGURABLE
from harness.standin.sockets.names import settings_group
from harness.suggestions import suggest

Limiter = Literal["none", "token-bucket", "fixed-window", "sliding-window", "concurrency"]
LimitScope = Literal["key", "key-and-operation"]
RetryAfterStyle = Literal[
    "exact-ceil", "decimal", "http-date", "early", "late", "missing", "malformed"
]

Share = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(ge=0, le=DURATION_MAX_S)]
Lifetime = Annotated[float, Meta(ge=1e-6, le=DURATION_MAX_S)]
Count = Annotated[int, Meta(ge=0, le=1_000_000)]

FIXED_FIELDS = frozenset(
    {"host", "port", "seed", "state", "parent_pid", "browser", "request_timeout_s"}
)
"""Settings that cannot change while the server runs."""


class Lies(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the stand-in does wrong; each is a probability unless stated otherwise."""

    executes_twice: Share = 0.0  # a repeated Idempotency-Key does the work again, as if new
    forgets_keys_after_s: Seconds = 0.0  # seconds until a key is forgotten; 0 is off
    replays_wrong_run: Share = 0.0  # a replay of queue_run returns another run
    loses_delivery: Share = 0.0  # a webhook that is due is never sent
    signs_wrongly: Share = 0.0  # a webhook is signed with another secret
    leaks_slot: Share = 0.0  # DELETE answers 204, but the session's slot is never freed
    leaks_failed_create: Share = 0.0  # a create that fails to launch keeps its slot
    duplicate_session_id: Share = 0.0  # create_session returns the id of an open session
    status_goes_back: Share = 0.0  # get_run returns an earlier status than the true one
    loses_log_line: Share = 0.0  # a page of logs lacks one of its lines
    cache_miscounts: Share = 0.0  # an import counts one inserted entry too many
    older_wins: Share = 0.0  # an entry with an older updatedAt overwrites the newer one
    deleted_still_answers: Share = 0.0  # get_session returns a closed session as active
    wrong_retry_after: Share = 0.0  # a refusal has Retry-After: 0, whatever the wait
    takes_any_token: Share = 0.0  # a socket accepts any token
    delivers_for_unsubscribed: Share = 0.0  # a webhook is sent for an event not requested

    def __post_init__(self) -> None:
        """Refuse a value that is out of its range."""
        _check_ranges(self, "lie ")


class StandinConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every setting; the defaults make an honest, unlimited and fast server."""

    host: str = "127.0.0.1"  # address to listen on
    port: Annotated[int, Meta(ge=0, le=65_535)] = 0  # 0 takes a free one
    api_keys: tuple[str, ...] = ()  # accepted keys; none accepts every non-empty key
    seed: int = 1  # seed of everything random, ids included
    vocabulary: Vocabulary = "seed"  # names of the error codes: ``seed`` or ``sdk``
    limiter: Limiter = "none"  # the rate limiter's kind
    # Requests accepted per second in the long run.
    rate: Annotated[float, Meta(ge=1e-6, le=1e9)] = 50.0
    # Token-bucket: its size; concurrency: most requests in flight.
    burst: Annotated[int, Meta(ge=1, le=1_000_000)] = 20
    # Length of a fixed or sliding window, which accepts max(1, round(rate * window_s)) requests.
    window_s: Lifetime = 1.0
    limit_scope: LimitScope = "key"  # one limit per key, or per key and operation
    refused_count: bool = False  # whether refused requests count against the limit
    retry_after: RetryAfterStyle = "exact-ceil"  # see `harness.standin.retry_after`
    max_sessions: Count = 0  # most concurrent sessions; 0 is unlimited
    release_delay_s: Seconds = 0.0  # time until a closed session's slot is freed
    race_window_s: Seconds = 0.0  # over-admission: between the check for room and taking the slot
    session_lifetime_s: Lifetime = 3600.0  # time until a session expires
    token_lifetime_s: Seconds = 0.0  # time until socket tokens expire; 0 is the session's lifetime
    chrome_page_first: bool = False  # whether the CDP socket lists a chrome:// page first
    launch_s: Seconds = 0.0  # time from create_session until the session is active
    stale_s: Seconds = 0.0  # for this time a new session answers get and delete with 409
    latency: dict[str, str] = {}  # operation or ``*`` → distribution for accepted requests
    # ``CODE`` or ``OPERATION:CODE`` → probability that an accepted request fails, not executed.
    fail: dict[str, float] = {}
    timeout_after_effect: Share = 0.0  # share of injected CLOUD_TIMEOUT whose request is executed
    workers: Count = 0  # workers in front of the operations; 0 is no queue
    # A worker's time per request; ``workers`` over its mean is the maximum throughput.
    service: str = "0ms"
    service_operation: str = "*"  # the operation that needs a worker; ``*`` is each one
    stall_period_s: Seconds = 0.0  # period of the stalls, counted from the start
    stall_s: Seconds = 0.0  # at the end of each period the server answers nothing for this long
    run_wait: str = "50ms"  # distribution of the time a run is queued
    run_duration: str = "uniform(200ms,800ms)"  # distribution of a run's duration
    run_failed: Share = 0.05  # probability that a run ends failed
    run_canceled: Share = 0.02  # probability that a run ends canceled
    run_log_lines: Annotated[int, Meta(ge=2, le=1_000_000)] = 25  # lines a run writes in total
    webhook_tries: Annotated[int, Meta(ge=1, le=100)] = 5  # most tries per delivery
    webhook_backoff_s: Seconds = 0.2  # wait before the second try; doubles with each further one
    webhook_timeout_s: Lifetime = 5.0  # timeout of one try
    webhook_any_host: bool = False  # deliver to addresses beyond loopback too
    # A larger request body is refused with 413.
    max_body_bytes: Annotated[int, Meta(ge=0, le=1 << 30)] = 1 << 20
    request_timeout_s: Lifetime = 60.0  # a request that is incomplete by then is refused with 408
    key_lifetime_s: Lifetime = 86_400.0  # time until an Idempotency-Key is forgotten
    state: str = ""  # SQLite file of the state; "" keeps it in memory
    # End when this process is no longer the parent; 0 does not check.
    parent_pid: Annotated[int, Meta(ge=0, le=1 << 31)] = 0
    browser: str = ""  # Chromium program, run once per session; "" is the synthetic browser
    launch_timeout_s: Lifetime = 30.0  # a browser that is not ready by then has failed to launch
    lies: Lies = msgspec.field(default_factory=Lies)  # what it does wrong on purpose

    def __post_init__(self) -> None:
        """Refuse a setting out of its range, in one line that names it."""
        _check_ranges(self)
        if self.run_failed + self.run_canceled > 1:
            raise ValueError("run_failed and run_canceled add up to more than 1")
        if self.stall_s and self.stall_s >= self.stall_period_s:
            raise ValueError(
                "stall_s must be shorter than stall_period_s, or nothing would be answered"
            )
        for text in (self.service, self.run_wait, self.run_duration, *self.latency.values()):
            parse_distribution(text)
        for operation in (*self.latency, self.service_operation):
            if operation != "*":
                require_operation(operation)
        check_failures(self.fail)

    def changed(self, changes: dict[str, Any]) -> Self:
        """
        The settings with `changes`; ``lies`` are merged one by one.

        Raises:
            ValueError: A name is unknown or fixed at the start, or its value is wrong.
        """
        if fixed := sorted(FIXED_FIELDS & changes.keys()):
            raise ValueError(f"{fixed[0]!r} is fixed when the server starts")
        merged = msgspec.to_builtins(self) | changes
        if isinstance(changes.get("lies"), dict):
            merged["lies"] = msgspec.to_builtins(self.lies) | changes["lies"]
        return msgspec.convert(merged, type(self))


def check_failures(fail: dict[str, float]) -> None:
    """
    Check failure probabilities.

    Raises:
        ValueError: An unknown code or operation, or a sum above 1.
    """
    for name, probability in fail.items():
        operation, _, code = name.rpartition(":")
        if code not in ALL_CODES:
            raise ValueError(f"{code!r} is not an error code of the contract")
        if operation:
            require_operation(operation)
        _require_within(0, 1, f"fail {name}", probability)
    for operation in CONFIGURABLE:
        total = sum(share for _, share in failures_of(operation, fail))
        if total > 1 + 1e-9:
            raise ValueError(f"the failures of {operation} add up to {total:g}, more than 1")


def failures_of(operation: str, fail: dict[str, float]) -> list[tuple[str, float]]:
    """
    The codes an operation fails with, each with its probability.

    ``OPERATION:CODE`` replaces ``CODE`` for that operation, as ``action:CODE`` does for all methods
    of the action socket. The health check fails only if it is named.
    """
    shares = {
        name: share for name, share in fail.items() if ":" not in name and operation != "health"
    }
    for setting in filter(None, (settings_group(operation), operation)):
        for name, probability in fail.items():
            named, _, code = name.rpartition(":")
            if named == setting:
                shares[code] = probability
    return [(code, share) for code, share in shares.items() if share > 0]


def require_operation(name: str) -> None:
    """
    Require an operation that settings can name.

    Raises:
        ValueError: There is none of this name.
    """
    if name not in CONFIGURABLE:
        raise ValueError(f"{name!r} is not an operation; {suggest(name, CONFIGURABLE)}")


@cache
def _ranges(record: type[msgspec.Struct]) -> list[tuple[str, float, float]]:
    """Name, minimum and maximum of each number that has a range."""
    found = inspect.type_info(record)
    assert isinstance(found, inspect.StructType)
    return [
        (field.name, field.type.ge, field.type.le)
        for field in found.fields
        if isinstance(field.type, inspect.IntType | inspect.FloatType)
        and field.type.ge is not None
        and field.type.le is not None
    ]


def _check_ranges(record: msgspec.Struct, what: str = "") -> None:
    # The decoder checks them too; the constructor does not.
    for name, least, most in _ranges(type(record)):
        _require_within(least, most, what + name, getattr(record, name))


def _require_within(least: float, most: float, name: str, value: float) -> None:
    if not least <= value <= most:  # also refuses NaN
        raise ValueError(f"{name} must be a number from {least:g} to {most:.10g}, not {value!r}")
