"""Response lost: the request is forwarded, its answer swallowed, the connection closed."""

from __future__ import annotations

from harness.faults.kinds.fault import Connection, Fault


class ResponseLost(Fault):
    """The target finished in peace; only its answer is missing."""

    closes_connection = True

    def filter_response(self, data: bytes, connection: Connection, *, last: bool) -> bytes:  # noqa: ARG002  all is lost
        """Swallow everything; close when the answer is complete."""
        if last:
            connection.cut(reset=False)
        return b""
