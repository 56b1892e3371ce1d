"""
Verify the signature of a webhook, as a receiver does.

``x-opensteer-signature: t=<unix seconds>,v1=<hex HMAC-SHA256(secret, "<t>." + raw body)>``; the
secret is used unchanged, ``whsec_`` included. This is an independent reading of the public
documentation: an error in the sender's code cannot cancel itself out here.
"""

from __future__ import annotations

import hmac
import re
from enum import StrEnum
from hashlib import sha256

TOLERANCE_S = 300
"""Maximum difference between a signed time and now."""

_HEADER_CHARS_MAX = 1024
_TIME = re.compile(r"t=(\d{1,12})")
_MAC = re.compile(r"v1=([0-9a-fA-F]{64})")


class SignatureStatus(StrEnum):
    """The result of verifying a signature header."""

    VALID = "valid"
    FORGED = "forged"  # not made with our secret over this body, or unreadable
    STALE = "stale"  # genuine, but its time is too far from now
    REPLAYED = "replayed"  # genuine, but the same header was accepted before
    MISSING = "missing"


def verify(
    header: str | None,
    body: bytes,
    secret: bytes,
    *,
    now_s: float,
    tolerance_s: float = TOLERANCE_S,
) -> SignatureStatus:
    """Verify a signature header (None if there was none) over a raw body, in constant time."""
    if not header:
        return SignatureStatus.MISSING
    if len(header) > _HEADER_CHARS_MAX:
        return SignatureStatus.FORGED
    parts = [part.strip() for part in header.split(",")]
    times = [match[1] for part in parts if (match := _TIME.fullmatch(part))]
    macs = [match[1].lower() for part in parts if (match := _MAC.fullmatch(part))]
    if len(times) != 1 or not macs:
        return SignatureStatus.FORGED
    expected = hmac.new(secret, times[0].encode() + b"." + body, sha256).hexdigest()
    # Several are allowed while a secret is being changed; all are compared.
    genuine = False
    for mac in macs:
        genuine |= hmac.compare_digest(mac, expected)
    if not genuine:
        return SignatureStatus.FORGED
    is_current = abs(now_s - int(times[0])) <= tolerance_s
    return SignatureStatus.VALID if is_current else SignatureStatus.STALE
