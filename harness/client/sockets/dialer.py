"""
Open sockets. Their URLs come from the target's responses, so they are untrusted.

A socket may lead to the target's own host, to a sibling (``api.x.example`` and
``ws.x.example``: equal but for the first label, below a name that one owner can hold), or from
loopback to loopback. All else is refused, so that no response can aim the load at a third party.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from harness.addresses import is_loopback
from harness.clock import unix_ns
from harness.errors import UsageError
from harness.units import NS_PER_S
from harness.wire import Failure, Response, Target
from harness.wire.factory import shared_tls_context
from harness.wire.origin import parse_origin
from harness.wire.upgrade import parse_socket_url, upgrade
from harness.wire.websocket import WebSocket

_SECOND_LEVELS = frozenset({"ac", "co", "com", "edu", "go", "gov", "ne", "net", "or", "org"})
"""Labels below a country's domain that no single owner holds."""


@dataclass(frozen=True, slots=True)
class Dialer:
    """Opens sockets for the users of one process; ``target`` gives bounds, TLS and user agent."""

    target: Target

    def dial(self, url: str, token: str, deadline_ns: int) -> tuple[Response, WebSocket | None]:
        """Open one socket before the deadline; never raises for the URL."""
        try:
            address = parse_socket_url(url, token)
            own, its = parse_origin(self.target.base_url), address.origin
            if not is_allowed_host(own.host, its.host):
                raise UsageError("the socket's URL leads to another host than the target's")  # noqa: TRY301  becomes a response
        except UsageError as error:
            now_ns = unix_ns()
            failure = Failure.MALFORMED
            return Response(0, b"", None, None, now_ns, now_ns, 0, 0, failure, str(error)), None
        connect_to = self.target.via if (own.host, own.port) == (its.host, its.port) else None
        return upgrade(address, self.target, shared_tls_context, deadline_ns, connect_to=connect_to)

    def read_deadline_ns(self, deadline_ns: int) -> int:
        """When to stop waiting for a response: the call's deadline, or the read timeout."""
        return min(deadline_ns, unix_ns() + int(self.target.timeouts.read_s * NS_PER_S))


def is_allowed_host(target: str, host: str) -> bool:
    """
    Whether a target's session may have a socket at this host.

    >>> is_allowed_host("api.cloud.example", "ws.cloud.example")
    True
    >>> is_allowed_host("api.cloud.example", "cloud.evil.example")
    False
    """
    if target == host or (is_loopback(target) and is_loopback(host)):
        return True
    target_labels, its = target.split("."), host.split(".")
    if _is_address(target) or _is_address(host):
        return False
    return target_labels[1:] == its[1:] and len(target_labels) >= (
        4 if _is_public(target_labels[1:]) else 3
    )


def _is_public(suffix: list[str]) -> bool:
    """Whether anybody may have a name below this suffix, judged by its form: ``co.uk``."""
    return len(suffix) == 2 and len(suffix[1]) == 2 and suffix[0] in _SECOND_LEVELS


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
