"""The desk: over which wire it speaks, and what an interrupt leaves behind."""

from __future__ import annotations

import pytest

from harness.clock import unix_ns
from harness.conformance import context as desks
from harness.conformance.context import CaseContext
from harness.standin.config import StandinConfig
from harness.standin.launch import Standin
from harness.wire import Request, Target, Transport, connect
from harness.wire.fast import FastTransport
from harness.wire.httpx_transport import HttpxTransport


class Interrupted:
    """A transport whose user is interrupted while it waits for an answer."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner

    def exchange(self, request: Request, _deadline_ns: int) -> None:
        """Send it, wait a little, and be interrupted."""
        self._inner.exchange(request, unix_ns() + 100_000_000)
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("asked", "kind", "made"),
    [
        ({}, None, FastTransport),
        ({}, "httpx", HttpxTransport),
        ({"proxy": "http://127.0.0.1:9"}, None, HttpxTransport),
    ],
)
def test_the_wire_is_the_one_asked_for(asked, kind, made):
    """`--transport httpx`, or what only httpx can do."""
    context = CaseContext(Target("http://127.0.0.1:9", **asked), kind=kind)
    transport = context.without_key(None)
    try:
        assert isinstance(transport, made)
    finally:
        transport.close()
        context.close()


def test_a_create_that_is_still_being_handled_is_closed_too(monkeypatch):
    """Asked again at once, it is refused (409); the session comes, and does not stay."""
    monkeypatch.setattr(desks, "RETRY_IN_FLIGHT_S", 0.1)
    config = StandinConfig(api_keys=("k",), latency={"create_session": "400ms"})
    with Standin(config) as standin:
        target = Target(standin.url, (("x-api-key", "k"),))
        context, other = CaseContext(target), connect(target)
        with monkeypatch.context() as patched:
            patched.setattr(context, "_transport", Interrupted(other))
            with pytest.raises(KeyboardInterrupt):
                context.open_session()
        left = context.close()
        other.close()
        sessions = standin.truth()["sessions"]
    assert ([], 1, 0) == (left, sessions["created"], sessions["open"])


def test_an_interrupt_just_after_an_answer_leaves_nothing_open(monkeypatch):
    """The answer came, and what it said was not noted yet."""

    def interrupted(*_args: object) -> None:
        raise KeyboardInterrupt

    with Standin(StandinConfig(api_keys=("k",))) as standin:
        context = CaseContext(Target(standin.url, (("x-api-key", "k"),)))
        with monkeypatch.context() as patched:
            patched.setattr(desks, "interpret", interrupted)
            with pytest.raises(KeyboardInterrupt):
                context.open_session()
        left = context.close()
        sessions = standin.truth()["sessions"]
    assert ([], 1, 0) == (left, sessions["created"], sessions["open"])
