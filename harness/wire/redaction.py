"""
A key that comes back: some server may echo it, in an error or as an id.

What is recorded of an answer must not hold it, so it is blotted out before anybody reads the
answer.
"""

from __future__ import annotations

KEY_LENGTH_MIN = 12
"""What is shorter is no key that anybody guards, and may well be a part of other words."""
REDACTED = b"[key]"
_HEADERS = ("authorization", "x-api-key")


def find_secret(headers: tuple[tuple[str, str], ...]) -> bytes:
    """The key among a target's headers; b"" where there is none to guard."""
    for name, value in headers:
        key = value.rpartition(" ")[2]
        if name.lower() in _HEADERS and len(key) >= KEY_LENGTH_MIN:
            return key.encode()
    return b""


def redact(data: bytes, secret: bytes) -> bytes:
    """The data without the key; the very same where it is not in there."""
    return data.replace(secret, REDACTED) if secret and secret in data else data


def redact_text(text: str, secret: bytes) -> str:
    """As `redact`, of text."""
    return redact(text.encode(errors="replace"), secret).decode()
