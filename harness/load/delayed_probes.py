"""
The memory: requests to be sent once more later, to see that they are not forgotten.

What is asked again at once tells only that a key is known for a moment. So a remembered
request is asked again after 1 s, 3 s, 9 s and so on: a key that is forgotten after n
seconds is found out by the first look after that, within three times n.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

from harness.client.opensteer_client import OpensteerClient
from harness.units import NS_PER_S

Probe = Callable[[OpensteerClient], None]
"""Sends one request again; whoever has time lends his client."""

FIRST_NS = NS_PER_S
GROWTH = 3
PENDING_MAX = 256
"""Requests remembered at once; while there are as many, no further one is taken."""


class DelayedProbes:
    """What one process has to ask again."""

    def __init__(self) -> None:
        self._due: list[tuple[int, int, int, Probe]] = []
        self._numbers = count()

    @property
    def empty(self) -> bool:
        """Whether nothing is remembered."""
        return not self._due

    def schedule(self, probe: Probe, now_ns: int) -> None:
        """Ask this again, for the first time in `FIRST_NS`."""
        self._put(probe, now_ns + FIRST_NS, FIRST_NS)

    def next_due(self, now_ns: int) -> Probe | None:
        """What is due to be asked again now; it comes up again at three times its age."""
        if not self._due or self._due[0][0] > now_ns:
            return None
        _, _, age_ns, probe = heapq.heappop(self._due)
        self._put(probe, now_ns + age_ns * (GROWTH - 1), age_ns * GROWTH)
        return probe

    def _put(self, probe: Probe, due_ns: int, age_ns: int) -> None:
        if len(self._due) < PENDING_MAX:
            heapq.heappush(self._due, (due_ns, next(self._numbers), age_ns, probe))
