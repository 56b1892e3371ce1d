"""A stand-in to hold against the contract, set anew for each sitting."""

from __future__ import annotations

import msgspec
import pytest

from harness.conformance.context import Desk
from harness.conformance.suite import CHECKS, make
from harness.conformance.webhook_inbox import Mailbox
from harness.execution.webhook_inbox import open_mailbox
from harness.load.spec import auth_headers
from harness.standin.config import FIXED_FIELDS, StandinConfig
from harness.standin.launch import Standin
from harness.wire import Target

KEY = "osk_conform"
QUICK = {
    "api_keys": (KEY,),
    "run_wait": "1ms",
    "run_duration": "5ms",
    "limiter": "token-bucket",
    "rate": 200.0,
    "burst": 40,
}


class Stage:
    """A stand-in and a mailbox, of which each sitting sets the first as it likes."""

    def __init__(self, standin: Standin, mailbox: Mailbox) -> None:
        self.standin = standin
        self.mailbox = mailbox

    def sit(
        self,
        names=(),
        *,
        destructive=True,
        patience_s=20,
        fill=0,
        host="",
        mailbox=None,
        truly=None,
        **settings,
    ):
        """
        Checks of it so set.

        Args:
            names: Which; all when empty.
            destructive: As of `make`.
            patience_s: The desk's.
            fill: The desk's.
            host: Where it is reached, when not at its own URL.
            mailbox: Where webhooks come to, when not to the stage's.
            truly: Called before the last sessions are closed.
            settings: Of the stand-in.

        Returns:
            Name → verdict and detail, and how often the stand-in did what meanwhile.
        """
        set_ = msgspec.to_builtins(StandinConfig(**QUICK | settings))
        self.standin.control(**{k: v for k, v in set_.items() if k not in FIXED_FIELDS})
        before = self.standin.truth()
        target = Target(host or self.standin.url, auth_headers("api-key", KEY))
        desk = Desk(target, patience_s, mailbox or self.mailbox, fill=fill)
        checks = [check for check in CHECKS if not names or check.name in names]
        try:
            found = make(
                checks, desk, destructive=destructive, ours=True, told=lambda _seen: None
            )
        finally:
            self.standin.control(fail={})
            if truly is not None:
                truly()
            left = desk.close()
        truth = self.standin.truth()
        assert not left
        assert truth["sessions"]["open"] == 0
        done = {name: truth["work"].get(name, 0) - before["work"].get(name, 0) for name in WORK}
        return {seen.check.name: (seen.verdict, seen.detail) for seen in found}, done


WORK = ("create_session", "queue_run", "import_selector_cache", "delete_session")


@pytest.fixture(scope="session")
def stage():
    """One for all sittings that leave nothing behind in it."""
    with Standin(StandinConfig(**QUICK)) as standin, open_mailbox() as mailbox:
        yield Stage(standin, mailbox)


@pytest.fixture
def sit(stage):
    """Make checks of the common stand-in."""
    return stage.sit
