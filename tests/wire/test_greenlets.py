"""Many users in one gevent hub wait concurrently and may be killed; patched or not."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import gevent
import pytest

from harness.clock import unix_ns
from harness.wire import Failure, Request, Target, Timeouts, connect


def test_waits_do_not_block_each_other(serve):
    """Users of a silent server all reach their deadline together, not one after another."""
    server = serve(lambda connection: connection.hold())
    target = Target(f"http://127.0.0.1:{server.port}")

    users_n, deadline_s = 20, 0.5

    def one():
        transport = connect(target, "fast")
        response = transport.exchange(Request("GET", "/"), unix_ns() + int(deadline_s * 1e9))
        transport.close()
        return response.failure

    begun = time.monotonic()
    users = [gevent.spawn(one) for _ in range(users_n)]
    gevent.joinall(users, raise_error=True)
    assert [Failure.DEADLINE] * users_n == [user.value for user in users]
    assert time.monotonic() - begun < users_n * deadline_s / 2


@pytest.mark.parametrize("warm", [False, True])
def test_killed_user_leaves_nothing(serve, warm):
    """A kill in mid-exchange goes through, and the server sees the connection closed."""
    asked, closed = threading.Event(), threading.Event()
    answers = [b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"] if warm else []

    def handler(connection):
        for answer in answers:
            connection.read_request()
            connection.sock.sendall(answer)
        connection.read_request()
        asked.set()
        connection.hold()
        closed.set()

    server = serve(handler)
    transport = connect(Target(f"http://127.0.0.1:{server.port}"), "fast")
    replies = []

    def user():
        for _ in range(2):
            response = transport.exchange(Request("GET", "/"), unix_ns() + 10**10)
            replies.append(response)

    greenlet = gevent.spawn(user)
    while not asked.is_set():
        gevent.sleep(0.01)
    greenlet.kill()
    assert isinstance(greenlet.value, gevent.GreenletExit)
    assert closed.wait(5)
    assert [None] * warm == [response.failure for response in replies]
    transport.close()


def test_a_timeout_of_the_caller_goes_through(serve):
    """gevent.Timeout around an exchange is the caller's, not an answer."""
    server = serve(lambda connection: connection.hold())
    transport = connect(Target(f"http://127.0.0.1:{server.port}"), "fast")
    with pytest.raises(gevent.Timeout), gevent.Timeout(0.05):
        transport.exchange(Request("GET", "/"), unix_ns() + 10**10)
    transport.close()


def test_the_read_timeout_restarts_after_every_byte(serve):
    """The timer ends the latest wait, not the one it was set for."""

    def handler(connection):
        while connection.read_request():
            connection.sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n")
            for _ in range(4):
                time.sleep(0.1)
                connection.sock.sendall(b"x")

    transport = connect(
        Target(f"http://127.0.0.1:{serve(handler).port}", timeouts=Timeouts(1.0, 0.25)), "fast"
    )
    for deadline_s, failure in ((5, None), (0.2, Failure.DEADLINE), (5, None)):
        response = transport.exchange(Request("GET", "/"), unix_ns() + int(deadline_s * 1e9))
        assert failure is response.failure
    transport.close()


PATCHED = """
from gevent import monkey
monkey.patch_all()
import socket, sys, time
import gevent
from gevent.server import StreamServer
from harness.clock import unix_ns
from harness.wire import Request, Target, Timeouts, connect

def handle(sock, address):
    while sock.recv(65536):
        gevent.sleep(0.2)
        sock.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\nok")

server = StreamServer(("127.0.0.1", 0), handle)
server.start()
base = f"http://localhost:{server.server_port}"

def one(_):
    transport = connect(Target(base), sys.argv[1])
    replies = [transport.exchange(Request("GET", "/"), unix_ns() + 10**10) for _ in range(2)]
    transport.close()
    return [(r.failure, r.body) for r in replies]

begun = time.monotonic()
users = [gevent.spawn(one, n) for n in range(40)]
gevent.joinall(users, raise_error=True)
assert all(u.value == [(None, b"ok")] * 2 for u in users), [u.value for u in users]
took = time.monotonic() - begun
assert took < 40 * 2 * 0.2 / 2, took  # half of what they take one after another
server.stop()
print("done")
"""


def test_under_monkey_patching(kind):
    """In a patched process, as under Locust, users still wait concurrently."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PATCHED, kind],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ("done\n", "") == (done.stdout, done.stderr)
