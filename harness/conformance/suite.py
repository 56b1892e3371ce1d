"""All conformance cases, and how they are run one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from harness.conformance import actions, auth, cache, devtools, runs, sessions, sockets, webhooks
from harness.conformance.case import CaseResult, ConformanceCase
from harness.conformance.context import CaseContext, CaseFailedError, CaseSkippedError

CHECKS: tuple[ConformanceCase, ...] = (
    *auth.CHECKS,
    *sessions.CHECKS,
    *cache.CHECKS,
    *runs.CHECKS,
    *webhooks.CHECKS,
    *actions.CHECKS,
    *devtools.CHECKS,
    *sockets.CHECKS,
    *sessions.LAST,
    *auth.LAST,
)


def run_suite(
    checks: Sequence[ConformanceCase],
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
    for check in checks:
        if check.source == "ours" and not ours:
            result = CaseResult(check, "skip", "no document states it; checked with --ours")
        elif check.destructive and not destructive:
            result = CaseResult(check, "skip", "changes the target; checked with --destructive")
        else:
            result = _run_case(check, context)
            context.cleanup()
        on_result(result)
        results.append(result)
    return results


def _run_case(check: ConformanceCase, context: CaseContext) -> CaseResult:
    begun_s = time.monotonic()
    try:
        check.run(context)
    except CaseFailedError as error:
        return CaseResult(check, "fail", str(error), time.monotonic() - begun_s)
    except CaseSkippedError as error:
        return CaseResult(check, "skip", str(error), time.monotonic() - begun_s)
    return CaseResult(check, "pass", "", time.monotonic() - begun_s)
