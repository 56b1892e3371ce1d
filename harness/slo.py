"""
Service level objectives: one grammar, in plans and on the command line.

::

    p99<250ms, errors<1%, create_session.p99<2s, create_session.service.p99.9<=1s

    slos       = slo *( "," slo )
    slo        = [operation "."] subject comparison limit
    subject    = [("response" | "service") "."] ("p" percent | "max" | "mean")
               | "errors" | "ok_rate" | outcome | "throughput"
    comparison = "<" | "<=" | ">" | ">="          a latency takes the first two only
    limit      = duration (250ms) | share (0.1%) | rate (100/s), as the subject demands

What each one means:

- **Latency**: over the *ok* attempts of the measured phases. ``response`` (the default)
  counts from the intended start, so that a stall shows in whatever queued behind it;
  ``service`` counts from the sending. ``p99`` is the smallest value that at least 99 % of
  the attempts do not exceed, ``max`` the largest and ``mean`` the mean value.
- **errors**: the share of the attempts of the measured phases whose outcome is none of
  ``ok``, ``rate_limited`` and ``capacity_full``: those two are answers of a healthy API.
- **an outcome's name**: the share of the attempts of the measured phases that ended so.
  ``ok_rate`` is another spelling of ``ok``.
- **throughput**: ok attempts a second, over the length of the measured phases.
- **operation**: only attempts of that operation; without one, all operations together.
  ``action`` and ``cdp`` stand for all that happens on that socket, ``action.goto`` and
  ``cdp.Page.navigate`` for one method of it.

An `Slo` keeps its source text: it is the name of its finding. Everything is parsed before
the first request, so a slip costs a second and not a trial.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, NoReturn

from harness.errors import UsageError
from harness.units import format_duration, parse_duration_ns

Clock = Literal["response", "service"]
Comparison = Literal["<", "<=", ">", ">="]

# fmt: off
OPERATIONS = (
    "health", "create_session", "get_session", "delete_session", "import_selector_cache",
    "queue_run", "get_run", "get_run_logs", "action", "cdp", "webhook",
)
GROUPS = ("action", "cdp")
ACTIONS = (
    "connect", "goto", "snapshot", "screenshot", "state", "click", "dblclick", "rightclick",
    "hover", "input", "select", "scroll", "tabs", "newTab", "switchTab", "closeTab",
    "getCookies", "setCookie", "clearCookies", "pressKey", "type", "getElementText",
    "getElementValue", "getElementAttributes", "getElementBoundingBox", "getHtml", "getTitle",
    "uploadFile", "exportCookies", "importCookies", "waitForText", "extract",
    "extractFromPlan", "clearCache",
)
OUTCOMES = (
    "ok", "rate_limited", "capacity_full", "auth_failed", "contract_mismatch", "timeout",
    "launch_timeout", "launch_failed", "not_found", "session_closed", "runtime_gone",
    "cdp_unavailable", "connection_lost", "connection_refused", "action_failed",
    "unsupported_method", "config_invalid", "not_configured", "invalid_response",
    "server_error", "client_error",
)
# fmt: on
NOT_ERRORS = frozenset({"ok", "rate_limited", "capacity_full"})
"""Outcomes that ``errors`` does not count."""

_CLOCKS = ("response", "service")
_SUBJECTS = (
    "p50",
    "p90",
    "p95",
    "p99",
    "p99.9",
    "max",
    "mean",
    "errors",
    "ok_rate",
    "throughput",
)
_WORD = re.compile(r"\s*(p\d+(?:\.\d+)?(?![\w])|[A-Za-z_]\w*)\s*")
_COMPARISON = re.compile(r"<=|>=|<|>")
_PERCENTILE = re.compile(r"p(\d+(?:\.\d+)?)")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*s")


class SloError(UsageError):
    """
    An SLO expression is wrong.

    Attributes:
        column: Where in the text, counted from 1.
    """

    def __init__(self, text: str, at: int, problem: str) -> None:
        marked = f"{text[:at]}^{text[at:]}"
        super().__init__(f"SLO '{marked}' at ^ (column {at + 1}): {problem}")
        self.column = at + 1


@dataclass(frozen=True, slots=True)
class Latency:
    """
    A statistic of the ok attempts' times.

    Attributes:
        clock: From the intended start (``response``) or the sending (``service``).
        statistic: ``percentile``, ``max`` or ``mean``.
        quantile: 0.99 for p99; 1.0 for ``max``; NaN for ``mean``.
    """

    clock: Clock
    statistic: Literal["percentile", "max", "mean"]
    quantile: float


@dataclass(frozen=True, slots=True)
class Share:
    """
    A share of the attempts.

    Attributes:
        outcome: An outcome's name, or ``errors``.
    """

    outcome: str

    def counts(self, outcome: str) -> bool:
        """Tell whether an attempt with `outcome` is in the share."""
        if self.outcome == "errors":
            return outcome not in NOT_ERRORS
        return outcome == self.outcome


@dataclass(frozen=True, slots=True)
class Throughput:
    """Ok attempts a second."""


Subject = Latency | Share | Throughput


@dataclass(frozen=True, slots=True)
class Slo:
    """
    One objective.

    Attributes:
        source: The author's text of this one objective.
        operation: The operation it is about; None for all together.
        subject: What is measured.
        comparison: How the measured value must compare with the limit.
        limit: Microseconds for a latency, a fraction for a share, attempts a second
            for a throughput.
    """

    source: str
    operation: str | None
    subject: Subject
    comparison: Comparison
    limit: float

    def concerns(self, operation: str) -> bool:
        """Whether attempts of an operation count; a socket's name stands for all on it."""
        if self.operation is None or operation == self.operation:
            return True
        return self.operation in GROUPS and operation.startswith(f"{self.operation}.")

    def holds(self, value: float) -> bool:
        """Tell whether `value` (in the unit of `limit`) meets the objective."""
        match self.comparison:
            case "<":
                return value < self.limit
            case "<=":
                return value <= self.limit
            case ">":
                return value > self.limit
            case ">=":
                return value >= self.limit

    def format(self, value: float) -> str:
        """Write a value of this objective's unit for people."""
        match self.subject:
            case Latency():
                return format_duration(value * 1_000)
            case Share():
                return f"{100 * value:.3g} %"
            case Throughput():
                return f"{value:.4g}/s"

    @property
    def allowance(self) -> float | None:
        """
        The share of bad events that the objective allows: 0.01 for ``p99<…``,
        ``errors<1%`` and ``ok_rate>99%``, 0 for ``max<…``; None for a mean, a throughput
        and a lower bound on anything but ``ok``: those are no such shares.
        """
        upper = self.comparison in ("<", "<=")
        match self.subject:
            case Latency(statistic="mean") | Throughput():
                return None
            case Latency():
                return round(1.0 - self.subject.quantile, 12)
            case Share(outcome="ok") if not upper:
                return round(1.0 - self.limit, 12)
            case Share():
                return self.limit if upper and self.subject.outcome != "ok" else None


def parse_slos(text: str) -> tuple[Slo, ...]:
    """
    Read a comma-separated list of objectives.

    Raises:
        SloError: The text is no such list; the message shows where, with the nearest
            known name.
    """
    slos = []
    start = 0
    for part in text.split(","):
        slos.append(_Reader(text, start, start + len(part)).read())
        start += len(part) + 1
    return tuple(slos)


class _Reader:
    """Reads the one objective in ``text[start:end]``; columns are those of `text`."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self.text = text
        part = text[start:end]
        self.start = start + len(part) - len(part.lstrip())
        self.end = end
        self.source = part.strip()

    def read(self) -> Slo:
        if not self.source:
            self.fail(self.start, "an objective is missing; write one such as p99<250ms")
        comparison = _COMPARISON.search(self.text, self.start, self.end)
        if comparison is None:
            self.fail(self.end, "a comparison is missing; write < or > and a limit")
        words = self.words(comparison.start())
        operation, subject = self.subject(words)
        limit = self.limit(subject, comparison)
        return Slo(self.source, operation, subject, _comparison(comparison[0]), limit)

    def words(self, end: int) -> list[tuple[int, str]]:
        words: list[tuple[int, str]] = []
        at = self.start
        while match := _WORD.match(self.text, at, end):
            words.append((match.start(1), match[1]))
            at = match.end()
            if at == end:
                return words
            if self.text[at] != ".":
                break
            at += 1
        return self.fail(at, "a name is expected here: p99, errors or create_session.p99")

    def subject(self, words: list[tuple[int, str]]) -> tuple[str | None, Subject]:
        operation: str | None = None
        clock: Clock | None = None
        *leading, (at, name) = words
        for place, word in leading:
            if word in OPERATIONS and operation is None and clock is None:
                operation = word
            elif operation and _goes_on(operation, word) and clock is None:
                self.method(place, operation, word)
                operation = f"{operation}.{word}"
            elif word in _CLOCKS and clock is None:
                clock = "service" if word == "service" else "response"
            elif word in _LEADING:
                self.fail(
                    place, f"{word!r} is out of place; the order is operation.clock.metric"
                )
            else:
                self.fail(place, f"no operation is called {word!r}{_near(word, _LEADING)}")
        if (latency := self.latency(at, name, clock or "response")) is not None:
            return operation, latency
        if clock is not None:
            self.fail(at, f"{clock} is of a latency: p50, p99.9, max or mean, not {name!r}")
        return operation, self.count(at, name)

    def method(self, at: int, operation: str, word: str) -> None:
        """Refuse a method that no socket has; of DevTools only the form is known."""
        if operation == "action" and word not in ACTIONS:
            self.fail(at, f"no action is called {word!r}{_near(word, ACTIONS)}")
        if operation == "cdp" and word != "connect" and not word[0].isupper():
            self.fail(
                at,
                f"no DevTools domain is {word!r}; write cdp.connect or cdp.Page.navigate",
            )

    def count(self, at: int, name: str) -> Subject:
        if name == "throughput":
            return Throughput()
        if name == "errors" or name in OUTCOMES:
            return Share(name)
        if name == "ok_rate":
            return Share("ok")
        if name in _LEADING:
            self.fail(at + len(name), f"{name} needs a metric: {name}.p99")
        known = (*_SUBJECTS, *OUTCOMES)
        return self.fail(at, f"no metric or outcome is called {name!r}{_near(name, known)}")

    def latency(self, at: int, name: str, clock: Clock) -> Latency | None:
        if name == "max":
            return Latency(clock, "max", 1.0)
        if name == "mean":
            return Latency(clock, "mean", float("nan"))
        if (match := _PERCENTILE.fullmatch(name)) is None:
            return None
        percent = float(match[1])
        if not 0 < percent < 100:
            self.fail(at, f"{name} is no percentile; between p0 and p100, or write max")
        return Latency(clock, "percentile", round(percent / 100, 12))

    def limit(self, subject: Subject, comparison: re.Match[str]) -> float:
        text = self.text[comparison.end() : self.end]
        at = comparison.end() + len(text) - len(text.lstrip())
        text = text.strip()
        if isinstance(subject, Latency):
            if comparison[0] in (">", ">="):
                self.fail(comparison.start(), "a latency has an upper limit: write < or <=")
            try:
                return parse_duration_ns(text) / 1_000
            except ValueError as error:
                self.fail(at, str(error))
        if isinstance(subject, Share):
            if (share := _SHARE.fullmatch(text)) and float(share[1]) <= 100:
                return float(share[1]) / 100
            self.fail(at, f"{text!r} is no share; write a percentage such as 1% or 0.1%")
        if rate := _RATE.fullmatch(text):
            return float(rate[1])
        return self.fail(at, f"{text!r} is no rate; write one such as 100/s")

    def fail(self, at: int, problem: str) -> NoReturn:
        raise SloError(self.text, at, problem) from None


_LEADING = (*OPERATIONS, *_CLOCKS)


def _goes_on(operation: str, word: str) -> bool:
    """Whether a word names a method of a socket: one of actions, two of DevTools."""
    if word in _CLOCKS:
        return False
    group, *methods = operation.split(".")
    return group in GROUPS and len(methods) < GROUPS.index(group) + 1


def _comparison(text: str) -> Comparison:
    match text:
        case "<" | "<=" | ">" | ">=":
            return text
    raise AssertionError(text)


def _near(word: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"
