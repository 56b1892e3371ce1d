"""
The words of the session search: what it asks to be done, and what it is told.

Times are seconds of one monotonic clock of the caller's; only differences matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Purpose = Literal["fill", "probe", "cycle", "race", "refill", "cleanup"]


@dataclass(frozen=True, slots=True)
class CreateSessions:
    """
    Create sessions, all at once.

    Attributes:
        keys: One Idempotency-Key a create. A key that comes again is a repetition: its
            answer was lost or it was rate limited.
        purpose: Why.
    """

    keys: tuple[str, ...]
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class DeleteSessions:
    """Delete these sessions; already closed or not found counts as closed."""

    session_ids: tuple[str, ...]
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class Wait:
    """Let this many seconds pass."""

    seconds: float
    reason: str


Action = CreateSessions | DeleteSessions | Wait


@dataclass(frozen=True, slots=True)
class CreateResult:
    """
    How one create ended.

    Attributes:
        key: Its key.
        outcome: A value of ``harness.contract.outcomes.Outcome``.
        session_id: The session; "" unless ok.
        code: The answer's CLOUD_* code; "" when none.
        retry_after_s: NaN when absent.
        start_s, end_s: Sent, and wholly answered.
    """

    key: str
    outcome: str
    start_s: float
    end_s: float
    session_id: str = ""
    code: str = ""
    retry_after_s: float = math.nan


@dataclass(frozen=True, slots=True)
class DeleteResult:
    """
    How one delete ended.

    Attributes:
        closed: The session is surely gone.
        end_s: Wholly answered.
        limited: It was answered 429: it did nothing, and must come again.
        retry_after_s: NaN when absent.
    """

    session_id: str
    closed: bool
    end_s: float
    limited: bool = False
    retry_after_s: float = math.nan


Results = tuple[CreateResult, ...] | tuple[DeleteResult, ...]


@dataclass(frozen=True, slots=True)
class CeilingObservation:
    """The ceiling as seen once: `sessions` were open and one more was refused."""

    at_s: float
    sessions: int


@dataclass(frozen=True, slots=True)
class SearchProgress:
    """
    How far the search is.

    Attributes:
        name: What it does: ``fill``, ``cycle``, ``race``, ``refill`` or ``cleanup``.
        open: Sessions held now.
        done, planned: Rounds of delete-one, create-one and of races.
    """

    name: str
    open: int
    done: int
    planned: int


@dataclass(frozen=True, slots=True)
class SessionEstimate:
    """
    The answer of the session search.

    Attributes:
        ceiling: Sessions that can be open at once; None when it was not seen. When
            `bounded` it is a lower bound: the search was not allowed to open more.
        bounded: No refusal was seen before the most sessions allowed were open.
        ceiling_observations: The ceiling over time; a range when it drifts.
        refusals: The refused creates.
        releases_s: From a DELETE's answer to the sending of the first create that got the
            slot, one a cycle.
        release_step_s: Coarsest gap between two polls that such a time rests on.
        over_admitted: Most sessions seen open beyond the ceiling.
        races: Rounds of concurrent creates at the edge.
        failed: Creates that surely failed for another reason than capacity.
        lost: Answers that told nothing of their create's effect (timeout, cut connection).
        slots_lost: By how much the refill's ceiling fell short of the first one seen.
        refill_failed: Creates that failed or were lost between the two: what `slots_lost` is
            due to. None when there was no refill.
        rate_limited: Creates and deletes answered 429, each waited out.
        leaked: Sessions that could not be closed.
        unresolved: Creates whose effect stayed unknown: each may have left a session.
        opened: Sessions opened in all.
        notes: What a reader should know.
    """

    ceiling: int | None
    bounded: bool
    ceiling_observations: tuple[CeilingObservation, ...]
    refusals: tuple[CreateResult, ...]
    releases_s: tuple[float, ...]
    release_step_s: float
    over_admitted: int
    races: int
    failed: int
    lost: int
    slots_lost: int
    refill_failed: int | None
    rate_limited: int
    leaked: int
    unresolved: int
    opened: int
    notes: tuple[str, ...]
