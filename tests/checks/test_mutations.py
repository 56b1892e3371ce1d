"""
A correct target passes whatever the network does, and every change that matters is found.

A small simulated target obeys its promises while answers get lost and calls are retried:
no check may accuse it. Then one attempt of its history is dropped, doubled, swapped or
altered in a way that breaks a promise, and the promise's own check has to say so.
"""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from harness.checks.check import run_check
from harness.checks.registry import CHECKS, run_checks
from harness.verdicts import Verdict
from tests.histories import (
    attempt,
    context,
    create,
    delete,
    get_run,
    get_session,
    history,
    imports,
    page,
    queue,
    socket_probe,
    webhook,
)

BY_NAME = {check.name: check for check in CHECKS}
LOST = ("timeout", "connection_lost")


def simulate(seed, loss):
    """A correct target's history under lost answers: rows and webhook events."""
    rng = Random(seed)
    rows, events = [], []
    for number in range(3):
        at = number * 0.3
        rows += _keyed(rng, loss, create, f"s{number}", f"c{number}", at)
        rows += [get_session(f"s{number}", "active", at=at + 4)]
        rows += _repeated(rng, loss, delete, f"s{number}", at + 5)
        rows += _keyed(rng, loss, queue, f"r{number}", f"k{number}", at, webhook=True)
        rows += _polls(f"r{number}", at)
        rows += [
            page(f"r{number}", 6, 10, next=6, at=at + 8),
            page(f"r{number}", 1, 5, cursor=6, at=at + 9),
        ]
        rows += _import(rng, loss, at)
        rows += _socket_probes(rng, loss, at)
        events.append(webhook(f"r{number}", at=at + 7, tag=f"k{number}"))
    return rows, events


def _keyed(rng, loss, make, resource, key, at, **told):
    """A create or a queueing, retried under its key until it is answered, then probed."""
    rows, done, call, number = [], False, rng.randrange(10**6, 10**9), 0
    while True:
        number += 1
        options = {"call": call, "attempt": number, "key": key, "body": "b", **told}
        at += 0.2
        lost = number < 4 and rng.random() < loss
        if lost:
            done = done or rng.random() < 0.5
            row = make("", at=at, outcome=rng.choice(LOST), disposition="retried", **options)
            rows.append(row)
            continue
        replayed = {"replayed": int(done)} if make is queue else {}
        rows.append(make(resource, at=at, **replayed, **options))
        again = {"replayed": 1} if make is queue else {}
        probe = {
            "key": key,
            "body": "b",
            "probe": "same_key_same_body",
            "phase": "probe",
            **told,
        }
        rows.append(make(resource, at=at + 0.2, **again, **probe))
        return rows


def _repeated(rng, loss, make, resource, at):
    if rng.random() >= loss:
        return [make(resource, at=at)]
    call, done = rng.randrange(10**6, 10**9), rng.random() < 0.5
    first = make(resource, at=at, call=call, outcome=rng.choice(LOST), disposition="retried")
    last = {"call": call, "attempt": 2}
    if done:
        return [first, make(resource, at=at + 0.3, outcome="not_found", **last)]
    return [first, make(resource, at=at + 0.3, **last)]


def _polls(run_id, at):
    statuses = ("queued", "running", "running", "succeeded", "succeeded")
    return [get_run(run_id, status, at=at + 2 + n) for n, status in enumerate(statuses)]


def _import(rng, loss, at):
    call, expect = rng.randrange(10**6, 10**9), (4, 0, 0, 0)
    key = f"i{call}"
    if rng.random() >= loss:
        return [imports(4, inserted=4, at=at, expect=expect)]
    done = rng.random() < 0.5
    counts = {"skipped": 4} if done else {"inserted": 4}
    return [
        imports(
            4,
            at=at,
            call=call,
            outcome="timeout",
            disposition="retried",
            expect=expect,
            key=key,
        ),
        imports(4, at=at + 0.3, call=call, attempt=2, expect=expect, key=key, **counts),
    ]


def _socket_probes(rng, loss, at):
    """A token that does not open, tried where it cannot be lost, and where it can."""
    rows = [socket_probe("wrong_token", at=at + 1)]
    lost = {"status": 0, "outcome": "timeout"} if rng.random() < loss else {}
    return [*rows, socket_probe("closed_session", at=at + 6, **lost)]


def judge_all(rows, events, **options):
    """Finding by name."""
    frame = history(*rows)

    def read(columns, operations, _sparse=()):
        chosen = frame if operations is None else frame[frame["operation"].isin(operations)]
        return chosen[list(columns)]

    return {f.name: f for f in run_checks(read, context(*events, **options))}


@settings(deadline=None, max_examples=10)
@given(
    st.integers(0, 10**6), st.floats(0, 0.9), st.booleans(), st.randoms(use_true_random=False)
)
def test_a_correct_target_is_never_accused(seed, loss, embedded, shuffle):
    """Whatever is lost, and in whatever order the log was written: no fail, all told."""
    rows, events = simulate(seed, loss)
    shuffle.shuffle(rows)

    findings = judge_all(rows, events, embedded=embedded)

    assert dict.fromkeys(BY_NAME, Verdict.PASS) == {
        name: finding.verdict for name, finding in findings.items()
    }, [finding.detail for finding in findings.values()]


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10**6), st.floats(0, 0.9), st.data())
def test_lost_attempts_of_a_lost_worker_are_no_accusation(seed, loss, data):
    """Any rows may be missing where a worker was lost: unknown at most, never a fail."""
    rows, events = simulate(seed, loss)
    kept = data.draw(st.lists(st.sampled_from(range(len(rows))), unique=True, min_size=1))
    rows = [rows[n] for n in kept]

    findings = judge_all(rows, events, worker="lost", state="interrupted")

    assert Verdict.FAIL not in {finding.verdict for finding in findings.values()}, findings


def _answered(rows, operation, *, probe=False):
    return [
        n
        for n, row in enumerate(rows)
        if row["operation"] == operation
        and row["outcome"] == "ok"
        and (row["phase"] == "probe") == probe
    ]


def _retell(row, **told):
    evidence = json.loads(row["evidence"] or "{}") | told
    return row | {"evidence": json.dumps(evidence)}


def _swap_probe_id(rows, events, pick):
    n = pick(_answered(rows, "queue_run", probe=True))
    rows[n] |= {"resource_id": "another"}


def _forget_key(rows, events, pick):
    n = pick(_answered(rows, "queue_run", probe=True))
    rows[n] |= {"replayed": 0}
    first = next(
        row
        for row in rows
        if row["idempotency_key"] == rows[n]["idempotency_key"] and row["outcome"] == "ok"
    )
    first |= {"replayed": 0}


def _accept_other_body(rows, events, pick):
    n = pick(_answered(rows, "create_session", probe=True))
    rows[n] = _retell(rows[n], body="other", probe="same_key_other_body")


def _deliver_two_runs(rows, events, pick):
    n = pick(_answered(rows, "queue_run"))
    events.append(webhook("ghost", at=8, tag=rows[n]["idempotency_key"]))


def _drop_close(rows, events, pick):
    session = rows[pick(_answered(rows, "get_session"))]["resource_id"]
    kept = [
        r for r in rows if r["operation"] != "delete_session" or r["resource_id"] != session
    ]
    rows[:] = kept


def _see_closed_alive(rows, events, pick):
    n = pick(_answered(rows, "get_session"))
    rows.append(get_session(rows[n]["resource_id"], "active", at=30))


def _swap_session_ids(rows, events, pick):
    n = pick(_answered(rows, "create_session"))
    old, new = rows[n]["resource_id"], "s0" if rows[n]["resource_id"] != "s0" else "s1"
    for row in rows:
        if row["resource_id"] == old:
            row["resource_id"] = new


def _reorder_statuses(rows, events, pick):
    n = pick([n for n in _answered(rows, "get_run") if '"succeeded"' in rows[n]["evidence"]])
    rows.append(get_run(rows[n]["resource_id"], "running", at=30))


def _swap_final(rows, events, pick):
    n = pick([n for n in _answered(rows, "get_run") if '"succeeded"' in rows[n]["evidence"]])
    rows[n] = _retell(rows[n], status="failed")


def _lose_run(rows, events, pick):
    n = pick(_answered(rows, "get_run"))
    rows.append(attempt("get_run", rows[n]["resource_id"], at=30, outcome="not_found"))


def _drop_log_line(rows, events, pick):
    n = pick([n for n in _answered(rows, "get_run_logs") if '"cursor"' in rows[n]["evidence"]])
    rows[n] = _retell(rows[n], last=4, lines=4)


def _repeat_log_line(rows, events, pick):
    n = pick([n for n in _answered(rows, "get_run_logs") if '"cursor"' in rows[n]["evidence"]])
    rows[n] = _retell(rows[n], last=6, lines=6)


def _miscount(rows, events, pick):
    n = pick(_answered(rows, "import_selector_cache"))
    rows[n] = _retell(rows[n], skipped=5)


def _insert_twice(rows, events, pick):
    rows.append(imports(2, inserted=2, at=20, expect=(0, 2, 0, 0)))


def _drop_delivery(rows, events, pick):
    events.pop(pick(range(len(events))))


def _forge_delivery(rows, events, pick):
    n = pick(range(len(events)))
    events[n] = webhook(events[n].data["run_id"], at=9, signature="forged")


def _swap_delivery(rows, events, pick):
    n = pick(range(len(events)))
    events[n] = webhook(events[n].data["run_id"], "run.failed", at=9)


def _lose_retry_after(rows, events, pick):
    rows.append(
        attempt("get_run", "r0", at=20, outcome="rate_limited", retry_after_s=float("nan"))
    )


def _retry_success(rows, events, pick):
    n = pick(_answered(rows, "get_session"))
    rows.append(rows[n] | {"attempt": 2, "start_ns": rows[n]["end_ns"] + 10**9})
    rows[-1]["end_ns"] = rows[-1]["start_ns"] + 1


def _open_to_probe(rows, events, pick):
    n = pick([n for n, row in enumerate(rows) if row["operation"] == "action.connect"])
    rows[n] |= {"status": 101, "outcome": "ok", "code": ""}


MUTATIONS = {
    _swap_probe_id: {"idempotency.exactly_once"},
    _forget_key: {"idempotency.exactly_once"},
    _accept_other_body: {"idempotency.exactly_once"},
    _deliver_two_runs: {"idempotency.exactly_once"},
    _drop_close: {"sessions.lifecycle"},
    _see_closed_alive: {"sessions.lifecycle"},
    _swap_session_ids: {"sessions.lifecycle"},
    _reorder_statuses: {"runs.lifecycle"},
    _swap_final: {"runs.lifecycle"},
    _lose_run: {"runs.lifecycle"},
    _drop_log_line: {"runs.logs"},
    _repeat_log_line: {"runs.logs"},
    _miscount: {"cache.accounting"},
    _insert_twice: {"cache.accounting"},
    _drop_delivery: {"webhooks.delivery"},
    _forge_delivery: {"webhooks.delivery"},
    _swap_delivery: {"webhooks.delivery"},
    _open_to_probe: {"sockets.tokens"},
    _lose_retry_after: {"contract.responses"},
    _retry_success: {"retries.discipline"},
}


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__.strip("_"))
@settings(deadline=None, max_examples=3, phases=(Phase.generate,))
@given(seed=st.integers(0, 10**6), loss=st.floats(0, 0.8), data=st.data())
def test_a_change_that_matters_is_found_by_its_check_and_no_other(mutate, seed, loss, data):
    """The promise that was broken fails, with a witness; every other one still passes."""
    rows, events = simulate(seed, loss)
    mutate(rows, events, lambda choices: data.draw(st.sampled_from(list(choices))))

    findings = judge_all(rows, events)
    failed = {name for name, finding in findings.items() if finding.verdict is Verdict.FAIL}

    assert MUTATIONS[mutate] == failed, [f.detail for f in findings.values()]
    assert all(findings[name].witness for name in failed)


def test_every_check_has_a_mutation_that_trips_it():
    """Completeness: no check that nothing was shown to break."""
    assert set(BY_NAME) == set().union(*MUTATIONS.values())


@settings(deadline=None, max_examples=12)
@given(
    st.lists(st.text(max_size=40) | st.binary(max_size=40).map(repr), min_size=1, max_size=6)
)
def test_any_evidence_is_survived(texts):
    """Evidence is a stranger's text by the time a trial is read again: never a crash."""
    operations = (
        "create_session",
        "queue_run",
        "get_run",
        "get_run_logs",
        "import_selector_cache",
    )
    frame = history(
        *(
            attempt(operation, f"x{n}", key="k", evidence=text)
            for n, text in enumerate(texts)
            for operation in operations
        )
    )

    for check in CHECKS:
        detail = run_check(check, frame, context()).detail
        assert "the check itself failed" not in detail, detail
