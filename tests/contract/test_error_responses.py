"""Error answers: the code, the status, and bodies that are neither."""

from __future__ import annotations

import json
import math

import pytest

from harness.contract.interpretation import interpret

NGINX = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n</html>\r\n"


def refuse(status, body, operation="create_session", retry_after=None):
    """Outcome, code and violation of an error answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    interpretation = interpret(operation, status, data, retry_after, 1764000000.0)
    return interpretation.outcome, interpretation.code, interpretation.violation


def test_an_unknown_code_is_kept_and_told():
    """The status classifies it."""
    assert ("client_error", "CLOUD_NEW", "unknown code CLOUD_NEW") == refuse(
        418, {"error": "x", "code": "CLOUD_NEW"}
    )
    outcome, code, violation = refuse(500, {"error": "x", "code": "a\nb" * 100})
    assert ("server_error", 64, "`code` is not a name") == (outcome, len(code), violation)


@pytest.mark.parametrize(
    ("status", "operation", "outcome"),
    [(401, "get_run", "auth_failed"),
     (404, "get_session", "not_found"),
     (410, "delete_session", "session_closed"),
     (410, "get_run", "client_error"),
     (403, "get_run", "client_error"),
     (400, "create_session", "client_error"),
     (409, "get_session", "client_error"),
     (422, "delete_session", "client_error"),
     (500, "get_run", "server_error"),
     (503, "create_session", "server_error"),
     (504, "create_session", "server_error"),
     (599, "health", "server_error")],
)  # fmt: skip
def test_without_a_code_the_status_decides(status, operation, outcome):
    """The missing code is reported."""
    said = "the error body has no `code`"
    assert (outcome, "", said) == refuse(status, {"error": "no"}, operation)


@pytest.mark.parametrize(
    ("status", "operation", "outcome"),
    [(404, "get_run", "not_found"),
     (404, "get_run_logs", "not_found"),
     (404, "queue_run", "not_found"),
     (409, "queue_run", "client_error"),
     (422, "import_selector_cache", "client_error")],
)  # fmt: skip
def test_where_the_vocabulary_has_no_word_none_is_missed(status, operation, outcome):
    """Unknown runs and idempotency refusals have no code in the documentation."""
    assert (outcome, "", "") == refuse(status, {"error": "no"}, operation)


@pytest.mark.parametrize(
    ("body", "code", "violation"),
    [({"code": "CLOUD_TIMEOUT"}, "CLOUD_TIMEOUT", "the error body has no `error` message"),
     ({"error": {"code": "CLOUD_TIMEOUT", "message": "x"}}, "CLOUD_TIMEOUT",
      "`error` is an object, not a message"),
     ({"error": "x", "code": 7}, "", "`code` is not a string"),
     ({"error": "x", "code": None}, "", "the error body has no `code`"),
     ({"error": "x", "code": ""}, "", "`code` is empty"),
     ([1], "", "the error body is not a JSON object"),
     ("text", "", "the error body is not a JSON object")],
)  # fmt: skip
def test_other_error_shapes_are_read_and_told(body, code, violation):
    """Other APIs' habits are understood, but are violations."""
    outcome = "timeout" if code else "server_error"
    assert (outcome, code, violation) == refuse(504, body)


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [(502, NGINX, "server_error"),
     (503, b"upstream connect error", "server_error"),
     (500, b"Internal Server Error", "server_error"),
     (500, b"", "server_error"),
     (413, NGINX, "client_error"),
     (401, NGINX, "auth_failed"),
     (404, NGINX, "client_error"),
     (404, b"", "not_found"),
     (500, b"\xff\xfe\x00", "server_error"),
     (502, b'{"error": "x", "code": "CLOUD_LAU', "invalid_response"),
     (502, b"[1, 2", "invalid_response"),
     (404, b' {"error": NaN}', "invalid_response"),
     (500, b'{"x": ' + b"[" * 200_000, "invalid_response")],
)  # fmt: skip
def test_a_body_that_is_no_json(status, body, outcome):
    """A proxy's page speaks by its status; JSON that breaks is an invalid response."""
    got, code, violation = refuse(status, body)
    assert (outcome, "") == (got, code)
    assert violation.startswith("the body is ")


@pytest.mark.parametrize("status", [302, 304, 100, 0, -1, 600, 999999])
def test_statuses_outside_the_contract(status):
    """Neither success nor refusal: invalid, unless a code explains it."""
    outcome, _, violation = refuse(status, b"")
    assert "invalid_response" == outcome
    assert violation.startswith(f"status {status} is outside the contract")
    seen = refuse(status, {"error": "x", "code": "CLOUD_RUNTIME_GONE"})
    assert "runtime_gone" == seen[0]


RATE_LIMITED = {"error": "slow down", "code": "CLOUD_RATE_LIMITED"}


@pytest.mark.parametrize(
    ("retry_after", "seconds", "violation"),
    [("7", 7.0, ""),
     ("0", 0.0, ""),
     ("1.5", 1.5, "Retry-After is not a whole number of seconds"),
     ("soon", math.nan, "Retry-After is neither seconds nor an HTTP-date"),
     (None, math.nan, "rate limited without Retry-After")],
)  # fmt: skip
def test_a_rate_limit_must_say_when_to_come_again(retry_after, seconds, violation):
    """A decimal is accepted and reported; a missing wait stays unknown."""
    body = json.dumps(RATE_LIMITED).encode()
    interpretation = interpret("queue_run", 429, body, retry_after)
    assert ("rate_limited", violation) == (interpretation.outcome, interpretation.violation)
    assert seconds == pytest.approx(interpretation.retry_after_s, nan_ok=True)


def test_a_proxys_rate_limit_counts_as_one():
    """429 is unmistakable, whatever page comes with it."""
    outcome, _, violation = refuse(429, b"<html>", retry_after="5")
    assert "rate_limited" == outcome
    assert violation.startswith("the body is not JSON")


def test_violations_add_up():
    """Each is reported."""
    assert (
        "rate_limited",
        "CLOUD_RATE_LIMITED",
        "code CLOUD_RATE_LIMITED with status 503; rate limited without Retry-After",
    ) == refuse(503, RATE_LIMITED)


def test_429_asks_for_a_wait_whatever_its_code():
    """No capacity may be a 429 too; then the missing header is reported as well."""
    body = {"error": "full", "code": "CLOUD_CAPACITY_FULL"}
    assert (
        "capacity_full",
        "CLOUD_CAPACITY_FULL",
        "rate limited without Retry-After",
    ) == refuse(429, body)
    assert "" == refuse(503, body)[2]


def test_a_date_is_a_wait_from_the_answers_arrival():
    """Not from when it is interpreted."""
    body = json.dumps(RATE_LIMITED).encode()
    interpretation = interpret("queue_run", 429, body, "Sun, 06 Nov 1994 08:49:37 GMT", 784111767.5)
    assert (9.5, "") == (interpretation.retry_after_s, interpretation.violation)
    past = interpret("queue_run", 429, body, "Sun, 06 Nov 1994 08:49:37 GMT")
    assert (0.0, "") == (past.retry_after_s, past.violation)
