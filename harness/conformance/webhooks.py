"""Checks of webhooks: who is told, of what, and with which signature."""

from __future__ import annotations

from functools import partial

from harness.conformance.check import BrokenPromiseError, Check, NotSeenError
from harness.conformance.desk import Delivery, Desk, Mailbox, require
from harness.conformance.runs import finish, queue
from harness.contract.payloads import Webhook

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


def _await_delivery(desk: Desk) -> tuple[Delivery, str]:
    """Queue a run with a webhook for all events, and wait until its end was told."""
    mailbox = _mailbox(desk)
    for _ in range(RUNS_MAX):
        tag = desk.key()
        hook = Webhook(f"{mailbox.url}/{tag}", mailbox.secret)
        event = EVENTS.get(finish(desk, queue(desk, hook).run.id or ""))
        if event is None:
            continue
        try:
            desk.until(partial(_came, mailbox, tag), "the webhook came")
        except NotSeenError:
            raise BrokenPromiseError(
                f"a run ended, and no webhook came within {desk.patience_s:g} s"
            ) from None
        return _of(mailbox, tag)[0], event
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


def _came(mailbox: Mailbox, tag: str) -> bool:
    return bool(_of(mailbox, tag))


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
    Check("webhook.subscribed", "Only the events asked for are told", _unsubscribed),
)
