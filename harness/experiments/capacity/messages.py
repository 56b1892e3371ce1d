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
    """The result of one create."""

    key: str
    outcome: str  # A value of ``harness.contract.outcomes.Outcome``
    start_s: float  # start_s, end_s: Sent, and complete response received
    end_s: float
    session_id: str = ""  # "" unless ok
    code: str = ""  # The response's CLOUD_* code; "" if none
    retry_after_s: float = math.nan  # NaN if absent


@dataclass(frozen=True, slots=True)
class DeleteResult:
    """The result of one delete."""

    session_id: str
    closed: bool  # The session is certainly gone
    end_s: float  # When the complete response was received
    limited: bool = False  # The response was 429: the delete must be retried
    retry_after_s: float = math.nan  # NaN if absent


Results = tuple[CreateResult, ...] | tuple[DeleteResult, ...]


@dataclass(frozen=True, slots=True)
class CeilingObservation:
    """One observation of the ceiling: `sessions` were open and one more was refused."""

    at_s: float
    sessions: int


@dataclass(frozen=True, slots=True)
class SearchProgress:
    """The progress of a search."""

    name: str  # The stage: ``fill``, ``cycle``, ``race``, ``refill`` or ``cleanup``
    open: int  # Sessions held now
    done: int  # done, planned: Number of cycles and races
    planned: int


@dataclass(slots=True)
class SessionEstimate:
    """
    The result of the session search, which its steps update.

    Attributes:
        ceiling: Sessions that can be open; None if unknown, a lower bound if `bounded`.
        ceiling_observations: The ceiling over time.
        releases_s: From a DELETE's response to the create that got the slot, one per cycle.
        release_step_s: The largest gap between two polls, by which a time may be too long.
        refill_failed: Failed and lost creates between the two; None without a refill.
    """

    ceiling: int | None = None
    bounded: bool = False  # `SessionSearch.max_sessions` were open and none was refused
    ceiling_observations: list[CeilingObservation] = field(default_factory=list)
    refusals: list[CreateResult] = field(default_factory=list)  # The creates refused as full
    releases_s: list[float] = field(default_factory=list)
    release_step_s: float = 0.0
    over_admitted: int = 0  # Most sessions open beyond the ceiling
    races: int = 0
    failed: int = 0  # Creates that certainly failed for a reason other than capacity
    lost: int = 0  # Responses that did not show the effect of their create
    slots_lost: int = 0  # First observed ceiling minus that of the refill
    refill_failed: int | None = None
    rate_limited: int = 0  # 429 responses, each waited out
    leaked: int = 0  # Sessions that could not be closed
    unresolved: int = 0  # Creates with unknown effect: each may have left a session
    opened: int = 0
    notes: list[str] = field(default_factory=list)
