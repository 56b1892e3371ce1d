"""Response bodies as types, for the API documents and for tests."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

_Text = Annotated[str, Meta(min_length=1)]
_Count = Annotated[int, Meta(ge=0)]
_Ms = Annotated[int, Meta(description="Epoch milliseconds.")]
_Cursor = Annotated[str, Meta(pattern="^log_[0-9]+$")]
_SocketUrl = Annotated[str, Meta(pattern="^wss?://")]

SourceType = Literal["agent-thread", "agent-run", "project-agent-run", "local-cloud", "manual"]
State = Literal["provisioning", "active", "closing", "closed", "failed"]
Status = Literal["queued", "running", "succeeded", "failed", "canceled"]


class Error(msgspec.Struct):
    """The body of every error."""

    error: Annotated[str, Meta(description="A message for people.")]
    code: Annotated[
        str, Meta(description="A CLOUD_* code; absent where the contract has none.")
    ] = ""
    details: Any = None


class Health(msgspec.Struct):
    """The service is available."""

    status: Literal["ok"]


class CloudSession(msgspec.Struct):
    """A browser session."""

    sessionId: _Text  # noqa: N815  the API's names
    workspaceId: _Text  # noqa: N815
    state: State
    createdAt: _Ms  # noqa: N815
    sourceType: SourceType  # noqa: N815
    sourceRef: str | None = None  # noqa: N815
    label: str | None = None


class CreatedSession(msgspec.Struct):
    """A session with its sockets and the tokens that open them."""

    sessionId: _Text  # noqa: N815
    actionWsUrl: _SocketUrl  # noqa: N815
    cdpWsUrl: _SocketUrl  # noqa: N815
    actionToken: _Text  # noqa: N815
    cdpToken: _Text  # noqa: N815
    cloudSessionUrl: _Text  # noqa: N815
    cloudSession: CloudSession  # noqa: N815
    expiresAt: _Ms | None = None  # noqa: N815


class FoundSession(msgspec.Struct):
    """A session, without its tokens."""

    sessionId: _Text  # noqa: N815
    cloudSession: CloudSession  # noqa: N815


class Imported(msgspec.Struct):
    """Counts of the entries; imported = inserted + updated."""

    imported: _Count
    inserted: _Count
    updated: _Count
    skipped: _Count


class RunError(msgspec.Struct):
    """Why a run failed."""

    message: str


class Run(msgspec.Struct):
    """A scraper's run."""

    id: _Text
    slug: _Text
    status: Status
    createdAt: _Ms  # noqa: N815
    startedAt: _Ms | None  # noqa: N815
    finishedAt: _Ms | None  # noqa: N815
    input: Any
    output: Any
    error: RunError | None


class Links(msgspec.Struct):
    """Paths of the run's status and logs."""

    status: _Text
    logs: _Text


class QueuedRun(msgspec.Struct):
    """A queued run; ``replayed`` if an earlier request with the same key queued it."""

    run: Run
    replayed: bool
    links: Links


class FoundRun(msgspec.Struct):
    """A run."""

    run: Run


class LogLine(msgspec.Struct):
    """One line of a run's log."""

    cursor: _Cursor
    timestamp: _Ms
    level: Literal["info", "error"]
    message: str


class LogPage(msgspec.Struct):
    """One page of a run's log; the first page has the newest lines."""

    logs: list[LogLine]
    nextBeforeLogCursor: _Cursor | None  # noqa: N815


class WebhookData(msgspec.Struct):
    """The subject of a webhook."""

    run: Run


class WebhookEvent(msgspec.Struct):
    """A run has ended."""

    id: _Text
    type: Literal["run.succeeded", "run.failed"]
    createdAt: _Ms  # noqa: N815
    data: WebhookData
