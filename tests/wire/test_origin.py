"""Base URLs: which are read, and which are refused."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.wire import Target, connect
from harness.wire.origin import parse_origin


@pytest.mark.parametrize(
    ("base_url", "origin"),
    [
        ("http://localhost", (False, "localhost", 80, "localhost", "")),
        ("https://api.example.com/", (True, "api.example.com", 443, "api.example.com", "")),
        ("http://h:8787/v1//", (False, "h", 8787, "h:8787", "/v1")),
        ("HTTPS://H:443/a/b", (True, "h", 443, "h", "/a/b")),
        ("http://[::1]:80", (False, "::1", 80, "[::1]", "")),
        (
            "https://[2001:db8::1]:8443/x",
            (True, "2001:db8::1", 8443, "[2001:db8::1]:8443", "/x"),
        ),
        (
            "http://bücher.example",
            (False, "xn--bcher-kva.example", 80, "xn--bcher-kva.example", ""),
        ),
    ],
)
def test_base_urls(base_url, origin):
    """A base URL is taken apart as its writer meant it."""
    assert origin == parse_origin(base_url)


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "localhost:8787",
        "ftp://host",
        "http://",
        "http://host:99999",
        "http://host:port",
        "http://[::1",
        "http://[nonsense]",
        "http://host/a b",
        "http://host/ä",
        "http://ho st",
        "http://host?x=1",
        "http://host/#top",
        "http://.",
    ],
)
def test_bad_base_urls(base_url, kind):
    """What cannot be a target is refused at once, with words for the operator."""
    with pytest.raises(UsageError):
        connect(Target(base_url), kind)


def test_user_info_is_refused_and_not_repeated(kind):
    """A secret in a base URL is not echoed."""
    with pytest.raises(UsageError) as caught:
        connect(Target("http://user:osk_secret@host"), kind)
    assert "osk_secret" not in str(caught.value)
