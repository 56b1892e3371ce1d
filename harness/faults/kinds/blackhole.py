"""Blackhole: the connection stays open, and nothing ever comes back (half-open)."""

from __future__ import annotations

from harness.faults.kinds.fault import Connection, Fault


class Blackhole(Fault):
    """The request is not forwarded; only the client's own timeout ends the wait."""

    closes_connection = True

    async def before_request(self, connection: Connection) -> None:
        """Swallow what the client sends until it leaves."""
        await connection.discard_input()
