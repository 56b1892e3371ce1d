"""`harness serve` and `harness doctor`, as a user runs them."""

from __future__ import annotations

import json
import signal
import urllib.request

import pytest

from tests.e2e.conftest import Command

pytestmark = pytest.mark.trial


def test_serve_listens_and_stops_clean(harness: Command) -> None:
    """It says where it listens, answers there, and SIGTERM ends it with 0."""
    process = harness.start("serve", "--port", "0", "--rate", "5", "--burst", "1")
    url = json.loads(process.stdout.readline())["listening"]
    with urllib.request.urlopen(url + "/health", timeout=10) as answer:
        status = answer.status
    process.send_signal(signal.SIGTERM)
    ended = harness.wait(process)

    assert status == 200
    assert ended.code == 0, ended.err


def test_serve_refuses_what_it_does_not_know(harness: Command) -> None:
    """A wrong setting is one line and exit 2."""
    ended = harness("serve", "--fail", "CLOUD_NONSENSE=0.5")

    assert ended.code == 2
    assert "CLOUD_NONSENSE" in ended.err
    assert len(ended.err.strip().splitlines()) == 1


def test_doctor_sees_the_stand_in(harness: Command) -> None:
    """Without a host it looks at this machine and at its own stand-in."""
    ended = harness("doctor")

    assert ended.code == 0, ended.err
    assert "takes the key" in ended.out


def test_doctor_says_what_is_missing(harness: Command) -> None:
    """A host where nobody listens is exit 3."""
    ended = harness("doctor", "--host", "http://127.0.0.1:9")

    assert ended.code == 3
    assert "cannot be reached" in ended.out
