"""Response truncated: a part of the answer arrives, then the connection is closed."""

from __future__ import annotations

from harness.faults.kinds.fault import Connection, Fault


class ResponseTruncated(Fault):
    """Cuts at a seeded place within the first piece of the answer."""

    closes_connection = True

    def filter_response(self, data: bytes, connection: Connection, *, last: bool) -> bytes:  # noqa: ARG002  cut anyway
        """Forward at least one byte and at least one too few."""
        return data[: self.rng.randrange(1, len(data))] if len(data) > 1 else b""

    def after_piece(self, connection: Connection) -> None:
        """Close behind the first piece."""
        connection.cut(reset=False)
