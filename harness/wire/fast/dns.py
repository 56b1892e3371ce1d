"""
Resolve names, once a minute for all users.

A connecting user must not wait for a lookup that another has just made, and the thread pool
behind gevent's resolver must not become the bottleneck of a ramp.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import gevent
from gevent import socket as gsocket

from harness.clock import unix_ns
from harness.units import NS_PER_S
from harness.wire.transport import ExchangeError, Failure

_CACHE_NS = 60 * NS_PER_S
_CACHE_MAX = 1024
"""The hosts of a session's sockets are untrusted, and may be new each time."""
_cache: dict[tuple[str, int], tuple[int, list[Address]]] = {}


class Address(NamedTuple):
    """Where to connect: address family and socket address."""

    family: int
    socket_address: Any


def resolve(host: str, port: int, until_ns: int) -> list[Address]:
    """The addresses of a host, one or more, in the order to try; raise ExchangeError if unknown."""
    now_ns = unix_ns()
    known_until_ns, addresses = _cache.get((host, port), (0, []))
    if now_ns < known_until_ns:
        return addresses
    timeout = gevent.Timeout((until_ns - now_ns) / NS_PER_S)
    try:
        with timeout:
            found = gsocket.getaddrinfo(host, port, 0, gsocket.SOCK_STREAM)
    except gevent.Timeout as raised:
        if raised is not timeout:
            raise
        raise ExchangeError(Failure.CONNECT_TIMEOUT, "the name was not resolved in time") from None
    except (OSError, UnicodeError) as error:
        raise ExchangeError(Failure.UNREACHABLE, f"name lookup: {error}") from None
    addresses = [Address(int(family), address) for family, _, _, _, address in found]
    if len(_cache) >= _CACHE_MAX:
        _cache.clear()  # frequent ones are soon cached again
    _cache[host, port] = (now_ns + _CACHE_NS, addresses)
    return addresses


def evict(host: str, port: int) -> None:
    """Look the name up again next time: none of its addresses accepted a connection."""
    _cache.pop((host, port), None)
