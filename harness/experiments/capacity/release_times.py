"""
Release times: from a DELETE's response to the sending of the create that got the slot.

Creates are polled, so a time may be too long by the gap to the last refused poll. The
largest such gap is the resolution.
"""

from __future__ import annotations

from dataclasses import dataclass, field

TIMEOUT_S = 15.0
"""Longest wait for a slot before enough releases were observed."""
POLL_S = (0.02, 0.5)
"""Shortest and longest pause between polls."""
_RELEASES_MIN = 3


@dataclass(slots=True)
class ReleaseTimes:
    """The observed release times and their resolution."""

    times_s: list[float] = field(default_factory=list)
    step_s: float = 0.0

    def record(self, deleted_s: float, refused_s: float, admitted_s: float) -> None:
        """Add a slot freed at `deleted_s`, last refused at `refused_s`."""
        self.times_s.append(max(0.0, admitted_s - deleted_s))
        self.step_s = max(self.step_s, admitted_s - refused_s)

    def pause_s(self, last_s: float, waited_s: float) -> float:
        """The pause before the next poll: about a tenth of the wait, to spare the rate limit."""
        return min(POLL_S[1], max(last_s, 0.1 * waited_s))

    @property
    def timeout_s(self) -> float:
        """How long to wait for a slot."""
        if len(self.times_s) < _RELEASES_MIN:
            return TIMEOUT_S
        return min(TIMEOUT_S, 3 * max(self.times_s) + 1.0)

    @property
    def wait_s(self) -> float:
        """How long until freed slots are certainly usable."""
        return 2 * max(self.times_s, default=0.25) + 0.1
