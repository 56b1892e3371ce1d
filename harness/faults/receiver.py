"""
The webhook receiver: judges deliveries, and misbehaves on demand.

Forged, stale and replayed deliveries are refused; a delivery id that was accepted before
is thanked for and counted as a duplicate. On top of that a share of the genuine ones is
answered late, with 500, or not at all, so that the sender's retries can be seen.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any
from urllib.parse import unquote

import msgspec

from harness.clock import unix_ns
from harness.faults.event_log import EventLog
from harness.faults.signature import TOLERANCE_S, SignatureStatus, verify
from harness.faults.spec import InboxBehaviour
from harness.units import NS_PER_MS, NS_PER_S

DELIVERIES_KEPT_MAX = 200_000
"""Delivery ids and signatures that are kept, the newest; older ones are forgotten."""
_TEXT_CHARS_MAX = 200
_UNIX_MS_MAX = 1 << 43
"""In the year 2248: later times are no times of ours, and would not fit 64 bits of ns."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_REFUSALS = {
    SignatureStatus.MISSING: 401,
    SignatureStatus.FORGED: 401,
    SignatureStatus.STALE: 400,
    SignatureStatus.REPLAYED: 409,
}


class _Run(msgspec.Struct):
    id: Any = None
    runId: Any = None  # noqa: N815  its name on the wire
    status: Any = None
    finishedAt: Any = None  # noqa: N815  its name on the wire


class _Data(msgspec.Struct):
    run: _Run | None = None


class _Delivery(msgspec.Struct):
    id: Any = None
    type: Any = None
    data: _Data | None = None


_decode = msgspec.json.Decoder(_Delivery).decode


class WebhookReceiver:
    """
    Judges one delivery after the other and tells each in the journal.

    Args:
        secret: The webhook's secret, as it stands.
        event_log: Where deliveries are told.
        behaviour: What share is treated badly.
        seed: The seed of that choice.
        tolerance_s: How far a signed time may be from now.
        now_ns: The clock.
    """

    def __init__(
        self,
        secret: str,
        *,
        event_log: EventLog,
        behaviour: InboxBehaviour,
        seed: int = 0,
        tolerance_s: float = TOLERANCE_S,
        now_ns: Callable[[], int] = unix_ns,
    ) -> None:
        self._secret = secret.encode()
        self._event_log = event_log
        self._behaviour = behaviour
        self._rng = Random(f"{seed}/inbox")
        self._tolerance_s = tolerance_s
        self._now_ns = now_ns
        self._accepted: OrderedDict[str, None] = OrderedDict()
        self._refused: OrderedDict[str, None] = OrderedDict()
        self._signatures: OrderedDict[bytes, None] = OrderedDict()

    async def receive(self, path: str, signature: str | None, body: bytes) -> int:
        """
        Judge one delivery.

        Returns:
            The HTTP status to answer; 0 to close without an answer.
        """
        arrived_ns = self._now_ns()
        verdict = verify(
            signature,
            body,
            self._secret,
            now_s=arrived_ns / NS_PER_S,
            tolerance_s=self._tolerance_s,
        )
        mark = sha256((signature or "").encode() + b"\n" + body).digest()
        if verdict is SignatureStatus.VALID and mark in self._signatures:
            verdict = SignatureStatus.REPLAYED
        parsed = _describe(path, body) | {"signature": verdict.value}
        if (refusal := _REFUSALS.get(verdict)) is not None:
            self._event_log.append("webhook", parsed | {"status": refusal}, time_ns=arrived_ns)
            return refusal
        if not parsed["delivery_id"] or not parsed["run_id"]:
            self._event_log.append("webhook", parsed | {"status": 400}, time_ns=arrived_ns)
            return 400
        parsed["duplicate"] = parsed["delivery_id"] in self._accepted
        status, wait_ns = (500, 0) if self._refuses(parsed) else self._choose()
        # Told before the wait: a trial that ends meanwhile still knows that it came.
        self._event_log.append("webhook", parsed | {"status": status}, time_ns=arrived_ns)
        if wait_ns:
            await asyncio.sleep(wait_ns / NS_PER_S)
        if status == 200:
            _remember(self._accepted, parsed["delivery_id"])
            _remember(self._signatures, mark)
        return status

    def _refuses(self, parsed: Mapping[str, Any]) -> bool:
        """Whether this is the first of a delivery that is to be told twice."""
        ending, delivery_id = self._behaviour.refused, parsed["delivery_id"]
        if not ending or not parsed["tag"].endswith(ending) or delivery_id in self._refused:
            return False
        _remember(self._refused, delivery_id)
        return True

    def _choose(self) -> tuple[int, int]:
        """The status to answer, and the wait before it in ns."""
        b, chance = self._behaviour, self._rng.random()
        if chance < b.silent:
            return 0, b.hold
        if chance < b.silent + b.fail:
            return 500, 0
        return 200, b.slow_by if chance < b.silent + b.fail + b.slow else 0


def _describe(path: str, body: bytes) -> dict[str, Any]:
    """What a stranger's body says of itself, as bounded texts."""
    try:
        delivery = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        delivery = _Delivery()
    run = (delivery.data and delivery.data.run) or _Run()
    return {
        "delivery_id": _text(delivery.id),
        "run_id": _text(run.id) or _text(run.runId),
        "run_status": _text(run.status),
        "type": _text(delivery.type),
        "tag": unquote(path.partition("?")[0].rpartition("/")[2])[:_TEXT_CHARS_MAX],
        "ended_ns": _unix_ns(run.finishedAt),
    }


def _unix_ns(value: Any) -> int:
    """A time of the body, ISO 8601 or epoch milliseconds, as Unix ns; 0 when it is none."""
    if isinstance(value, str) and len(value) <= _TEXT_CHARS_MAX:
        try:
            parsed = datetime.fromisoformat(value)
            since = parsed.replace(tzinfo=parsed.tzinfo or UTC) - _EPOCH
        except (ValueError, OverflowError):
            return 0
        ns = since // _MICROSECOND * 1000
        return ns if 0 < ns < _UNIX_MS_MAX * NS_PER_MS else 0
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return round(value * NS_PER_MS) if is_number and 0 < value < _UNIX_MS_MAX else 0


def _text(value: Any) -> str:
    return value[:_TEXT_CHARS_MAX] if isinstance(value, str) else ""


def _remember(kept: OrderedDict[Any, None], item: Any) -> None:
    kept[item] = None
    if len(kept) > DELIVERIES_KEPT_MAX:
        kept.popitem(last=False)
