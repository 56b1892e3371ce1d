"""Targets that break one statement each: a relay before the stand-in refuses or rewrites."""

from __future__ import annotations

import pytest

from harness.conformance.suite import CASES
from tests.conformance.cases import (
    CHANGED_FRAMES,
    CHANGED_REQUESTS,
    CHANGED_RESPONSES,
    CHANGED_WEBHOOKS,
    REPLACED_RESPONSES,
    SLOW,
    named,
)
from tests.conformance.relays import FrameRelay, HookRelay, RestRelay

SOCKETS = tuple(c.name for c in CASES if c.name.startswith(("action.", "cdp.", "sockets.")))
WEBHOOKS = tuple(c.name for c in CASES if c.name.startswith("webhook."))


@pytest.fixture(scope="module")
def relay(stage):
    """A relay before the common stand-in."""
    relay = RestRelay(stage.standin.url)
    yield relay
    relay.close()


@pytest.fixture(scope="module")
def frames(stage):
    """A relay that can change the frames of sockets."""
    relay = FrameRelay(stage.standin.url)
    yield relay
    relay.close()


@pytest.fixture(scope="module")
def hooks(stage):
    """A relay between the stand-in and the webhook inbox."""
    relay = HookRelay(stage.webhook_inbox)
    yield relay
    relay.close()


def failing(found) -> set[str]:
    """The cases that failed."""
    return {name for name, (verdict, _) in found.items() if verdict == "fail"}


@pytest.mark.parametrize(
    "name",
    sorted(REPLACED_RESPONSES.keys() | CHANGED_RESPONSES.keys() | CHANGED_REQUESTS.keys()),
)
def test_a_broken_statement_fails_its_case(stage, relay, name):
    """An unchanged relay changes no verdict; with the contradiction the case fails."""
    relay.reset()
    settings = SLOW.get(name, {})
    honest, _ = stage.run_cases((name,), host=relay.url, **settings)
    if name in REPLACED_RESPONSES:
        response, matches = REPLACED_RESPONSES[name]
        relay.instead = lambda request: response if matches(request) else None
    relay.changes = CHANGED_RESPONSES.get(name, relay.changes)
    relay.asks = CHANGED_REQUESTS.get(name, relay.asks)
    found, _ = stage.run_cases(
        (name,), host=relay.url, patience_s=0.3, before_close=relay.reset, **settings
    )

    assert honest[name][0] == "pass", honest
    assert found[name][0] == "fail", found


@pytest.mark.parametrize("name", sorted(CHANGED_FRAMES))
def test_a_broken_frame_fails_its_case_and_no_other(stage, frames, name):
    """Among all cases of the two sockets."""
    frames.changes = CHANGED_FRAMES[name]
    found, _ = stage.run_cases(SOCKETS, host=frames.url, patience_s=1)

    assert failing(found) == {name}, found


@pytest.mark.parametrize(("changes", "expected"), CHANGED_WEBHOOKS)
def test_a_broken_webhook_fails_its_cases_and_no_other(stage, hooks, changes, expected):
    """Its signature is valid, so only its contents are wrong."""
    hooks.changes = changes
    found, _ = stage.run_cases(WEBHOOKS, webhook_inbox=hooks)

    assert failing(found) == expected, found


def test_relays_that_change_nothing_pass(stage, frames, hooks):
    """So the failures above are caused by the changes."""
    frames.changes = lambda text: text
    hooks.changes = lambda _message: None
    found, _ = stage.run_cases(
        SOCKETS + WEBHOOKS, host=frames.url, webhook_inbox=hooks, patience_s=1
    )

    assert found.pop("sockets.expired_token")[0] == "skip"
    assert {verdict for verdict, _ in found.values()} == {"pass"}, found


def test_every_case_can_fail():
    """A case that nothing breaks would pass whatever a target does."""
    assert named() == {case.name for case in CASES}
