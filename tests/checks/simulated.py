"""
A small simulated target that obeys its promises while answers get lost and calls are retried.

`simulate` is its history: three sessions, three runs with logs and webhooks, imports, and
probes of all of them. The runs differ where a change of ids has to show: in how they end,
in what they subscribe to, and in how long their logs are.
"""

from __future__ import annotations

from random import Random

from harness.checks.registry import CHECKS, run_checks
from tests.histories import (
    context,
    create,
    delete,
    get_run,
    get_session,
    history,
    imports,
    page,
    queue,
    reader,
    socket_probe,
    webhook,
)

BY_NAME = {check.name: check for check in CHECKS}
LOST = ("timeout", "connection_lost")
PLAN = {"scenario": {"run_polling": {"run_deadline": "5s"}}}
RUNS = {
    "r0": ("succeeded", {}),
    "r1": ("failed", {"events": ["run.failed"]}),
    "r2": ("succeeded", {"events": ["run.failed"]}),
}
"""How each run ends, and what it subscribed to: to both ends, to its own, to the other."""


def simulate(seed, loss):
    """A correct target's history under lost answers: rows and webhook events."""
    rng = Random(seed)
    rows, events = [], []
    for number, (run, (end, subscribed)) in enumerate(RUNS.items()):
        at = number * 0.3
        rows += _keyed(rng, loss, create, f"s{number}", f"c{number}", at)
        rows += [get_session(f"s{number}", "active", at=at + 4)]
        rows += _repeated(rng, loss, delete, f"s{number}", at + 5)
        rows += _keyed(rng, loss, queue, run, f"k{number}", at, webhook=True, **subscribed)
        rows += _polls(rng, run, end, at)
        rows += _pages(run, 6 + number, at + 8)
        rows += _import(rng, loss, at)
        rows += _socket_probes(rng, loss, at)
        if f"run.{end}" in subscribed.get("events", [f"run.{end}"]):
            events.append(webhook(run, f"run.{end}", at=at + 7, tag=f"k{number}"))
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


def _polls(rng, run, end, at):
    """Polls of a run to its end, one of them lost and sent again, and a probe much later."""
    statuses = ("queued", "running", "running", end, end)
    polls = [get_run(run, status, at=at + 2 + n) for n, status in enumerate(statuses)]
    call = rng.randrange(10**6, 10**9)
    lost = get_run(run, at=at + 3.3, call=call, outcome="timeout", disposition="retried")
    again = get_run(run, "running", at=at + 3.6, call=call, attempt=2)
    return [*polls, lost, again, get_run(run, end, at=25, phase="probe", probe="final_again")]


def _pages(run, edge, at):
    """Two pages of a log, edge to edge, the older one read again by a probe."""
    again = {"phase": "probe", "probe": "logs_again"}
    return [
        page(run, edge, edge + 4, next=edge, at=at),
        page(run, 1, edge - 1, cursor=edge, at=at + 1),
        page(run, 1, edge - 1, cursor=edge, at=at + 2, **again),
    ]


def _import(rng, loss, at):
    """New entries, perhaps lost on the way; then some of every kind."""
    call, expect = rng.randrange(10**6, 10**9), (4, 0, 0, 0)
    told = {"expect": expect, "key": f"i{call}", "call": call}
    mixed = imports(4, inserted=1, updated=1, skipped=2, expect=(1, 1, 1, 1), at=at + 1)
    if rng.random() >= loss:
        return [imports(4, inserted=4, at=at, expect=expect), mixed]
    counts = {"skipped": 4} if rng.random() < 0.5 else {"inserted": 4}
    lost = imports(4, at=at, outcome="timeout", disposition="retried", **told)
    return [lost, imports(4, at=at + 0.3, attempt=2, **told, **counts), mixed]


def _socket_probes(rng, loss, at):
    """A token that does not open, tried where it cannot be lost, and where it can."""
    rows = [socket_probe("wrong_token", at=at + 1)]
    lost = {"status": 0, "outcome": "timeout"} if rng.random() < loss else {}
    return [*rows, socket_probe("closed_session", at=at + 6, **lost)]


def run_all_checks(rows, events, *, sift=True, **options):
    """Finding by name; ``sift`` as at `reader`."""
    read = reader(history(*rows), sift=sift)
    return {f.name: f for f in run_checks(read, context(*events, plan=PLAN, **options))}
