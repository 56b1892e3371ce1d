"""The inbox as a process: what it answers over a socket, and how it ends."""

from __future__ import annotations

import asyncio
import http.client
import json
from urllib.parse import urlsplit

import psutil
import pytest

from harness.clock import unix_ns
from harness.errors import HarnessError, UsageError
from harness.faults import inbox as inboxes
from harness.faults.inbox import BODY_BYTES_MAX, InboxConfig, start_inbox
from harness.faults.launch import Inbox
from harness.faults.process import read_config
from tests.faults.deliveries import BODY, SECRET, sign


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
    """An invalid behaviour is refused before anything listens, with all its errors."""
    behaviour = table | ({"slw": 1} if "fail" in table and "slow" not in table else {})
    with pytest.raises(UsageError, match=words):
        read_config(InboxConfig, {"secret": "s", "behaviour": behaviour})


def post(url, body, headers):
    """The status of a delivery; 0 if the inbox closed without a response."""
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
    """Over a real socket: accepted, duplicate, forged, too large; then the process ends."""
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
    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize(
    ("behaviour", "expected"), [({"fail": 1}, 500), ({"silent": 1, "hold": "50ms"}, 0)]
)
def test_the_process_misbehaves_on_demand(behaviour, expected):
    """All get a 500, or no response."""
    with Inbox(behaviour=behaviour) as inbox:
        header = {"x-opensteer-signature": sign(inbox.secret, BODY)}

        assert expected == post(inbox.url, BODY, header)


def test_a_wrong_configuration_is_one_line():
    """The process's message becomes an error of the harness."""
    with (
        pytest.raises(HarnessError, match="less than or equal to 1"),
        Inbox(behaviour={"slow": 3}),
    ):
        pass


def test_an_unknown_key_is_named():
    """An unused key is an error."""
    with pytest.raises(UsageError, match=r"listen: write HOST:PORT; colour is unknown"):
        read_config(InboxConfig, {"secret": "s", "listen": "x", "colour": "red"})


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


def test_pipelined_deliveries_are_separate(play):
    """A sender need not wait for responses (RFC 9112, 9.3.2): each gets its own, in order."""

    async def pipeline(reader, writer):
        writer.write(b"".join(b"".join(delivery(number)) for number in (1, 2)))
        answers = [await reader.readuntil(b"\r\n\r\n") for _ in range(2)]
        writer.write_eof()
        return answers

    answers, events = play(pipeline)
    assert [("k1", "evt_1", "valid", 200), ("k2", "evt_2", "valid", 200)] == [
        (each["tag"], each["delivery_id"], each["signature"], each["status"]) for each in events
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

    (interim, answer), events = play(ask)
    assert b"HTTP/1.1 100 Continue\r\n\r\n" == interim
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert ["valid"] == [each["signature"] for each in events]


@pytest.mark.parametrize("sent", [b"", b"POST /k HTTP/1.1\r\nx-a: ", delivery(1)[0]])
def test_an_unfinished_request_is_ended(play, monkeypatch, sent):
    """Before its head, within it, or within its body."""
    monkeypatch.setattr(inboxes, "REQUEST_S_MAX", 0.2)

    async def dawdle(reader, writer):
        writer.write(sent)
        return await reader.read()

    answer, events = play(dawdle)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert not events


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

    answer, events = play(send)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert not events


def test_concurrent_deliveries_do_not_wait_for_each_other(tmp_path):
    """200 concurrent deliveries, each delayed by half a second."""
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
