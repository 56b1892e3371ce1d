"""TLS, streams that are not HTTP, and the ends of connections, through the proxy."""

from __future__ import annotations

import asyncio
import ssl

import pytest
import trustme

from harness.faults import relay
from tests.faults.conftest import ANSWER


@pytest.fixture(scope="module")
def certificates():
    """TLS contexts of a server at 127.0.0.1 and of a client that trusts it."""
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client


async def _fetch_tls(stage, context):
    link = await asyncio.open_connection(*stage.address, ssl=context)
    try:
        return await stage.exchange(link)
    except ConnectionResetError:
        return "reset"
    finally:
        link[1].transport.abort()


def test_tls_passes_untouched(stage, certificates):
    """The handshake verifies the server's own certificate through the proxy."""
    server, client = certificates

    async def play():
        async with stage(tls=server) as s:
            return await _fetch_tls(s, client), s.server.requests

    assert (ANSWER, [("/x", b"hello")]) == asyncio.run(play())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_lost_response_over_tls_still_reaches_the_server(stage, certificates, version):
    """The handshake passes, the request arrives, only its response is discarded."""
    server, client = certificates
    client.maximum_version = client.minimum_version = version

    async def play():
        async with stage("response-lost", tls=server) as s:
            seen = await _fetch_tls(s, client)
            await s.until(lambda: s.server.requests)
            return seen, s.server.requests

    try:
        assert (b"", [("/x", b"hello")]) == asyncio.run(play())
    finally:
        client.minimum_version = ssl.TLSVersion.TLSv1_2
        client.maximum_version = ssl.TLSVersion.MAXIMUM_SUPPORTED


def test_a_stream_that_is_no_http_passes_untouched(stage):
    """Bytes without a request line pass unchanged."""

    async def play():
        async with stage() as s:
            reader, writer = await s.connect()
            writer.write(b"HELLO there\r\n\r\nmore")
            writer.write_eof()
            await reader.read()
            return s.server.requests[0][0]

    assert "there\r\n\r\n" == asyncio.run(play())


def test_a_client_that_gives_up_a_dead_target_leaves_no_connection(stage, monkeypatch):
    """The target gets limited time to answer; otherwise each timeout would leave a connection."""
    monkeypatch.setattr(relay, "DRAIN_S", 0.05)

    async def play():
        gone = asyncio.Event()

        async def hear(reader, writer):
            while await reader.read(1000):
                pass
            await gone.wait()
            writer.close()
            await writer.wait_closed()

        silent = await asyncio.start_server(hear, "127.0.0.1", 0)
        async with stage() as played:
            played.proxy._target = silent.sockets[0].getsockname()
            seen = await played.once(timeout_s=0.05)
            async with asyncio.timeout(10):
                await asyncio.gather(*played.proxy._relays.values())
        gone.set()
        silent.close()
        await asyncio.sleep(0.05)
        return seen

    assert "silence" == asyncio.run(play())


def test_an_unrequested_response_ends_the_connection(stage):
    """A target that changes the protocol after its response does not crash the proxy."""
    said = []

    async def play():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
        async with stage() as s:
            switched = b"HTTP/1.1 101 Switching Protocols\r\n\r\nnews"
            s.server.after = switched
            reader, _ = link = await s.connect()
            answer = await s.exchange(link)
            rest = await asyncio.wait_for(reader.read(len(switched)), 5)
            return answer, rest

    assert (ANSWER, b"HTTP/1.1 101 Switching Protocols\r\n\r\nnews") == asyncio.run(play())
    assert [] == said
