"""Webhook deliveries with genuine signatures."""

from __future__ import annotations

import hmac

from harness.clock import unix_ns

SECRET = b"whsec_your_secret"
BODY = b'{"id":"evt_1","type":"run.succeeded","data":{"run":{"id":"r1","status":"succeeded"}}}'
# printf '1700000000.%s' "$BODY" | openssl dgst -sha256 -hmac whsec_your_secret
MAC = "84983b4a2e5aa1785f2889bf237d4f000982529a9b418472777cd66cd6363141"
NOW_S = 1_700_000_000
HEADER = f"t={NOW_S},v1={MAC}"


def genuine(body, at_s=NOW_S):
    """A genuine sender's header."""
    mac = hmac.new(SECRET, f"{at_s}.".encode() + body, "sha256").hexdigest()
    return f"t={at_s},v1={mac}"


def sign(secret, body):
    """A header of now."""
    now_s = unix_ns() // 10**9
    mac = hmac.new(secret.encode(), f"{now_s}.".encode() + body, "sha256").hexdigest()
    return f"t={now_s},v1={mac}"
