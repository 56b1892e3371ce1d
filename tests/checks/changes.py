"""
What changes to a history are made of, and where they are gathered.

A mutation takes rows, webhook events and a function that picks one of several, changes
them in place, and stands in `MUTATIONS` with the check that must find it and with its
kind: something is dropped, duplicated, put in another order, swapped for another one's,
or altered.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

NS = 10**9
KINDS = ("drop", "duplicate", "reorder", "swap")


class Mutation(NamedTuple):
    """
    One change.

    Attributes:
        change: Makes it.
        check: What must find it.
        kind: One of `KINDS`, or "alter".
    """

    change: Callable[[list[Any], list[Any], Callable[[Any], Any]], None]
    check: str
    kind: str


MUTATIONS: dict[str, Mutation] = {}


def breaks(check, kind):
    """Put the decorated change into `MUTATIONS`."""

    def enter(change):
        MUTATIONS[change.__name__] = Mutation(change, check, kind)
        return change

    return enter


def answered(rows, operation, *, probe=False, telling=""):
    """Numbers of the rows that were answered ok, whose evidence holds a text."""
    return [
        n
        for n, row in enumerate(rows)
        if row["operation"] == operation
        and row["outcome"] == "ok"
        and (row["phase"] == "probe") == probe
        and telling in row["evidence"]
    ]


def with_evidence(row, **told):
    """The row with other evidence."""
    evidence = json.loads(row["evidence"] or "{}") | told
    return row | {"evidence": json.dumps(evidence, separators=(",", ":"))}


def exchange(one, other, *names):
    """Swap what two dicts hold under these names."""
    for name in names:
        one[name], other[name] = other[name], one[name]


def later(row, at):
    """The same answer, heard once more by a call of its own."""
    return row | {
        "call_id": row["call_id"] + 10**9,
        "attempt": 1,
        "start_ns": row["start_ns"] + at * NS,
        "end_ns": row["end_ns"] + at * NS,
    }
