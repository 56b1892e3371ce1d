"""Addresses: every form that people write, no form that a socket would refuse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.addresses import LOOPBACK, is_loopback, parse_address


@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [
        ("lead:1", {}, ("lead", 1)),
        ("10.0.0.1:65535", {}, ("10.0.0.1", 65535)),
        ("127.0.0.1:0", {}, ("127.0.0.1", 0)),
        ("[::1]:80", {}, ("::1", 80)),
        ("[fe80::1%eth0]:80", {}, ("fe80::1%eth0", 80)),
        ("lead", {"port": 5557}, ("lead", 5557)),
        ("lead:1", {"port": 5557}, ("lead", 1)),
        ("::1", {"port": 5557}, ("::1", 5557)),
        ("[::1]", {"port": 5557}, ("::1", 5557)),
        ("9464", {"host": LOOPBACK}, (LOOPBACK, 9464)),
        (":9464", {"host": LOOPBACK}, (LOOPBACK, 9464)),
        ("0.0.0.0:9464", {"host": LOOPBACK}, ("0.0.0.0", 9464)),  # noqa: S104
    ],
)
def test_an_address_is_read(text, given, expected):
    assert expected == parse_address(text, **given)


@pytest.mark.parametrize(
    ("text", "given", "word"),
    [
        ("", {}, "write HOST:PORT"),
        ("lead", {}, "write HOST:PORT"),
        (":80", {}, "write HOST:PORT"),
        ("80", {}, "write HOST:PORT"),
        ("lead:", {"port": 1}, "write HOST or HOST:PORT"),
        ("", {"port": 1}, "write HOST or HOST:PORT"),
        ("", {"host": "h"}, "write PORT or HOST:PORT"),
        ("a b:1", {}, "write"),
        ("a\x1b:1", {}, "write"),
        ("user@host:1", {}, "write"),
        ("http://host:1", {}, "write"),
        ("::1:80", {}, "write"),  # which of them is the port?
        ("[lead]:80", {}, "write"),
        ("[]:80", {"host": "h"}, "write"),
        ("[::1:80", {}, "write"),
        ("lead:x", {}, "write"),
        ("lead:-1", {}, "write"),
        ("lead:+1", {}, "write"),
        ("lead:\u0661", {}, "write"),  # a digit, though not of ASCII
        ("lead:65536", {}, "there is no port 65536"),
        ("lead:" + "9" * 5000, {}, "there is no port 99999999"),
        ("lead:0", {"port_least": 1}, "there is no port 0"),
    ],
)
def test_what_is_no_address_is_refused(text, given, word):
    with pytest.raises(ValueError, match=word):
        parse_address(text, **given)


@given(st.ip_addresses(), st.integers(0, 65_535))
def test_every_address_with_a_port_is_read_back(address, port):
    host = f"[{address}]" if address.version == 6 else str(address)

    assert (str(address), port) == parse_address(f"{host}:{port}")


@given(st.text(max_size=30))
def test_any_text_is_an_address_or_refused(text):
    try:
        host, port = parse_address(text, host="h")
    except ValueError:
        return
    assert host
    assert host.isprintable()
    assert 0 <= port <= 65_535


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["", "api.example.com", "localhost.example.com", "127.example.com", "127.0.0.999", "127.1",
     "10.0.0.1", "0.0.0.0", "::", "[::1]", "1270.0.0.1", "\u0661\u0662\u0667.0.0.1"],  # noqa: S104
)  # fmt: skip
def test_what_is_not_loopback(host):
    """A name that only looks like it must be spelled out by the operator."""
    assert not is_loopback(host)
