"""The outcome and the violation of a response, whatever its status and body."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.contract.interpretation import BODY_MAX_BYTES, interpret
from harness.contract.operations import OPERATIONS
from harness.contract.outcomes import Outcome
from tests.contract.bodies import (
    COUNTS,
    CREATED,
    JSON,
    QUEUED,
    RUN,
    ask,
    replaced,
    without,
)


@pytest.mark.parametrize("status", [200, 202, 204, 299])
@pytest.mark.parametrize("body", [b"", b"{}", b"gone", b"\xff"])
def test_delete_takes_any_2xx_with_any_body(status, body):
    """The SDK does not look either."""
    interpretation = interpret("delete_session", status, body)
    assert ("ok", "") == (interpretation.outcome, interpretation.violation)


def test_health_needs_only_its_status():
    """No body is documented."""
    assert "ok" == interpret("health", 200, b"OK").outcome


@pytest.mark.parametrize(
    ("operation", "body", "path", "value", "violation"),
    [("create_session", CREATED, ("actionToken",), "",
      "Expected `str` of length >= 1 - at `$.actionToken`"),
     ("create_session", CREATED, ("cloudSession", "state"), "secret-token",
      "Invalid enum value - at `$.cloudSession.state`"),
     ("create_session", CREATED, ("cloudSession", "sourceType"), "x",
      "Invalid enum value - at `$.cloudSession.sourceType`"),
     ("create_session", CREATED, ("expiresAt",), "soon",
      "Expected `float | null`, got `str` - at `$.expiresAt`"),
     ("import_selector_cache", COUNTS, ("skipped",), -1,
      "Expected `int` >= 0 - at `$.skipped`"),
     ("get_run", {"run": RUN}, ("run", "status"), "done",
      "Invalid enum value - at `$.run.status`")],
)  # fmt: skip
def test_violations_say_what_and_where(operation, body, path, value, violation):
    """Briefly, and without the value."""
    interpretation = ask(operation, replaced(body, path, value))
    assert ("invalid_response", violation) == (interpretation.outcome, interpretation.violation)


def test_a_broken_create_still_names_its_session():
    """The session must be closed, even if a token is missing."""
    interpretation = ask("create_session", without(CREATED, ("actionToken",)), 201)
    assert ("invalid_response", "ses_1") == (interpretation.outcome, interpretation.resource_id)
    nested = ask("create_session", {"cloudSession": {"sessionId": "ses_9"}}, 201)
    assert "ses_9" == nested.resource_id
    queued = ask("queue_run", {"run": {"runId": "r"}, "replayed": True}, 202)
    assert ("r", 1) == (queued.resource_id, queued.replayed)


def test_an_error_body_under_200_is_invalid_but_keeps_its_code():
    """The status says success, so the code cannot decide."""
    interpretation = ask("get_run", {"error": "no", "code": "CLOUD_TIMEOUT"})
    assert ("invalid_response", "CLOUD_TIMEOUT") == (
        interpretation.outcome,
        interpretation.code,
    )


@pytest.mark.parametrize("operation", ["import_selector_cache", "get_run"])
def test_another_2xx_with_a_good_body_is_ok_with_a_violation(operation):
    """It succeeded, under an undocumented status."""
    body = {"import_selector_cache": COUNTS, "get_run": RUN}[operation]
    interpretation = ask(operation, body, 201)
    assert "ok" == interpretation.outcome
    assert "status 201 where the contract has 200" == interpretation.violation


@pytest.mark.parametrize(
    ("body", "violation"),
    [(b"", "the body is empty"),
     (b" \r\n", "the body is empty"),
     (b"OK", "the body is not JSON: JSON is malformed: invalid character (byte 0)"),
     (b'{"imported": 1,', "the body is not JSON: Input data was truncated"),
     (b'{"imported": NaN}',
      "the body is not JSON: JSON is malformed: invalid character (byte 13)"),
     (b"[]", "Expected `object`, got `array`"),
     (b'{"imported": 1%s}' % (b"0" * 9000), "Integer value out of range - at `$.imported`"),
     (b'{"x": ' + b"[" * 200_000, "the body is nested too deeply")],
)  # fmt: skip
def test_an_unreadable_body_is_invalid(body, violation):
    """Empty, not JSON, of another type, with huge numbers, nested too deeply."""
    interpretation = interpret("import_selector_cache", 200, body)
    assert ("invalid_response", violation) == (interpretation.outcome, interpretation.violation)


def test_bad_utf8_is_invalid():
    """In a field that is read."""
    body = json.dumps(CREATED).encode().replace(b"secret-cdp-token", b"\xff\xfe")
    interpretation = interpret("create_session", 201, body)
    assert ("invalid_response", "the body is not UTF-8") == (
        interpretation.outcome,
        interpretation.violation,
    )


def test_a_body_too_long_is_not_read():
    """32 MiB is the limit."""
    interpretation = interpret("import_selector_cache", 200, b" " * (BODY_MAX_BYTES + 1))
    assert "the body is longer than 33554432 bytes" == interpretation.violation


def test_retry_after_on_a_success_is_read():
    """A 202 may have one too."""
    interpretation = interpret("queue_run", 202, json.dumps(QUEUED).encode(), "3")
    assert ("ok", 3.0, "") == (
        interpretation.outcome,
        interpretation.retry_after_s,
        interpretation.violation,
    )


def test_an_unknown_operation_is_our_mistake():
    """It is not an outcome of the response."""
    with pytest.raises(KeyError):
        interpret("nothing", 200, b"")


BODIES = st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode())


@given(
    st.sampled_from(sorted(OPERATIONS)),
    st.integers(-1, 700) | st.integers(),
    BODIES,
    st.none() | st.text(max_size=80),
)
@settings(max_examples=600, deadline=None)
def test_no_response_makes_it_raise(operation, status, body, retry_after):
    """Any bytes under any status give an outcome and a short, single-line violation."""
    interpretation = interpret(operation, status, body, retry_after, 1764000000.0)
    assert isinstance(interpretation.outcome, Outcome)
    assert len(interpretation.violation) < 400
    assert interpretation.violation.isprintable()
    assert len(interpretation.code) <= 64
    assert msgspec.json.encode(interpretation)
    if not 200 <= status < 300:
        assert interpretation.outcome is not Outcome.OK
    if interpretation.outcome is Outcome.INVALID_RESPONSE:
        assert interpretation.violation


@given(st.text(alphabet="abcdefghijklmnop", min_size=24, max_size=24))
@settings(max_examples=50, deadline=None)
def test_no_secret_reaches_a_violation(secret):
    """In whichever field it is."""
    for path in [
        ("actionToken",),
        ("cloudSession", "state"),
        ("cloudSession",),
        ("expiresAt",),
    ]:
        body = replaced(without(CREATED, ("cdpToken",)), path, secret)
        interpretation = ask("create_session", body, 201)
        assert interpretation.outcome is Outcome.INVALID_RESPONSE
        assert secret not in interpretation.violation
