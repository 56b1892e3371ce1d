"""
Idempotency keys: do the work once, and repeat its response.

After the IETF draft "The Idempotency-Key HTTP Header Field": the same key with the same request
gets the first response; with another request it is refused (422), and also while the first is in
progress (409). A key whose work failed is free again. A key belongs to its API key.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum

import msgspec

KeyScope = tuple[str, str]
"""API key and Idempotency-Key."""


class KeyRecord(msgspec.Struct):
    """What is stored for one key."""

    fingerprint: str  # hash of the operation, path and body
    begun_ns: int  # when its first request arrived
    status: int = 0  # HTTP status of the response; 0 while in progress
    body: bytes = b""
    resource_id: str = ""  # the session or run it made; "" if none


class KeyConflict(Enum):
    """Why a request with a key is not handled."""

    ANOTHER_REQUEST = 422
    IN_FLIGHT = 409


class IdempotencyKeys:
    """The keys seen, oldest first."""

    def __init__(self) -> None:
        self._records: OrderedDict[KeyScope, KeyRecord] = OrderedDict()
        self.executions: dict[str, int] = {}  # Idempotency-Key → number of times its work was done

    def look_up(
        self, scope: KeyScope, fingerprint: str, now_ns: int, lifetime_ns: int
    ) -> KeyRecord | KeyConflict | None:
        """The first response of a key, a conflict, or None; expired keys are forgotten first."""
        self._forget(now_ns - lifetime_ns)
        record = self._records.get(scope)
        if record is None or (record.status and record.begun_ns <= now_ns - lifetime_ns):
            return None
        if record.fingerprint != fingerprint:
            return KeyConflict.ANOTHER_REQUEST
        return record if record.status else KeyConflict.IN_FLIGHT

    def begin(self, scope: KeyScope, fingerprint: str, now_ns: int) -> KeyRecord:
        """Hold a key while its request is handled; it becomes the newest."""
        self._records.pop(scope, None)
        record = self._records[scope] = KeyRecord(fingerprint, now_ns)
        return record

    def restore(self, scope: KeyScope, record: KeyRecord) -> None:
        """Add a key from the state file."""
        self._records[scope] = record

    def abandon(self, scope: KeyScope) -> None:
        """Free a key whose work was not done."""
        self._records.pop(scope, None)

    def count(self, key: str) -> int:
        """Count a key's work; returns the number of times it was done."""
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
