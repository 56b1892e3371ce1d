"""
The session search's actions and results.

Times are seconds of one monotonic clock of the caller; only differences matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

Purpose = Literal["fill", "probe", "cycle", "race", "refill", "cleanup"]


@dataclass(frozen=True, slots=True)
class CreateSessions:
    """
    Create sessions concurrently.

    Attributes:
        keys: One Idempotency-Key per create. A repeated key is a retry after a lost or rate
            limited response.
    """

    keys: tuple[str, ...]
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class DeleteSessions:
    """Delete these sessions; one that is already closed or not found counts as closed."""

    session_ids: tuple[str, ...]
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for a time."""

    seconds: float
    reason: str


Action = CreateSessions | DeleteSessions | Wait


@dataclass(frozen=True, slots=True)
class CreateResult:
    """
    The result of one create.

    Attributes:
        outcome: A value of ``harness.contract.outcomes.Outcome``.
        start_s, end_s: Sent, and complete response received.
        session_id: "" unless ok.
        code: The response's CLOUD_* code; "" if none.
        retry_after_s: NaN if absent.
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
    The result of one delete.

    Attributes:
        closed: The session is certainly gone.
        end_s: When the complete response was received.
        limited: The response was 429: the delete must be retried.
        retry_after_s: NaN if absent.
    """

    session_id: str
    closed: bool
    end_s: float
    limited: bool = False
    retry_after_s: float = math.nan


Results = tuple[CreateResult, ...] | tuple[DeleteResult, ...]


@dataclass(frozen=True, slots=True)
class CeilingObservation:
    """One observation of the ceiling: `sessions` were open and one more was refused."""

    at_s: float
    sessions: int


@dataclass(frozen=True, slots=True)
class SearchProgress:
    """
    The progress of a search.

    Attributes:
        name: The stage: ``fill``, ``cycle``, ``race``, ``refill`` or ``cleanup``.
        open: Sessions held now.
        done, planned: Number of cycles and races.
    """

    name: str
    open: int
    done: int
    planned: int


@dataclass(slots=True)
class SessionEstimate:
    """
    The result of the session search, which its steps update.

    Attributes:
        ceiling: Sessions that can be open; None if unknown, a lower bound if `bounded`.
        bounded: `SessionSearch.max_sessions` were open and none was refused.
        ceiling_observations: The ceiling over time.
        refusals: The creates refused as full.
        releases_s: From a DELETE's response to the create that got the slot, one per cycle.
        release_step_s: The largest gap between two polls, by which a time may be too long.
        over_admitted: Most sessions open beyond the ceiling.
        failed: Creates that certainly failed for a reason other than capacity.
        lost: Responses that did not show the effect of their create.
        slots_lost: First observed ceiling minus that of the refill.
        refill_failed: Failed and lost creates between the two; None without a refill.
        rate_limited: 429 responses, each waited out.
        leaked: Sessions that could not be closed.
        unresolved: Creates with unknown effect: each may have left a session.
    """

    ceiling: int | None = None
    bounded: bool = False
    ceiling_observations: list[CeilingObservation] = field(default_factory=list)
    refusals: list[CreateResult] = field(default_factory=list)
    releases_s: list[float] = field(default_factory=list)
    release_step_s: float = 0.0
    over_admitted: int = 0
    races: int = 0
    failed: int = 0
    lost: int = 0
    slots_lost: int = 0
    refill_failed: int | None = None
    rate_limited: int = 0
    leaked: int = 0
    unresolved: int = 0
    opened: int = 0
    notes: list[str] = field(default_factory=list)
