"""Webhooks: which events are delivered, how often, and with which signature."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise

import pytest

from harness.standin import response_bodies
from harness.standin.config import Lies

SECRET = "whsec_your_secret"


class Inbox:
    """Takes webhooks and answers them with the statuses in line, then 200."""

    def __init__(self):
        self.received = []
        self.times = []
        self.statuses = []
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                inbox.times.append(time.monotonic())
                inbox.received.append((self.headers[response_bodies.SIGNATURE_HEADER], body))
                self.send_response(inbox.statuses.pop(0) if inbox.statuses else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def hook(self, **changes):
        """A subscription to this inbox."""
        url = f"http://127.0.0.1:{self.server.server_port}/hook"
        return {"url": url, "secret": SECRET} | changes

    def close(self):
        """End it."""
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def inbox():
    """An inbox on loopback."""
    box = Inbox()
    yield box
    box.close()


def settle(client, **expected):
    """Wait until the truth counts these deliveries; returns them all."""
    deadline = time.monotonic() + 15
    while True:
        seen = client.standin.truth()["deliveries"]
        if all(seen[name] == value for name, value in expected.items()):
            return seen
        assert time.monotonic() < deadline, (expected, seen)
        time.sleep(0.02)


QUICK = {"run_wait": "0ms", "run_duration": "10ms", "run_failed": 0, "run_canceled": 0}


def test_the_documented_signature():
    """HMAC-SHA-256 with the secret as it stands over `<t>.<body>`, against openssl's answer."""
    # printf '1735689600.{"a":1}' | openssl dgst -sha256 -hmac whsec_your_secret
    expected = "t=1735689600,v1=0239c55206a5ba4523660672cb6a89736bf2ee815e231fd31ea884a3809207f0"
    assert expected == response_bodies.sign_webhook(SECRET, 1_735_689_600, b'{"a":1}')


def test_a_finished_run_is_told_once_and_signed(start, inbox):
    """One event with the run as it ended, under the documented signature."""
    client = start(**QUICK)
    run_id = client.queue(webhook=inbox.hook()).json()["run"]["id"]
    seen = settle(client, delivered=1)
    (signature, body), event = inbox.received[0], json.loads(inbox.received[0][1])
    assert ("run.succeeded", run_id, "succeeded") == (
        event["type"], event["data"]["run"]["id"], event["data"]["run"]["status"],
    )  # fmt: skip
    stamp, digest = (part.split("=", 1)[1] for part in signature.split(","))
    signed = stamp.encode() + b"." + body
    assert hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest() == digest
    assert abs(int(stamp) - time.time()) < 60
    assert (1, 1, {run_id: {"tries": 1, "delivered": True}}) == (
        seen["due"], seen["attempted"], seen["by_run"],
    )  # fmt: skip


def test_a_failed_delivery_is_tried_again_with_the_same_id(start, inbox):
    """500 and 404 are no success; the third try is, with the same event."""
    inbox.statuses = [500, 404]
    client = start(**QUICK, webhook_backoff_s=0.02)
    client.queue(webhook=inbox.hook())
    assert 3 == settle(client, delivered=1)["attempted"]
    assert (3, 1) == (len(inbox.received), len({body for _, body in inbox.received}))


class Dripper:
    """A receiver that says 200, and then a byte of its body now and then, or all at once."""

    def __init__(self, piece, pause_s):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/"
        self.threads = []
        self.thread = threading.Thread(target=self._accept, args=(piece, pause_s))
        self.thread.start()

    def _accept(self, piece, pause_s):
        with contextlib.suppress(OSError):
            while True:
                line, _ = self.listener.accept()
                self.threads.append(
                    threading.Thread(target=self._drip, args=(line, piece, pause_s))
                )
                self.threads[-1].start()

    def _drip(self, line, piece, pause_s):
        with line, contextlib.suppress(OSError):
            line.recv(65_536)
            line.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\n")
            while True:
                line.sendall(piece)
                time.sleep(pause_s)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in (self.thread, *self.threads):
            thread.join(5)
            assert not thread.is_alive()


def test_a_try_ends_though_its_answer_does_not(start):
    """A byte now and then is no progress: each try has its time, and then it has failed."""
    dripper = Dripper(b"x", 0.02)
    client = start(**QUICK, webhook_timeout_s=0.3, webhook_tries=2, webhook_backoff_s=0.01)
    client.queue(webhook={"url": dripper.url, "secret": SECRET})
    assert (2, 0) == ((seen := settle(client, given_up=1))["attempted"], seen["delivered"])
    dripper.close()


def test_no_more_of_an_answer_is_read_than_its_status_needs(start):
    """A 200 with a body of a gigabyte is a 200; most of it is never sent."""
    dripper = Dripper(b"x" * 65_536, 0)
    client = start(**QUICK, webhook_timeout_s=10)
    client.queue(webhook={"url": dripper.url, "secret": SECRET})
    assert 1 == settle(client, delivered=1)["attempted"]
    dripper.close()


@pytest.mark.parametrize("place", ["127.0.0.1:99999", "127.0.0.1:0", "localhost:-1"])
def test_an_address_that_nobody_can_have_is_given_up(start, place):
    """It fails like any other, however the client below it puts that."""
    client = start(**QUICK, webhook_tries=2, webhook_backoff_s=0.01)
    client.queue(webhook={"url": f"http://{place}/", "secret": SECRET})
    assert 2 == settle(client, given_up=1)["attempted"]


def test_five_tries_are_the_most(start, inbox):
    """Then it is given up."""
    inbox.statuses = [503] * 9
    client = start(**QUICK, webhook_backoff_s=0.01)
    client.queue(webhook=inbox.hook())
    assert (5, 0) == ((seen := settle(client, given_up=1))["attempted"], seen["delivered"])
    assert 5 == len(inbox.received)


def test_each_wait_before_a_try_is_twice_the_one_before(start, inbox):
    """100, 200 and 400 ms, by the inbox's clock; a timer may fire a few ms early."""
    inbox.statuses = [503] * 3
    client = start(**QUICK, webhook_backoff_s=0.1)
    client.queue(webhook=inbox.hook())
    settle(client, delivered=1)
    waits = [after - before for before, after in pairwise(inbox.times)]
    assert [True] * 3 == [
        wait > least for wait, least in zip(waits, (0.09, 0.19, 0.39), strict=True)
    ]


def test_only_what_was_asked_for_is_told(start, inbox):
    """A succeeded run says nothing to who wants failures, or nothing; a failed one does."""
    client = start(**QUICK)
    client.queue(webhook=inbox.hook(events=["run.failed"]))
    client.queue(webhook=inbox.hook(events=[]))
    client.standin.control(run_failed=1)
    client.queue(webhook=inbox.hook(events=["run.failed"]))
    settle(client, due=1, delivered=1)
    assert ["run.failed"] == [json.loads(body)["type"] for _, body in inbox.received]


def test_a_canceled_run_is_no_event(start, inbox):
    """It has no event: only the run queued after it is delivered."""
    client = start(**(QUICK | {"run_canceled": 1}))
    client.queue(webhook=inbox.hook())
    client.standin.control(run_canceled=0)
    run_id = client.queue(webhook=inbox.hook()).json()["run"]["id"]
    seen = settle(client, delivered=1)
    assert (1, 1, [run_id]) == (seen["due"], seen["attempted"], list(seen["by_run"]))


def test_other_hosts_are_never_called(start):
    """An address off loopback is accepted, and blocked when its time comes."""
    client = start(**QUICK)
    hook = {"url": "https://your-server.com/webhook", "secret": SECRET}
    assert 202 == client.queue(webhook=hook).status_code
    assert 0 == settle(client, due=1, blocked=1)["attempted"]


def test_a_lost_delivery_is_a_lie(start, inbox):
    """Due, never attempted."""
    client = start(**QUICK, lies=Lies(loses_delivery=1))
    client.queue(webhook=inbox.hook())
    assert 0 == settle(client, due=1, lost=1)["attempted"]
    assert ([], {"loses_delivery": 1}) == (inbox.received, client.standin.truth()["lies"])


def test_a_wrong_signature_is_a_lie(start, inbox):
    """It is well formed, and another secret's."""
    client = start(**QUICK, lies=Lies(signs_wrongly=1))
    client.queue(webhook=inbox.hook())
    settle(client, delivered=1)
    signature, body = inbox.received[0]
    stamp = int(signature.split(",")[0].removeprefix("t="))
    assert signature != response_bodies.sign_webhook(SECRET, stamp, body)
    assert signature == response_bodies.sign_webhook(SECRET + "-forged", stamp, body)
    assert {"signs_wrongly": 1} == client.standin.truth()["lies"]


def test_telling_who_did_not_ask_is_a_lie(start, inbox):
    """The event was not subscribed to, and comes all the same; it was never due."""
    client = start(**QUICK, lies=Lies(delivers_for_unsubscribed=1))
    client.queue(webhook=inbox.hook(events=["run.failed"]))
    assert 0 == settle(client, delivered=1)["due"]
    assert {"delivers_for_unsubscribed": 1} == client.standin.truth()["lies"]


def test_a_delivery_survives_a_kill(start, inbox, tmp_path):
    """The server is killed before the run ends; the next start delivers its event."""
    config = QUICK | {"run_duration": "1s", "state": str(tmp_path / "state.db")}
    client = start(**config)
    run_id = client.queue(webhook=inbox.hook()).json()["run"]["id"]
    client.standin.kill()
    again = start(**config)
    assert {run_id: {"tries": 1, "delivered": True}} == settle(again, delivered=1)["by_run"]
