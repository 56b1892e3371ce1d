"""
Refuse: a new connection is not taken.

A refusal of everything closes the listening socket for its window, so that the client
sees ECONNREFUSED; a refusal of a share resets the connection before a byte is read.
"""

from __future__ import annotations

from harness.faults.kinds.fault import Connection, Fault


class Refuse(Fault):
    """Struck once a connection, at its accept."""

    closes_connection = True

    async def before_request(self, connection: Connection) -> None:
        """Reset; the target never hears of it."""
        connection.cut(reset=True)
