"""
What a conformance check is, and what comes of one.

A check looks at one statement of the API's documentation over a `CaseContext`. It returns when
the statement held, raises `CaseFailedError` when it did not, and `CaseSkippedError` when the
target gave no occasion to see it: that is a skip, and never a pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from harness.conformance.context import CaseContext

Source = Literal["seed", "client", "ours"]
"""
Who states it: the public documentation, the SDK by what it demands, or nobody but us,
where both are silent; the last is asked of a deployment only on demand.
"""


class CaseFailedError(Exception):
    """The target does not do what is stated; the message says what it did."""


class CaseSkippedError(Exception):
    """There was no occasion to see it; the message says why."""


@dataclass(frozen=True, slots=True)
class ConformanceCase:
    """
    One statement and how to look at it.

    Attributes:
        name: Unique, ``operation.what``.
        states: The statement, as a sentence.
        run: Looks at it.
        source: Who states it.
        destructive: It opens sessions, queues runs, imports entries or uses up a limit:
            only done when asked for.
    """

    name: str
    states: str
    run: Callable[[CaseContext], None]
    source: Source = "seed"
    destructive: bool = True


Verdict = Literal["pass", "fail", "skip"]


@dataclass(frozen=True, slots=True)
class CaseResult:
    """
    What came of one check.

    Attributes:
        check: The check.
        verdict: How it ended.
        detail: Why it failed or was skipped; "" when it passed.
        seconds: How long it took.
    """

    check: ConformanceCase
    verdict: Verdict
    detail: str = ""
    seconds: float = 0.0
