"""
Run polling: queue a scraper run, poll it until it ends, read all its logs.

It shows whether one call makes one run, whether the run ends, and what polling costs.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from harness.client.opensteer_client import OpensteerClient
from harness.contract.response_models import FINAL_RUN_STATUSES, LogPage
from harness.fields import Duration, Positive, Share, Table
from harness.load.user import Iteration, ScenarioUser
from harness.units import NS_PER_MS, NS_PER_S
from harness.workload.payloads import mutate_body, run_body

_BOTH_EVENTS = ("run.succeeded", "run.failed")
_SUBSCRIPTIONS = (_BOTH_EVENTS, _BOTH_EVENTS, ("run.succeeded",), ("run.failed",))


class RunPolling:
    """One iteration: queue, poll with backoff to a final status, read the log pages."""

    class Settings(Table):
        """``[scenario.run_polling]``."""

        # Pause before the first poll; each further pause is 1.5 times as long.
        poll: Positive = 100 * NS_PER_MS
        poll_max: Positive = 2 * NS_PER_S  # the longest pause
        deadline: Duration = 60 * NS_PER_S  # longest time until a run ends
        page: Annotated[int, Field(ge=1, le=1000)] = 100  # log lines per page
        pages: Annotated[int, Field(ge=0, le=10_000)] = 100  # maximum of log pages to read
        webhooks: Share = 0.5  # share of runs with a webhook, if the harness has an inbox
        # Longest time until a run ends for the check ``runs.lifecycle``; 0 means ``deadline``.
        run_deadline: Duration = 0
        # Longest time from final status to delivery for the check ``webhooks.delivery``.
        webhook_deadline: Positive = 10 * NS_PER_S

    def __init__(self, settings: Settings, _seed: int) -> None:
        self._settings = settings

    def run_iteration(self, iteration: Iteration) -> None:
        """Make the calls of one arrival."""
        client = iteration.client
        key = iteration.new_idempotency_key()
        subscribes = iteration.webhook_url and iteration.rng.random() < self._settings.webhooks
        # Some subscribe to one of the two events only: the other event must not arrive.
        events = iteration.rng.choice(_SUBSCRIPTIONS) if subscribes else ()
        webhook = iteration.webhook(events, key) if subscribes else None
        slug, body = run_body(iteration.seed, iteration.number, webhook)
        run_id = client.queue_run(slug, body, key, events=events).interpretation.resource_id
        if not run_id:
            return
        if iteration.should_probe():
            self._probe_repeat(iteration, slug, body, key, events)
        if self._poll(iteration, run_id) and not iteration.stopping:
            self._read_logs(iteration, run_id)
            if iteration.should_probe():
                iteration.begin_probe()
                client.get_run(run_id, probe="final_again")
                iteration.end_probe()

    def _probe_repeat(
        self, iteration: Iteration, slug: str, body: bytes, key: str, events: tuple[str, ...]
    ) -> None:
        def repeat(client: OpensteerClient) -> None:
            client.queue_run(slug, body, key, events=events, probe="same_key_same_body")

        iteration.begin_probe()
        if iteration.rng.random() < 0.5:
            repeat(iteration.client)
            iteration.schedule_probe(repeat)
        else:
            iteration.client.queue_run(slug, mutate_body(body), key, probe="same_key_other_body")
        iteration.end_probe()

    def _poll(self, iteration: Iteration, run_id: str) -> bool:
        """Poll until the status is final; False if it never is."""
        settings = self._settings
        pause_s, waited_s = settings.poll / NS_PER_S, 0.0
        while waited_s < settings.deadline / NS_PER_S and not iteration.stopping:
            iteration.sleep(pause_s)
            waited_s += pause_s
            pause_s = min(pause_s * 1.5, settings.poll_max / NS_PER_S)
            result = iteration.client.get_run(run_id)
            if result.interpretation.state in FINAL_RUN_STATUSES:
                return True
        return False

    def _read_logs(self, iteration: Iteration, run_id: str) -> None:
        settings, cursor = self._settings, None
        for _ in range(settings.pages):
            result = iteration.client.get_run_logs(run_id, limit=settings.page, cursor=cursor)
            page = result.interpretation.value
            if not result.ok or not isinstance(page, LogPage):
                return
            cursor = page.next_before_log_cursor
            if cursor is None or iteration.stopping:
                break
        if iteration.should_probe():
            iteration.begin_probe()
            iteration.client.get_run_logs(run_id, limit=settings.page, probe="logs_again")
            iteration.end_probe()


class RunPollingUser(ScenarioUser):
    """A user who queues scraper runs."""

    workloads = {"run_polling": RunPolling}  # noqa: RUF012  as Locust's own class settings
