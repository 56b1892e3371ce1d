"""Checks of webhooks: who is told, of what, and with which signature."""

from __future__ import annotations

from functools import partial

from harness.conformance.case import CaseFailedError, CaseSkippedError, ConformanceCase
from harness.conformance.context import CaseContext, require
from harness.conformance.runs import queue, wait_for_end
from harness.conformance.webhook_inbox import Delivery, WebhookInbox
from harness.workload.payloads import Webhook

EVENTS = {"succeeded": "run.succeeded", "failed": "run.failed"}
"""Final status → the event that tells of it; a canceled run has none."""
RUNS_MAX = 8
"""Runs queued until one ends as it must for the check."""


def _mailbox(context: CaseContext) -> WebhookInbox:
    if context.webhook_inbox is None:
        raise CaseSkippedError("no webhook can come here: the target is not on this machine")
    return context.webhook_inbox


def _delivered(context: CaseContext) -> None:
    delivery, event = _await_delivery(context)
    require(delivery.event == event, f"told as {delivery.event or 'nothing'}, not {event}")


def _signed(context: CaseContext) -> None:
    delivery, _ = _await_delivery(context)
    require(delivery.signature == "valid", f"the signature is {delivery.signature}")


def _body(context: CaseContext) -> None:
    (delivery, *_), _, run_id = _await_deliveries(context)
    require(bool(delivery.id), "the webhook has no id")
    require(delivery.run_id == run_id, "the webhook tells of another run in data.run")


def _redelivered(context: CaseContext) -> None:
    refused, _, _ = _await_deliveries(context, _mailbox(context).refuses, times=2)
    require(refused[0].status >= 500, f"the first try was answered {refused[0].status}")
    require(refused[0].id == refused[1].id, "it was told again under another id")


def _await_delivery(context: CaseContext) -> tuple[Delivery, str]:
    """Queue a run with a webhook for all events, and wait until its end was told."""
    (delivery, *_), event, _ = _await_deliveries(context)
    return delivery, event


def _await_deliveries(
    context: CaseContext, ending: str = "", times: int = 1
) -> tuple[list[Delivery], str, str]:
    """Queue runs until one's end was told so often: the deliveries, the event, the run."""
    webhook_inbox = _mailbox(context)
    for _ in range(RUNS_MAX):
        tag = context.key() + ending
        hook = Webhook(f"{webhook_inbox.url}/{tag}", webhook_inbox.secret)
        run_id = queue(context, hook).run.id or ""
        event = EVENTS.get(wait_for_end(context, run_id))
        if event is None:
            continue
        try:
            context.wait_until(
                partial(_has_deliveries, webhook_inbox, tag, times), "the webhook came"
            )
        except CaseSkippedError:
            so_often = "no webhook" if times == 1 else f"no {times} webhooks"
            raise CaseFailedError(
                f"a run ended, and {so_often} came within {context.patience_s:g} s"
            ) from None
        return _deliveries_of(webhook_inbox, tag), event, run_id
    raise CaseSkippedError(f"{RUNS_MAX} runs were all canceled")


def _unsubscribed(context: CaseContext) -> None:
    """A later run's webhook is the sign that the earlier one's would have come."""
    webhook_inbox = _mailbox(context)
    for _ in range(RUNS_MAX):
        tag = context.key()
        hook = Webhook(f"{webhook_inbox.url}/{tag}", webhook_inbox.secret, ("run.failed",))
        if wait_for_end(context, queue(context, hook).run.id or "") != "succeeded":
            continue
        _await_delivery(context)
        require(
            not _deliveries_of(webhook_inbox, tag),
            "a succeeded run was told to a hook of run.failed only",
        )
        return
    raise CaseSkippedError(f"none of {RUNS_MAX} runs succeeded")


def _has_deliveries(webhook_inbox: WebhookInbox, tag: str, times: int) -> bool:
    return len(_deliveries_of(webhook_inbox, tag)) >= times


def _deliveries_of(webhook_inbox: WebhookInbox, tag: str) -> list[Delivery]:
    return [delivery for delivery in webhook_inbox.deliveries() if delivery.tag == tag]


CHECKS = (
    ConformanceCase(
        "webhook.delivered",
        "A run's end is told to its webhook, as run.succeeded or run.failed",
        _delivered,
    ),
    ConformanceCase(
        "webhook.signed",
        "x-opensteer-signature is t=<unix seconds>,v1=<hex HMAC-SHA-256 of t.body>",
        _signed,
    ),
    ConformanceCase(
        "webhook.body",
        "A webhook has an id of its own and its run in data.run",
        _body,
        source="ours",
    ),
    ConformanceCase(
        "webhook.redelivered",
        "A webhook that was refused is told again, under the same id",
        _redelivered,
        source="ours",
    ),
    ConformanceCase("webhook.subscribed", "Only the events asked for are told", _unsubscribed),
)
