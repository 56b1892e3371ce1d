"""Parse objectives (`harness.plan.slo`) into `Slo` objects, or report a mistake and its column."""

from __future__ import annotations

import re
from typing import NoReturn, cast

from harness.errors import UsageError
from harness.plan.slo.names import ACTIONS, OPERATIONS, OUTCOMES, SOCKET_GROUPS
from harness.plan.slo.objective import Clock, Comparison, Latency, Share, Slo, Subject, Throughput
from harness.suggestions import suggest
from harness.units import parse_duration_ns

_CLOCKS = ("response", "service")
_SUBJECTS = ("p50", "p90", "p95", "p99", "p99.9", "max", "mean", "errors", "ok_rate", "throughput")
_WORD = re.compile(r"\s*(p\d+(?:\.\d+)?(?![\w])|[A-Za-z_]\w*)\s*")
_COMPARISON = re.compile(r"<=|>=|<|>")
_PERCENTILE = re.compile(r"p(\d+(?:\.\d+)?)")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*s")


class SloError(UsageError):
    """An SLO expression is wrong; ``column`` is where in the text, counted from 1."""

    def __init__(self, text: str, at: int, problem: str) -> None:
        marked = f"{text[:at]}^{text[at:]}"
        super().__init__(f"SLO '{marked}' at ^ (column {at + 1}): {problem}")
        self.column = at + 1


def parse_slos(text: str) -> tuple[Slo, ...]:
    """Read a comma-separated list of objectives; raise SloError at the first mistake."""
    slos = []
    start = 0
    for part in text.split(","):
        slos.append(_Parser(text, start, start + len(part)).read())
        start += len(part) + 1
    return tuple(slos)


class _Parser:
    """Reads the one objective in ``text[start:end]``; columns are those of the complete text."""

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
        return Slo(self.source, operation, subject, cast("Comparison", comparison[0]), limit)

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
            elif operation and _is_method(operation, word) and clock is None:
                self.method(place, operation, word)
                operation = f"{operation}.{word}"
            elif word in _CLOCKS and clock is None:
                clock = "service" if word == "service" else "response"
            elif word in _LEADING:
                self.fail(place, f"{word!r} is out of place; the order is operation.clock.metric")
            else:
                self.fail(place, f"no operation is called {word!r}; {suggest(word, _LEADING)}")
        if (latency := self.latency(at, name, clock or "response")) is not None:
            return operation, latency
        if clock is not None:
            self.fail(at, f"{clock} needs a latency (p50, p99.9, max or mean), not {name!r}")
        return operation, self.count(at, name)

    def method(self, at: int, operation: str, word: str) -> None:
        """Reject a method that the socket does not have; of DevTools only the form is known."""
        if operation == "action" and word not in ACTIONS:
            self.fail(at, f"no action is called {word!r}; {suggest(word, ACTIONS)}")
        if operation == "cdp" and word != "connect" and not word[0].isupper():
            self.fail(at, f"no DevTools domain is {word!r}; write cdp.connect or cdp.Page.navigate")

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
        return self.fail(at, f"no metric or outcome is called {name!r}; {suggest(name, known)}")

    def latency(self, at: int, name: str, clock: Clock) -> Latency | None:
        if name == "max":
            return Latency(clock, "max", 1.0)
        if name == "mean":
            return Latency(clock, "mean", float("nan"))
        if (match := _PERCENTILE.fullmatch(name)) is None:
            return None
        quantile = round(float(match[1]) / 100, 12)
        if not 0 < quantile < 1:
            self.fail(at, f"{name} is not a percentile; between p0 and p100, or write max")
        return Latency(clock, "percentile", quantile)

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
            self.fail(at, f"{text!r} is not a share; write a percentage such as 1% or 0.1%")
        if rate := _RATE.fullmatch(text):
            return float(rate[1])
        return self.fail(at, f"{text!r} is not a rate; write one such as 100/s")

    def fail(self, at: int, problem: str) -> NoReturn:
        raise SloError(self.text, at, problem) from None


_LEADING = (*OPERATIONS, *_CLOCKS)


def _is_method(operation: str, word: str) -> bool:
    """Whether a word names a method of a socket: one part for actions, two for DevTools."""
    if word in _CLOCKS:
        return False
    group, *methods = operation.split(".")
    return group in SOCKET_GROUPS and len(methods) < SOCKET_GROUPS.index(group) + 1
