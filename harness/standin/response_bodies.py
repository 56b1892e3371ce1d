"""
Every body that the stand-in sends.

The members of a session are documented, and so are a queued run's ``run``, ``replayed`` and
``links``. The contents of runs, logs and webhooks are ours. Times are epoch milliseconds.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import msgspec

from harness.standin.cache import Imported
from harness.standin.runs import LogPage, Run, Status
from harness.standin.sessions import Session, SessionState
from harness.standin.sockets.tokens import make_token
from harness.units import NS_PER_MS

WORKSPACE = "ws_standin"
EVENT_OF_STATUS = {"succeeded": "run.succeeded", "failed": "run.failed"}
HEALTH_BODY = b'{"status":"ok"}'
SIGNATURE_HEADER = "x-opensteer-signature"
CURSOR_PATTERN = r"^log_[0-9]+$"

encode = msgspec.json.Encoder().encode


def error_body(message: str, code: str, details: Any = None) -> bytes:
    """An error; ``code`` and ``details`` are left out if there are none."""
    body: dict[str, Any] = {"error": message}
    if code:
        body["code"] = code
    if details is not None:
        body["details"] = details
    return encode(body)


def created_body(
    session: Session, state: SessionState, host: str, seed: int, expires_ns: int
) -> bytes:
    """The response of create_session; ``host`` is ``address:port``."""
    return encode(
        {
            "sessionId": session.id,
            "actionWsUrl": f"ws://{host}/ws/action/{session.id}",
            "cdpWsUrl": f"ws://{host}/ws/cdp/{session.id}",
            "actionToken": make_token(seed, "action", session.id),
            "cdpToken": make_token(seed, "cdp", session.id),
            "cloudSessionUrl": f"http://{host}/sessions/{session.id}",
            "cloudSession": _cloud_session(session, state),
            "expiresAt": min(session.expires_ns, expires_ns) // NS_PER_MS,
        }
    )


def session_body(session: Session, state: SessionState) -> bytes:
    """The response of get_session, without tokens."""
    return encode({"sessionId": session.id, "cloudSession": _cloud_session(session, state)})


def _cloud_session(session: Session, state: SessionState) -> dict[str, Any]:
    body: dict[str, Any] = {
        "sessionId": session.id,
        "workspaceId": WORKSPACE,
        "state": state,
        "createdAt": session.created_ns // NS_PER_MS,
        "sourceType": "local-cloud",
    }
    if session.label:
        body["label"] = session.label
    return body


def imported_body(counts: Imported, surplus: int = 0) -> bytes:
    """The response of import_selector_cache; the lie reports a surplus of inserted entries."""
    imported, inserted = counts.inserted + counts.updated, counts.inserted + surplus
    return encode(counts._replace(inserted=inserted)._asdict() | {"imported": imported})


def queued_body(run: Run, status: Status) -> bytes:
    """The first response of queue_run."""
    return encode(
        {
            "run": run_shape(run, status),
            "replayed": False,
            "links": {"status": f"/runs/{run.id}", "logs": f"/runs/{run.id}/logs"},
        }
    )


class _Queued(msgspec.Struct):
    run: msgspec.Raw
    replayed: bool
    links: msgspec.Raw


_queued = msgspec.json.Decoder(_Queued).decode


def replayed_body(body: bytes) -> bytes:
    """The same response with ``replayed``; the run's input stays byte for byte."""
    queued = _queued(body)
    queued.replayed = True
    return encode(queued)


def run_body(run: Run, status: Status) -> bytes:
    """The response of get_run."""
    return encode({"run": run_shape(run, status)})


def run_shape(run: Run, status: Status) -> dict[str, Any]:
    """A run as in every body."""
    started = status != "queued"
    finished = started and status != "running"
    return {
        "id": run.id,
        "slug": run.slug,
        "status": status,
        "createdAt": run.created_ns // NS_PER_MS,
        "startedAt": run.started_ns // NS_PER_MS if started else None,
        "finishedAt": run.finished_ns // NS_PER_MS if finished else None,
        "input": run.input,
        "output": {"items": run.lines} if status == "succeeded" else None,
        "error": {"message": "the scraper gave up"} if status == "failed" else None,
    }


def format_cursor(number: int) -> str:
    """A log line's cursor; cursors sort like the lines."""
    return f"log_{number:08d}"


def parse_cursor(text: str) -> int:
    """
    Read a cursor.

    Raises:
        ValueError: The text is not a cursor.
    """
    if not text.startswith("log_") or not (digits := text[4:]).isascii() or not digits.isdigit():
        raise ValueError(f"{text!r} is not a log cursor")
    return int(digits)


def logs_body(run: Run, page: LogPage, *, without: int = 0) -> bytes:
    """A page of logs; ``without`` is the number of a line to leave out."""
    logs = [
        {
            "cursor": format_cursor(number),
            "timestamp": run.line_ns(number) // NS_PER_MS,
            "level": _level(run, number),
            "message": _message(run, number),
        }
        for number in page.numbers
        if number != without
    ]
    before = None if page.next_before is None else format_cursor(page.next_before)
    return encode({"logs": logs, "nextBeforeLogCursor": before})


def _level(run: Run, number: int) -> str:
    return "error" if number == run.lines and run.final == "failed" else "info"


def _message(run: Run, number: int) -> str:
    if number == 1:
        return "run queued"
    return f"run {run.final}" if number == run.lines else f"step {number - 1}"


def webhook_body(event_id: str, event: str, run: Run, created_ms: int) -> bytes:
    """The body of a webhook."""
    return encode(
        {
            "id": event_id,
            "type": event,
            "createdAt": created_ms,
            "data": {"run": run_shape(run, run.final)},
        }
    )


def sign_webhook(secret: str, unix_s: int, body: bytes) -> str:
    """The signature header: HMAC-SHA-256 with the complete secret over ``<t>.<body>``."""
    signed = f"{unix_s}.".encode() + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={unix_s},v1={digest}"
