"""
Idempotency keys: do the work once, tell its answer again.

After the IETF draft "The Idempotency-Key HTTP Header Field": the same key with the
same request is answered with the first answer; with another request it is refused
(422); while the first is still being handled it is refused as well (409). A key
whose work failed is free again. A key belongs to the API key that sent it.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum

import msgspec

KeyScope = tuple[str, str]
"""API key and Idempotency-Key."""


class KeyRecord(msgspec.Struct):
    """
    What is remembered of one key.

    Attributes:
        fingerprint: Hash of the operation, path and body it came with.
        begun_ns: When its first request came.
        status: HTTP status of the answer; 0 while in flight.
        body: Body of the answer.
        resource_id: The session or run it made; "" when none.
    """

    fingerprint: str
    begun_ns: int
    status: int = 0
    body: bytes = b""
    resource_id: str = ""


class KeyConflict(Enum):
    """Why a request with a key is not handled."""

    ANOTHER_REQUEST = 422
    IN_FLIGHT = 409


class IdempotencyKeys:
    """
    The keys seen, oldest first.

    Attributes:
        executions: Idempotency-Key → how often its work was really done.
    """

    def __init__(self) -> None:
        self._records: OrderedDict[KeyScope, KeyRecord] = OrderedDict()
        self.executions: dict[str, int] = {}

    def look_up(
        self, scope: KeyScope, fingerprint: str, now_ns: int, lifetime_ns: int
    ) -> KeyRecord | KeyConflict | None:
        """
        What is known of a key: its first answer, a refusal, or nothing.

        Keys older than the lifetime are forgotten, but never one in flight.
        """
        self._forget(now_ns - lifetime_ns)
        record = self._records.get(scope)
        if record is None or (record.status and record.begun_ns <= now_ns - lifetime_ns):
            return None
        if record.fingerprint != fingerprint:
            return KeyConflict.ANOTHER_REQUEST
        return record if record.status else KeyConflict.IN_FLIGHT

    def begin(self, scope: KeyScope, fingerprint: str, now_ns: int) -> KeyRecord:
        """Hold a key while its request is handled; it becomes the youngest."""
        self._records.pop(scope, None)
        record = self._records[scope] = KeyRecord(fingerprint, now_ns)
        return record

    def restore(self, scope: KeyScope, record: KeyRecord) -> None:
        """Put back a key read from a file."""
        self._records[scope] = record

    def abandon(self, scope: KeyScope) -> None:
        """Free a key whose work was not done."""
        self._records.pop(scope, None)

    def count(self, key: str) -> int:
        """Count that a key's work was done; returns how often it now was."""
        times = self.executions[key] = self.executions.get(key, 0) + 1
        return times

    def repeated(self) -> dict[str, int]:
        """The keys whose work was done more than once."""
        return {key: times for key, times in self.executions.items() if times > 1}

    def _forget(self, before_ns: int) -> None:
        while self._records:
            scope = next(iter(self._records))
            record = self._records[scope]
            if record.begun_ns > before_ns or not record.status:
                return
            del self._records[scope]
