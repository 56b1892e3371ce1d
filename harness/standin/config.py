"""
Every setting of the stand-in, in one frozen record that travels as JSON.

Durations are seconds. Distributions keep their text (``lognormal(20ms,0.5)``), which is checked
when the record is made, so that it reads the same in a file and in a test.
"""

from __future__ import annotations

from typing import Any, Literal, Self

import msgspec

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

FIXED_FIELDS = frozenset(
    {"host", "port", "seed", "state", "parent_pid", "browser", "request_timeout_s"}
)
"""Settings that cannot change while the server runs."""


class Lies(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    What the stand-in does wrong; each is a probability unless stated otherwise.

    Attributes:
        executes_twice: A repeated Idempotency-Key does the work again, as if new.
        forgets_keys_after_s: Seconds until a key is forgotten; 0 is off.
        replays_wrong_run: A replay of queue_run returns another run.
        loses_delivery: A webhook that is due is never sent.
        signs_wrongly: A webhook is signed with another secret.
        leaks_slot: DELETE answers 204, but the session's slot is never freed.
        leaks_failed_create: A create that fails to launch keeps its slot.
        duplicate_session_id: create_session returns the id of an open session.
        status_goes_back: get_run returns an earlier status than the true one.
        loses_log_line: A page of logs lacks one of its lines.
        cache_miscounts: An import counts one inserted entry too many.
        older_wins: An entry with an older updatedAt overwrites the newer one.
        deleted_still_answers: get_session returns a closed session as active.
        wrong_retry_after: A refusal has Retry-After: 0, whatever the wait.
        takes_any_token: A socket accepts any token.
        delivers_for_unsubscribed: A webhook is sent for an event not requested.
    """

    executes_twice: float = 0.0
    forgets_keys_after_s: float = 0.0
    replays_wrong_run: float = 0.0
    loses_delivery: float = 0.0
    signs_wrongly: float = 0.0
    leaks_slot: float = 0.0
    leaks_failed_create: float = 0.0
    duplicate_session_id: float = 0.0
    status_goes_back: float = 0.0
    loses_log_line: float = 0.0
    cache_miscounts: float = 0.0
    older_wins: float = 0.0
    deleted_still_answers: float = 0.0
    wrong_retry_after: float = 0.0
    takes_any_token: float = 0.0
    delivers_for_unsubscribed: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a value that is not a probability."""
        for name in self.__struct_fields__:
            if name != "forgets_keys_after_s":
                _require_share(f"lie {name}", getattr(self, name))
        _require_within(0, DURATION_MAX_S, "lie forgets_keys_after_s", self.forgets_keys_after_s)


class StandinConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    Every setting; the defaults make an honest, unlimited and fast server.

    Attributes:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        api_keys: Accepted keys; none accepts every non-empty key.
        seed: Seed of everything random, ids included.
        vocabulary: Names of the error codes: ``seed`` or ``sdk``.
        limiter: The rate limiter's kind.
        rate: Requests accepted per second in the long run.
        burst: token-bucket: its size; concurrency: most requests in flight.
        window_s: fixed- and sliding-window: its length; each accepts ``rate * window_s``
            requests (rounded, at least one).
        limit_scope: One limit per key, or per key and operation.
        refused_count: Whether refused requests count against the limit.
        retry_after: Style of the header (`harness.standin.retry_after`).
        max_sessions: Most concurrent sessions; 0 is unlimited.
        release_delay_s: Time until a closed session's slot is freed.
        race_window_s: Over-admission: time between the check for room and taking the slot.
        session_lifetime_s: Time until a session expires.
        token_lifetime_s: Time until socket tokens expire; 0 is the session's lifetime.
        chrome_page_first: Whether the CDP socket lists a chrome:// page first.
        launch_s: Time from create_session until the session is active.
        stale_s: For this time a new session answers get and delete with 409.
        latency: Operation or ``*`` → distribution of an accepted request's latency.
        fail: ``CODE`` or ``OPERATION:CODE`` → probability that an accepted request fails so
            without being executed.
        timeout_after_effect: Share of injected CLOUD_TIMEOUT whose request is executed.
        workers: Workers in front of the operations; 0 is no queue.
        service: Distribution of a worker's time per request; ``workers`` over its mean is the
            maximum throughput.
        service_operation: The operation that needs a worker; ``*`` is each one.
        stall_period_s: Period of the stalls, counted from the start.
        stall_s: At the end of each period the server answers nothing for this long.
        run_wait: Distribution of the time a run is queued.
        run_duration: Distribution of a run's duration.
        run_failed: Probability that a run ends failed.
        run_canceled: Probability that a run ends canceled.
        run_log_lines: Lines a run writes in total; at least two.
        webhook_tries: Most tries per delivery.
        webhook_backoff_s: Wait before the second try; doubles with each further one.
        webhook_timeout_s: Timeout of one try.
        webhook_any_host: Deliver to addresses beyond loopback too.
        max_body_bytes: A larger request body is refused with 413.
        request_timeout_s: A request that is incomplete by then is refused with 408.
        key_lifetime_s: Time until an Idempotency-Key is forgotten.
        state: SQLite file of the state; "" keeps it in memory.
        parent_pid: End when this process is no longer the parent; 0 does not check.
        browser: Chromium program, run once per session; "" is the synthetic browser.
        launch_timeout_s: A browser that is not ready by then has failed to launch.
        lies: What it does wrong on purpose.
    """

    host: str = "127.0.0.1"
    port: int = 0
    api_keys: tuple[str, ...] = ()
    seed: int = 1
    vocabulary: Vocabulary = "seed"
    limiter: Limiter = "none"
    rate: float = 50.0
    burst: int = 20
    window_s: float = 1.0
    limit_scope: LimitScope = "key"
    refused_count: bool = False
    retry_after: RetryAfterStyle = "exact-ceil"
    max_sessions: int = 0
    release_delay_s: float = 0.0
    race_window_s: float = 0.0
    session_lifetime_s: float = 3600.0
    token_lifetime_s: float = 0.0
    chrome_page_first: bool = False
    launch_s: float = 0.0
    stale_s: float = 0.0
    latency: dict[str, str] = {}
    fail: dict[str, float] = {}
    timeout_after_effect: float = 0.0
    workers: int = 0
    service: str = "0ms"
    service_operation: str = "*"
    stall_period_s: float = 0.0
    stall_s: float = 0.0
    run_wait: str = "50ms"
    run_duration: str = "uniform(200ms,800ms)"
    run_failed: float = 0.05
    run_canceled: float = 0.02
    run_log_lines: int = 25
    webhook_tries: int = 5
    webhook_backoff_s: float = 0.2
    webhook_timeout_s: float = 5.0
    webhook_any_host: bool = False
    max_body_bytes: int = 1 << 20
    request_timeout_s: float = 60.0
    key_lifetime_s: float = 86_400.0
    state: str = ""
    parent_pid: int = 0
    browser: str = ""
    launch_timeout_s: float = 30.0
    lies: Lies = msgspec.field(default_factory=Lies)

    def __post_init__(self) -> None:
        """Refuse a setting out of its range, in one line that names it."""
        _check_numbers(self)
        _check_distributions(self)
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
        if operation and operation not in CONFIGURABLE:
            raise ValueError(
                f"{operation!r} is not an operation; {suggest(operation, CONFIGURABLE)}"
            )
        _require_share(f"fail {name}", probability)
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


_RANGES: tuple[tuple[float, float, tuple[str, ...]], ...] = (
    (0, DURATION_MAX_S, (
        "release_delay_s", "race_window_s", "token_lifetime_s", "launch_s", "stale_s",
        "stall_period_s", "stall_s", "webhook_backoff_s",
    )),
    (1e-6, DURATION_MAX_S, (
        "window_s", "session_lifetime_s", "key_lifetime_s", "launch_timeout_s",
        "webhook_timeout_s", "request_timeout_s",
    )),
    (1e-6, 1e9, ("rate",)),
    (0, 1_000_000, ("max_sessions", "workers")),
    (1, 1_000_000, ("burst",)),
    (2, 1_000_000, ("run_log_lines",)),
    (1, 100, ("webhook_tries",)),
    (0, 1 << 30, ("max_body_bytes",)),
    (0, 65_535, ("port",)),
    (0, 1 << 31, ("parent_pid",)),
)  # fmt: skip
"""Minimum, maximum, and the settings in that range."""


def _check_numbers(config: StandinConfig) -> None:
    for name in ("timeout_after_effect", "run_failed", "run_canceled"):
        _require_share(name, getattr(config, name))
    if config.run_failed + config.run_canceled > 1:
        raise ValueError("run_failed and run_canceled add up to more than 1")
    for least, most, names in _RANGES:
        for name in names:
            _require_within(least, most, name, getattr(config, name))
    if config.stall_s and config.stall_s >= config.stall_period_s:
        raise ValueError(
            "stall_s must be shorter than stall_period_s, or nothing would be answered"
        )


def _check_distributions(config: StandinConfig) -> None:
    distributions = (config.service, config.run_wait, config.run_duration)
    for text in (*distributions, *config.latency.values()):
        parse_distribution(text)
    for operation in (*config.latency, config.service_operation):
        if operation != "*" and operation not in CONFIGURABLE:
            raise ValueError(
                f"{operation!r} is not an operation; {suggest(operation, CONFIGURABLE)}"
            )


def _require_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:  # also refuses NaN
        raise ValueError(f"{name} must be a probability from 0 to 1, not {value!r}")


def _require_within(least: float, most: float, name: str, value: float) -> None:
    if not least <= value <= most:  # also refuses NaN
        raise ValueError(f"{name} must be a number from {least:g} to {most:.10g}, not {value!r}")
