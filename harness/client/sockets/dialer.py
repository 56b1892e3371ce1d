"""
Opening sockets: the URL comes from a stranger's answer, so where it may lead is checked.

A socket may lead to the target's own host, to another name beside it (``api.x.example``
and ``ws.x.example``: equal but for the first label, below a name that one may own), or from
loopback to loopback.
Nothing else: whoever answers for the target must not aim the load at a third party.
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
"""Below a country's domain these are no one's own."""


@dataclass(frozen=True, slots=True)
class Dialer:
    """
    Opens sockets for the users of one process.

    Attributes:
        target: The target that the sessions are created at: bounds, TLS, user agent.
    """

    target: Target

    def dial(self, url: str, token: str, deadline_ns: int) -> tuple[Response, WebSocket | None]:
        """Open one socket, until the deadline at the latest; never raises for the URL."""
        try:
            address = parse_socket_url(url, token)
            own, its = parse_origin(self.target.base_url), address.origin
            if not is_allowed_host(own.host, its.host):
                raise UsageError("the socket's URL leads to another host than the target's")  # noqa: TRY301  told as a reply
        except UsageError as error:
            now_ns = unix_ns()
            failure = Failure.MALFORMED
            return Response(0, b"", None, None, now_ns, now_ns, 0, 0, failure, str(error)), None
        connect_to = self.target.via if (own.host, own.port) == (its.host, its.port) else None
        return upgrade(address, self.target, shared_tls_context, deadline_ns, connect_to=connect_to)

    def read_deadline_ns(self, deadline_ns: int) -> int:
        """When an answer is given up: the call's deadline, or the target's silence."""
        return min(deadline_ns, unix_ns() + int(self.target.timeouts.read_s * NS_PER_S))


def is_allowed_host(target: str, host: str) -> bool:
    """
    Whether a target's session may have a socket at this host.

    >>> may_lead_to("api.cloud.example", "ws.cloud.example")
    True
    >>> may_lead_to("api.cloud.example", "cloud.evil.example")
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
    """Whether anybody may have a name below this, as far as its form tells: ``co.uk``."""
    return len(suffix) == 2 and len(suffix[1]) == 2 and suffix[0] in _SECOND_LEVELS


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
