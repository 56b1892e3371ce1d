"""
Run polling: queue a scraper's run, poll it to its end, read all its logs.

The shape of a job queue: what counts is that one call makes one run, that the run
ends, and what it costs to find that out.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from harness.client import OpensteerClient
from harness.contract.payloads import altered, run_body
from harness.contract.shapes import FINAL_RUN_STATUSES, LogPage
from harness.fields import Duration, Positive, Share, Table
from harness.load.user import ScenarioUser, Visit
from harness.units import NS_PER_MS, NS_PER_S

_BOTH = ("run.succeeded", "run.failed")
_SUBSCRIPTIONS = (_BOTH, _BOTH, ("run.succeeded",), ("run.failed",))


class RunPolling:
    """One round: queue, poll with backoff to a final status, page through the logs."""

    class Settings(Table):
        """``[scenario.run_polling]``."""

        poll: Positive = 100 * NS_PER_MS
        """Pause before the first look; each further pause is half as long again."""
        poll_max: Positive = 2 * NS_PER_S
        """The longest pause."""
        deadline: Duration = 60 * NS_PER_S
        """How long a run may take to end."""
        page: Annotated[int, Field(ge=1, le=1000)] = 100
        """Log lines a page."""
        pages: Annotated[int, Field(ge=0, le=10_000)] = 100
        """Log pages read at most."""
        webhooks: Share = 0.5
        """Share of runs that ask for a webhook, where the harness has an inbox."""
        run_deadline: Duration = 0
        """What ``runs.lifecycle`` demands of a run's end; ``deadline`` when zero."""
        webhook_deadline: Positive = 10 * NS_PER_S
        """What ``webhooks.delivery`` demands of a delivery, from the final status on."""

    def __init__(self, settings: Settings, _seed: int) -> None:
        self._settings = settings

    def round(self, visit: Visit) -> None:
        """Make the calls of one arrival."""
        client = visit.client
        key = visit.key()
        hooked = bool(visit.webhook_url) and visit.chance.random() < self._settings.webhooks
        # Now and then for one of the two events only: the other one must not come.
        events = visit.chance.choice(_SUBSCRIPTIONS) if hooked else ()
        webhook = visit.webhook(events, key) if hooked else None
        slug, body = run_body(visit.seed, visit.number, webhook)
        run_id = client.queue_run(slug, body, key, events=events).answer.resource_id
        if not run_id:
            return
        if visit.probing():
            self._ask_again(visit, slug, body, key, events)
        if self._poll(visit, run_id) and not visit.stopping:
            self._read_logs(visit, run_id)
            if visit.probing():
                visit.as_probe()
                client.get_run(run_id, probe="final_again")
                visit.as_load()

    def _ask_again(
        self, visit: Visit, slug: str, body: bytes, key: str, events: tuple[str, ...]
    ) -> None:
        def same(client: OpensteerClient) -> None:
            client.queue_run(slug, body, key, events=events, probe="same_key_same_body")

        visit.as_probe()
        if visit.chance.random() < 0.5:
            same(visit.client)
            visit.remember(same)
        else:
            visit.client.queue_run(slug, altered(body), key, probe="same_key_other_body")
        visit.as_load()

    def _poll(self, visit: Visit, run_id: str) -> bool:
        """Look until the run is final; False when it did not get there."""
        settings = self._settings
        pause_s, waited_s = settings.poll / NS_PER_S, 0.0
        while waited_s < settings.deadline / NS_PER_S and not visit.stopping:
            visit.sleep(pause_s)
            waited_s += pause_s
            pause_s = min(pause_s * 1.5, settings.poll_max / NS_PER_S)
            result = visit.client.get_run(run_id)
            if result.answer.state in FINAL_RUN_STATUSES:
                return True
        return False

    def _read_logs(self, visit: Visit, run_id: str) -> None:
        settings, cursor = self._settings, None
        for _ in range(settings.pages):
            result = visit.client.get_run_logs(run_id, limit=settings.page, cursor=cursor)
            page = result.answer.value
            if not result.ok or not isinstance(page, LogPage):
                return
            cursor = page.next_before_log_cursor
            if cursor is None or visit.stopping:
                break
        if visit.probing():
            visit.as_probe()
            visit.client.get_run_logs(run_id, limit=settings.page, probe="logs_again")
            visit.as_load()


class RunPollingUser(ScenarioUser):
    """A user who queues runs."""

    workloads = {"run_polling": RunPolling}  # noqa: RUF012  as Locust's own class settings
