"""
Redact the key where a server returns it, in an error or as an id.

A response is redacted before anything reads it, so that no record has the key.
"""

from __future__ import annotations

KEY_LENGTH_MIN = 12
"""Shorter values are no secret keys, and may be parts of other words."""
REDACTED = b"[key]"
_HEADERS = ("authorization", "x-api-key")


def find_secret(headers: tuple[tuple[str, str], ...]) -> bytes:
    """The key among a target's headers; b"" for none."""
    for name, value in headers:
        key = value.rpartition(" ")[2]
        if name.lower() in _HEADERS and len(key) >= KEY_LENGTH_MIN:
            return key.encode()
    return b""


def redact(data: bytes, secret: bytes) -> bytes:
    """The data without the key; the same object where the key is not in it."""
    return data.replace(secret, REDACTED) if secret and secret in data else data


def redact_text(text: str, secret: bytes) -> str:
    """As `redact`, for text."""
    return redact(text.encode(errors="replace"), secret).decode()
