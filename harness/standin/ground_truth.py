"""
The truth: what the server really did, whatever it told.

A request is counted in the moment its answer is handed to the socket. ``refused``
is what the limiter refused; everything else that was answered is ``accepted``,
also a 401 or a 503, so the two always add up to the answers.
"""

from __future__ import annotations

import msgspec


class ResponseCounts(msgspec.Struct):
    """Answers of one operation."""

    accepted: int = 0
    refused: int = 0
    by_status: dict[str, int] = {}
    by_code: dict[str, int] = {}


class Counters(msgspec.Struct):
    """
    Counters that only grow.

    Attributes:
        requests: Operation → answers; ``unknown`` for paths that are none.
        limiter: Its decisions: accepted, refused.
        lies: Lie → how often it was told.
        deliveries: Webhooks: ``due``, ``attempted`` tries, ``delivered``, ``given_up``
            after the last try, ``lost`` by a lie, ``blocked`` as not loopback.
        work: Operation → how often its work was really done.
    """

    requests: dict[str, ResponseCounts] = {}
    limiter: dict[str, int] = {}
    lies: dict[str, int] = {}
    deliveries: dict[str, int] = {}
    work: dict[str, int] = {}

    def count_answer(self, operation: str, status: int, code: str, *, refused: bool) -> None:
        """Count an answer that is about to be sent."""
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
    """Count one more of a name."""
    counts[name] = counts.get(name, 0) + times
