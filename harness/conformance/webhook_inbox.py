"""
The mailbox: where a conformance run receives the target's webhooks.

Who runs the checks provides one that the target can reach; the checks only read it.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Delivery(NamedTuple):
    """
    A webhook that came.

    Attributes:
        tag: Whose it is: the last part of its URL's path.
        event: Its event.
        signature: What its signature is worth.
        id: Its own id.
        run_id: The run it tells of.
        status: What it was answered.
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
        url: Give ``url/tag`` as a webhook's.
        secret: Its secret.
        refuses: The ending of tags whose deliveries are refused until one came twice.
    """

    url: str
    secret: str
    refuses: str

    def deliveries(self) -> list[Delivery]:
        """All that came so far."""
