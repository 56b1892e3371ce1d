"""
Histories by hand: a few attempts, written as a reader would tell them.

::

    history(
        queue("r1", at=0, key="k", outcome="timeout"),
        queue("r1", at=1, key="k", attempt=2, replayed=1),
    )

Times are seconds from the trial's start; an attempt takes 0.1 s unless it says so.
"""

from __future__ import annotations

import itertools
import json

import pyarrow as pa
import pytest

from harness.checks.check import TrialContext, run_check
from harness.trial.row_filter import UneventfulFilter
from harness.trial.schema import ATTEMPTS, Event, Manifest, WorkerSummary
from harness.verdicts import Verdict

ORIGIN_NS = 1_700_000_000_000_000_000
_CALLS = itertools.count(1000)

_NO_ANSWER = {"timeout", "connection_lost", "connection_refused"}
_STATUS = {
    "ok": 200,
    "rate_limited": 429,
    "capacity_full": 503,
    "server_error": 500,
    "not_found": 404,
    "session_closed": 410,
    "client_error": 409,
    "auth_failed": 401,
    "invalid_response": 200,
}
_CODE = {
    "rate_limited": "CLOUD_RATE_LIMITED",
    "capacity_full": "CLOUD_CAPACITY_FULL",
    "server_error": "CLOUD_INTERNAL_ERROR",
    "session_closed": "CLOUD_SESSION_CLOSED",
    "auth_failed": "CLOUD_AUTH_FAILED",
}


def attempt(operation, resource_id="", *, at=0.0, took=0.1, outcome="ok", call=0, **given):
    """One attempt, a dict of the attempt's columns; keywords that are none are evidence."""
    start_ns = ORIGIN_NS + round(at * 1e9)
    end_ns = start_ns + round(took * 1e9)
    row = {
        "worker": "local",
        "phase": "load",
        "operation": operation,
        "call_id": call or next(_CALLS),
        "attempt": 1,
        "intended_ns": start_ns,
        "start_ns": start_ns,
        "end_ns": end_ns,
        "status": 0 if outcome in _NO_ANSWER else _STATUS[outcome],
        "code": _CODE.get(outcome, ""),
        "outcome": outcome,
        "service_us": (end_ns - start_ns) // 1000,
        "response_us": (end_ns - start_ns) // 1000,
        "retry_after_s": 1.0 if outcome == "rate_limited" else float("nan"),
        "idempotency_key": given.pop("key", ""),
        "resource_id": "" if outcome in _NO_ANSWER and operation in _CREATORS else resource_id,
        "replayed": -1,
        "bytes_out": 0 if outcome == "connection_refused" else 100,
        "bytes_in": 0 if outcome in _NO_ANSWER else 100,
        "disposition": "done",
        "violation": "",
    }
    row |= {name: given.pop(name) for name in list(given) if name in row}
    return row | {"evidence": json.dumps(given, separators=(",", ":")) if given else ""}


_CREATORS = {"create_session", "queue_run"}


def create(session_id="", **given):
    """An attempt of ``create_session``; the state is active when it is answered."""
    if given.get("outcome", "ok") == "ok":
        given = {"state": "active", "status": 201} | given
    return attempt("create_session", session_id, **given)


def get_session(session_id, state="", **given):
    """An attempt of ``get_session``."""
    return attempt("get_session", session_id, **({"state": state} if state else {}), **given)


def delete(session_id, **given):
    """An attempt of ``delete_session``."""
    if given.get("outcome", "ok") == "ok":
        given = {"status": 204} | given
    return attempt("delete_session", session_id, **given)


def socket_probe(kind, *, at=0.0, status=401, outcome="auth_failed"):
    """A try to open a socket with what should not open it."""
    return attempt(
        "action.connect", "s", at=at, status=status, outcome=outcome, probe=kind, phase="probe"
    )


def queue(run_id="", *, replayed=0, run_status="queued", **given):
    """An attempt of ``queue_run``."""
    if given.get("outcome", "ok") != "ok":
        return attempt("queue_run", run_id, **given)
    row = attempt("queue_run", run_id, replayed=replayed, **given)
    return _add_run_status(row, status=run_status, http=given.get("status", 202))


def get_run(run_id, run_status="", **given):
    """An attempt of ``get_run``."""
    row = attempt("get_run", run_id, **given)
    return _add_run_status(row, status=run_status) if run_status else row


def page(run_id, first, last, *, cursor=None, next=None, at=0.0, **given):  # noqa: A002  its name on the wire
    """An attempt of ``get_run_logs``: lines ``first`` to ``last``."""
    parametrize_verdicts = {
        "first": first,
        "last": last,
        "digest": f"{first}-{last}",
        "cursor": cursor,
        "next": next,
    }
    if isinstance(first, int) and isinstance(last, int):
        parametrize_verdicts["lines"] = last - first + 1
    parametrize_verdicts = {
        name: value for name, value in (parametrize_verdicts | given).items() if value is not None
    }
    return attempt("get_run_logs", run_id, at=at, **parametrize_verdicts)


def imports(sent=1, inserted=0, updated=0, skipped=0, *, expect=(0, 0, 0, 0), **given):
    """An attempt of ``import_selector_cache``; ``expect`` is fresh, same, newer, older."""
    fresh, same, newer, older = expect
    parametrize_verdicts = {
        "sent": sent,
        "imported": given.pop("imported", inserted + updated),
        "inserted": inserted,
        "updated": updated,
        "skipped": skipped,
    }
    if given.get("outcome", "ok") != "ok":
        parametrize_verdicts = {"sent": sent}
    expected = {"fresh": fresh, "same": same, "newer": newer, "older": older}
    return attempt("import_selector_cache", **parametrize_verdicts, **expected, **given)


def webhook(run_id, kind="run.succeeded", *, at=0.0, **data):
    """An event: a delivery reached the inbox; it is validly signed unless `data` says so."""
    parametrize_verdicts = {
        "delivery_id": f"d-{run_id}-{kind}",
        "run_id": run_id,
        "type": kind,
        "signature": "valid",
        "run_status": kind.partition(".")[2],
        "status": 200,
    }
    return Event(
        time_ns=ORIGIN_NS + round(at * 1e9), kind="webhook", data=parametrize_verdicts | data
    )


def history(*rows):
    """The attempts as a frame, with the column types of a trial's log."""
    columns = [[row[name] for row in rows] for name in ATTEMPTS.names]
    arrays = [pa.array(values, kind) for values, kind in zip(columns, ATTEMPTS.types, strict=True)]
    return pa.table(arrays, schema=ATTEMPTS).to_pandas()


def reader(frame, asked=None, *, sift=True):
    """
    Reads a history as the trial's store would, uneventful attempts left out where none are wanted.

    Args:
        frame: The history.
        asked: Takes a note of each reading: columns, operations.
        sift: False to leave none out, as if none were uneventful.
    """

    def read(columns, operations=None, *, skip_uneventful=False):
        if asked is not None:
            asked.append((tuple(columns), operations))
        if skip_uneventful and sift:
            again = frame.loc[frame["attempt"] > 1, "call_id"].unique()
            row_filter = UneventfulFilter(pa.array(again, pa.int64()))
            kept = row_filter.keep(pa.Table.from_pandas(frame, preserve_index=False))
            return kept.to_pandas()[list(columns)], row_filter.counts
        rows = frame if operations is None else frame[frame["operation"].isin(operations)]
        return rows[list(columns)], {}

    return read


def context(*events, embedded=True, state="complete", ended=60.0, worker="drained", plan=None):
    """The trial around them: one minute, one worker, the harness's own stand-in."""
    manifest = Manifest(
        schema=1,
        trial_id="t",
        scenario="s",
        host="http://127.0.0.1:1",
        model="open",
        plan=plan or {},
        seed=1,
        versions={},
        workers=[WorkerSummary("local", state=worker)],
        phases=[],
        started_ns=ORIGIN_NS,
        ended_ns=ORIGIN_NS + round(ended * 1e9),
        state=state,
        embedded=embedded,
    )
    return TrialContext(manifest, events)


def _add_run_status(row, *, status, http=None):
    """Put the run's status into the evidence: its name is that of the HTTP status's column."""
    parametrize_verdicts = json.loads(row["evidence"] or "{}") | {"status": status}
    row["evidence"] = json.dumps(parametrize_verdicts, separators=(",", ":"))
    if http is not None:
        row["status"] = http
    return row


def finding_of(check, rows, **options):
    """The check's finding; `rows` are attempts, or a pair of attempts and events."""
    events = ()
    if rows and isinstance(rows[0], tuple):
        rows, events = rows
    finding = run_check(check, history(*rows), context(*events, **options))
    assert "the check itself failed" not in finding.detail, finding.detail
    return finding


def parametrize_verdicts(good, bad, unknown):
    """Hand each history to the test with the verdict that it must get."""
    by_verdict = {Verdict.PASS: good, Verdict.FAIL: bad, Verdict.UNKNOWN: unknown}
    return pytest.mark.parametrize(
        ("verdict", "rows"),
        [
            pytest.param(verdict, rows, id=f"{verdict}: {name}")
            for verdict, histories in by_verdict.items()
            for name, rows in histories.items()
        ],
    )


def assert_verdict(check, verdict, rows, *, witness_max=10, **options):
    """Demand this verdict of the check; a pass has no witness, a failure a small one."""
    finding = finding_of(check, rows, **options)
    least, most = {Verdict.PASS: (0, 0), Verdict.FAIL: (1, witness_max)}.get(verdict, (0, 10))
    assert verdict is finding.verdict, finding.detail
    assert least <= len(finding.witness) <= most
