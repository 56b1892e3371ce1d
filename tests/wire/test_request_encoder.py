"""Headers that a request cannot have are refused before anything is sent."""

from __future__ import annotations

import pytest

from harness.wire import Target, connect


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
