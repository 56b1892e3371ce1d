"""A bounded pool: few connections, many users, and nobody gets another's answer."""

from __future__ import annotations

import threading

import gevent
import pytest

from harness.clock import unix_ns
from harness.wire import Failure, Request, Target, connect
from harness.wire.pool import Pool, PooledTransport
from tests.wire.conftest import Script

FOREVER_NS = 10**10


def pool_of(server, size: int) -> Pool:
    """A pool of fast transports to a server."""
    return Pool(lambda: connect(Target(f"http://127.0.0.1:{server.port}"), "fast"), size)


@pytest.mark.parametrize("size", [1, 3])
def test_many_users_share_few_connections(serve, size):
    """Twenty users of a pool open no more connections than it has; each gets his own answers."""
    server = serve(Script())
    pool = pool_of(server, size)

    def user(number: int) -> list[bytes]:
        transport = PooledTransport(pool)
        bodies = []
        for turn in range(5):
            key = f"u{number:03d}t{turn:03d}"
            request = Request("POST", "/thing", b"{}", key)
            bodies.append(transport.exchange(request, unix_ns() + FOREVER_NS).body)
        transport.close()
        return bodies

    users = [gevent.spawn(user, number) for number in range(20)]
    gevent.joinall(users, raise_error=True)
    pool.close()

    for number, greenlet in enumerate(users):
        assert [f"u{number:03d}t{turn:03d}".encode() for turn in range(5)] == greenlet.value
    assert size == server.accepted


def test_waiting_for_a_connection_ends_at_the_deadline(serve):
    """While the only connection is in use the next user gives up in time, with nothing sent."""
    server = serve(lambda connection: connection.hold())
    pool = pool_of(server, 1)
    first = gevent.spawn(pool.exchange, Request("GET", "/"), unix_ns() + 20 * 10**9)
    gevent.sleep(0.05)
    response = pool.exchange(Request("GET", "/"), unix_ns() + 200_000_000)

    assert (Failure.DEADLINE, 0) == (response.failure, response.bytes_out)
    assert "pool" in response.detail
    assert 0.15e9 < response.end_ns - response.start_ns < 10e9
    assert 1 == server.accepted
    first.kill()


def test_a_killed_user_gives_his_place_back(serve):
    """Whoever is killed in mid-exchange closes his connection; the place serves the next."""
    script, silent = Script(), threading.Event()

    def handler(connection):
        if silent.is_set():
            script(connection)
        else:
            silent.set()
            connection.hold()

    server = serve(handler)
    pool = pool_of(server, 1)
    stuck = gevent.spawn(pool.exchange, Request("GET", "/"), unix_ns() + FOREVER_NS)
    while not silent.is_set():
        gevent.sleep(0.01)
    stuck.kill()
    response = pool.exchange(Request("POST", "/", b"{}", "after-01"), unix_ns() + FOREVER_NS)
    pool.close()

    assert (None, b"after-01") == (response.failure, response.body)
    assert 2 == server.accepted


def test_a_timeout_of_the_caller_goes_through(serve):
    """gevent.Timeout around a wait for a connection is the caller's, not an answer."""
    server = serve(lambda connection: connection.hold())
    pool = pool_of(server, 1)
    first = gevent.spawn(pool.exchange, Request("GET", "/"), unix_ns() + FOREVER_NS)
    gevent.sleep(0.05)
    with pytest.raises(gevent.Timeout), gevent.Timeout(0.05):
        pool.exchange(Request("GET", "/"), unix_ns() + FOREVER_NS)
    first.kill()
