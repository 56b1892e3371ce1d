"""
Is a delivery really from the API? The receiver's side of the webhook signature.

``x-opensteer-signature: t=<unix seconds>,v1=<hex HMAC-SHA256(secret, "<t>." + raw body)>``;
the secret is used as it stands, ``whsec_`` included. This is a reading of the public
documentation of its own: the harness's sender-side code is not used here, so that one
slip cannot cancel out another.
"""

from __future__ import annotations

import hmac
import re
from enum import StrEnum
from hashlib import sha256

TOLERANCE_S = 300
"""A signature's time may differ from ours by this much."""

_HEADER_CHARS_MAX = 1024
_TIME = re.compile(r"t=(\d{1,12})")
_MAC = re.compile(r"v1=([0-9a-fA-F]{64})")


class SignatureStatus(StrEnum):
    """What a signature header is worth."""

    VALID = "valid"
    FORGED = "forged"
    """Not made with our secret over this body, or not readable."""
    STALE = "stale"
    """Ours, but of a time too far from now."""
    REPLAYED = "replayed"
    """Ours, but accepted before: the very same header again."""
    MISSING = "missing"


def verify(
    header: str | None,
    body: bytes,
    secret: bytes,
    *,
    now_s: float,
    tolerance_s: float = TOLERANCE_S,
) -> SignatureStatus:
    """
    Judge a signature header; the comparison takes the same time wherever it differs.

    Args:
        header: The header's value; None when there was none.
        body: The raw body.
        secret: The webhook's secret, as it stands.
        now_s: Unix seconds.
        tolerance_s: How far the signed time may be from now, either way.
    """
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
    # Every one is compared: several are allowed while a secret is being changed.
    genuine = False
    for mac in macs:
        genuine |= hmac.compare_digest(mac, expected)
    if not genuine:
        return SignatureStatus.FORGED
    return (
        SignatureStatus.VALID
        if abs(now_s - int(times[0])) <= tolerance_s
        else SignatureStatus.STALE
    )
