"""
The books: what the harness recorded, held against what the stand-in says really happened.

An answer that the harness never saw was still given. The proxy tells which requests it
struck, so the books must balance to the last one::

    the stand-in's answers = answers recorded + answers that a fault swallowed

A restart swallows answers that nobody logs; there the books balance within the attempts
that were cut off in it, and everything that was *done* still balances exactly.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from harness.contract.outcomes import CODES, outcome_of_status
from harness.standin.operations import find_route

FORWARDED = frozenset({"response-lost", "reset-after", "response-truncated"})
"""Faults after which the target had the request and the client no answer."""
_SILENT = frozenset({"timeout", "connection_lost", "connection_refused"})
_DOUBTFUL = frozenset(
    {"timeout", "connection_lost", "server_error", "launch_timeout", "invalid_response"}
)


@dataclass(frozen=True, slots=True)
class Line:
    """
    One line of the books.

    Attributes:
        name: What is counted.
        truth: What the stand-in says.
        least, most: What the harness's record allows.
    """

    name: str
    truth: int
    least: int
    most: int

    @property
    def balances(self) -> bool:
        """Whether both say the same."""
        return self.least <= self.truth <= self.most

    def __str__(self) -> str:
        span = f"{self.least:,}" if self.least == self.most else f"{self.least:,}..{self.most:,}"
        return f"{self.name}: stand-in {self.truth:,}, harness {span}"


def reconcile(trial: Path) -> list[Line]:
    """Every line of a trial's books; the trial was made against the embedded stand-in."""
    attempts = pd.read_parquet(trial / "attempts.parquet")
    attempts["evidence"] = [json.loads(text or "{}") for text in attempts["evidence"].astype(str)]
    for name in ("operation", "outcome", "idempotency_key", "resource_id", "code"):
        attempts[name] = attempts[name].astype(str)
    truth = json.loads((trial / "truth.json").read_text())
    events = [json.loads(line) for line in (trial / "events.jsonl").read_text().splitlines()]
    return [
        *_answers(attempts, truth, events),
        *_work(attempts, truth),
        *_deliveries(truth, events),
    ]


def _answers(attempts: pd.DataFrame, truth: dict[str, Any], events: list[Any]) -> Iterable[Line]:
    hits = [e["data"] for e in events if e["kind"] == "fault" and e["data"]["edge"] == "hit"]
    swallowed = Counter(_operation(hit) for hit in hits if hit["fault"] in FORWARDED)
    restarted = any(e["data"].get("fault") == "restart" for e in events if e["kind"] == "fault")
    # A 504 is a timeout that was answered: it has a code, which a cut-off answer has not.
    silent = attempts["outcome"].isin(_SILENT) & (attempts["code"] == "")
    for operation, told in truth["requests"].items():
        mine = attempts.loc[attempts["operation"] == operation]
        seen = mine.loc[~silent]
        # What a fault would have swallowed never arrived where the target was down.
        least = len(seen) + (0 if restarted else swallowed[operation])
        most = len(mine) if restarted else least
        yield Line(f"answers to {operation}", sum(told["by_status"].values()), least, most)
        by_outcome = seen["outcome"].value_counts()
        lost = most - len(seen)
        for outcome, number in _by_outcome(told["by_code"]).items():
            had = int(by_outcome.get(outcome, 0))
            yield Line(f"{outcome} answers to {operation}", number, had, had + lost)


def _operation(hit: dict[str, Any]) -> str:
    method, _, path = hit.get("what", "").partition(" ")
    return find_route(method, path).operation


def _by_outcome(by_code: dict[str, int]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for code, number in by_code.items():
        outcome = outcome_of_status(int(code)) if code.isdigit() else CODES.get(code, code)
        counts[str(outcome)] += number
    return counts


def _work(attempts: pd.DataFrame, truth: dict[str, Any]) -> Iterable[Line]:
    ok = attempts.loc[attempts["outcome"] == "ok"]
    keyed = attempts.loc[attempts["idempotency_key"] != ""]
    doubtful = keyed.loc[keyed["outcome"].isin(_DOUBTFUL)]
    open_ended = doubtful.loc[~doubtful["idempotency_key"].isin(set(ok["idempotency_key"]))]
    unresolved = open_ended.groupby("operation")["idempotency_key"].nunique()

    def line(name: str, told: int, operation: str, sure: int) -> Line:
        return Line(name, told, sure, sure + int(unresolved.get(operation, 0)))

    creates, runs, imports = (
        ok.loc[ok["operation"] == name]
        for name in ("create_session", "queue_run", "import_selector_cache")
    )
    sessions, keys = truth["sessions"], truth["idempotency"]
    yield line(
        "sessions created",
        sessions["created"],
        "create_session",
        creates["resource_id"].nunique(),
    )
    yield Line("sessions closed", sessions["closed"], sessions["created"], sessions["created"])
    yield Line("sessions open", sessions["open"], 0, 0)
    yield line("runs queued", truth["runs"]["queued"], "queue_run", runs["resource_id"].nunique())
    done = ok.loc[ok["idempotency_key"] != "", "idempotency_key"].nunique()
    yield Line("keys executed", keys["keys"], done, done + int(unresolved.sum()))
    yield Line("keys executed more than once", len(keys["executed_more_than_once"]), 0, 0)
    first = imports.drop_duplicates("idempotency_key")["evidence"]
    left = int(unresolved.get("import_selector_cache", 0))
    for name in ("inserted", "updated", "skipped"):
        counted = sum(evidence[name] for evidence in first)
        # What a key that never resolved did is in nobody's books.
        yield Line(f"entries {name}", truth["cache"][name], counted, counted + left * 1000)


def _deliveries(truth: dict[str, Any], events: list[Any]) -> Iterable[Line]:
    came = [e["data"] for e in events if e["kind"] == "webhook"]
    taken = {hook["delivery_id"] for hook in came if hook["status"] == 200}
    told = truth["deliveries"]
    restarts = sum(
        e["kind"] == "fault" and e["data"] == {**e["data"], "fault": "restart", "edge": "start"}
        for e in events
    )
    # A SIGKILL between the inbox's 200 and the stand-in's note of it sends one again, and a
    # slow inbox may say 200 to one who has hung up.
    loose = restarts or any(hook["status"] != 200 for hook in came)
    least = 0 if loose else len(taken)
    yield Line("deliveries taken", told["delivered"], least, len(taken))
