"""Base URLs, headers and what a target shows of itself."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.wire import Target, Timeouts, connect
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


@pytest.mark.parametrize(
    "header",
    [
        ("x-a", "b\r\nx-evil: 1"),
        ("x-a", "b\n"),
        ("x-a", "ä"),
        ("x-a\r\n", "b"),
        ("x a", "b"),
        ("", "b"),
        ("Host", "elsewhere"),
        ("Content-Length", "1"),
        ("transfer-encoding", "chunked"),
    ],
)
def test_headers_that_cannot_be_sent(header, kind):
    """A header that would break or bend the request is a mistake of the caller."""
    with pytest.raises(ValueError, match=r"header"):
        connect(Target("http://localhost", headers=(header,)), kind)


def test_secrets_are_not_shown(kind):
    """Neither the target nor the complaint about a header shows its value."""
    target = Target(
        "http://localhost",
        headers=(("x-api-key", "osk_secret"),),
        proxy="http://user:osk_secret@proxy",
    )
    assert "osk_secret" not in repr(target)
    with pytest.raises(ValueError, match=r"x-api-key") as caught:
        connect(Target("http://localhost", headers=(("x-api-key", "osk_secret\n"),)), kind)
    assert "osk_secret" not in str(caught.value)


@pytest.mark.parametrize("options", [{"proxy": "http://127.0.0.1:1"}, {"http2": True}])
def test_fast_says_what_it_cannot_do(options):
    """What only httpx can do is refused by name, not ignored."""
    with pytest.raises(UsageError, match="httpx"):
        connect(Target("http://localhost", **options), "fast")


@pytest.mark.parametrize("bounds", [(0, 1), (1, 0), (-1, 1), (float("nan"), 1)])
def test_timeouts_are_positive(bounds):
    """A timeout of nothing would fail every exchange."""
    with pytest.raises(ValueError, match="positive"):
        Timeouts(*bounds)


def test_a_way_through_another_address_and_a_proxy_exclude_each_other():
    """Faults are made between harness and target; a proxy would be in between them."""
    target = Target("http://h", proxy="http://127.0.0.1:1", via=("127.0.0.1", 2))
    with pytest.raises(UsageError, match=r"--fault .* --proxy"):
        connect(target, "httpx")
