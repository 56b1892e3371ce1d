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
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any
from urllib.parse import unquote

import msgspec

from harness.clock import unix_ns
from harness.errors import UsageError
from harness.faults.journal import Journal
from harness.faults.signature import TOLERANCE_S, Signature, verify
from harness.units import NS_PER_MS, NS_PER_S, parse_duration_ns

REMEMBERED_MAX = 200_000
"""Delivery ids and signatures that are kept, the newest; older ones are forgotten."""
_TEXT_CHARS_MAX = 200
_UNIX_MS_MAX = 1 << 43
"""In the year 2248: later times are no times of ours, and would not fit 64 bits of ns."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_REFUSALS = {
    Signature.MISSING: 401,
    Signature.FORGED: 401,
    Signature.STALE: 400,
    Signature.REPLAYED: 409,
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


@dataclass(frozen=True, slots=True)
class Behaviour:
    """
    How the inbox treats genuine deliveries.

    Attributes:
        slow: Share answered late.
        slow_ns: How late.
        fail: Share answered with 500.
        silent: Share that gets no answer: the connection is held for `hold_ns`, then closed.
        hold_ns: See `silent`.
        refused: Ending of tags (docs/explanation/conformance.md) whose deliveries are answered
            with 500 until one came twice; "" refuses none.
    """

    slow: float = 0.0
    slow_ns: int = 2 * NS_PER_S
    fail: float = 0.0
    silent: float = 0.0
    hold_ns: int = 30 * NS_PER_S
    refused: str = ""


def read_behaviour(table: Mapping[str, Any]) -> Behaviour:
    """
    Read ``slow``, ``fail``, ``silent`` (shares), ``slow_by``, ``hold`` (times), ``refused``.

    Raises:
        UsageError: A share is not one, or all together are more than 1.
    """
    try:
        shares = {name: float(table.get(name, 0.0)) for name in ("slow", "fail", "silent")}
        behaviour = Behaviour(
            **shares,
            slow_ns=parse_duration_ns(str(table.get("slow_by", "2s"))),
            hold_ns=parse_duration_ns(str(table.get("hold", "30s"))),
            refused=str(table.get("refused", "")),
        )
    except (TypeError, ValueError) as error:
        msg = f"inbox behaviour: {error}"
        raise UsageError(msg) from error
    if min(shares.values()) < 0 or sum(shares.values()) > 1:
        msg = f"inbox behaviour: {shares} are no shares; each is at least 0, together at most 1"
        raise UsageError(msg)
    return behaviour


class Receiver:
    """
    Judges one delivery after the other and tells each in the journal.

    Args:
        secret: The webhook's secret, as it stands.
        journal: Where deliveries are told.
        behaviour: What share is treated badly.
        seed: The seed of that choice.
        tolerance_s: How far a signed time may be from now.
        now_ns: The clock.
    """

    def __init__(
        self,
        secret: str,
        *,
        journal: Journal,
        behaviour: Behaviour,
        seed: int = 0,
        tolerance_s: float = TOLERANCE_S,
        now_ns: Callable[[], int] = unix_ns,
    ) -> None:
        self._secret = secret.encode()
        self._journal = journal
        self._behaviour = behaviour
        self._chance = Random(f"{seed}/inbox")
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
        if verdict is Signature.VALID and mark in self._signatures:
            verdict = Signature.REPLAYED
        told = _describe(path, body) | {"signature": verdict.value}
        if (refusal := _REFUSALS.get(verdict)) is not None:
            self._journal.tell("webhook", told | {"status": refusal}, time_ns=arrived_ns)
            return refusal
        if not told["delivery_id"] or not told["run_id"]:
            self._journal.tell("webhook", told | {"status": 400}, time_ns=arrived_ns)
            return 400
        told["duplicate"] = told["delivery_id"] in self._accepted
        status, wait_ns = (500, 0) if self._refuses(told) else self._choose()
        # Told before the wait: a trial that ends meanwhile still knows that it came.
        self._journal.tell("webhook", told | {"status": status}, time_ns=arrived_ns)
        if wait_ns:
            await asyncio.sleep(wait_ns / NS_PER_S)
        if status == 200:
            _remember(self._accepted, told["delivery_id"])
            _remember(self._signatures, mark)
        return status

    def _refuses(self, told: Mapping[str, Any]) -> bool:
        """Whether this is the first of a delivery that is to be told twice."""
        ending, delivery_id = self._behaviour.refused, told["delivery_id"]
        if not ending or not told["tag"].endswith(ending) or delivery_id in self._refused:
            return False
        _remember(self._refused, delivery_id)
        return True

    def _choose(self) -> tuple[int, int]:
        """The status to answer, and the wait before it in ns."""
        b, chance = self._behaviour, self._chance.random()
        if chance < b.silent:
            return 0, b.hold_ns
        if chance < b.silent + b.fail:
            return 500, 0
        return 200, b.slow_ns if chance < b.silent + b.fail + b.slow else 0


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
            told = datetime.fromisoformat(value)
            since = told.replace(tzinfo=told.tzinfo or UTC) - _EPOCH
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
    if len(kept) > REMEMBERED_MAX:
        kept.popitem(last=False)
