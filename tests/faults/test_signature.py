"""Signatures of webhooks, as the inbox verifies them."""

from __future__ import annotations

import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.faults.signature import SignatureStatus, verify

NOW_S = 1_764_000_000
BODY = b'{"id":"d_1","type":"run.succeeded"}'


def sign(secret: bytes, body: bytes, timestamp: int) -> str:
    """Make a header as the public documentation describes it."""
    mac = hmac.digest(secret, b"%d." % timestamp + body, "sha256")
    return f"t={timestamp},v1={mac.hex()}"


def test_a_known_signature_is_valid():
    """Made with openssl: printf '%s.%s' 1764000000 "$BODY" | openssl dgst -sha256 -hmac …"""
    header = "t=1764000000,v1=c54d130b4501d233b0e2f50d65e74915bb6d028a7d1502e4e9060fab3242580d"
    assert header == sign(b"whsec_your_secret", BODY, NOW_S)
    assert SignatureStatus.VALID is verify(header, BODY, b"whsec_your_secret", now_s=NOW_S)


@given(st.binary(min_size=1, max_size=40), st.binary(max_size=200), st.integers(0, 10**12 - 1))
@settings(max_examples=100, deadline=None)
def test_what_is_signed_is_valid(secret, body, timestamp):
    """With the same secret, over the same body, at that time."""
    header = sign(secret, body, timestamp)
    assert SignatureStatus.VALID is verify(header, body, secret, now_s=timestamp)


def test_every_changed_bit_is_refused():
    """Of the body, the secret, and the header except the case of a hex digit."""
    secret = b"whsec_k"
    header = sign(secret, BODY, NOW_S)
    for data, judge in (
        (BODY, lambda b: verify(header, b, secret, now_s=NOW_S)),
        (secret, lambda b: verify(header, BODY, b, now_s=NOW_S)),
        (header.encode(), lambda b: verify(b.decode("latin-1"), BODY, secret, now_s=NOW_S)),
    ):
        for bit in range(8 * len(data)):
            changed = bytearray(data)
            changed[bit // 8] ^= 1 << bit % 8
            if changed.lower() != data:
                assert judge(bytes(changed)) is SignatureStatus.FORGED, bit


@pytest.mark.parametrize(
    ("age_s", "status"),
    [(0, "valid"), (300, "valid"), (301, "stale"), (-300, "valid"), (-301, "stale")],
)
def test_five_minutes_either_way(age_s, status):
    """Older, or further in the future, is stale."""
    assert status == verify(sign(b"k", BODY, NOW_S), BODY, b"k", now_s=NOW_S + age_s)


def test_a_forged_time_is_forged_not_stale():
    """Only an authentic time can be stale."""
    header = sign(b"k", BODY, NOW_S).replace(str(NOW_S), str(NOW_S - 9999))
    assert SignatureStatus.FORGED is verify(header, BODY, b"k", now_s=NOW_S)


@pytest.mark.parametrize("header", [None, ""])
def test_no_header_is_missing(header):
    """A delivery without a signature is not a forged one."""
    assert SignatureStatus.MISSING is verify(header, BODY, b"k", now_s=NOW_S)


@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        lambda h: h[:-1],
        lambda h: h.replace("t=1", "t=١"),
        lambda h: h.replace("t=", "t=-"),
        lambda h: h + "0" * 10_000_000,
    ],
)
def test_another_form_is_forged(change):
    """The documented verifier accepts none of them either."""
    header = change(sign(b"k", BODY, NOW_S))
    assert SignatureStatus.FORGED is verify(header, BODY, b"k", now_s=NOW_S)


@given(st.text(max_size=200), st.binary(max_size=50))
@settings(max_examples=200, deadline=None)
def test_no_header_makes_it_raise(header, body):
    """No random header is valid."""
    assert SignatureStatus.VALID is not verify(header, body, b"k", now_s=NOW_S)
