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
from harness.faults import inbox as inboxes
from harness.faults.event_log import EventLog
from harness.faults.inbox import BODY_BYTES_MAX, InboxConfig, start_inbox
from harness.faults.launch import Inbox
from harness.faults.process import read_config
from harness.faults.receiver import WebhookReceiver
from harness.faults.signature import SignatureStatus, verify
from harness.faults.spec import InboxBehaviour

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
            behaviour=behaviour or InboxBehaviour(),
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
        tmp_path, (HEADER, BODY), (HEADER, BODY), behaviour=InboxBehaviour(fail=1.0)
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
    ("table", "words"),
    [
        ({"slow": 2}, r"behaviour\.slow: Input should be less than or equal to 1"),
        (
            {"fail": -0.1},
            r"behaviour\.fail: .*; behaviour\.slw is unknown; did you mean 'slow'",
        ),
        ({"slow": 0.6, "fail": 0.6}, "behaviour: slow, fail and silent add up to more than 1"),
        ({"hold": "x"}, r"behaviour\.hold: 'x' is not a duration"),
    ],
)
def test_shares_are_checked(table, words):
    """A behaviour that cannot be is refused before anything listens, with all its mistakes."""
    behaviour = table | ({"slw": 1} if "fail" in table and "slow" not in table else {})
    with pytest.raises(UsageError, match=words):
        read_config(InboxConfig, {"secret": "s", "behaviour": behaviour})


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
    with (
        pytest.raises(HarnessError, match="less than or equal to 1"),
        Inbox(behaviour={"slow": 3}),
    ):
        pass


def test_an_unknown_key_is_named():
    """A key that nobody reads is a mistake, not a wish."""
    with pytest.raises(UsageError, match=r"listen: write HOST:PORT; colour is unknown"):
        read_config(InboxConfig, {"secret": "s", "listen": "x", "colour": "red"})


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
    behaviour = InboxBehaviour(silent=0.2, fail=0.3, slow=0.4, slow_by="7ns", hold="9ns")
    receiver = WebhookReceiver("s", event_log=EventLog(None, "inbox"), behaviour=behaviour)
    receiver._rng = SimpleNamespace(random=lambda: chance)
    wait_ns = {0: 9, 500: 0, 200: 7 if chance < 0.9 else 0}[answer]

    assert (answer, wait_ns) == receiver._choose()


def delivery(number, secret=None, *, more=b""):
    """A delivery's head and body."""
    body = BODY.replace(b"evt_1", b"evt_%d" % number)
    head = b"POST /k%d HTTP/1.1\r\nhost: h\r\nx-opensteer-signature: %b\r\n" % (
        number,
        sign(secret or SECRET.decode(), body).encode(),
    )
    return head + more + b"content-length: %d\r\n\r\n" % len(body), body


@pytest.fixture
def play(tmp_path):
    """Runs a coroutine against an inbox of this process; its result, and the events."""
    path = tmp_path / "events.jsonl"

    def run(coroutine, **config):
        async def within():
            document = {"secret": SECRET.decode(), "events": str(path)} | config
            inbox = await start_inbox(read_config(InboxConfig, document))
            address = urlsplit(inbox.url)
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            try:
                async with asyncio.timeout(10):
                    return await coroutine(reader, writer)
            finally:
                writer.close()
                await inbox.close()

        result = asyncio.run(within())
        return result, [json.loads(line)["data"] for line in path.read_text().splitlines()]

    return run


def test_a_second_request_that_came_along_is_not_taken_for_part_of_the_first(play):
    """A sender may not wait for answers (RFC 9112, 9.3.2): each is judged alone, in order."""

    async def pipeline(reader, writer):
        writer.write(b"".join(b"".join(delivery(number)) for number in (1, 2)))
        answers = [await reader.readuntil(b"\r\n\r\n") for _ in range(2)]
        writer.write_eof()
        return answers

    answers, told = play(pipeline)
    assert [("k1", "evt_1", "valid", 200), ("k2", "evt_2", "valid", 200)] == [
        (each["tag"], each["delivery_id"], each["signature"], each["status"]) for each in told
    ]
    assert all(answer.startswith(b"HTTP/1.1 200 OK\r\n") for answer in answers)


def test_expect_100_continue_is_answered(play):
    """A sender may wait for it before it sends the body (RFC 9110, 10.1.1)."""

    async def ask(reader, writer):
        head, body = delivery(1, more=b"expect: 100-continue\r\n")
        writer.write(head)
        interim = await reader.readuntil(b"\r\n\r\n")
        writer.write(body)
        return interim, await reader.readuntil(b"\r\n\r\n")

    (interim, answer), told = play(ask)
    assert b"HTTP/1.1 100 Continue\r\n\r\n" == interim
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert ["valid"] == [each["signature"] for each in told]


@pytest.mark.parametrize("sent", [b"", b"POST /k HTTP/1.1\r\nx-a: ", delivery(1)[0]])
def test_an_unfinished_request_is_ended(play, monkeypatch, sent):
    """Before its head, within it, or within its body."""
    monkeypatch.setattr(inboxes, "REQUEST_S_MAX", 0.2)

    async def dawdle(reader, writer):
        writer.write(sent)
        return await reader.read()

    answer, told = play(dawdle)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert not told


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nhost: h\r\n\r\n", 405),
        (b"POST / HTTP/1.1\r\nx-large: %b\r\n\r\n" % (b"x" * 20_000), 431),
        (b"POST / HTTP/1.1\r\nx-large: %b" % (b"x" * 65_536), 431),
        (
            b"POST / HTTP/1.1\r\ncontent-length: 2000000\r\n\r\n" + b"x" * (BODY_BYTES_MAX + 1),
            413,
        ),
        (b"no request\r\n\r\n", 400),
    ],
)
def test_a_bad_request_is_refused_and_not_recorded(play, request_, status):
    """And its connection is closed."""

    async def send(reader, writer):
        writer.write(request_)
        return await reader.read()

    answer, told = play(send)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert not told


def test_concurrent_deliveries_do_not_wait_for_each_other(tmp_path):
    """200 at once, each delayed by half a second."""
    path = tmp_path / "events.jsonl"

    async def play(inbox):
        address = urlsplit(inbox.url)

        async def one(number):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            writer.writelines(delivery(number, inbox.secret))
            line = await reader.readline()
            writer.close()
            return line

        return await asyncio.gather(*(one(number) for number in range(200)))

    with Inbox(behaviour={"slow": 1, "slow_by": "500ms"}, events_path=path) as inbox:
        begun_ns = unix_ns()
        answers = asyncio.run(play(inbox))
        took_s = (unix_ns() - begun_ns) / 1e9

    assert {b"HTTP/1.1 200 OK\r\n"} == set(answers)
    assert 200 == len(path.read_text().splitlines())
    assert 0.5 <= took_s < 20
