"""
A key that comes back: some server may echo it, in an error or as an id.

What is recorded of an answer must not hold it, so it is blotted out before anybody reads the
answer.
"""

from __future__ import annotations

KEY_LEAST = 12
"""What is shorter is no key that anybody guards, and may well be a part of other words."""
BLOT = b"[key]"
_HEADERS = ("authorization", "x-api-key")


def secret_of(headers: tuple[tuple[str, str], ...]) -> bytes:
    """The key among a target's headers; b"" where there is none to guard."""
    for name, value in headers:
        key = value.rpartition(" ")[2]
        if name.lower() in _HEADERS and len(key) >= KEY_LEAST:
            return key.encode()
    return b""


def blot(data: bytes, secret: bytes) -> bytes:
    """The data without the key; the very same where it is not in there."""
    return data.replace(secret, BLOT) if secret and secret in data else data


def blot_text(text: str, secret: bytes) -> str:
    """As `blot`, of text."""
    return blot(text.encode(errors="replace"), secret).decode()
