"""
The webhook receiver: verifies deliveries, and misbehaves on demand.

Forged, stale and replayed deliveries are refused. A repeated delivery id gets 200 and counts as
a duplicate. A share of the genuine deliveries is answered late, with 500, or not at all, so that
the sender's retries can be observed.
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
"""Most delivery ids and signatures kept; the oldest are forgotten."""
_TEXT_CHARS_MAX = 200
_UNIX_MS_MAX = 1 << 43
"""In the year 2248; later times do not fit into 64 bits of ns."""
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
    runId: Any = None  # noqa: N815  the API's name
    status: Any = None
    finishedAt: Any = None  # noqa: N815  the API's name


class _Data(msgspec.Struct):
    run: _Run | None = None


class _Delivery(msgspec.Struct):
    id: Any = None
    type: Any = None
    data: _Data | None = None


_decode = msgspec.json.Decoder(_Delivery).decode


class WebhookReceiver:
    """Verifies deliveries and logs each."""

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
        """Verify one delivery; returns the HTTP status, or 0 to close without one."""
        arrived_ns = self._now_ns()
        now_s = arrived_ns / NS_PER_S
        verdict = verify(signature, body, self._secret, now_s=now_s, tolerance_s=self._tolerance_s)
        digest = sha256((signature or "").encode() + b"\n" + body).digest()
        if verdict is SignatureStatus.VALID and digest in self._signatures:
            verdict = SignatureStatus.REPLAYED
        parsed = _describe(path, body) | {"signature": verdict.value}
        refusal = _REFUSALS.get(verdict, 0)
        if not refusal and not (parsed["delivery_id"] and parsed["run_id"]):
            refusal = 400
        if refusal:
            self._event_log.append("webhook", parsed | {"status": refusal}, time_ns=arrived_ns)
            return refusal
        parsed["duplicate"] = parsed["delivery_id"] in self._accepted
        status, delay_ns = (500, 0) if self._refuses(parsed) else self._choose()
        # Logged before the wait, so that a trial that ends meanwhile still has it.
        self._event_log.append("webhook", parsed | {"status": status}, time_ns=arrived_ns)
        if delay_ns:
            await asyncio.sleep(delay_ns / NS_PER_S)
        if status == 200:
            _remember(self._accepted, parsed["delivery_id"])
            _remember(self._signatures, digest)
        return status

    def _refuses(self, parsed: Mapping[str, Any]) -> bool:
        """Whether to refuse this delivery because its tag asks for a redelivery."""
        suffix, delivery_id = self._behaviour.refused, parsed["delivery_id"]
        if not suffix or not parsed["tag"].endswith(suffix) or delivery_id in self._refused:
            return False
        _remember(self._refused, delivery_id)
        return True

    def _choose(self) -> tuple[int, int]:
        """The status to answer, and the delay before it in ns."""
        b, chance = self._behaviour, self._rng.random()
        if chance < b.silent:
            return 0, b.hold
        if chance < b.silent + b.fail:
            return 500, 0
        return 200, b.slow_by if chance < b.silent + b.fail + b.slow else 0


def _describe(path: str, body: bytes) -> dict[str, Any]:
    """The fields of an untrusted body, as bounded texts."""
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
    """An ISO 8601 time or epoch milliseconds as Unix ns; 0 for anything else."""
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
