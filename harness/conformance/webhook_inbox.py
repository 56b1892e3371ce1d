"""The webhook inbox that cases read; whoever runs them provides one the target can reach."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Delivery(NamedTuple):
    """
    A received webhook.

    Attributes:
        tag: The last part of its URL's path.
        signature: A `harness.faults.signature.SignatureStatus`.
        status: The HTTP status of its response.
    """

    tag: str
    event: str
    signature: str
    id: str = ""
    run_id: str = ""
    status: int = 0


class WebhookInbox(Protocol):
    """
    Where webhooks are received.

    Attributes:
        url: Give ``url/tag`` as a webhook's URL.
        secret: The webhook's secret.
        refuses: Deliveries whose tag ends so are refused the first time.
    """

    url: str
    secret: str
    refuses: str

    def deliveries(self) -> list[Delivery]:
        """All deliveries received so far."""
