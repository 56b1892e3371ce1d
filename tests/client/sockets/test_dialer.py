"""Hosts that a socket may connect to: its URL is untrusted."""

from __future__ import annotations

import pytest

from harness.client.sockets import dialer as dialing
from harness.client.sockets.dialer import Dialer, is_allowed_host
from harness.clock import unix_ns
from harness.wire import Failure, Target


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("api.x.example", "api.x.example"),
        ("api.x.example", "ws.x.example"),
        ("localhost", "127.0.0.1"),
        ("127.0.0.1", "::1"),
        ("10.0.0.7", "10.0.0.7"),
        ("api.x.co.uk", "ws.x.co.uk"),
        ("api.com.example", "ws.com.example"),
    ],
)
def test_home_and_beside(target, host):
    """The same host, a sibling, or loopback from loopback."""
    assert is_allowed_host(target, host)


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("api.x.example", "api.y.example"),
        ("x.example", "y.example"),
        ("x.co.uk", "y.co.uk"),
        ("x.com.au", "y.com.au"),
        ("api.x.example", "evil.api.x.example"),
        ("127.0.0.1", "10.0.0.7"),
        ("localhost", "api.x.example"),
        ("api.x.example", "127.0.0.1"),
        ("10.0.0.7", "11.0.0.7"),
    ],
)
def test_nowhere_else(target, host):
    """Not to a third party, and not from the world into this machine."""
    assert not is_allowed_host(target, host)


@pytest.mark.parametrize("url", ["ws://10.1.2.3/ws", "http://127.0.0.1/", "ws:// /"])
def test_a_strange_url_is_an_answer_that_breaks_the_contract(url):
    """Nothing is sent; the reply says why, without the URL or the token."""
    response, socket = Dialer(Target("http://127.0.0.1:1")).dial(url, "tok", unix_ns() + 10**9)
    assert None is socket
    assert (Failure.MALFORMED, 0) == (response.failure, response.bytes_out)
    assert url not in response.detail
    assert "tok" not in response.detail


def test_a_name_in_another_script_is_one_name_in_both_spellings():
    """The target's own host is compared as it is sent: in ASCII, however it was written."""
    dialer = Dialer(Target("http://bücher.example"))
    response, socket = dialer.dial("ws://xn--bcher-kva.example/ws", "tok", unix_ns() + 10**9)
    assert None is socket
    assert Failure.MALFORMED is not response.failure


@pytest.mark.parametrize(
    ("url", "through"), [("ws://api.x.example:81/ws", True), ("ws://ws.x.example:81/ws", False)]
)
def test_a_socket_to_the_target_itself_takes_the_way_of_its_requests(monkeypatch, url, through):
    """What stands between harness and target stands there for its sockets, too."""
    dialled = []
    monkeypatch.setattr(
        dialing, "upgrade", lambda *_, connect_to: dialled.append(connect_to) or (None, None)
    )
    Dialer(Target("http://api.x.example:81/v1", via=("127.0.0.1", 9))).dial(url, "t", 0)
    assert [("127.0.0.1", 9) if through else None] == dialled
