"""Reset after: the request is forwarded whole, then the client sees a reset."""

from __future__ import annotations

from harness.faults.kinds.fault import Connection, Fault


class ResetAfter(Fault):
    """The work is done, and the client cannot know."""

    closes_connection = True

    def after_request(self, connection: Connection) -> None:
        """Reset the client's side; the target's stays until it has answered."""
        connection.cut(reset=True)
