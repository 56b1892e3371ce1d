"""
What the session search holds: open sessions, and creates whose effect is unknown.

`Holdings.create` repeats what must be repeated and returns only definite answers:

- 429 is waited out, as long as Retry-After says: the limiter is no ceiling;
- a lost answer (timeout, connection lost, a broken or a 5xx answer without a code) may
  have opened a session, so the same key is sent again until the server tells;
- capacity full and failed launches are definite, a launch that timed out is not.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass, field

from harness.contract.outcomes import MAY_HAVE_HAPPENED
from harness.experiments.capacity.messages import (
    Action,
    Close,
    Closed,
    Created,
    Open,
    Purpose,
    Told,
    Wait,
)

Script = Generator[Action, Told, None]

TELLS_NOTHING = frozenset({"connection_refused", "client_error"})
"""Nor does the repetition of such a create tell, when it is answered so (409: still busy)."""
REPEATS = 6
LIMITED_WAIT_S = 0.5
"""Wait after a 429 without Retry-After; doubles up to 8 s."""


@dataclass(slots=True)
class Holdings:
    """
    Open sessions by id, in the order of opening, and the tallies of creating them.

    Attributes:
        prefix: Begins every key.
        open: Session id → the key that opened it.
        unsure: Keys whose create may have opened a session that nobody named.
        refusals: Creates refused as full.
        now_s: The latest answer's time.
        opened: Sessions opened.
        failed: Creates that surely failed for another reason than capacity.
        lost: Answers that told nothing of their create's effect.
        rate_limited: Answers 429.
        stopping: The operator wants the cleanup now.
    """

    prefix: str
    open: dict[str, str] = field(default_factory=dict)
    unsure: set[str] = field(default_factory=set)
    refusals: list[Created] = field(default_factory=list)
    now_s: float = 0.0
    opened: int = 0
    failed: int = 0
    lost: int = 0
    rate_limited: int = 0
    stopping: bool = False
    _serial: int = 0

    def create(self, count: int, purpose: Purpose) -> Generator[Action, Told, list[Created]]:
        """Create `count` sessions at once; gives one definite or given-up answer each."""
        keys = [self._new_key() for _ in range(count)]
        return (yield from self.resolve(keys, purpose))

    def resolve(
        self, keys: list[str], purpose: Purpose
    ) -> Generator[Action, Told, list[Created]]:
        """Send creates with these keys until each has a definite answer."""
        tries = dict.fromkeys(keys, 0)
        limited = 0
        definite = []
        while keys:
            answers = yield Open(tuple(keys), purpose)
            keys, wait_s = [], 0.0
            for answer in answers:
                assert isinstance(answer, Created)
                self.now_s = max(self.now_s, answer.end_s)
                if answer.outcome == "rate_limited":
                    self.rate_limited += 1
                    wait_s = max(wait_s, _limited_wait_s(answer, limited))
                    keys.append(answer.key)
                elif self._in_doubt(answer) and tries[answer.key] < REPEATS:
                    tries[answer.key] += 1
                    wait_s = max(wait_s, 0.1 * 2 ** tries[answer.key])
                    keys.append(answer.key)
                else:
                    definite.append(answer)
                    self._note(answer)
            if keys:
                limited += 1
                if self.stopping and purpose != "cleanup":
                    break
                yield Wait(wait_s, "rate limited or answer lost")
        return definite

    def close(self, session_ids: list[str], purpose: Purpose) -> Script:
        """
        Delete sessions; those not surely gone stay held.

        A 429 is waited out, and then no more are sent at once than passed before: where
        refused requests count against the limit too, a crowd would never get through.
        """
        left, most, limited = list(session_ids), len(session_ids), 0
        while left:
            sent, left = left[:most], left[most:]
            wait_s, again = 0.0, []
            for answer in (yield Close(tuple(sent), purpose)):
                assert isinstance(answer, Closed)
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
            self.rate_limited += len(again)
            most = max(1, len(sent) - len(again))
            limited += 1
            if self.stopping and purpose != "cleanup":
                return
            yield Wait(wait_s, "rate limited")

    def newest(self, count: int) -> list[str]:
        """The ids opened last."""
        return list(self.open)[-count:] if count > 0 else []

    def _new_key(self) -> str:
        self._serial += 1
        return f"{self.prefix}-{self._serial:05d}"

    def _in_doubt(self, answer: Created) -> bool:
        """Whether it is unknown what came of the create; noted while it is."""
        if answer.outcome in MAY_HAVE_HAPPENED:
            self.lost += 1
            self.unsure.add(answer.key)
            return True
        return answer.key in self.unsure and answer.outcome in TELLS_NOTHING

    def _note(self, answer: Created) -> None:
        if answer.outcome not in MAY_HAVE_HAPPENED | TELLS_NOTHING:
            self.unsure.discard(answer.key)
        if answer.outcome == "ok":
            self.opened += answer.session_id not in self.open
            self.open[answer.session_id] = answer.key
        elif answer.outcome == "capacity_full":
            self.refusals.append(answer)
        elif answer.outcome not in MAY_HAVE_HAPPENED:
            self.failed += 1


def _limited_wait_s(answer: Created | Closed, limited: int) -> float:
    if math.isnan(answer.retry_after_s):
        return float(min(LIMITED_WAIT_S * 2**limited, 8.0))
    # Not exactly at the second told: the server's clock may round down.
    return max(answer.retry_after_s, 0.0) + 0.02
