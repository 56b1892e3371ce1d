"""Where webhooks come to on this machine: the fault package's inbox, read back."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.conformance.desk import Delivery
from harness.faults.launch import Inbox


class LocalMailbox:
    """
    A mailbox on loopback.

    Attributes:
        url: Give ``url/tag`` as a webhook's.
        secret: Its secret.
    """

    def __init__(self, inbox: Inbox, events: Path) -> None:
        self.url = inbox.url
        self.secret = inbox.secret
        self._events = events

    def deliveries(self) -> list[Delivery]:
        """All that came so far."""
        if not self._events.exists():
            return []
        whole = self._events.read_text().rpartition("\n")[0]
        told = [json.loads(line)["data"] for line in whole.splitlines()]
        return [Delivery(data["tag"], data["type"], data["signature"]) for data in told]


@contextmanager
def open_mailbox() -> Iterator[LocalMailbox]:
    """Receive webhooks until the context ends."""
    with tempfile.TemporaryDirectory(prefix="harness-") as folder:
        events = Path(folder) / "webhooks.jsonl"
        with Inbox(events_path=events) as inbox:
            yield LocalMailbox(inbox, events)
