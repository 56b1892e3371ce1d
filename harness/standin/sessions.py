"""
Browser sessions and their slots; pure, with instants as arguments.

A slot is taken at creation and freed ``release_delay`` after the session was closed or expired;
a leaked slot is never freed.
"""

from __future__ import annotations

import heapq
from typing import Literal

import msgspec

SessionState = Literal["provisioning", "active", "closed"]
NEVER_NS = 1 << 62


class Session(msgspec.Struct):
    """One session."""

    id: str
    created_ns: int
    active_ns: int  # when its browser is ready
    expires_ns: int
    closed_ns: int = NEVER_NS  # when it was deleted; `NEVER_NS` until then
    slot_free_ns: int = NEVER_NS  # when its slot is freed; `NEVER_NS` while unknown or leaked
    label: str | None = None  # the name given at creation, if any

    def state_at(self, now_ns: int) -> SessionState:
        """The session's state."""
        if now_ns >= min(self.closed_ns, self.expires_ns):
            return "closed"
        return "active" if now_ns >= self.active_ns else "provisioning"


class Sessions:
    """All sessions, and the slots taken."""

    def __init__(self) -> None:
        self._by_id: dict[str, Session] = {}
        self._open: dict[str, Session] = {}
        self._expiry: list[tuple[int, str]] = []
        self._release: list[tuple[int, str]] = []
        self._taken = 0
        self.created = 0
        self.closed = 0
        self.expired = 0
        self.leaked = 0  # slots that are never freed
        self.lost = 0  # those of them that belong to no session
        self.peak_taken = 0  # most slots taken at the same time
        self.over_admitted = 0  # most slots taken beyond the limit

    def taken(self, now_ns: int, release_delay_ns: int) -> int:
        """Slots taken now."""
        self._settle(now_ns, release_delay_ns)
        return self._taken

    def open(self, now_ns: int, release_delay_ns: int) -> dict[str, Session]:
        """Sessions neither deleted nor expired, oldest first."""
        self._settle(now_ns, release_delay_ns)
        return self._open

    def find(self, session_id: str) -> Session | None:
        """The session of this id, in any state."""
        return self._by_id.get(session_id)

    def add(self, session: Session, limit: int) -> None:
        """Take a slot for a new session, even if there is no room."""
        self._by_id[session.id] = self._open[session.id] = session
        heapq.heappush(self._expiry, (session.expires_ns, session.id))
        self.created += 1
        self._taken += 1
        self.peak_taken = max(self.peak_taken, self._taken)
        if limit:
            self.over_admitted = max(self.over_admitted, self._taken - limit)

    def close(self, session: Session, now_ns: int, release_delay_ns: int, *, leak: bool) -> None:
        """Delete a session; its slot is released later, at its expiry, or never if leaked."""
        session.closed_ns = now_ns
        self.closed += 1
        if self._open.pop(session.id, None) is None:
            return
        if leak:
            self.leaked += 1
        else:
            self._release_at(session, now_ns + release_delay_ns)

    def leak_slot(self) -> None:
        """Take a slot that belongs to no session."""
        self._taken += 1
        self.leaked += 1
        self.lost += 1
        self.peak_taken = max(self.peak_taken, self._taken)

    def restore_leaked_slots(self) -> None:
        """Take the slots of no session again, after counters were restored."""
        self._taken += self.lost

    def restore(self, session: Session, now_ns: int) -> None:
        """Add a session from the state file, and its slot if it still has one."""
        self._by_id[session.id] = session
        if now_ns >= session.slot_free_ns:
            return
        self._taken += 1
        if session.slot_free_ns < NEVER_NS:
            self._release_at(session, session.slot_free_ns)
        elif session.closed_ns == NEVER_NS:
            self._open[session.id] = session
            heapq.heappush(self._expiry, (session.expires_ns, session.id))

    def _release_at(self, session: Session, free_ns: int) -> None:
        session.slot_free_ns = free_ns
        heapq.heappush(self._release, (free_ns, session.id))

    def _settle(self, now_ns: int, release_delay_ns: int) -> None:
        while self._expiry and self._expiry[0][0] <= now_ns:
            expires_ns, session_id = heapq.heappop(self._expiry)
            session = self._open.pop(session_id, None)
            if session is not None:
                self.expired += 1
                self._release_at(session, expires_ns + release_delay_ns)
        while self._release and self._release[0][0] <= now_ns:
            heapq.heappop(self._release)
            self._taken -= 1
