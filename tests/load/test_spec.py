"""The spec of a load process: allowed hosts, and the key's source."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.load.spec import EMBEDDED_KEY, check_host, read_key


@pytest.mark.parametrize(
    ("host", "allowed", "expected"),
    [
        ("http://127.0.0.1:80/", "", "http://127.0.0.1:80"),
        ("http://127.8.9.1", "", "http://127.8.9.1"),
        ("http://localhost:1/api//", "", "http://localhost:1/api"),
        ("http://[::1]:9", "", "http://[::1]:9"),
        ("https://api.example.com/", "api.example.com", "https://api.example.com"),
        ("https://API.example.com", "Api.Example.com", "https://API.example.com"),
    ],
)
def test_this_machine_or_what_is_spelled_out_may_be_loaded(host, allowed, expected):
    """Without the slashes at its end."""
    assert expected == check_host(host, allowed)


@pytest.mark.parametrize("allowed", ["", "example.com", "127.0.0.1"])
@pytest.mark.parametrize(
    "name",
    [
        "api.example.com", "127.0.0.1.example.net", "127.example.net", "localhost.example.net",
        "10.0.0.1", "0.0.0.0", "128.0.0.1", "127.0.0", "127.0.0.x",  # noqa: S104  to be refused
    ],
)  # fmt: skip
def test_another_machine_is_not_loaded_by_mistake(name, allowed):
    """What only looks like this machine is none; one name allows no other."""
    with pytest.raises(UsageError, match=f"add --allow-host {name}$"):
        check_host(f"http://{name}:80", allowed)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:80", "ftp://127.0.0.1", "http://", "http://127.0.0.1:99999", "http://[::1",
        "http://me:secret@127.0.0.1", "http://127.0.0.1/?key=secret", "http://127.0.0.1/#secret",
    ],
)  # fmt: skip
def test_what_is_no_base_url_is_refused_without_its_secrets(host):
    """One line; what stands before an @ or in a query may be secret."""
    with pytest.raises(UsageError, match="--host") as caught:
        check_host(host, "127.0.0.1")
    assert "secret" not in str(caught.value)


def test_the_key_comes_from_the_environment():
    """The API key before the access token; the embedded stand-in has one of its own."""
    both = {"OPENSTEER_API_KEY": "osk_a", "OPENSTEER_ACCESS_TOKEN": "tok"}

    assert "osk_a" == read_key(both, embedded=False)
    assert "tok" == read_key({"OPENSTEER_ACCESS_TOKEN": "tok"}, embedded=False)
    assert EMBEDDED_KEY == read_key(both, embedded=True)


@pytest.mark.parametrize(
    "key", ["", " ", "osk_secret\n", " osk_secret", "osk_secret ", "osk_secr\u00e9t"]
)
def test_a_key_that_no_header_can_carry_is_refused_unseen(key):
    """A line break from a file is the usual one."""
    with pytest.raises(UsageError) as caught:
        read_key({"OPENSTEER_API_KEY": key}, embedded=False)
    assert "secr" not in str(caught.value)
