"""
What a conformance check is, and what comes of one.

A check looks at one statement of the API's documentation over a `Desk`. It returns when
the statement held, raises `BrokenPromiseError` when it did not, and `NotSeenError` when the
target gave no occasion to see it: that is a skip, and never a pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from harness.conformance.context import Desk

Source = Literal["seed", "client", "ours"]
"""
Who states it: the public documentation, the SDK by what it demands, or nobody but us,
where both are silent; the last is asked of a deployment only on demand.
"""


class BrokenPromiseError(Exception):
    """The target does not do what is stated; the message says what it did."""


class NotSeenError(Exception):
    """There was no occasion to see it; the message says why."""


@dataclass(frozen=True, slots=True)
class Check:
    """
    One statement and how to look at it.

    Attributes:
        name: Unique, ``operation.what``.
        states: The statement, as a sentence.
        look: Looks at it.
        source: Who states it.
        destructive: It opens sessions, queues runs, imports entries or uses up a limit:
            only done when asked for.
    """

    name: str
    states: str
    look: Callable[[Desk], None]
    source: Source = "seed"
    destructive: bool = True


Verdict = Literal["pass", "fail", "skip"]


@dataclass(frozen=True, slots=True)
class Seen:
    """
    What came of one check.

    Attributes:
        check: The check.
        verdict: How it ended.
        detail: Why it failed or was skipped; "" when it passed.
        seconds: How long it took.
    """

    check: Check
    verdict: Verdict
    detail: str = ""
    seconds: float = 0.0
