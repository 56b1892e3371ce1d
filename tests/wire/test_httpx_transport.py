"""What only httpx can do, and how its exceptions are named."""

from __future__ import annotations

import ssl

import h2.config
import h2.connection
import h2.events
import httpx
import pytest
import trustme

from harness.clock import unix_ns
from harness.errors import UsageError
from harness.wire import Failure, Request, Target, Timeouts, connect
from harness.wire.httpx_transport import FAILURES, classify


def leaves(kind):
    """The exceptions of a tree that httpx raises: those with nothing below them."""
    below = kind.__subclasses__()
    return {leaf for sub in below for leaf in leaves(sub)} if below else {kind}


def test_every_exception_is_mapped():
    """Each exception of a transport has an entry; each other one is a malformed response."""
    assert leaves(httpx.TransportError) == set(FAILURES)
    public = {
        value
        for value in vars(httpx).values()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    others = {kind for kind in public if not kind.__subclasses__()} - set(FAILURES)
    failures = {classify(kind.__new__(kind), ended=False)[0] for kind in others}
    assert {Failure.MALFORMED} == failures


@pytest.mark.parametrize(
    ("cause", "failure"),
    [
        (ConnectionRefusedError(111, "refused"), Failure.REFUSED),
        (TimeoutError(110, "timed out"), Failure.CONNECT_TIMEOUT),
        (ConnectionResetError(104, "reset"), Failure.RESET),
        (OSError(101, "no route"), Failure.UNREACHABLE),
        (ssl.SSLError(1, "handshake"), Failure.TLS),
        (ssl.SSLEOFError(8, "eof"), Failure.TLS),
    ],
)
def test_connect_errors_are_named_by_their_cause(cause, failure):
    """The exception says only that it could not connect; why is in the chain."""
    error = httpx.ConnectError("no")
    error.__cause__ = cause
    assert failure is classify(error, ended=False)[0]


def test_unknown_exceptions_are_failures_too():
    """Whatever else is raised in an exchange is named as well."""
    assert Failure.MALFORMED is classify(RuntimeError("x"), ended=False)[0]
    assert Failure.RESET is classify(BrokenPipeError(32, "x"), ended=False)[0]


def test_proxy(serve, script):
    """With a proxy the request goes there, in absolute form."""
    proxy = serve(script)
    target = Target("http://nobody.invalid/v1", proxy=f"http://127.0.0.1:{proxy.port}")
    transport = connect(target, "httpx")
    response = transport.exchange(Request("GET", "/a?b=1", None, "key-0001"), unix_ns() + 10**10)
    transport.close()
    assert (None, b"key-0001") == (response.failure, response.body)
    assert script.requests[0].startswith(b"GET http://nobody.invalid/v1/a?b=1 HTTP/1.1\r\n")


@pytest.mark.parametrize("proxy", ["nonsense://x", "127.0.0.1:80"])
def test_bad_proxy(proxy):
    """A proxy that cannot be one is the operator's mistake."""
    with pytest.raises(UsageError):
        connect(Target("http://localhost", proxy=proxy), "httpx")


def test_environment_is_not_read(serve, script, monkeypatch):
    """A proxy in the environment is not used: the target is the one that was named."""
    server = serve(script)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    transport = connect(Target(f"http://127.0.0.1:{server.port}"), "httpx")
    response = transport.exchange(Request("GET", "/", None, "key-0001"), unix_ns() + 10**10)
    transport.close()
    assert b"key-0001" == response.body


def serve_h2(connection):
    """Answer over HTTP/2: ``/reset`` by a reset of the stream, ``/hold`` never."""
    protocol = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    protocol.initiate_connection()
    connection.sock.sendall(protocol.data_to_send())
    while data := connection.sock.recv(65536):
        for event in protocol.receive_data(data):
            if not isinstance(event, h2.events.RequestReceived):
                continue
            headers = dict(event.headers)
            path = headers[b":path"]
            if path == b"/reset":
                protocol.reset_stream(event.stream_id)
            elif path != b"/hold":
                protocol.send_headers(event.stream_id, [(":status", "200"), ("x-a", "b")])
                body = path + b" " + headers.get(b"idempotency-key", b"")
                protocol.send_data(event.stream_id, body, end_stream=True)
        connection.sock.sendall(protocol.data_to_send())


def test_http2(serve, tmp_path):
    """HTTP/2 is spoken where the server offers it; its failures have the same names."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["h2"])
    authority.issue_cert("localhost").configure_cert(context)
    server = serve(serve_h2, context)
    target = Target(
        f"https://localhost:{server.port}",
        ca_file=str(tmp_path / "ca.pem"),
        http2=True,
        timeouts=Timeouts(5.0, 5.0),
    )
    transport = connect(target, "httpx")

    def get(path, deadline_s=10.0):
        deadline_ns = unix_ns() + int(deadline_s * 1e9)
        response = transport.exchange(Request("GET", path, None, "key-0001"), deadline_ns)
        return response.failure, response.body

    assert (None, b"/a key-0001") == get("/a")
    assert (None, b"/b key-0001") == get("/b")
    assert 1 == server.accepted
    assert (Failure.RESET, b"") == get("/reset")
    assert (None, b"/c key-0001") == get("/c")
    assert (Failure.DEADLINE, b"") == get("/hold", 0.2)
    assert (None, b"/d key-0001") == get("/d")
    transport.close()
