"""A connection's bounds, with a recording transport and a clock of the test."""

from __future__ import annotations

import asyncio

import pytest
import uvicorn
from uvicorn.server import ServerState

from harness.standin import connections
from harness.standin.connections import HEAD_BYTES_MAX, Connection

HEAD = b"POST /sessions HTTP/1.1\r\nhost: x\r\n"
WHOLE = b"GET /runs/r HTTP/1.1\r\nhost: x\r\n\r\n"


class Noting(asyncio.Transport):
    """Records what is written, and whether it was closed."""

    def __init__(self):
        super().__init__()
        self.written, self.closed = b"", False

    def write(self, data):
        self.written += bytes(data)

    def close(self):
        self.closed = True

    def is_closing(self):
        return self.closed

    def pause_reading(self):
        """Ignored."""

    def resume_reading(self):
        """Ignored."""


@pytest.fixture
def at(monkeypatch):
    """Sets the clock."""
    return lambda now_ns: monkeypatch.setattr(connections, "unix_ns", lambda: now_ns)


def play(script):
    """Run a script with a connection to an application that never answers: written, closed."""

    async def never(_scope, _receive, _send):
        await asyncio.Event().wait()

    async def run():
        config = uvicorn.Config(never, http=Connection, lifespan="off", log_level="critical")
        config.load()
        line, transport = Connection(config, ServerState(), {}), Noting()
        line.connection_made(transport)
        script(line, transport)
        return transport.written, transport.closed  # the end of the loop makes a 500 of it

    return asyncio.run(run())


@pytest.mark.parametrize(
    "said",
    [b"", b"POST /sess", HEAD, HEAD + b"content-length: 9\r\n\r\n{"],
    ids=["nothing", "half-a-line", "half-a-head", "half-a-body"],
)
def test_a_request_is_late_by_its_beginning(at, said):
    """Begun at 5 and not whole: in time by 5, late by 6, wherever it stopped."""

    def script(line, transport):
        line.data_received(said)
        at(9)
        line.close_if_late(5)
        assert (b"", False) == (transport.written, transport.closed)
        line.close_if_late(6)

    at(5)
    written, closed = play(script)

    assert written.startswith(b"HTTP/1.1 408 ")
    assert closed


def test_what_the_server_takes_is_not_the_clients_time(at):
    """A complete request is never late, however long its response takes."""
    at(5)
    ended = play(lambda line, _: (line.data_received(WHOLE), line.close_if_late(10**18)))

    assert (b"", False) == ended


@pytest.mark.parametrize("late", [True, False])
def test_a_refusal_is_no_answer_to_an_earlier_request(at, late):
    """A late or too long request behind one in progress is cut off without a response."""

    def script(line, transport):
        line.data_received(WHOLE)
        at(7)
        line.data_received(HEAD)
        line.close_if_late(7)
        assert not transport.closed
        if late:
            line.close_if_late(8)
        else:
            line.data_received(b"a: " + b"b" * HEAD_BYTES_MAX)

    at(5)

    assert (b"", True) == play(script)


def test_heads_are_counted_one_by_one():
    """A thousand requests on one connection are no head of a thousand lines."""

    def script(line, transport):
        for _ in range(2 * HEAD_BYTES_MAX // len(WHOLE)):
            line.data_received(WHOLE)
        line.data_received(HEAD)

    assert (b"", False) == play(script)


@pytest.mark.parametrize(("bytes_more", "closed"), [(0, False), (1, True)])
def test_the_bound_is_exact(bytes_more, closed):
    """64 KiB of a head that does not end are taken, one byte more is not."""
    head = HEAD + b"a: " + b"b" * (HEAD_BYTES_MAX + bytes_more - len(HEAD) - 3)
    written, ended = play(lambda line, _: line.data_received(head))

    assert closed == ended == written.startswith(b"HTTP/1.1 431 ")
