"""
Encode requests.

All of a head but its last two lines depends on method and target alone, so it is made once for
each and cached. Everything is printable ASCII: a line break in a target or a key would let its
author write headers.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.wire.origin import Origin, is_field_text
from harness.wire.transport import Request

_HEADS_MAX = 512
_FRAMING = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "idempotency-key", "expect"}
)
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_TOKEN = frozenset("!#$%&'*+-.^_`|~abcdefghijklmnopqrstuvwxyz0123456789")


class RequestEncoder:
    """Writes the requests of one transport."""

    __slots__ = ("_cache", "_headers", "_origin")

    def __init__(self, origin: Origin, headers: Iterable[tuple[str, str]]) -> None:
        self._origin = origin
        self._headers = check_headers(headers)
        self._cache: dict[tuple[str, str], bytes] = {}

    def encode(self, request: Request) -> bytes:
        """The complete request; raise ValueError if method, target or key cannot be in a head."""
        method, target, body = request.method, request.target, request.body
        key = request.idempotency_key
        head = self._cache.get((method, target))
        if head is None:
            head = self._encode_head(method, target)
        if key:
            check_idempotency_key(key)
            head = b"%bidempotency-key: %b\r\n" % (head, key.encode())
        if body is None:
            if method in _WITH_BODY:
                return head + b"content-length: 0\r\n\r\n"
            return head + b"\r\n"
        return b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body)

    def _encode_head(self, method: str, target: str) -> bytes:
        check_request_line(method, target)
        lines = [f"{method} {self._origin.prefix}{target} HTTP/1.1"]
        lines.append(f"host: {self._origin.authority}")
        lines += [f"{name}: {value}" for name, value in self._headers]
        if method in _WITH_BODY and not any(name == "content-type" for name, _ in self._headers):
            lines.append("content-type: application/json")
        head = "".join(f"{line}\r\n" for line in lines).encode("latin-1")
        # The number of targets with an id is unlimited; frequent ones are soon cached again.
        if len(self._cache) >= _HEADS_MAX:
            self._cache.clear()
        self._cache[method, target] = head
        return head


def check_request_line(method: str, target: str) -> None:
    """Raise ValueError unless a request line can have them; HEAD and CONNECT it cannot."""
    if not (method.isascii() and method.isalpha() and method.isupper()):
        raise ValueError(f"{method!r} is not an HTTP method")
    if method in {"HEAD", "CONNECT"}:
        raise ValueError(f"the wire does not send {method}")
    if not target.startswith("/") or " " in target or "#" in target or not is_field_text(target):
        raise ValueError(f"{target!r} is not a request target; percent-encode it")


def check_idempotency_key(key: str) -> None:
    """Raise ValueError unless an idempotency key can be in a head."""
    if not (key.isascii() and key.isprintable()):
        raise ValueError(f"{key!r} cannot be sent as an idempotency key")


def check_headers(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """
    The headers with lower-case names.

    Raises ValueError, without the value, which may be a secret, for a name or value that cannot be
    sent and for a header that the transport itself writes.
    """
    checked = tuple((name.lower(), value) for name, value in headers)
    for name, value in checked:
        if not name or not set(name) <= _TOKEN or name in _FRAMING:
            raise ValueError(f"header {name!r} must not be set on a target")
        if not is_field_text(value) or value != value.strip():
            raise ValueError(f"the value of header {name!r} is not printable ASCII")
    return checked
