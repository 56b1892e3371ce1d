"""Logs whose pages fit together, and logs whose pages do not."""

from __future__ import annotations

from harness.checks.logs import CHECK
from tests.histories import assert_verdict, attempt, page, parametrize_verdicts

GOOD = {
    "one page holds it all": (page("r", 1, 5),),
    "two pages edge to edge": (
        page("r", 6, 10, next=6, at=0),
        page("r", 1, 5, cursor=6, at=1),
    ),
    "three pages": (
        page("r", 9, 12, next=9, at=0),
        page("r", 5, 8, cursor=9, next=5, at=1),
        page("r", 1, 4, cursor=5, at=2),
    ),
    "a page read again is the same": (
        page("r", 6, 10, next=6, at=0),
        page("r", 1, 5, cursor=6, at=1),
        page("r", 1, 5, cursor=6, at=2, probe="logs_again"),
    ),
    "the newest page may grow": (page("r", 1, 5, at=0), page("r", 1, 7, at=1)),
    "opaque cursors": (
        page("r", "m", "z", next="m", at=0),
        page("r", "a", "l", cursor="m", at=1),
    ),
    "cursors that leave numbers out everywhere": (
        page("r", 60, 100, next=60, at=0, lines=5),
        page("r", 10, 50, cursor=60, at=1, lines=5),
    ),
    "cursors that count behind a prefix": (
        page("r", "log_0006", "log_0010", next="log_0006", at=0, lines=5),
        page("r", "log_0001", "log_0005", cursor="log_0006", at=1, lines=5),
    ),
    "prefixes that differ are opaque": (
        page("r", "b_6", "b_10", next="x", at=0, lines=5),
        page("r", "a_1", "a_4", cursor="x", at=1, lines=4),
    ),
    "a smaller page before the same cursor": (
        page("r", 6, 10, next=6, at=0),
        page("r", 1, 5, cursor=6, at=1),
        page("r", 4, 5, cursor=6, at=2, limit=2, next=4),
    ),
    "lost pages say nothing": (
        page("r", 6, 10, next=6, at=0),
        attempt("get_run_logs", "r", at=1, outcome="timeout", cursor=6),
        page("r", 1, 5, cursor=6, at=2),
    ),
}

BAD = {
    "a gap at the cursor": (
        page("r", 6, 10, next=6, at=0),
        page("r", 1, 4, cursor=6, at=1),
    ),
    "a line twice": (page("r", 6, 10, next=6, at=0), page("r", 1, 6, cursor=6, at=1)),
    "a line twice under opaque cursors": (
        page("r", "m", "z", next="m", at=0),
        page("r", "a", "m", cursor="m", at=1),
    ),
    "a gap behind a prefix": (
        page("r", "log_0006", "log_0010", next="log_0006", at=0, lines=5),
        page("r", "log_0001", "log_0004", cursor="log_0006", at=1, lines=4),
    ),
    "a line more when the newest page is read again": (
        page("r", 1, 5, at=0, lines=4, limit=9),
        page("r", 1, 5, at=1, limit=9, probe="logs_again"),
    ),
    "another text when read again": (
        page("r", 1, 5, at=0),
        page("r", 1, 5, at=1, digest="other", probe="logs_again"),
    ),
    "a line lost when read again": (
        page("r", 1, 5, cursor=6, at=0, limit=5),
        page("r", 2, 5, cursor=6, at=1, limit=5),
    ),
    "other lines before the same cursor": (
        page("r", 1, 5, cursor=6, at=0),
        page("r", 1, 3, cursor=6, at=1),
    ),
    "the end is cut off": (page("r", 1, 7, at=0), page("r", 1, 5, at=1)),
    "out of order within a page": (page("r", 1, 5, ascending=False),),
    "a cursor that leads to itself": (page("r", 1, 5, cursor=6, next=6),),
}

UNKNOWN = {
    "no page was answered": (attempt("get_run_logs", "r", outcome="timeout"),),
    "a page without its neighbour": (page("r", 6, 10, next=6),),
    "evidence that cannot be read": (attempt("get_run_logs", "r", evidence="{{"),),
}


@parametrize_verdicts(GOOD, BAD, UNKNOWN)
def test_every_history_gets_its_verdict(verdict, rows):
    """A promise kept passes, a broken one fails with its witness, what tells nothing is unknown."""
    assert_verdict(CHECK, verdict, rows)
