"""Checks of webhooks: who is told, of what, and with which signature."""

from __future__ import annotations

from functools import partial

from harness.conformance.case import BrokenPromiseError, Check, NotSeenError
from harness.conformance.context import Desk, require
from harness.conformance.runs import finish, queue
from harness.conformance.webhook_inbox import Delivery, Mailbox
from harness.workload.payloads import Webhook

EVENTS = {"succeeded": "run.succeeded", "failed": "run.failed"}
"""Final status → the event that tells of it; a canceled run has none."""
RUNS_MAX = 8
"""Runs queued until one ends as it must for the check."""


def _mailbox(desk: Desk) -> Mailbox:
    if desk.mailbox is None:
        raise NotSeenError("no webhook can come here: the target is not on this machine")
    return desk.mailbox


def _delivered(desk: Desk) -> None:
    delivery, event = _await_delivery(desk)
    require(delivery.event == event, f"told as {delivery.event or 'nothing'}, not {event}")


def _signed(desk: Desk) -> None:
    delivery, _ = _await_delivery(desk)
    require(delivery.signature == "valid", f"the signature is {delivery.signature}")


def _body(desk: Desk) -> None:
    (delivery, *_), _, run_id = _await_deliveries(desk)
    require(bool(delivery.id), "the webhook has no id")
    require(delivery.run_id == run_id, "the webhook tells of another run in data.run")


def _redelivered(desk: Desk) -> None:
    refused, _, _ = _await_deliveries(desk, _mailbox(desk).refuses, times=2)
    require(refused[0].status >= 500, f"the first try was answered {refused[0].status}")
    require(refused[0].id == refused[1].id, "it was told again under another id")


def _await_delivery(desk: Desk) -> tuple[Delivery, str]:
    """Queue a run with a webhook for all events, and wait until its end was told."""
    (delivery, *_), event, _ = _await_deliveries(desk)
    return delivery, event


def _await_deliveries(
    desk: Desk, ending: str = "", times: int = 1
) -> tuple[list[Delivery], str, str]:
    """Queue runs until one's end was told so often: the deliveries, the event, the run."""
    mailbox = _mailbox(desk)
    for _ in range(RUNS_MAX):
        tag = desk.key() + ending
        hook = Webhook(f"{mailbox.url}/{tag}", mailbox.secret)
        run_id = queue(desk, hook).run.id or ""
        event = EVENTS.get(finish(desk, run_id))
        if event is None:
            continue
        try:
            desk.until(partial(_came, mailbox, tag, times), "the webhook came")
        except NotSeenError:
            so_often = "no webhook" if times == 1 else f"no {times} webhooks"
            raise BrokenPromiseError(
                f"a run ended, and {so_often} came within {desk.patience_s:g} s"
            ) from None
        return _of(mailbox, tag), event, run_id
    raise NotSeenError(f"{RUNS_MAX} runs were all canceled")


def _unsubscribed(desk: Desk) -> None:
    """A later run's webhook is the sign that the earlier one's would have come."""
    mailbox = _mailbox(desk)
    for _ in range(RUNS_MAX):
        tag = desk.key()
        hook = Webhook(f"{mailbox.url}/{tag}", mailbox.secret, ("run.failed",))
        if finish(desk, queue(desk, hook).run.id or "") != "succeeded":
            continue
        _await_delivery(desk)
        require(not _of(mailbox, tag), "a succeeded run was told to a hook of run.failed only")
        return
    raise NotSeenError(f"none of {RUNS_MAX} runs succeeded")


def _came(mailbox: Mailbox, tag: str, times: int) -> bool:
    return len(_of(mailbox, tag)) >= times


def _of(mailbox: Mailbox, tag: str) -> list[Delivery]:
    return [delivery for delivery in mailbox.deliveries() if delivery.tag == tag]


CHECKS = (
    Check(
        "webhook.delivered",
        "A run's end is told to its webhook, as run.succeeded or run.failed",
        _delivered,
    ),
    Check(
        "webhook.signed",
        "x-opensteer-signature is t=<unix seconds>,v1=<hex HMAC-SHA-256 of t.body>",
        _signed,
    ),
    Check(
        "webhook.body",
        "A webhook has an id of its own and its run in data.run",
        _body,
        source="ours",
    ),
    Check(
        "webhook.redelivered",
        "A webhook that was refused is told again, under the same id",
        _redelivered,
        source="ours",
    ),
    Check("webhook.subscribed", "Only the events asked for are told", _unsubscribed),
)
