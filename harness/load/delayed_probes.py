"""
Delayed probes: requests repeated later, to see whether the target still knows their keys.

A request is repeated after 1 s, 3 s, 9 s and so on. A key that the target forgets after n
seconds is found by the next repetition, within 3n seconds.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

from harness.client.opensteer_client import OpensteerClient
from harness.units import NS_PER_S

Probe = Callable[[OpensteerClient], None]
"""Sends one request again, with the client of any free user."""

FIRST_NS = NS_PER_S
GROWTH = 3
PENDING_MAX = 256
"""Requests waiting at most; further ones are not scheduled."""


class DelayedProbes:
    """The requests that one process repeats."""

    def __init__(self) -> None:
        self._due: list[tuple[int, int, int, Probe]] = []
        self._numbers = count()

    @property
    def empty(self) -> bool:
        """Whether no request is waiting."""
        return not self._due

    def schedule(self, probe: Probe, now_ns: int) -> None:
        """Repeat this request, first in `FIRST_NS`."""
        self._put(probe, now_ns + FIRST_NS, FIRST_NS)

    def next_due(self, now_ns: int) -> Probe | None:
        """The request due now, if any; it is due again at three times its age."""
        if not self._due or self._due[0][0] > now_ns:
            return None
        _, _, age_ns, probe = heapq.heappop(self._due)
        self._put(probe, now_ns + age_ns * (GROWTH - 1), age_ns * GROWTH)
        return probe

    def _put(self, probe: Probe, due_ns: int, age_ns: int) -> None:
        if len(self._due) < PENDING_MAX:
            heapq.heappush(self._due, (due_ns, next(self._numbers), age_ns, probe))
