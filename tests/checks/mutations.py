"""Changes to a good history, each of which breaks one promise."""

from __future__ import annotations

import json

import msgspec

from tests.checks.changes import MUTATIONS, NS, answered, breaks, exchange, later, with_evidence
from tests.histories import attempt, create, get_run, get_session, imports, webhook

__all__ = ("MUTATIONS",)


@breaks("idempotency.exactly_once", "drop")
def replay_of_what_was_never_sent(rows, _events, pick):
    """All sendings of a key but its probe, which says replayed, are gone."""
    key = rows[pick(answered(rows, "queue_run"))]["idempotency_key"]
    rows[:] = [row for row in rows if row["idempotency_key"] != key or row["phase"] == "probe"]


@breaks("idempotency.exactly_once", "duplicate")
def executed_twice(rows, _events, pick):
    """Two answers to one key say that the run was made now."""
    n = pick(answered(rows, "queue_run", probe=True))
    for row in rows:
        if row["idempotency_key"] == rows[n]["idempotency_key"] and row["outcome"] == "ok":
            row["replayed"] = 0


@breaks("idempotency.exactly_once", "duplicate")
def second_run_delivered(rows, events, pick):
    """A delivery tagged with a key names another run than its answer."""
    n = pick(answered(rows, "queue_run"))
    events.append(webhook("ghost", at=8, tag=rows[n]["idempotency_key"]))


@breaks("idempotency.exactly_once", "reorder")
def replayed_before_it_was_made(rows, _events, pick):
    """The first answer says replayed, the later one that the run was made now."""
    n = pick(answered(rows, "queue_run", probe=True))
    key = rows[n]["idempotency_key"]
    first = next(r for r in rows if r["idempotency_key"] == key and r["outcome"] == "ok")
    first["replayed"], rows[n]["replayed"] = 1, 0


@breaks("idempotency.exactly_once", "swap")
def another_runs_id(rows, _events, pick):
    """A probe is answered with another run's id."""
    rows[pick(answered(rows, "queue_run", probe=True))]["resource_id"] = "another"


@breaks("idempotency.exactly_once", "alter")
def other_body_taken(rows, _events, pick):
    """Another body under a used key gets a success."""
    n = pick(answered(rows, "create_session", probe=True))
    rows[n] = with_evidence(rows[n], body="other", probe="same_key_other_body")


@breaks("sessions.lifecycle", "drop")
def close_dropped(rows, _events, pick):
    """Nobody closed a session."""
    session = rows[pick(answered(rows, "get_session"))]["resource_id"]
    rows[:] = [r for r in rows if r["operation"] != "delete_session" or r["resource_id"] != session]


@breaks("sessions.lifecycle", "duplicate")
def session_given_twice(rows, _events, pick):
    """Another create, with a key of its own, is answered with a session that there is."""
    session = rows[pick(answered(rows, "create_session"))]["resource_id"]
    rows.append(create(session, at=10, key="new"))


@breaks("sessions.lifecycle", "reorder")
def alive_after_its_close(rows, _events, pick):
    """A read that found the session active comes after its close."""
    n = pick(answered(rows, "get_session"))
    rows.append(get_session(rows[n]["resource_id"], "active", at=30))


@breaks("sessions.lifecycle", "swap")
def another_sessions_id(rows, _events, pick):
    """Two creates are told the same id."""
    n = pick(answered(rows, "create_session"))
    old = rows[n]["resource_id"]
    new = "s0" if old != "s0" else "s1"
    for row in rows:
        if row["resource_id"] == old:
            row["resource_id"] = new


@breaks("sessions.lifecycle", "alter")
def slot_kept(rows, _events, _pick):
    """Three were open at once; long after all were closed there is room for none."""
    rows.append(create("", at=30, key="full", outcome="capacity_full"))


@breaks("runs.lifecycle", "drop")
def end_dropped(rows, _events, pick):
    """A run is seen to run still where it should have ended; its end was never told."""
    run = rows[pick(answered(rows, "get_run"))]["resource_id"]
    for n in answered(rows, "get_run") + answered(rows, "get_run", probe=True):
        if rows[n]["resource_id"] == run and '"queued"' not in rows[n]["evidence"]:
            rows[n] = with_evidence(rows[n], status="running")


@breaks("runs.lifecycle", "duplicate")
def running_told_again(rows, _events, pick):
    """The answer that it runs is given once more after the end."""
    n = pick(answered(rows, "get_run", telling='"running"'))
    rows.append(later(rows[n], 10))


@breaks("runs.lifecycle", "reorder")
def statuses_in_another_order(rows, _events, pick):
    """What the first poll and the last one were told is exchanged."""
    run = rows[pick(answered(rows, "get_run"))]["resource_id"]
    mine = [n for n in answered(rows, "get_run") if rows[n]["resource_id"] == run]
    mine.sort(key=lambda n: rows[n]["start_ns"])
    exchange(rows[mine[0]], rows[mine[-1]], "evidence")


@breaks("runs.lifecycle", "swap")
def another_runs_end(rows, _events, pick):
    """Polls of a run that succeeded and of one that failed exchange their ids."""
    succeeded = pick(answered(rows, "get_run", probe=True, telling='"succeeded"'))
    failed = pick(answered(rows, "get_run", probe=True, telling='"failed"'))
    exchange(rows[succeeded], rows[failed], "resource_id")


@breaks("runs.lifecycle", "alter")
def run_lost(rows, _events, pick):
    """A run that was queued is not found."""
    n = pick(answered(rows, "get_run"))
    rows.append(attempt("get_run", rows[n]["resource_id"], at=30, outcome="not_found"))


def _older_page(rows, pick):
    return pick(answered(rows, "get_run_logs", telling='"cursor"'))


@breaks("runs.logs", "drop")
def log_line_dropped(rows, _events, pick):
    """The older page ends a line before its cursor."""
    n = _older_page(rows, pick)
    told = json.loads(rows[n]["evidence"])
    rows[n] = with_evidence(rows[n], last=told["last"] - 1, lines=told["lines"] - 1)


@breaks("runs.logs", "duplicate")
def log_line_doubled(rows, _events, pick):
    """The older page ends with the line that the newer one begins with."""
    n = _older_page(rows, pick)
    told = json.loads(rows[n]["evidence"])
    rows[n] = with_evidence(rows[n], last=told["last"] + 1, lines=told["lines"] + 1)


@breaks("runs.logs", "reorder")
def log_lines_in_another_order(rows, _events, pick):
    """A page is out of order."""
    n = _older_page(rows, pick)
    rows[n] = with_evidence(rows[n], ascending=False)


@breaks("runs.logs", "swap")
def another_runs_lines(rows, _events, pick):
    """Two runs' older pages exchange their lines."""
    n = _older_page(rows, pick)
    others = answered(rows, "get_run_logs", telling='"cursor"')
    m = pick([m for m in others if rows[m]["resource_id"] != rows[n]["resource_id"]])
    mine, theirs = (json.loads(rows[k]["evidence"]) for k in (n, m))
    lines = ("first", "last", "lines", "digest")
    rows[n] = with_evidence(rows[n], **{name: theirs[name] for name in lines})
    rows[m] = with_evidence(rows[m], **{name: mine[name] for name in lines})


def _mixed_import(rows, pick):
    return pick(answered(rows, "import_selector_cache", telling='"older":1'))


@breaks("cache.accounting", "drop")
def entry_dropped(rows, _events, pick):
    """An entry is in no count of the answer."""
    n = _mixed_import(rows, pick)
    rows[n] = with_evidence(rows[n], skipped=1)


@breaks("cache.accounting", "duplicate")
def entries_inserted_twice(rows, _events, _pick):
    """Entries that are there are inserted once more."""
    rows.append(imports(2, inserted=2, at=20, expect=(0, 2, 0, 0)))


@breaks("cache.accounting", "reorder")
def older_entry_won(rows, _events, _pick):
    """An entry that is older than the one there takes its place."""
    rows.append(imports(1, updated=1, at=20, expect=(0, 0, 0, 1)))


@breaks("cache.accounting", "swap")
def counts_exchanged(rows, _events, pick):
    """Inserted and skipped are told in each other's place; every sum holds."""
    n = _mixed_import(rows, pick)
    rows[n] = with_evidence(rows[n], inserted=2, skipped=1, imported=3)


@breaks("webhooks.delivery", "drop")
def delivery_dropped(_rows, events, pick):
    """A run's end is told to nobody."""
    events.pop(pick(range(len(events))))


@breaks("webhooks.delivery", "duplicate")
def delivered_to_a_stranger(_rows, events, _pick):
    """A delivery too many, of an event that its run did not subscribe to."""
    events.append(webhook("r2", "run.succeeded", at=8))


@breaks("webhooks.delivery", "reorder")
def delivered_too_late(_rows, events, pick):
    """The delivery comes long after its deadline."""
    n = pick(range(len(events)))
    events[n] = msgspec.structs.replace(events[n], time_ns=events[n].time_ns + 30 * NS)


@breaks("webhooks.delivery", "swap")
def another_runs_delivery(_rows, events, _pick):
    """Two deliveries exchange their runs, one of which failed."""
    one, other = events[0].data, events[1].data
    exchange(one, other, "run_id", "tag")


@breaks("webhooks.delivery", "alter")
def delivery_forged(_rows, events, pick):
    """A delivery's signature is wrong."""
    events[pick(range(len(events)))].data["signature"] = "forged"


@breaks("webhooks.delivery", "alter")
def another_end_delivered(_rows, events, pick):
    """A delivery tells of an end that the run did not have."""
    n = pick(range(len(events)))
    told = events[n].data
    end = {"run.failed": "run.succeeded", "run.succeeded": "run.failed"}[told["type"]]
    told |= {"type": end, "run_status": end.partition(".")[2]}


@breaks("contract.responses", "drop")
def retry_after_dropped(rows, _events, _pick):
    """A 429 does not say how long to wait."""
    rows.append(attempt("get_run", "r0", at=20, outcome="rate_limited", retry_after_s=float("nan")))


@breaks("contract.responses", "swap")
def codes_exchanged(rows, _events, _pick):
    """A 401 has the code of a 429."""
    rows.append(attempt("get_run", "r0", at=20, outcome="auth_failed", code="CLOUD_TIMEOUT"))


@breaks("contract.responses", "alter")
def advice_of_no_wait(rows, _events, _pick):
    """Retry-After: 0, and whoever comes at once is refused again."""
    for call in range(6):
        told = {"at": 20 + call, "call": 10**10 + call, "outcome": "rate_limited"}
        rows.append(get_run("r0", retry_after_s=0.0, disposition="retried", **told))
        rows.append(get_run("r0", attempt=2, **(told | {"at": 20.5 + call})))


def _retry(rows, pick):
    """A retry of a poll, and the attempt before it."""
    polls = [n for n, row in enumerate(rows) if row["operation"] == "get_run"]
    n = pick([n for n in polls if rows[n]["attempt"] == 2])
    first = next(m for m, row in enumerate(rows) if row["call_id"] == rows[n]["call_id"] and m != n)
    return first, n


@breaks("retries.discipline", "drop")
def first_attempt_dropped(rows, _events, pick):
    """A retry of nothing."""
    rows.pop(_retry(rows, pick)[0])


@breaks("retries.discipline", "duplicate")
def success_sent_again(rows, _events, pick):
    """A call that had its answer is sent once more."""
    n = pick(answered(rows, "get_session"))
    rows.append(later(rows[n], 1) | {"attempt": 2, "call_id": rows[n]["call_id"]})


@breaks("retries.discipline", "reorder")
def sent_again_too_early(rows, _events, pick):
    """A retry leaves before the attempt before it was over."""
    first, n = _retry(rows, pick)
    rows[n]["start_ns"] = rows[first]["start_ns"] + 1


@breaks("retries.discipline", "swap")
def another_calls_key(rows, _events, _pick):
    """A retry carries another call's key."""
    call = {"call": 10**10, "expect": (1, 0, 0, 0)}
    lost = {"outcome": "timeout", "disposition": "retried"}
    rows.append(imports(1, at=20, key="mine", **call, **lost))
    rows.append(imports(1, inserted=1, at=21, key="theirs", attempt=2, **call))


@breaks("sockets.tokens", "alter")
def socket_opened_to_a_probe(rows, _events, pick):
    """A token that must not open does."""
    n = pick([n for n, row in enumerate(rows) if row["operation"] == "action.connect"])
    rows[n] |= {"status": 101, "outcome": "ok", "code": ""}
