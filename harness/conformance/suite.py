"""All conformance cases, and how they are run one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from harness.conformance import actions, auth, cache, devtools, runs, sessions, sockets, webhooks
from harness.conformance.case import CaseResult, ConformanceCase
from harness.conformance.context import CaseContext, CaseFailedError, CaseSkippedError

CASES: tuple[ConformanceCase, ...] = (
    *auth.CASES,
    *sessions.CASES,
    *cache.CASES,
    *runs.CASES,
    *webhooks.CASES,
    *actions.CASES,
    *devtools.CASES,
    *sockets.CASES,
    *sessions.LAST,
    *auth.LAST,
)


def run_suite(
    cases: Sequence[ConformanceCase],
    context: CaseContext,
    *,
    destructive: bool,
    ours: bool,
    on_result: Callable[[CaseResult], None],
) -> list[CaseResult]:
    """
    Run the cases in order.

    Args:
        destructive: Also run cases that change the target.
        ours: Also run cases whose statement is in no document.
    """
    results = []
    for case in cases:
        if case.source == "ours" and not ours:
            result = CaseResult(case, "skip", "no document states it; checked with --ours")
        elif case.destructive and not destructive:
            result = CaseResult(case, "skip", "changes the target; checked with --destructive")
        else:
            result = _run_case(case, context)
            context.cleanup()
        on_result(result)
        results.append(result)
    return results


def _run_case(case: ConformanceCase, context: CaseContext) -> CaseResult:
    begun_s = time.monotonic()
    try:
        case.run(context)
    except CaseFailedError as error:
        return CaseResult(case, "fail", str(error), time.monotonic() - begun_s)
    except CaseSkippedError as error:
        return CaseResult(case, "skip", str(error), time.monotonic() - begun_s)
    return CaseResult(case, "pass", "", time.monotonic() - begun_s)
