"""A stand-in to hold against the contract, set anew for each sitting."""

from __future__ import annotations

import msgspec
import pytest

from harness.conformance.context import CaseContext
from harness.conformance.suite import CHECKS, run_suite
from harness.conformance.webhook_inbox import WebhookInbox
from harness.execution.webhook_inbox import open_webhook_inbox
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


class ConformanceTarget:
    """A stand-in and a mailbox, of which each sitting sets the first as it likes."""

    def __init__(self, standin: Standin, webhook_inbox: WebhookInbox) -> None:
        self.standin = standin
        self.webhook_inbox = webhook_inbox

    def run_cases(
        self,
        names=(),
        *,
        destructive=True,
        patience_s=20,
        fill=0,
        host="",
        webhook_inbox=None,
        before_close=None,
        **settings,
    ):
        """
        Checks of it so set.

        Args:
            names: Which; all when empty.
            destructive: As of `run_suite`.
            patience_s: The desk's.
            fill: The desk's.
            host: Where it is reached, when not at its own URL.
            webhook_inbox: Where webhooks come to, when not to the stage's.
            before_close: Called before the last sessions are closed.
            settings: Of the stand-in.

        Returns:
            Name → verdict and detail, and how often the stand-in did what meanwhile.
        """
        set_ = msgspec.to_builtins(StandinConfig(**QUICK | settings))
        self.standin.control(**{k: v for k, v in set_.items() if k not in FIXED_FIELDS})
        before = self.standin.truth()
        target = Target(host or self.standin.url, auth_headers("api-key", KEY))
        context = CaseContext(target, patience_s, webhook_inbox or self.webhook_inbox, fill=fill)
        checks = [check for check in CHECKS if not names or check.name in names]
        try:
            found = run_suite(
                checks,
                context,
                destructive=destructive,
                ours=True,
                on_result=lambda _result: None,
            )
        finally:
            self.standin.control(fail={})
            if before_close is not None:
                before_close()
            left = context.close()
        truth = self.standin.truth()
        assert not left
        assert truth["sessions"]["open"] == 0
        done = {name: truth["work"].get(name, 0) - before["work"].get(name, 0) for name in WORK}
        return {result.check.name: (result.verdict, result.detail) for result in found}, done


WORK = ("create_session", "queue_run", "import_selector_cache", "delete_session")


@pytest.fixture(scope="session")
def stage():
    """One for all sittings that leave nothing behind in it."""
    with Standin(StandinConfig(**QUICK)) as standin, open_webhook_inbox() as webhook_inbox:
        yield ConformanceTarget(standin, webhook_inbox)


@pytest.fixture
def run_cases(stage):
    """Make checks of the common stand-in."""
    return stage.run_cases
