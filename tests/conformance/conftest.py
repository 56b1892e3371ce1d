"""One stand-in for all conformance tests, configured again for each run of cases."""

from __future__ import annotations

import msgspec
import pytest

from harness.conformance.context import CaseContext
from harness.conformance.suite import CASES, run_suite
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
    """A stand-in and a webhook inbox; each run of cases changes the stand-in's settings."""

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
        Run cases against the stand-in with these settings.

        Args:
            names: The cases to run; all if empty.
            host: Where to reach it; "" for its own URL.
            webhook_inbox: Where webhooks arrive; None for the common inbox.
            before_close: Called before the last sessions are closed.
            settings: Settings of the stand-in.

        Returns:
            Name → verdict and detail, and operation → times its work was done meanwhile.
        """
        set_ = msgspec.to_builtins(StandinConfig(**QUICK | settings))
        self.standin.control(**{k: v for k, v in set_.items() if k not in FIXED_FIELDS})
        before = self.standin.truth()
        target = Target(host or self.standin.url, auth_headers("api-key", KEY))
        context = CaseContext(target, patience_s, webhook_inbox or self.webhook_inbox, fill=fill)
        cases = [case for case in CASES if not names or case.name in names]
        try:
            found = run_suite(
                cases,
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
        return {result.case.name: (result.verdict, result.detail) for result in found}, done


WORK = ("create_session", "queue_run", "import_selector_cache", "delete_session")


@pytest.fixture(scope="session")
def stage():
    """A target shared by all runs that leave nothing behind in it."""
    with Standin(StandinConfig(**QUICK)) as standin, open_webhook_inbox() as webhook_inbox:
        yield ConformanceTarget(standin, webhook_inbox)


@pytest.fixture
def run_cases(stage):
    """Run cases against the common stand-in."""
    return stage.run_cases
