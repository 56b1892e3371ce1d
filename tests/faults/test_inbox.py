"""The inbox refuses what is not genuine, and misbehaves only on demand."""

from __future__ import annotations

import asyncio
import hmac
import http.client
import json
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from harness.clock import unix_ns
from harness.errors import HarnessError, UsageError
from harness.faults.event_log import EventLog
from harness.faults.inbox import BODY_BYTES_MAX, start_inbox
from harness.faults.launch import Inbox
from harness.faults.receiver import Behaviour, WebhookReceiver, read_behaviour
from harness.faults.signature import SignatureStatus, verify

SECRET = b"whsec_your_secret"
BODY = b'{"id":"evt_1","type":"run.succeeded","data":{"run":{"id":"r1","status":"succeeded"}}}'
# printf '1700000000.%s' "$BODY" | openssl dgst -sha256 -hmac whsec_your_secret
MAC = "84983b4a2e5aa1785f2889bf237d4f000982529a9b418472777cd66cd6363141"
NOW_S = 1_700_000_000
HEADER = f"t={NOW_S},v1={MAC}"


def genuine(body, at_s=NOW_S):
    """The header that a genuine sender would write."""
    mac = hmac.new(SECRET, f"{at_s}.".encode() + body, "sha256").hexdigest()
    return f"t={at_s},v1={mac}"


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
    """The statuses and the events told for deliveries (header, body)."""
    path = tmp_path / "events.jsonl"

    async def play():
        receiver = WebhookReceiver(
            SECRET.decode(),
            event_log=EventLog(str(path), "inbox"),
            behaviour=behaviour or Behaviour(),
            now_ns=lambda: NOW_S * 10**9,
        )
        return [await receiver.receive("/hook/key-1?x=y", *given) for given in deliveries]

    statuses = asyncio.run(play())
    return statuses, [json.loads(line)["data"] for line in path.read_text().splitlines()]


def test_a_genuine_delivery_is_told_with_its_run(tmp_path):
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
    ("told", "expected"),
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
def test_the_runs_end_is_read_from_the_body(tmp_path, told, expected):
    """Epoch milliseconds or ISO 8601, as Unix ns; anything else is no time."""
    body = json.dumps({"id": "e", "data": {"run": {"id": "r", "finishedAt": told}}}).encode()
    _, events = receive(tmp_path, (genuine(body), body))

    assert [expected] == [event["ended_ns"] for event in events]


def test_forged_and_stale_are_refused(tmp_path):
    """A wrong MAC and no header get 401; nothing is remembered of them."""
    statuses, events = receive(
        tmp_path, (f"t={NOW_S},v1={'0' * 64}", BODY), (None, BODY), (HEADER, BODY)
    )

    assert [401, 401, 200] == statuses
    assert ["forged", "missing", "valid"] == [event["signature"] for event in events]


def test_the_same_signature_twice_is_a_replay(tmp_path):
    """Once accepted, the very same header and body are refused."""
    statuses, events = receive(tmp_path, (HEADER, BODY), (HEADER, BODY))

    assert [200, 409] == statuses
    assert ["valid", "replayed"] == [event["signature"] for event in events]


def test_a_refused_delivery_may_come_again(tmp_path):
    """What was answered with 500 was not accepted: the same signature is no replay."""
    statuses, _ = receive(
        tmp_path, (HEADER, BODY), (HEADER, BODY), behaviour=Behaviour(fail=1.0)
    )

    assert [500, 500] == statuses


def test_a_body_without_a_run_is_refused(tmp_path):
    """A genuine signature over nonsense is a 400, and still told."""
    import hmac

    body = b'{"id":7,"data":[]}'
    mac = hmac.new(SECRET, f"{NOW_S}.".encode() + body, "sha256").hexdigest()

    statuses, events = receive(tmp_path, (f"t={NOW_S},v1={mac}", body))

    assert [400] == statuses
    assert "" == events[0]["run_id"]


@pytest.mark.parametrize(
    "table", [{"slow": 2}, {"fail": -0.1}, {"slow": 0.6, "fail": 0.6}, {"hold": "x"}]
)
def test_shares_are_checked(table):
    """A behaviour that cannot be is refused before anything listens."""
    with pytest.raises(UsageError, match="inbox behaviour"):
        read_behaviour(table)


def sign(secret, body):
    """A header made now."""
    import hmac

    now_s = unix_ns() // 10**9
    mac = hmac.new(secret.encode(), f"{now_s}.".encode() + body, "sha256").hexdigest()
    return f"t={now_s},v1={mac}"


def post(url, body, headers):
    """The status of a delivery; 0 when the inbox closed without an answer."""
    parts = urlsplit(url)
    link = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
    try:
        link.request("POST", "/k1", body, headers)
        return link.getresponse().status
    except (http.client.RemoteDisconnected, ConnectionResetError):
        return 0
    finally:
        link.close()


def test_the_process_receives_refuses_and_ends(tmp_path):
    """Over a real socket: accepted, thanked for again, forged, too large; then no process."""
    events_path = tmp_path / "events.jsonl"
    with Inbox(events_path=events_path) as inbox:
        pid = inbox.pid
        again = BODY.replace(b"}}}", b"} }}")
        statuses = [
            post(inbox.url, BODY, {"x-opensteer-signature": sign(inbox.secret, BODY)}),
            post(inbox.url, again, {"x-opensteer-signature": sign(inbox.secret, again)}),
            post(inbox.url, BODY, {"x-opensteer-signature": sign("whsec_other", BODY)}),
            post(inbox.url, b"x" * (BODY_BYTES_MAX + 1), {}),
            post(inbox.url, b"", {"x-large": "x" * 40_000}),
        ]
        text = events_path.read_text()

    assert [200, 200, 401] == statuses[:3]
    assert statuses[3] in (413, 0)
    assert statuses[4] in (431, 400, 0)
    assert [False, True, None] == [
        json.loads(line)["data"].get("duplicate") for line in text.splitlines()
    ]
    assert inbox.secret not in text
    assert not _is_running(pid)


@pytest.mark.parametrize(
    ("behaviour", "expected"), [({"fail": 1}, 500), ({"silent": 1, "hold": "50ms"}, 0)]
)
def test_the_process_misbehaves_on_demand(behaviour, expected):
    """All answered with 500, or none at all."""
    with Inbox(behaviour=behaviour) as inbox:
        header = {"x-opensteer-signature": sign(inbox.secret, BODY)}

        assert expected == post(inbox.url, BODY, header)


def test_a_wrong_configuration_is_one_line():
    """The process's own words come back as an error of the harness."""
    with pytest.raises(HarnessError, match="together at most 1"), Inbox(behaviour={"slow": 3}):
        pass


def test_an_unknown_key_is_named():
    """A key that nobody reads is a mistake, not a wish."""
    with pytest.raises(UsageError, match="unknown key 'colour'"):
        asyncio.run(start_inbox({"secret": "s", "colour": "red"}))


def _is_running(pid):
    try:
        import os

        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("chance", "answer"),
    [(0.0, 0), (0.19, 0), (0.2, 500), (0.49, 500), (0.5, 200), (0.89, 200), (0.9, 200)],
)
def test_each_delivery_is_treated_in_one_way_by_its_share(chance, answer):
    """Silent, then failing, then slow, then as it should be: the shares lie side by side."""
    behaviour = Behaviour(silent=0.2, fail=0.3, slow=0.4, slow_ns=7, hold_ns=9)
    receiver = WebhookReceiver("s", event_log=EventLog(None, "inbox"), behaviour=behaviour)
    receiver._chance = SimpleNamespace(random=lambda: chance)
    wait_ns = {0: 9, 500: 0, 200: 7 if chance < 0.9 else 0}[answer]

    assert (answer, wait_ns) == receiver._choose()


def test_a_second_request_that_came_along_is_not_taken_for_part_of_the_first(tmp_path):
    """A sender may not wait for answers (RFC 9112, 9.3.2): the first is judged alone."""
    path, secret = tmp_path / "events.jsonl", SECRET.decode()

    async def play():
        inbox = await start_inbox({"secret": secret, "events": str(path)})
        address = urlsplit(inbox.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        wire = b""
        for number in (1, 2):
            body = BODY.replace(b"evt_1", b"evt_%d" % number)
            header = genuine(body, unix_ns() // 10**9).encode()
            wire += b"POST /k%d HTTP/1.1\r\nhost: h\r\nx-opensteer-signature: %b\r\n" % (
                number,
                header,
            )
            wire += b"content-length: %d\r\n\r\n%b" % (len(body), body)
        writer.write(wire)
        answers = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        await inbox.close()
        return answers

    answers = asyncio.run(play())
    told = [json.loads(line)["data"] for line in path.read_text().splitlines()]
    assert [("k1", "evt_1", "valid", 200)] == [
        (each["tag"], each["delivery_id"], each["signature"], each["status"]) for each in told
    ]
    assert 1 == answers.count(
        b"HTTP/1.1 "
    )  # and the sender sees that the other is to be repeated
    assert b"HTTP/1.1 200 OK\r\n" in answers
    assert b"connection: close" in answers
