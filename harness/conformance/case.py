"""A conformance case: one documented statement, and the function that tests it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from harness.conformance.context import CaseContext

Source = Literal["seed", "client", "ours"]
"""
Where the statement comes from: the public documentation, the SDK, or neither. A case of the
last kind runs against a deployment only on demand.
"""
Verdict = Literal["pass", "fail", "skip"]
CaseFunction = Callable[[CaseContext], None]


@dataclass(frozen=True, slots=True)
class ConformanceCase:
    """One statement and its test."""

    name: str  # unique, ``operation.what``
    statement: str
    # Returns if the statement holds, raises `CaseFailedError` if it does not, and
    # `CaseSkippedError` if the target gave no opportunity to observe it.
    run: CaseFunction
    source: Source = "seed"
    destructive: bool = True  # it opens sessions, queues runs, imports entries or uses up a limit


class CaseList(list[ConformanceCase]):
    """The cases of one module, in the order in which they run."""

    def case(
        self, name: str, statement: str, *, source: Source = "seed", destructive: bool = True
    ) -> Callable[[CaseFunction], CaseFunction]:
        """Add the decorated function as a case."""

        def add(run: CaseFunction) -> CaseFunction:
            self.append(ConformanceCase(name, statement, run, source, destructive))
            return run

        return add


@dataclass(frozen=True, slots=True)
class CaseResult:
    """The result of one case."""

    case: ConformanceCase
    verdict: Verdict
    detail: str = ""  # why it failed or was skipped; "" if it passed
    seconds: float = 0.0
