"""
A base URL, parsed: scheme, host, port and path prefix.

A URL that cannot be a target is refused here, before anything is sent, with a message for the
operator.
"""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import NamedTuple
from urllib.parse import urlsplit

from harness.errors import UsageError

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """
    Where a base URL points.

    Attributes:
        host: Name or address as resolvers and TLS take it: ASCII, no brackets.
        authority: The Host header: brackets around IPv6, no default port.
        prefix: Path before every target, with no trailing slash; often "".
    """

    tls: bool
    host: str
    port: int
    authority: str
    prefix: str


def parse_origin(base_url: str) -> Origin:
    """
    Parse a base URL; trailing slashes are dropped.

    Raises UsageError for any but an http or https URL without user info, query, fragment, blanks.
    """
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname or "", parts.port
        if ":" in host:
            IPv6Address(host)
        else:
            host = host.encode("idna").decode("ascii")
    except ValueError as error:
        raise UsageError(f"{base_url!r} is not a base URL: {error}") from None
    if parts.scheme not in _DEFAULT_PORTS or not host:
        raise UsageError(f"{base_url!r} is not a base URL; write http://host[:port][/prefix]")
    if "@" in parts.netloc or "?" in base_url or "#" in base_url:
        # The message does not repeat the URL: the part before the @ may be a secret.
        raise UsageError("a base URL must not have user info, a query or a fragment")
    prefix = parts.path.rstrip("/")
    if not is_field_text(prefix) or " " in prefix or not is_field_text(host) or " " in host:
        raise UsageError(f"{base_url!r} is not a base URL: percent-encode its path")
    default = _DEFAULT_PORTS[parts.scheme]
    shown = f"[{host}]" if ":" in host else host
    port = default if port is None else port
    authority = shown if port == default else f"{shown}:{port}"
    return Origin(parts.scheme == "https", host, port, authority, prefix)


def is_field_text(text: str) -> bool:
    """Whether a text is printable ASCII, so that it cannot contain a line break."""
    return text.isascii() and text.isprintable()
