"""Addresses as people write them: ``HOST:PORT``, and which hosts are this machine."""

from __future__ import annotations

import socket
from ipaddress import IPv6Address, ip_address

LOOPBACK = "127.0.0.1"
_PORT_MAX = 65_535


def parse_address(
    text: str, *, host: str | None = None, port: int | None = None, port_least: int = 0
) -> tuple[str, int]:
    """
    Read ``HOST:PORT``; an IPv6 address with a port stands in brackets.

    With a default ``host``, ``PORT`` and ``:PORT`` are addresses; with a default ``port``, ``HOST``
    is. ``port_least`` is 1 where port 0, any free one, makes no sense. Raises ValueError, with the
    form of an address, for any other text.

    >>> parse_address("[::1]:80")
    ('::1', 80)
    """
    name, colon, number = text.rpartition(":")
    if port is not None and (not colon or _is_ipv6(text.strip("[]"))):
        name, number = text, str(port)
    if host is not None and not name:
        name = host
    bare = name[1:-1] if name[:1] == "[" and name[-1:] == "]" else name
    if bare != name or (":" in name and name == text):
        valid = _is_ipv6(bare)
    else:
        valid = bool(name) and name.isprintable() and not set(name) & set(" []/@?#:")
    if not (valid and number.isascii() and number.isdigit()):
        raise ValueError(f"write {_form(host, port)}")
    if len(number) > len(str(_PORT_MAX)) or not port_least <= int(number) <= _PORT_MAX:
        raise ValueError(f"there is no port {number[:8]}")
    return bare, int(number)


def is_loopback(host: str) -> bool:
    """Whether a host name or address, without brackets, is this machine's loopback."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def format_address(host: str, port: int) -> str:
    """``HOST:PORT``, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def bind_socket(host: str, port: int) -> socket.socket:
    """
    A TCP socket bound to an address. Until it listens, it only reserves the port.

    Raises:
        OSError: The address cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


def _form(host: str | None, port: int | None) -> str:
    if host is not None:
        return "PORT or HOST:PORT"
    return "HOST:PORT" if port is None else "HOST or HOST:PORT"


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True
