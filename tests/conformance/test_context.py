"""The case context: which wire it uses, and that an interrupt leaves no session open."""

from __future__ import annotations

import pytest

from harness.clock import unix_ns
from harness.conformance import context as context_module
from harness.conformance.context import CaseContext
from harness.standin.config import StandinConfig
from harness.standin.launch import Standin
from harness.wire import Request, Target, Transport, connect
from harness.wire.fast.exchange import FastTransport
from harness.wire.httpx_transport import HttpxTransport


class Interrupted:
    """A transport that is interrupted while it waits for a response."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner

    def exchange(self, request: Request, _deadline_ns: int) -> None:
        """Send the request, wait briefly, and raise."""
        self._inner.exchange(request, unix_ns() + 100_000_000)
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("options", "kind", "made"),
    [
        ({}, None, FastTransport),
        ({}, "httpx", HttpxTransport),
        ({"proxy": "http://127.0.0.1:9"}, None, HttpxTransport),
    ],
)
def test_uses_the_requested_wire(options, kind, made):
    """`--transport httpx`, or what only httpx can do."""
    context = CaseContext(Target("http://127.0.0.1:9", **options), kind=kind)
    with context.without_key() as transport:
        assert isinstance(transport, made)
    context.close()


def test_closes_a_create_that_is_still_in_progress(monkeypatch):
    """A repeat gets 409 at first; the session opens later, and is closed."""
    monkeypatch.setattr(context_module, "RETRY_IN_FLIGHT_S", 0.1)
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


def test_closes_a_session_whose_response_was_not_read(monkeypatch):
    """The interrupt comes after the response and before it is noted."""

    def interrupted(*_args: object) -> None:
        raise KeyboardInterrupt

    with Standin(StandinConfig(api_keys=("k",))) as standin:
        context = CaseContext(Target(standin.url, (("x-api-key", "k"),)))
        with monkeypatch.context() as patched:
            patched.setattr(context_module, "interpret", interrupted)
            with pytest.raises(KeyboardInterrupt):
                context.open_session()
        left = context.close()
        sessions = standin.truth()["sessions"]
    assert ([], 1, 0) == (left, sessions["created"], sessions["open"])
