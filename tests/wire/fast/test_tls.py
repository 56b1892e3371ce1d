"""TLS: who is believed, who is not, and what each refusal is called."""

from __future__ import annotations

import contextlib
import datetime as dt
import ssl
import time

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.wire import Failure, Target, connect
from harness.wire.fast.tls import TlsStream

OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture(scope="module")
def authority():
    """An authority that nobody trusts unless told to."""
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority, tmp_path_factory):
    """The authority's certificate in a file."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture
def serve_tls(serve, script, authority):
    """Start a TLS server that follows the script, with a certificate for these names."""

    def start(*names, context=None, **options):
        context = context or ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names, **options).configure_cert(context)
        return serve(script, context)

    return start


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_verified_and_kept(make_user, serve_tls, ca_file, version):
    """A server with a good certificate is believed, and its connection is kept."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = version
    server = serve_tls("localhost", context=context)
    user = make_user(f"https://localhost:{server.port}", ca_file=ca_file)
    for _ in range(5):
        key = user.new_key()
        assert (None, key.encode()) == ((r := user.post(key=key)).failure, r.body)
        time.sleep(0.005)  # session tickets arrive; they are no answer
    assert 1 == server.accepted


def test_server_name_is_sent(make_user, serve_tls, ca_file):
    """The name asked for stands in the handshake (SNI)."""
    asked = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda _sock, name, _context: asked.append(name)
    server = serve_tls("localhost", context=context)
    assert 200 == make_user(f"https://localhost:{server.port}", ca_file=ca_file).get().status
    assert ["localhost"] == asked


def test_address_in_the_certificate(make_user, serve_tls, ca_file):
    """An IP address is checked against the certificate's addresses."""
    server = serve_tls("127.0.0.1")
    assert 200 == make_user(f"https://127.0.0.1:{server.port}", ca_file=ca_file).get().status


def test_wrong_name(make_user, serve_tls, ca_file):
    """A certificate for another name is refused, and nothing is sent."""
    server = serve_tls("elsewhere.example")
    response = make_user(f"https://localhost:{server.port}", ca_file=ca_file).post()
    assert (Failure.TLS, 0, 0) == (response.failure, response.status, response.bytes_out)
    assert "localhost" in response.detail


def test_unknown_authority(make_user, serve_tls):
    """A certificate of an authority that nobody named is refused."""
    server = serve_tls("localhost")
    assert Failure.TLS is make_user(f"https://localhost:{server.port}").get().failure


def test_expired(make_user, serve_tls, ca_file):
    """A certificate whose time is over is refused, and the detail says so."""
    day = dt.timedelta(days=1)
    now = dt.datetime.now(dt.UTC)
    server = serve_tls("localhost", not_before=now - 2 * day, not_after=now - day)
    response = make_user(f"https://localhost:{server.port}", ca_file=ca_file).get()
    assert Failure.TLS is response.failure
    assert "expired" in response.detail


def test_unverified_on_request(make_user, serve_tls):
    """``verify=False`` believes anyone."""
    server = serve_tls("elsewhere.example")
    user = make_user(f"https://localhost:{server.port}", verify=False)
    assert b"fresh-01" == user.get("fresh-01").body


def test_plain_server(make_user, serve):
    """A server that speaks no TLS is a TLS failure."""
    server = serve(lambda connection: connection.sock.sendall(b"HTTP/1.1 400 Bad\r\n\r\n"))
    assert Failure.TLS is make_user(f"https://127.0.0.1:{server.port}").get().failure


def test_handshake_that_never_ends(make_user, serve):
    """A server that accepts and says nothing runs into the connect timeout."""
    server = serve(lambda connection: connection.hold())
    user = make_user(f"https://127.0.0.1:{server.port}", connect_s=0.3)
    response, hasty = user.get(), user.get(deadline_s=0.1)
    assert [Failure.CONNECT_TIMEOUT, Failure.DEADLINE] == [response.failure, hasty.failure]
    assert (response.end_ns - response.start_ns) / 1e9 < 5


def test_large_bodies(make_user, serve_tls, script, ca_file):
    """Bodies of many TLS records go through whole, both ways."""
    user = make_user(f"https://localhost:{serve_tls('localhost').port}", ca_file=ca_file)
    body = bytes(range(256)) * 8_000
    script.play([OK + b"content-length: %d\r\n\r\n" % len(body) + body])
    assert body == user.post(body).body
    assert script.requests[0].endswith(body)


@pytest.mark.parametrize("end", ["close", "reset"])
def test_hang_ups(make_user, serve_tls, script, ca_file, end):
    """Cut answers are resets over TLS too; on a kept connection silence is stale."""
    user = make_user(f"https://localhost:{serve_tls('localhost').port}", ca_file=ca_file)
    script.play([OK + b"content-length: 9\r\n\r\nhalf", 0.02, end])
    assert (Failure.RESET, 200) == ((r := user.get()).failure, r.status)
    script.play([OK + b"\r\nno farewell", 0.02, end])
    assert Failure.RESET is user.get().failure, "an end without close_notify may be an attack"
    assert b"fresh-01" == user.get("fresh-01").body
    script.play([end])
    assert Failure.STALE is user.get().failure
    assert b"fresh-02" == user.get("fresh-02").body


def test_surplus_over_tls(make_user, serve_tls, script, ca_file):
    """Bytes after an answer cost the connection over TLS as well."""
    user = make_user(f"https://localhost:{serve_tls('localhost').port}", ca_file=ca_file)
    whole = OK + b"content-length: 8\r\n\r\n<KEY-ID>"
    script.play([whole + whole.replace(b"<KEY-ID>", b"wrong-01")])
    assert b"key-0001" == user.get("key-0001").body
    assert b"key-0002" == user.get("key-0002").body
    script.play([whole, 0.02, whole])
    assert b"key-0003" == user.get("key-0003").body
    assert script.settled.wait(5)
    assert b"key-0004" == user.get("key-0004").body


def test_bad_ca_file(kind, tmp_path):
    """An absent or empty CA file is the operator's mistake, told before anything is sent."""
    (tmp_path / "empty.pem").write_text("")
    for name in ("absent.pem", "empty.pem"):
        with pytest.raises(UsageError, match=name):
            connect(Target("https://localhost", ca_file=str(tmp_path / name)), kind)


class Narrow:
    """A `Stream` to a TLS server in this process, that takes only so many bytes a time."""

    deadline_ns = 0

    def __init__(self, context):
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._server = context.wrap_bio(self._in, self._out, server_side=True)
        self.takes = []
        self.heard = b""

    def send(self, data):
        """Take what the next of `takes` allows, all when there is none."""
        taken = min(len(data), self.takes.pop(0)) if self.takes else len(data)
        self._in.write(data[:taken])
        return taken

    def receive(self, *_until):
        """The server's part of the handshake, then nothing."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self._server.do_handshake()
        return self._out.read()

    def listen(self):
        """What the server has understood so far."""
        with contextlib.suppress(ssl.SSLWantReadError):
            while True:
                self.heard += self._server.read(1 << 16)


@given(
    st.lists(st.binary(min_size=1, max_size=40_000), min_size=1, max_size=4),
    st.lists(st.integers(0, 30_000), max_size=12),
)
def test_bytes_that_the_network_did_not_take_are_sent_once(narrow, messages, takes):
    """Whoever sends again what was not counted has each byte arrive once, in its place."""
    stream = Narrow(narrow[0])
    secure = TlsStream(stream, narrow[1], "localhost")
    secure.handshake(0)
    stream.takes = list(takes)
    unsent = b""
    for message in messages:
        unsent += message
        unsent = unsent[secure.send(unsent) :]
    for _ in range(len(takes) + len(messages)):
        unsent = unsent[secure.send(unsent) :] if unsent else b""
    stream.listen()

    assert (b"", b"".join(messages)) == (unsent, stream.heard)


@pytest.fixture(scope="module")
def narrow(authority):
    """TLS contexts of a server and of a client who believes it."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(client)
    return server, client


def test_a_way_through_another_address_changes_nothing_else(make_user, serve_tls, script, ca_file):
    """Name, certificate, Host and prefix are the target's; only the connection leads elsewhere."""
    server = serve_tls("api.cloud.example")
    user = make_user(
        "https://api.cloud.example/v1", ca_file=ca_file, via=("127.0.0.1", server.port)
    )
    for _ in range(2):
        key = user.new_key()
        assert (None, key.encode()) == ((r := user.post(key=key)).failure, r.body), r.detail
    assert 1 == server.accepted
    head = script.requests[0].lower()
    assert head.startswith(b"post /v1/thing http/1.1\r\n")
    assert b"\r\nhost: api.cloud.example\r\n" in head
