"""
From an HTTP response to what happened: the only place that decides an outcome.

A success is decoded and validated in one step, by one small function per operation: this is the
hot path of the load generator. `harness.contract.error_responses` handles everything else.

A *violation* is a short sentence about how the response breaks the contract. It has no values
of the body, which may be tokens. It does not decide the outcome: an unexpected 2xx with a
perfect body is ``ok`` with a violation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from time import time
from typing import Any

import msgspec
from msgspec.json import Decoder

from harness.contract.error_responses import (
    CODE_MAX,
    DECODE_ERRORS,
    describe_decode_error,
    read_error_response,
)
from harness.contract.operations import OPERATIONS
from harness.contract.outcomes import Outcome
from harness.contract.response_models import (
    ID_MAX,
    CloudSession,
    CreatedSession,
    FoundRun,
    FoundSession,
    ImportCounts,
    LogLine,
    LogPage,
    QueuedRun,
    QueuedRunFields,
    ResponseValue,
    Run,
    WrappedSession,
)
from harness.contract.retry_after import parse_retry_after

BODY_MAX_BYTES = 32 * 1024 * 1024
"""A longer body is not decoded, and is an invalid response."""

_OK = Outcome.OK


class Interpretation(msgspec.Struct, frozen=True, gc=False):
    """
    What an HTTP response means.

    Attributes:
        code: The response's CLOUD_* code, known or not; "" for none.
        retry_after_s: The wait requested, seconds from now; NaN when absent.
        resource_id: Session or run it created or refers to; "" for none. Read from a broken
            response too, where possible, since what was opened must be closed.
        replayed: 1 for ``replayed: true``, 0 for false, -1 when absent.
        state: The session's state or the run's status; "" for none.
        value: The decoded body of a success; also kept when only its sums are wrong.
        violation: How the response breaks the contract; "" when it does not.
    """

    outcome: Outcome
    code: str = ""
    retry_after_s: float = math.nan
    resource_id: str = ""
    replayed: int = -1
    state: str = ""
    value: ResponseValue | None = None
    violation: str = ""


def interpret(
    operation: str,
    status: int,
    body: bytes,
    retry_after: str | None = None,
    now_unix_s: float | None = None,
) -> Interpretation:
    """
    Interpret an HTTP response; never raises for any status, body (decompressed) or header.

    ``now_unix_s`` is when the response arrived, to read a Retry-After date; None for now.
    """
    read, success = _READERS[operation]
    if status in success and retry_after is None and len(body) <= BODY_MAX_BYTES:
        try:
            return read(body)
        except DECODE_ERRORS as error:
            return _invalid_body(body, error)
    return _interpret_rest(operation, status, body, retry_after, now_unix_s)


def _interpret_rest(
    operation: str, status: int, body: bytes, retry_after: str | None, now_unix_s: float | None
) -> Interpretation:
    """Everything but a plain success."""
    read, success = _READERS[operation]
    violations = []
    if len(body) > BODY_MAX_BYTES:
        interpretation = Interpretation(Outcome.INVALID_RESPONSE)
        violations.append(f"the body is longer than {BODY_MAX_BYTES} bytes")
    elif 200 <= status < 300:
        try:
            interpretation = read(body)
        except DECODE_ERRORS as error:
            interpretation = _invalid_body(body, error)
        if status not in success:
            violations.append(f"status {status} where the contract has {min(success)}")
    else:
        outcome, code, violations = read_error_response(operation, status, body)
        interpretation = Interpretation(outcome, code)
    return with_retry_after(interpretation, status, retry_after, violations, now_unix_s)


def with_retry_after(
    interpretation: Interpretation,
    status: int,
    retry_after: str | None,
    violations: Sequence[str],
    now_unix_s: float | None = None,
) -> Interpretation:
    """The interpretation with its Retry-After read, and with further violations."""
    wait_s, header_violation = math.nan, ""
    if retry_after is not None:
        now_s = time() if now_unix_s is None else now_unix_s
        wait_s, header_violation = parse_retry_after(retry_after, now_s)
    elif status == 429 or interpretation.outcome is Outcome.RATE_LIMITED:
        header_violation = "rate limited without Retry-After"
    violation = "; ".join(filter(None, (interpretation.violation, *violations, header_violation)))
    return msgspec.structs.replace(interpretation, retry_after_s=wait_s, violation=violation)


def _invalid_body(body: bytes, error: Exception) -> Interpretation:
    """A 2xx whose body breaks the contract; its id is kept, as it may have opened something."""
    try:
        document = msgspec.json.decode(body)
    except DECODE_ERRORS:
        document = None
    fields = document if isinstance(document, dict) else {}
    replayed = fields.get("replayed")
    inner = next((part for key in _WRAPPERS if isinstance(part := fields.get(key), dict)), fields)
    ids = (_id(part.get(key)) for part in (inner, fields) for key in _IDS)
    return Interpretation(
        Outcome.INVALID_RESPONSE,
        code=_text(fields.get("code"))[:CODE_MAX],
        resource_id=next(filter(None, ids), ""),
        replayed=int(replayed) if isinstance(replayed, bool) else -1,
        violation=describe_decode_error(body, error),
    )


_WRAPPERS = ("cloudSession", "session", "run")
_IDS = ("sessionId", "id", "runId")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _id(value: Any) -> str:
    return "" if len(text := _text(value)) > ID_MAX else text


# One reader per operation: body in, Interpretation out; it raises one of DECODE_ERRORS.

_created = Decoder(CreatedSession).decode
_found_session = Decoder(FoundSession).decode
_bare_session = Decoder(CloudSession).decode
_wrapped_session = Decoder(WrappedSession).decode
_counts = Decoder(ImportCounts).decode
_queued = Decoder(QueuedRun).decode
_queued_fields = Decoder(QueuedRunFields).decode
_found_run = Decoder(FoundRun).decode
_bare_run = Decoder(Run).decode
_page = Decoder(LogPage).decode
_bare_lines = Decoder(list[LogLine]).decode
_top_level = Decoder(dict[str, msgspec.Raw]).decode


def _read_nothing(_body: bytes) -> Interpretation:
    return Interpretation(_OK)


def _read_created(body: bytes) -> Interpretation:
    created = _created(body)
    return Interpretation(
        _OK, resource_id=created.session_id, state=created.cloud_session.state, value=created
    )


def _read_session(body: bytes) -> Interpretation:
    try:
        found = _found_session(body)
    except msgspec.ValidationError:
        keys = _top_level(body).keys()
        if "cloudSession" in keys:
            raise
        if "session" in keys:
            found = FoundSession(_wrapped_session(body).session)
        else:
            found = FoundSession(_bare_session(body))
    session = found.cloud_session
    if found.session_id not in (None, session.session_id):
        return Interpretation(
            Outcome.INVALID_RESPONSE,
            resource_id=session.session_id,
            state=session.state,
            value=found,
            violation="`sessionId` differs from `cloudSession.sessionId`",
        )
    return Interpretation(_OK, resource_id=session.session_id, state=session.state, value=found)


def _read_counts(body: bytes) -> Interpretation:
    counts = _counts(body)
    if counts.imported == counts.inserted + counts.updated:
        return Interpretation(_OK, value=counts)
    violation = (
        f"imported {counts.imported} is not inserted {counts.inserted} + updated {counts.updated}"
    )
    return Interpretation(Outcome.INVALID_RESPONSE, value=counts, violation=violation)


def _read_queued(body: bytes) -> Interpretation:
    try:
        queued = _queued(body)
    except msgspec.ValidationError:
        keys = _top_level(body).keys()
        if "run" in keys or not keys & {"id", "runId"}:
            raise
        fields = _queued_fields(body)
        queued = QueuedRun(_bare_run(body), replayed=fields.replayed, links=fields.links)
    return Interpretation(
        _OK,
        resource_id=queued.run.id or "",
        replayed=1 if queued.replayed else 0,
        state=queued.run.status or "",
        value=queued,
    )


def _read_run(body: bytes) -> Interpretation:
    try:
        run = _found_run(body).run
    except msgspec.ValidationError:
        if "run" in _top_level(body):
            raise
        run = _bare_run(body)
    if run.status is None:
        return Interpretation(
            Outcome.INVALID_RESPONSE,
            resource_id=run.id or "",
            value=run,
            violation="Object missing required field `status`",
        )
    return Interpretation(_OK, resource_id=run.id or "", state=run.status, value=run)


def _read_logs(body: bytes) -> Interpretation:
    if body.lstrip()[:1] == b"[":
        return Interpretation(_OK, value=LogPage(_bare_lines(body)))
    return Interpretation(_OK, value=_page(body))


_READ: dict[str, Callable[[bytes], Interpretation]] = {
    "health": _read_nothing,
    "create_session": _read_created,
    "get_session": _read_session,
    "delete_session": _read_nothing,
    "import_selector_cache": _read_counts,
    "queue_run": _read_queued,
    "get_run": _read_run,
    "get_run_logs": _read_logs,
}
_READERS = {
    name: (_READ[name], frozenset(operation.success)) for name, operation in OPERATIONS.items()
}
