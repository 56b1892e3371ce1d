"""Targets that break one statement each: a relay before the stand-in refuses or rewrites."""

from __future__ import annotations

import pytest

from harness.conformance.suite import CHECKS
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

SOCKETS = tuple(c.name for c in CHECKS if c.name.startswith(("action.", "cdp.", "sockets.")))
WEBHOOKS = tuple(c.name for c in CHECKS if c.name.startswith("webhook."))


@pytest.fixture(scope="module")
def relay(stage):
    """One before the stand-in for all."""
    relay = RestRelay(stage.standin.url)
    yield relay
    relay.close()


@pytest.fixture(scope="module")
def frames(stage):
    """One that reads along on sockets."""
    relay = FrameRelay(stage.standin.url)
    yield relay
    relay.close()


@pytest.fixture(scope="module")
def hooks(stage):
    """One between the stand-in and the mailbox."""
    relay = HookRelay(stage.webhook_inbox)
    yield relay
    relay.close()


def failing(found) -> set[str]:
    """The checks that failed."""
    return {name for name, (verdict, _) in found.items() if verdict == "fail"}


@pytest.mark.parametrize(
    "name",
    sorted(REPLACED_RESPONSES.keys() | CHANGED_RESPONSES.keys() | CHANGED_REQUESTS.keys()),
)
def test_a_broken_statement_fails_its_check(stage, relay, name):
    """The relay alone changes no verdict; with the contradiction the check fails."""
    relay.reset()
    settings = SLOW.get(name, {})
    honest, _ = stage.run_cases((name,), host=relay.url, **settings)
    if name in REPLACED_RESPONSES:
        said, to = REPLACED_RESPONSES[name]
        relay.instead = lambda asked: said if to(asked) else None
    relay.changes = CHANGED_RESPONSES.get(name, relay.changes)
    relay.asks = CHANGED_REQUESTS.get(name, relay.asks)
    found, _ = stage.run_cases(
        (name,), host=relay.url, patience_s=0.3, before_close=relay.reset, **settings
    )

    assert honest[name][0] == "pass", honest
    assert found[name][0] == "fail", found


@pytest.mark.parametrize("name", sorted(CHANGED_FRAMES))
def test_a_broken_frame_fails_its_check_and_no_other(stage, frames, name):
    """Of all that is looked at on the two sockets."""
    frames.changes = CHANGED_FRAMES[name]
    found, _ = stage.run_cases(SOCKETS, host=frames.url, patience_s=1)

    assert failing(found) == {name}, found


@pytest.mark.parametrize(("changes", "expected"), CHANGED_WEBHOOKS)
def test_a_broken_webhook_fails_its_checks_and_no_other(stage, hooks, changes, expected):
    """It is signed all the same, so only what it tells is wrong."""
    hooks.changes = changes
    found, _ = stage.run_cases(WEBHOOKS, webhook_inbox=hooks)

    assert failing(found) == expected, found


def test_relays_that_change_nothing_are_not_noticed(stage, frames, hooks):
    """What the tests above see comes of the change."""
    frames.changes = lambda text: text
    hooks.changes = lambda _told: None
    found, _ = stage.run_cases(
        SOCKETS + WEBHOOKS, host=frames.url, webhook_inbox=hooks, patience_s=1
    )

    assert found.pop("sockets.expired_token")[0] == "skip"
    assert {verdict for verdict, _ in found.values()} == {"pass"}, found


def test_every_check_is_seen_failing():
    """A check that nothing breaks would pass whatever a target does."""
    assert named() == {check.name for check in CHECKS}
