"""Where webhooks come to: the fault package's inbox on this machine, read back."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.conformance.webhook_inbox import Delivery
from harness.faults.launch import Inbox

REFUSED_SUFFIX = "-told-twice"


class LocalWebhookInbox:
    """
    A mailbox on this machine (`harness.conformance.webhook_inbox.WebhookInbox`).

    Args:
        inbox: What receives.
        events: What it writes.
        url: Where the target reaches it; "" where it listens.
    """

    def __init__(self, inbox: Inbox, events: Path, url: str = "") -> None:
        self.url = url or inbox.url
        self.secret = inbox.secret
        self.refuses = REFUSED_SUFFIX
        self._events = events

    def deliveries(self) -> list[Delivery]:
        """All that came so far."""
        if not self._events.exists():
            return []
        complete = self._events.read_text().rpartition("\n")[0]
        events = [json.loads(line)["data"] for line in complete.splitlines()]
        return [
            Delivery(
                data["tag"],
                data["type"],
                data["signature"],
                data["delivery_id"],
                data["run_id"],
                data["status"],
            )
            for data in events
        ]


@contextmanager
def open_webhook_inbox(listen: str | None = None, url: str = "") -> Iterator[LocalWebhookInbox]:
    """
    Receive webhooks until the context ends.

    Args:
        listen: ``host:port``; a free port of loopback when None.
        url: Where the target reaches that; "" where it listens.

    Raises:
        HarnessError: One cannot listen there.
    """
    with tempfile.TemporaryDirectory(prefix="harness-") as folder:
        events = Path(folder) / "webhooks.jsonl"
        behaviour = {"refused": REFUSED_SUFFIX}
        with Inbox(events_path=events, listen=listen, behaviour=behaviour) as inbox:
            yield LocalWebhookInbox(inbox, events, url)
