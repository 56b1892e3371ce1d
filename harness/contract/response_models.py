"""
Bodies of successful responses as types; decoding validates.

Undocumented fields are ignored, so that a deployment may add some. An optional field may also
be null. Where only a name is known (runs, logs), the type requires only what the harness needs.

[seed] the public documentation, [client] the TypeScript SDK, [ours] our stand-in.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

ID_MAX = 1_000
"""
The longest id or cursor that is accepted, in characters. No limit is documented, but both go
into request targets, of which 8,000 octets are safe (RFC 9112, section 3), and into every record.
"""

Name = Annotated[str, Meta(min_length=1)]
Id = Annotated[str, Meta(min_length=1, max_length=ID_MAX)]
Count = Annotated[int, Meta(ge=0)]
Time = str | float | None
Cursor = Annotated[str, Meta(max_length=ID_MAX)] | int | None

SessionState = Literal["provisioning", "active", "closing", "closed", "failed"]
SourceType = Literal["agent-thread", "agent-run", "project-agent-run", "local-cloud", "manual"]
RunStatus = Literal["queued", "running", "succeeded", "failed", "canceled"]

FINAL_RUN_STATUSES = frozenset({"succeeded", "failed", "canceled"})
"""A run with one of these never changes again. [seed]"""


class CloudSession(Struct, frozen=True, gc=False, rename="camel"):
    """The session object [client]; ``created_at`` is epoch milliseconds."""

    session_id: Id
    workspace_id: Name
    state: SessionState
    created_at: float
    source_type: SourceType
    source_ref: str | None = None
    label: str | None = None


class CreatedSession(Struct, frozen=True, gc=False, rename="camel"):
    """Response of create_session [seed]; ``expires_at`` [client]."""

    session_id: Id
    action_ws_url: Name
    cdp_ws_url: Name
    action_token: Name
    cdp_token: Name
    cloud_session_url: Name
    cloud_session: CloudSession
    expires_at: float | None = None

    def __repr__(self) -> str:
        """Show the session only: two other fields are secrets."""
        return f"CreatedSession(session_id={self.session_id!r})"


class FoundSession(Struct, frozen=True, gc=False, rename="camel"):
    """Response of get_session [ours]; the object may also come bare or as ``session``."""

    cloud_session: CloudSession
    session_id: Id | None = None


class WrappedSession(Struct, frozen=True, gc=False):
    """The third form of get_session's response."""

    session: CloudSession


class ImportCounts(Struct, frozen=True, gc=False):
    """Response of import_selector_cache [seed]; its reader checks the sum."""

    imported: Count
    inserted: Count
    updated: Count
    skipped: Count


class Run(Struct, frozen=True, gc=False, rename="camel"):
    """
    A scraper's run [seed: it has a status].

    Attributes:
        id: Its id, named ``id`` or ``runId`` in the response.
        status: None when absent, which get_run does not allow.
    """

    id: Id | None = None
    run_id: Id | None = None
    status: RunStatus | None = None

    def __post_init__(self) -> None:
        if self.id is None:
            if self.run_id is None:
                msg = "Object missing required field `id`"
                raise ValueError(msg)
            msgspec.structs.force_setattr(self, "id", self.run_id)


class Links(Struct, frozen=True, gc=False):
    """Where to read a queued run's status and logs. [seed]"""

    status: Name
    logs: Name


class QueuedRunFields(Struct, frozen=True, gc=False, kw_only=True):
    """The fields beside a bare run in the response of queue_run."""

    replayed: bool
    links: Links


class QueuedRun(QueuedRunFields, frozen=True, gc=False):
    """Response of queue_run. [seed]"""

    run: Run


class FoundRun(Struct, frozen=True, gc=False):
    """Response of get_run [ours]; the run may also come bare."""

    run: Run


class LogLine(Struct, frozen=True, gc=False):
    """One line of a run's log. [ours]"""

    cursor: Cursor = None
    timestamp: Time = None
    level: str | int | None = None
    message: Any = None


class LogPage(Struct, frozen=True, gc=False, rename="camel"):
    """Response of get_run_logs [ours]; the cursor is where the next older page ends, if any."""

    logs: list[LogLine]
    next_before_log_cursor: Cursor = None


class FrameResult(Struct, frozen=True, gc=False):
    """The result of an action or a DevTools command; its form depends on the method."""

    result: Any


ResponseValue = (
    CreatedSession | FoundSession | ImportCounts | QueuedRun | Run | LogPage | FrameResult
)
