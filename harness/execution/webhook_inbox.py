"""A webhook inbox on this machine for the conformance checks."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.conformance.webhook_inbox import Delivery
from harness.faults.launch import Inbox

REFUSED_SUFFIX = "-refused-once"
_FIELDS = ("tag", "type", "signature", "delivery_id", "run_id", "status")


class LocalWebhookInbox:
    """A `harness.conformance.webhook_inbox.WebhookInbox` that reads an inbox's events."""

    def __init__(self, inbox: Inbox, events: Path, url: str = "") -> None:
        self.url = url or inbox.url
        self.secret = inbox.secret
        self.refuses = REFUSED_SUFFIX
        self._events = events

    def deliveries(self) -> list[Delivery]:
        """All deliveries received so far."""
        if not self._events.exists():
            return []
        complete = self._events.read_text().rpartition("\n")[0]
        events = [json.loads(line)["data"] for line in complete.splitlines()]
        return [Delivery(*(data[field] for field in _FIELDS)) for data in events]


@contextmanager
def open_webhook_inbox(listen: str | None = None, url: str = "") -> Iterator[LocalWebhookInbox]:
    """
    Receive webhooks until the context ends.

    Args:
        listen: ``host:port``; None for a free port of loopback.
        url: Where the target reaches that; "" for the same address.

    Raises:
        HarnessError: The address cannot be used.
    """
    with tempfile.TemporaryDirectory(prefix="harness-") as folder:
        events = Path(folder) / "webhooks.jsonl"
        behaviour = {"refused": REFUSED_SUFFIX}
        with Inbox(events_path=events, listen=listen, behaviour=behaviour) as inbox:
            yield LocalWebhookInbox(inbox, events, url)
