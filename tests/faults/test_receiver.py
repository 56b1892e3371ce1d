"""The receiver refuses what is not genuine, and treats the rest as configured."""

from __future__ import annotations

import asyncio
import hmac
import json
from types import SimpleNamespace

import pytest

from harness.faults.event_log import EventLog
from harness.faults.receiver import WebhookReceiver
from harness.faults.signature import SignatureStatus, verify
from harness.faults.spec import InboxBehaviour
from tests.faults.deliveries import BODY, HEADER, MAC, NOW_S, SECRET, genuine


@pytest.mark.parametrize(
    ("header", "body", "now_s", "expected"),
    [
        (HEADER, BODY, NOW_S, SignatureStatus.VALID),
        (HEADER, BODY, NOW_S + 300, SignatureStatus.VALID),
        (HEADER, BODY, NOW_S - 300, SignatureStatus.VALID),
        (f" v1={MAC.upper()} , t={NOW_S} ", BODY, NOW_S, SignatureStatus.VALID),
        (f"t={NOW_S},v1={'0' * 64},v1={MAC}", BODY, NOW_S, SignatureStatus.VALID),
        (HEADER, BODY, NOW_S + 301, SignatureStatus.STALE),
        (HEADER, BODY, NOW_S - 301, SignatureStatus.STALE),
        (HEADER, BODY + b" ", NOW_S, SignatureStatus.FORGED),
        (f"t={NOW_S + 1},v1={MAC}", BODY, NOW_S, SignatureStatus.FORGED),
        (f"t={NOW_S},v1={'0' * 64}", BODY, NOW_S, SignatureStatus.FORGED),
        (f"t={NOW_S},t={NOW_S},v1={MAC}", BODY, NOW_S, SignatureStatus.FORGED),
        (f"t={NOW_S}", BODY, NOW_S, SignatureStatus.FORGED),
        (f"v1={MAC}", BODY, NOW_S, SignatureStatus.FORGED),
        (f"t=²,v1={MAC}", BODY, NOW_S, SignatureStatus.FORGED),
        ("x" * 5000, BODY, NOW_S, SignatureStatus.FORGED),
        ("", BODY, NOW_S, SignatureStatus.MISSING),
        (None, BODY, NOW_S, SignatureStatus.MISSING),
    ],
)
def test_a_signature_is_judged_by_secret_body_and_time(header, body, now_s, expected):
    """Known answers, computed with openssl."""
    assert expected is verify(header, body, SECRET, now_s=now_s)


def receive(tmp_path, *deliveries, behaviour=None):
    """The statuses and the events of deliveries (header, body)."""
    path = tmp_path / "events.jsonl"

    async def play():
        receiver = WebhookReceiver(
            SECRET.decode(),
            event_log=EventLog(str(path), "inbox"),
            behaviour=behaviour or InboxBehaviour(),
            now_ns=lambda: NOW_S * 10**9,
        )
        return [await receiver.receive("/hook/key-1?x=y", *given) for given in deliveries]

    statuses = asyncio.run(play())
    return statuses, [json.loads(line)["data"] for line in path.read_text().splitlines()]


def test_a_genuine_delivery_is_logged_with_its_run(tmp_path):
    """Id, run, status, type and the tag from the path are in the event."""
    statuses, events = receive(tmp_path, (HEADER, BODY))

    assert [200] == statuses
    assert [
        {
            "delivery_id": "evt_1",
            "run_id": "r1",
            "run_status": "succeeded",
            "type": "run.succeeded",
            "tag": "key-1",
            "ended_ns": 0,
            "signature": "valid",
            "duplicate": False,
            "status": 200,
        }
    ] == events


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (1_700_000_000_123, 1_700_000_000_123_000_000),
        ("2023-11-14T22:13:20.123Z", 1_700_000_000_123_000_000),
        ("2023-11-14T22:13:20", 1_700_000_000_000_000_000),
        (None, 0),
        (True, 0),
        (-5, 0),
        (1e300, 0),
        ("soon", 0),
        ([1], 0),
    ],
)
def test_the_runs_end_is_read_from_the_body(tmp_path, given, expected):
    """Epoch milliseconds or ISO 8601, as Unix ns; anything else is no time."""
    body = json.dumps({"id": "e", "data": {"run": {"id": "r", "finishedAt": given}}}).encode()
    _, events = receive(tmp_path, (genuine(body), body))

    assert [expected] == [event["ended_ns"] for event in events]


def test_forged_and_stale_are_refused(tmp_path):
    """A wrong MAC and a missing header get 401, and are not remembered."""
    statuses, events = receive(
        tmp_path, (f"t={NOW_S},v1={'0' * 64}", BODY), (None, BODY), (HEADER, BODY)
    )

    assert [401, 401, 200] == statuses
    assert ["forged", "missing", "valid"] == [event["signature"] for event in events]


def test_the_same_signature_twice_is_a_replay(tmp_path):
    """Once accepted, the same header and body are refused."""
    statuses, events = receive(tmp_path, (HEADER, BODY), (HEADER, BODY))

    assert [200, 409] == statuses
    assert ["valid", "replayed"] == [event["signature"] for event in events]


def test_a_refused_delivery_may_come_again(tmp_path):
    """A delivery that got a 500 was not accepted: the same signature is no replay."""
    statuses, _ = receive(
        tmp_path, (HEADER, BODY), (HEADER, BODY), behaviour=InboxBehaviour(fail=1.0)
    )

    assert [500, 500] == statuses


def test_a_body_without_a_run_is_refused(tmp_path):
    """A genuine signature over nonsense is a 400, and still logged."""
    body = b'{"id":7,"data":[]}'
    mac = hmac.new(SECRET, f"{NOW_S}.".encode() + body, "sha256").hexdigest()

    statuses, events = receive(tmp_path, (f"t={NOW_S},v1={mac}", body))

    assert [400] == statuses
    assert "" == events[0]["run_id"]


@pytest.mark.parametrize(
    ("chance", "answer"),
    [(0.0, 0), (0.19, 0), (0.2, 500), (0.49, 500), (0.5, 200), (0.89, 200), (0.9, 200)],
)
def test_each_delivery_is_treated_in_one_way_by_its_share(chance, answer):
    """The shares are disjoint: silent, then failing, then slow, then normal."""
    behaviour = InboxBehaviour(silent=0.2, fail=0.3, slow=0.4, slow_by="7ns", hold="9ns")
    receiver = WebhookReceiver("s", event_log=EventLog(None, "inbox"), behaviour=behaviour)
    receiver._rng = SimpleNamespace(random=lambda: chance)
    wait_ns = {0: 9, 500: 0, 200: 7 if chance < 0.9 else 0}[answer]

    assert (answer, wait_ns) == receiver._choose()
