"""
The session search's open sessions, and its creates with unknown effect.

`OpenSessions.create` retries until each result is definite:

- it waits out a 429 as Retry-After says: a rate limit is not a ceiling;
- a lost response (timeout, connection lost, invalid, 5xx without a code) may have opened a
  session, so the same key is sent again;
- capacity full and failed launches are definite, a launch that timed out is not.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass, field

from harness.contract.outcomes import MAY_HAVE_HAPPENED
from harness.experiments.capacity.messages import (
    Action,
    CreateResult,
    CreateSessions,
    DeleteResult,
    DeleteSessions,
    Purpose,
    Results,
    SessionEstimate,
    Wait,
)

ActionGenerator = Generator[Action, Results, None]
CreateGenerator = Generator[Action, Results, list[CreateResult]]

UNINFORMATIVE_OUTCOMES = frozenset({"connection_refused", "client_error"})
"""Outcomes that leave an unknown create unknown (409: still busy)."""
REPEATS_MAX = 6
LIMITED_WAIT_S = 0.5
"""Wait after a 429 without Retry-After; doubles up to 8 s."""


@dataclass(slots=True)
class OpenSessions:
    """
    Open sessions; counts their creates in `found`.

    Attributes:
        open: Session id → the key that opened it, in the order of opening.
        unresolved_keys: Keys whose create may have opened an unnamed session.
    """

    prefix: str  # Of every key
    open: dict[str, str] = field(default_factory=dict)
    unresolved_keys: set[str] = field(default_factory=set)
    found: SessionEstimate = field(default_factory=SessionEstimate)
    now_s: float = 0.0  # Time of the latest response
    stopping: bool = False  # The operator stopped the search
    _serial: int = 0

    def create(self, count: int, purpose: Purpose) -> CreateGenerator:
        """Create `count` sessions concurrently; one definite or abandoned result each."""
        keys = [self._new_key() for _ in range(count)]
        return (yield from self.resolve(keys, purpose))

    def resolve(self, keys: list[str], purpose: Purpose) -> CreateGenerator:
        """Send creates with these keys until each has a definite result."""
        tries = dict.fromkeys(keys, 0)
        limited = 0
        definite = []
        while keys:
            answers = yield CreateSessions(tuple(keys), purpose)
            keys, wait_s = [], 0.0
            for answer in answers:
                assert isinstance(answer, CreateResult)
                self.now_s = max(self.now_s, answer.end_s)
                if answer.outcome == "rate_limited":
                    self.found.rate_limited += 1
                    wait_s = max(wait_s, _limited_wait_s(answer, limited))
                    keys.append(answer.key)
                elif self._is_unresolved(answer) and tries[answer.key] < REPEATS_MAX:
                    tries[answer.key] += 1
                    wait_s = max(wait_s, 0.1 * 2 ** tries[answer.key])
                    keys.append(answer.key)
                else:
                    definite.append(answer)
                    self._record(answer)
            if keys:
                limited += 1
                if self.stopping and purpose != "cleanup":
                    break
                yield Wait(wait_s, "rate limited or response lost")
        return definite

    def close(self, session_ids: list[str], purpose: Purpose) -> ActionGenerator:
        """
        Delete sessions; one that is not certainly gone stays in `open`.

        After a 429 it waits, then sends at most as many as passed before: if refused
        requests count against the limit, a larger batch would never pass.
        """
        left, most, limited = list(session_ids), len(session_ids), 0
        while left:
            sent, left = left[:most], left[most:]
            wait_s, again = 0.0, []
            for answer in (yield DeleteSessions(tuple(sent), purpose)):
                assert isinstance(answer, DeleteResult)
                self.now_s = max(self.now_s, answer.end_s)
                if answer.closed:
                    self.open.pop(answer.session_id, None)
                elif answer.limited:
                    wait_s = max(wait_s, _limited_wait_s(answer, limited))
                    again.append(answer.session_id)
            left = again + left
            if not again:
                most *= 2
                continue
            self.found.rate_limited += len(again)
            most = max(1, len(sent) - len(again))
            limited += 1
            if self.stopping and purpose != "cleanup":
                return
            yield Wait(wait_s, "rate limited")

    def newest(self, count: int) -> list[str]:
        """The ids of the sessions opened last."""
        return list(self.open)[-count:] if count > 0 else []

    def _new_key(self) -> str:
        self._serial += 1
        return f"{self.prefix}-{self._serial:05d}"

    def _is_unresolved(self, answer: CreateResult) -> bool:
        """Whether the effect of the create is unknown; records the key."""
        if answer.outcome in MAY_HAVE_HAPPENED:
            self.found.lost += 1
            self.unresolved_keys.add(answer.key)
            return True
        return answer.key in self.unresolved_keys and answer.outcome in UNINFORMATIVE_OUTCOMES

    def _record(self, answer: CreateResult) -> None:
        if answer.outcome not in MAY_HAVE_HAPPENED | UNINFORMATIVE_OUTCOMES:
            self.unresolved_keys.discard(answer.key)
        if answer.outcome == "ok":
            self.found.opened += answer.session_id not in self.open
            self.open[answer.session_id] = answer.key
        elif answer.outcome == "capacity_full":
            self.found.refusals.append(answer)
        elif answer.outcome not in MAY_HAVE_HAPPENED:
            self.found.failed += 1


def _limited_wait_s(answer: CreateResult | DeleteResult, limited: int) -> float:
    if math.isnan(answer.retry_after_s):
        return float(min(LIMITED_WAIT_S * 2**limited, 8.0))
    # Slightly later than announced: the server's clock may round down.
    return max(answer.retry_after_s, 0.0) + 0.02
