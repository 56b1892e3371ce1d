"""Every check, and how they are made one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from harness.conformance import (
    actions,
    auth,
    cache,
    devtools,
    runs,
    sessions,
    sockets,
    webhooks,
)
from harness.conformance.case import BrokenPromiseError, Check, NotSeenError, Seen
from harness.conformance.context import Desk

CHECKS: tuple[Check, ...] = (
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


def make(
    checks: Sequence[Check],
    desk: Desk,
    *,
    destructive: bool,
    ours: bool,
    told: Callable[[Seen], None],
) -> list[Seen]:
    """
    Make the checks in order.

    Args:
        checks: Which.
        desk: Where.
        destructive: Make those too that leave something behind.
        ours: Make those too that only the stand-in's reading of the contract states.
        told: Called after each.
    """
    found = []
    for check in checks:
        if check.source == "ours" and not ours:
            seen = Seen(check, "skip", "no document states it; made with --ours")
        elif check.destructive and not destructive:
            seen = Seen(check, "skip", "changes the target; made with --destructive")
        else:
            seen = _make(check, desk)
            desk.tidy()
        told(seen)
        found.append(seen)
    return found


def _make(check: Check, desk: Desk) -> Seen:
    begun_s = time.monotonic()
    try:
        check.look(desk)
    except BrokenPromiseError as error:
        return Seen(check, "fail", str(error), time.monotonic() - begun_s)
    except NotSeenError as error:
        return Seen(check, "skip", str(error), time.monotonic() - begun_s)
    return Seen(check, "pass", "", time.monotonic() - begun_s)
