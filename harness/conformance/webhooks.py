"""Cases of webhooks: which events are delivered, to whom, and with which signature."""

from __future__ import annotations

from harness.conformance.case import CaseList
from harness.conformance.context import CaseContext, CaseFailedError, CaseSkippedError, require
from harness.conformance.runs import queue, wait_for_end
from harness.conformance.webhook_inbox import Delivery, WebhookInbox
from harness.workload.payloads import Webhook

CASES = CaseList()
EVENTS = {"succeeded": "run.succeeded", "failed": "run.failed"}
"""Final status → its event; a canceled run has none."""
RUNS_MAX = 8
"""Most runs queued until one ends as the case needs."""


def _inbox(context: CaseContext) -> WebhookInbox:
    if context.webhook_inbox is None:
        raise CaseSkippedError(
            "the target cannot reach a webhook inbox here; --webhook-url gives an address"
        )
    return context.webhook_inbox


@CASES.case(
    "webhook.delivered",
    "The end of a run is delivered to its webhook as run.succeeded or run.failed",
)
def _delivered(context: CaseContext) -> None:
    (delivery, *_), event, _ = _await_deliveries(context)
    require(delivery.event == event, f"the event is {delivery.event or 'missing'}, not {event}")


@CASES.case(
    "webhook.signed", "x-opensteer-signature is t=<unix seconds>,v1=<hex HMAC-SHA-256 of t.body>"
)
def _signed(context: CaseContext) -> None:
    (delivery, *_), _, _ = _await_deliveries(context)
    require(delivery.signature == "valid", f"the signature is {delivery.signature}")


@CASES.case("webhook.body", "A webhook has its own id, and its run in data.run", source="ours")
def _body(context: CaseContext) -> None:
    (delivery, *_), _, run_id = _await_deliveries(context)
    require(bool(delivery.id), "the webhook has no id")
    require(delivery.run_id == run_id, "the webhook has another run in data.run")


@CASES.case(
    "webhook.redelivered", "A refused webhook is delivered again with the same id", source="ours"
)
def _redelivered(context: CaseContext) -> None:
    (first, second, *_), _, _ = _await_deliveries(context, _inbox(context).refuses, times=2)
    require(first.status >= 500, f"the first delivery was answered {first.status}")
    require(first.id == second.id, "it was delivered again with another id")


def _await_deliveries(
    context: CaseContext, tag_suffix: str = "", times: int = 1
) -> tuple[list[Delivery], str, str]:
    """Queue runs until one ends with an event; returns its deliveries, the event, the run."""
    inbox = _inbox(context)
    for _ in range(RUNS_MAX):
        tag = context.key() + tag_suffix
        run_id = queue(context, Webhook(f"{inbox.url}/{tag}", inbox.secret)).run.id or ""
        event = EVENTS.get(wait_for_end(context, run_id))
        if event is None:
            continue
        return _wait_for_deliveries(context, inbox, tag, times), event, run_id
    raise CaseSkippedError(f"all of {RUNS_MAX} runs were canceled")


@CASES.case("webhook.subscribed", "Only the requested events are delivered")
def _unsubscribed(context: CaseContext) -> None:
    inbox = _inbox(context)
    for _ in range(RUNS_MAX):
        tag = context.key()
        hook = Webhook(f"{inbox.url}/{tag}", inbox.secret, ("run.failed",))
        if wait_for_end(context, queue(context, hook).run.id or "") != "succeeded":
            continue
        _await_deliveries(context)  # when a later run's webhook is here, this one's would be too
        require(
            not _deliveries_of(inbox, tag), "run.succeeded was delivered to a hook of run.failed"
        )
        return
    raise CaseSkippedError(f"none of {RUNS_MAX} runs succeeded")


def _wait_for_deliveries(
    context: CaseContext, inbox: WebhookInbox, tag: str, times: int
) -> list[Delivery]:
    try:
        context.wait_until(lambda: len(_deliveries_of(inbox, tag)) >= times, "the webhook came")
    except CaseSkippedError:
        number = "no webhook" if times == 1 else f"no {times} webhooks"
        why = f"a run ended, and {number} came within {context.patience_s:g} s"
        raise CaseFailedError(why) from None
    return _deliveries_of(inbox, tag)


def _deliveries_of(inbox: WebhookInbox, tag: str) -> list[Delivery]:
    return [delivery for delivery in inbox.deliveries() if delivery.tag == tag]
