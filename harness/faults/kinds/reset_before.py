"""Reset before: the request is not forwarded, the client sees a reset."""

from __future__ import annotations

from harness.faults.kinds.fault import Connection, Fault


class ResetBefore(Fault):
    """The work was not done, and the client cannot know."""

    closes_connection = True

    async def before_request(self, connection: Connection) -> None:
        """Reset the client's side with the request unsent."""
        connection.cut(reset=True)
