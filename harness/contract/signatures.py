"""
The webhooks' signature: ``x-opensteer-signature: t=<unix_seconds>,v1=<hex_hmac>``.

The HMAC is SHA-256, keyed with the secret as it stands (``whsec_`` included, no
base64), over ``<t>.<raw body>``. The form is read as strictly as the documented
verifier reads it: lower-case hex, two parts, in that order, no space.
"""

from __future__ import annotations

import hmac
import re
from enum import StrEnum

HEADER = "x-opensteer-signature"
TOLERANCE_S = 300
"""How far the signed time may lie from now, either way."""

_HEADER_MAX = 128  # characters; a right one has 82 in this millennium
_FORM = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")


class SignatureStatus(StrEnum):
    """What a signature header is worth."""

    VALID = "valid"
    FORGED = "forged"
    """Well formed, and not made with this secret over this body and time."""
    STALE = "stale"
    """Authentic, but too old or from the future: perhaps a replay."""
    MALFORMED = "malformed"
    MISSING = "missing"


def sign(secret: str, body: bytes, timestamp: int) -> str:
    """
    Make the header's value.

    Args:
        secret: The webhook's secret, as it was given to queue_run.
        body: The raw body.
        timestamp: Unix seconds, 0 or more, at most 12 digits.

    Raises:
        ValueError: The timestamp cannot be written in the header.
    """
    if not 0 <= timestamp < 10**12:
        msg = f"timestamp {timestamp!r} is no time in Unix seconds"
        raise ValueError(msg)
    return f"t={timestamp},v1={_digest(secret, str(timestamp), body)}"


def verify(
    secret: str,
    body: bytes,
    header: str | None,
    now_unix_s: float,
    *,
    tolerance_s: float = TOLERANCE_S,
) -> SignatureStatus:
    """
    Judge a delivery's signature, in time that does not depend on where it differs.

    A forged header is forged however old it claims to be: only an authentic time can
    be stale.

    Args:
        secret: The webhook's secret.
        body: The raw body, before any parsing.
        header: The header's value; None or "" when there was none.
        now_unix_s: Now, Unix seconds.
        tolerance_s: The largest |now - t| that is not stale.
    """
    if not header:
        return SignatureStatus.MISSING
    match = _FORM.fullmatch(header) if len(header) <= _HEADER_MAX else None
    if match is None:
        return SignatureStatus.MALFORMED
    if not hmac.compare_digest(_digest(secret, match[1], body), match[2]):
        return SignatureStatus.FORGED
    if abs(now_unix_s - int(match[1])) > tolerance_s:
        return SignatureStatus.STALE
    return SignatureStatus.VALID


def _digest(secret: str, timestamp: str, body: bytes) -> str:
    signed = timestamp.encode() + b"." + body
    return hmac.digest(secret.encode(), signed, "sha256").hex()
