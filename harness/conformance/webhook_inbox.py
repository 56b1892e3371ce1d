"""The webhook inbox that cases read; whoever runs them provides one the target can reach."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Delivery(NamedTuple):
    """A received webhook."""

    tag: str  # the last part of its URL's path
    event: str
    signature: str  # a `harness.faults.signature.SignatureStatus`
    id: str = ""
    run_id: str = ""
    status: int = 0  # the HTTP status of its response


class WebhookInbox(Protocol):
    """Where webhooks are received."""

    url: str  # give ``url/tag`` as a webhook's URL
    secret: str
    refuses: str  # deliveries whose tag ends so are refused the first time

    def deliveries(self) -> list[Delivery]:
        """All deliveries received so far."""
