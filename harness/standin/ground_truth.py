"""
The truth: what the server did, independent of what it answered.

A request is counted when its response is handed to the socket. ``refused`` is what the limiter
refused; any other response is ``accepted``, even a 401 or a 503.
"""

from __future__ import annotations

import msgspec


class ResponseCounts(msgspec.Struct):
    """Responses of one operation."""

    accepted: int = 0
    refused: int = 0
    by_status: dict[str, int] = {}
    by_code: dict[str, int] = {}


class Counters(msgspec.Struct):
    """Counters that only grow."""

    requests: dict[str, ResponseCounts] = {}  # operation → responses; ``unknown`` for unknown paths
    limiter: dict[str, int] = {}  # its decisions: accepted, refused
    lies: dict[str, int] = {}  # lie → number of times
    # Webhooks: ``due``, ``attempted`` tries, ``delivered``, ``given_up`` after the last try,
    # ``lost`` by a lie, ``blocked`` as not loopback.
    deliveries: dict[str, int] = {}
    work: dict[str, int] = {}  # operation → number of times its work was done

    def count_answer(self, operation: str, status: int, code: str, *, refused: bool) -> None:
        """Count a response that is about to be sent."""
        counts = self.requests.get(operation)
        if counts is None:
            counts = self.requests[operation] = ResponseCounts()
        if refused:
            counts.refused += 1
        else:
            counts.accepted += 1
        increment(counts.by_status, str(status))
        increment(counts.by_code, code or ("ok" if status < 400 else str(status)))


def increment(counts: dict[str, int], name: str, times: int = 1) -> None:
    """Add to one counter."""
    counts[name] = counts.get(name, 0) + times
