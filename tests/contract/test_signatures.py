"""Signatures of webhooks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.contract.signatures import SignatureStatus, sign, verify

NOW_S = 1_764_000_000
BODY = b'{"id":"d_1","type":"run.succeeded"}'
SECRETS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


def test_a_known_signature():
    """Made with openssl: printf '%s.%s' 1764000000 "$BODY" | openssl dgst -sha256 -hmac …"""
    assert (
        "t=1764000000,v1=c54d130b4501d233b0e2f50d65e74915bb6d028a7d1502e4e9060fab3242580d"
        == sign("whsec_your_secret", BODY, NOW_S)
    )


@given(SECRETS, st.binary(max_size=200), st.integers(0, 10**12 - 1))
@settings(max_examples=100, deadline=None)
def test_what_is_signed_is_valid(secret, body, timestamp):
    """With the same secret, over the same body, at that time."""
    header = sign(secret, body, timestamp)
    assert SignatureStatus.VALID is verify(secret, body, header, timestamp)


def test_every_changed_bit_is_refused():
    """Of the body, the secret, and the header."""
    secret = b"whsec_k"
    header = sign(secret.decode(), BODY, NOW_S)
    for data, judge in (
        (BODY, lambda b: verify(secret.decode(), b, header, NOW_S)),
        (secret, lambda b: verify(b.decode("latin-1"), BODY, header, NOW_S)),
        (header.encode(), lambda b: verify(secret.decode(), BODY, b.decode("latin-1"), NOW_S)),
    ):
        for bit in range(8 * len(data)):
            changed = bytearray(data)
            changed[bit // 8] ^= 1 << bit % 8
            assert judge(bytes(changed)) in {
                SignatureStatus.FORGED,
                SignatureStatus.MALFORMED,
            }, bit


@pytest.mark.parametrize(
    ("age_s", "verdict"),
    [(0, "valid"), (300, "valid"), (301, "stale"), (-300, "valid"), (-301, "stale")],
)
def test_five_minutes_either_way(age_s, verdict):
    """Older, or further in the future, is stale."""
    assert verdict == verify("k", BODY, sign("k", BODY, NOW_S), NOW_S + age_s)


def test_a_forged_time_is_forged_not_stale():
    """Only an authentic time can be stale."""
    header = sign("k", BODY, NOW_S).replace(str(NOW_S), str(NOW_S - 9999))
    assert SignatureStatus.FORGED is verify("k", BODY, header, NOW_S)


@pytest.mark.parametrize("header", [None, ""])
def test_no_header_is_missing(header):
    """Not malformed: nothing was said."""
    assert SignatureStatus.MISSING is verify("k", BODY, header, NOW_S)


@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        lambda h: h[:-64] + h[-64:].upper(),
        lambda h: h + "\n",
        lambda h: h.replace(",", ", "),
        lambda h: h + ",v1=" + "0" * 64,
        lambda h: h[:-1],
        lambda h: ",".join(reversed(h.split(","))),
        lambda h: h.replace("t=1", "t=١"),
        lambda h: h.replace("t=", "t=-"),
        lambda h: h + "0" * 10_000_000,
    ],
)
def test_another_form_is_malformed(change):
    """The documented verifier would take none of them either."""
    header = change(sign("k", BODY, NOW_S))
    assert SignatureStatus.MALFORMED is verify("k", BODY, header, NOW_S)


@given(st.text(max_size=200), st.binary(max_size=50))
@settings(max_examples=200, deadline=None)
def test_no_header_makes_it_raise(header, body):
    """And none is valid by chance."""
    assert SignatureStatus.VALID is not verify("k", body, header, NOW_S)


@pytest.mark.parametrize("timestamp", [-1, 10**12])
def test_only_a_time_can_be_signed(timestamp):
    """Anything else would make a header no one can read."""
    with pytest.raises(ValueError, match="no time in Unix seconds"):
        sign("k", BODY, timestamp)
