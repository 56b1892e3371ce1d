"""Success bodies: every shape that is taken, every way to break one."""

from __future__ import annotations

import json
import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.contract.interpretation import BODY_MAX_BYTES, interpret
from harness.contract.operations import OPERATIONS
from harness.contract.outcomes import Outcome
from harness.contract.response_models import (
    CreatedSession,
    FoundSession,
    ImportCounts,
    LogPage,
    Run,
)

SESSION = {
    "sessionId": "ses_1",
    "workspaceId": "ws_1",
    "state": "active",
    "createdAt": 1764000000000,
    "sourceType": "local-cloud",
}
CREATED = {
    "sessionId": "ses_1",
    "actionWsUrl": "wss://h/ws/action/ses_1",
    "cdpWsUrl": "wss://h/ws/cdp/ses_1",
    "actionToken": "secret-action-token",
    "cdpToken": "secret-cdp-token",
    "cloudSessionUrl": "https://h/s/ses_1",
    "cloudSession": SESSION,
}
RUN = {"id": "run_1", "slug": "s", "status": "queued", "input": {"a": 1}, "output": None}
QUEUED = {"run": RUN, "replayed": False, "links": {"status": "/runs/run_1", "logs": "/l"}}
LINE = {"cursor": "7", "timestamp": "2025-11-01T00:00:00Z", "level": "info", "message": "hi"}
COUNTS = {"imported": 3, "inserted": 2, "updated": 1, "skipped": 4}


def ask(operation, body, status=200):
    """Interpret a body given as JSON-ready data."""
    return interpret(operation, status, json.dumps(body).encode())


def test_a_created_session_is_read_whole():
    """All of the seed's fields, and the SDK's optional one."""
    interpretation = ask("create_session", CREATED | {"expiresAt": 1.5, "new": {}}, 201)
    assert ("ok", "", "ses_1", -1, "active", "") == (
        interpretation.outcome, interpretation.code, interpretation.resource_id, interpretation.replayed, interpretation.state,
        interpretation.violation,
    )  # fmt: skip
    assert isinstance(interpretation.value, CreatedSession)
    assert "secret-action-token" == interpretation.value.action_token
    assert math.isnan(interpretation.retry_after_s)


def test_tokens_are_not_in_the_printed_form():
    """An answer in a log gives no secret away."""
    assert "secret" not in repr(ask("create_session", CREATED, 201))


@pytest.mark.parametrize(
    "body",
    [{"sessionId": "ses_1", "cloudSession": SESSION}, {"cloudSession": SESSION}, SESSION,
     {"session": SESSION}],
)  # fmt: skip
def test_a_session_comes_in_three_shapes(body):
    """Wrapped (with or without the id), bare, or under `session`."""
    interpretation = ask("get_session", body)
    assert ("ok", "ses_1", "active") == (
        interpretation.outcome,
        interpretation.resource_id,
        interpretation.state,
    )
    assert isinstance(interpretation.value, FoundSession)


def test_a_session_of_another_name_is_a_violation():
    """The outer and the inner id must agree."""
    interpretation = ask("get_session", {"sessionId": "ses_2", "cloudSession": SESSION})
    assert "invalid_response" == interpretation.outcome
    assert "`sessionId` differs from `cloudSession.sessionId`" == interpretation.violation


@pytest.mark.parametrize("status", [200, 202, 204, 299])
@pytest.mark.parametrize("body", [b"", b"{}", b"gone", b"\xff"])
def test_delete_takes_any_2xx_with_any_body(status, body):
    """The SDK does not look either."""
    interpretation = interpret("delete_session", status, body)
    assert ("ok", "") == (interpretation.outcome, interpretation.violation)


def test_health_needs_only_its_status():
    """No body is documented."""
    assert "ok" == interpret("health", 200, b"OK").outcome


def test_import_counts_are_read():
    """Sums as the documentation's example has them."""
    interpretation = ask("import_selector_cache", COUNTS)
    assert ("ok", ImportCounts(3, 2, 1, 4)) == (interpretation.outcome, interpretation.value)


def test_import_counts_must_add_up():
    """A wrong sum is a violation with the numbers; the counts are kept as evidence."""
    interpretation = ask("import_selector_cache", COUNTS | {"imported": 4})
    assert "invalid_response" == interpretation.outcome
    assert "imported 4 is not inserted 2 + updated 1" == interpretation.violation
    assert ImportCounts(4, 2, 1, 4) == interpretation.value


@pytest.mark.parametrize(
    ("body", "replayed"),
    [(QUEUED, 0), (QUEUED | {"replayed": True}, 1),
     ({"runId": "run_1", "status": "queued", "replayed": True, "links": QUEUED["links"]}, 1),
     (QUEUED | {"run": {"runId": "run_1", "status": "queued"}}, 0)],
)  # fmt: skip
def test_a_queued_run_is_read_bare_or_wrapped(body, replayed):
    """Whether its id is `id` or `runId`."""
    interpretation = ask("queue_run", body, 202)
    assert ("ok", "run_1", replayed, "queued") == (
        interpretation.outcome, interpretation.resource_id, interpretation.replayed, interpretation.state
    )  # fmt: skip


def test_a_queued_run_may_have_no_status():
    """The documentation names a run object, not its fields."""
    interpretation = ask("queue_run", QUEUED | {"run": {"id": "run_1"}}, 202)
    assert ("ok", "") == (interpretation.outcome, interpretation.state)


@pytest.mark.parametrize("status", ["queued", "running", "succeeded", "failed", "canceled"])
@pytest.mark.parametrize("name", ["id", "runId"])
@pytest.mark.parametrize("wrap", [True, False])
def test_a_run_is_read_bare_or_wrapped(status, name, wrap):
    """In each of its five states."""
    run = {name: "run_1", "status": status}
    interpretation = ask("get_run", {"run": run} if wrap else run)
    assert ("ok", "run_1", status) == (
        interpretation.outcome,
        interpretation.resource_id,
        interpretation.state,
    )
    assert isinstance(interpretation.value, Run)
    assert "run_1" == interpretation.value.id


@pytest.mark.parametrize(
    ("body", "cursor", "lines"),
    [({"logs": [LINE], "nextBeforeLogCursor": "6"}, "6", 1),
     ({"logs": [LINE, LINE], "nextBeforeLogCursor": None}, None, 2),
     ({"logs": []}, None, 0),
     ({"logs": [{"cursor": 3, "timestamp": 1764000000000, "message": {"a": 1}}]}, None, 1),
     ([LINE], None, 1)],
)  # fmt: skip
def test_a_log_page_is_read_tolerantly(body, cursor, lines):
    """Cursors and times are strings or numbers; a bare list is a page too."""
    page = ask("get_run_logs", body).value
    assert isinstance(page, LogPage)
    assert (cursor, lines) == (page.next_before_log_cursor, len(page.logs))


def _without(body, path):
    copy = json.loads(json.dumps(body))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return copy


def _with(body, path, value):
    copy = json.loads(json.dumps(body))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return copy


REQUIRED = [
    *[("create_session", CREATED, (key,)) for key in CREATED],
    *[("create_session", CREATED, ("cloudSession", key)) for key in SESSION],
    *[("get_session", {"cloudSession": SESSION}, ("cloudSession", key)) for key in SESSION],
    *[("get_session", {"session": SESSION}, ("session", key)) for key in SESSION],
    *[("get_session", SESSION, (key,)) for key in SESSION],
    *[("import_selector_cache", COUNTS, (key,)) for key in COUNTS],
    *[("queue_run", QUEUED, (key,)) for key in QUEUED],
    ("queue_run", QUEUED, ("run", "id")),
    ("queue_run", QUEUED, ("links", "status")),
    ("queue_run", QUEUED, ("links", "logs")),
    *[("get_run", {"run": RUN}, ("run", key)) for key in ("id", "status")],
    *[("get_run", RUN, (key,)) for key in ("id", "status")],
    ("get_run_logs", {"logs": []}, ("logs",)),
]


@pytest.mark.parametrize(("operation", "body", "path"), REQUIRED)
def test_every_required_field_is_required(operation, body, path):
    """Without it the answer is invalid, and the violation names it."""
    interpretation = ask(operation, _without(body, path))
    assert "invalid_response" == interpretation.outcome
    assert f"missing required field `{path[-1]}`" in interpretation.violation


@pytest.mark.parametrize(("operation", "body", "path"), REQUIRED)
@pytest.mark.parametrize("value", [[], -1.5, True])
def test_every_field_has_its_type(operation, body, path, value):
    """A list, a negative fraction or a boolean fits nowhere but where it belongs."""
    fits = (path, value) in [(("replayed",), True), (("logs",), [])] or (
        (path[-1], value) == ("createdAt", -1.5)
    )
    interpretation = ask(operation, _with(body, path, value))
    assert ("ok" if fits else "invalid_response") == interpretation.outcome
    assert fits == (interpretation.violation == "")


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
    """In a few words, without the value."""
    interpretation = ask(operation, _with(body, path, value))
    assert ("invalid_response", violation) == (interpretation.outcome, interpretation.violation)


def test_a_broken_create_still_tells_its_session():
    """What was opened must be closed, even where a token is missing."""
    interpretation = ask("create_session", _without(CREATED, ("actionToken",)), 201)
    assert ("invalid_response", "ses_1") == (interpretation.outcome, interpretation.resource_id)
    nested = ask("create_session", {"cloudSession": {"sessionId": "ses_9"}}, 201)
    assert "ses_9" == nested.resource_id
    queued = ask("queue_run", {"run": {"runId": "r"}, "replayed": True}, 202)
    assert ("r", 1) == (queued.resource_id, queued.replayed)


@pytest.mark.parametrize("length", [1000, 1001])
@pytest.mark.parametrize(
    ("operation", "body", "path"),
    [("create_session", CREATED, ("sessionId",)),
     ("get_session", {"cloudSession": SESSION}, ("cloudSession", "sessionId")),
     ("queue_run", QUEUED, ("run", "id")),
     ("get_run", {"run": RUN}, ("run", "id"))],
)  # fmt: skip
def test_an_id_is_believed_while_a_request_can_carry_it(operation, body, path, length):
    """A thousand characters; a longer one would end up in every target, record and ledger."""
    interpretation = ask(operation, _with(body, path, "x" * length))
    if length > 1000:
        assert "invalid_response" == interpretation.outcome
        assert interpretation.violation.startswith("Expected `str` of length <= 1000 - at `$.")
        assert "" == interpretation.resource_id or len(interpretation.resource_id) < 10
    else:
        assert ("ok", "x" * 1000) == (interpretation.outcome, interpretation.resource_id)


@pytest.mark.parametrize("name", ["cursor", "nextBeforeLogCursor"])
def test_a_cursor_is_believed_while_a_request_can_carry_it(name):
    """The same thousand characters."""
    seen = []
    for length in (1000, 1001):
        page = {"logs": [LINE | {"cursor": "x" * length}]}
        if name != "cursor":
            page = {"logs": [], name: "x" * length}
        seen.append(ask("get_run_logs", page).outcome)
    assert ["ok", "invalid_response"] == seen


def test_an_error_body_under_200_is_invalid_but_keeps_its_code():
    """The status says success, so the code cannot decide."""
    interpretation = ask("get_run", {"error": "no", "code": "CLOUD_TIMEOUT"})
    assert ("invalid_response", "CLOUD_TIMEOUT") == (
        interpretation.outcome,
        interpretation.code,
    )


@pytest.mark.parametrize("operation", ["import_selector_cache", "get_run"])
def test_another_2xx_with_a_good_body_is_ok_with_a_violation(operation):
    """It happened; it was only told oddly."""
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
def test_a_body_that_is_no_answer_is_invalid(body, violation):
    """Empty, no JSON, another JSON, absurd numbers, absurd depth."""
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
    """A 202 may say when to come again."""
    interpretation = interpret("queue_run", 202, json.dumps(QUEUED).encode(), "3")
    assert ("ok", 3.0, "") == (
        interpretation.outcome,
        interpretation.retry_after_s,
        interpretation.violation,
    )


def test_an_unknown_operation_is_our_mistake():
    """No answer is blamed for it."""
    with pytest.raises(KeyError):
        interpret("nothing", 200, b"")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["sessionId", "cloudSession", "session", "run", "id", "status", "replayed",
                 "links", "logs", "imported", "error", "code", "x"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)  # fmt: skip
BODIES = st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode())


@given(
    st.sampled_from(sorted(OPERATIONS)),
    st.integers(-1, 700) | st.integers(),
    BODIES,
    st.none() | st.text(max_size=80),
)
@settings(max_examples=600, deadline=None)
def test_no_answer_makes_it_raise(operation, status, body, retry_after):
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
    """Wherever a body puts it."""
    for path in [
        ("actionToken",),
        ("cloudSession", "state"),
        ("cloudSession",),
        ("expiresAt",),
    ]:
        body = _with(_without(CREATED, ("cdpToken",)), path, secret)
        interpretation = ask("create_session", body, 201)
        assert interpretation.outcome is Outcome.INVALID_RESPONSE
        assert secret not in interpretation.violation


def test_the_inner_id_is_the_resources():
    """An id beside the run may be the request's own."""
    interpretation = ask("queue_run", {"id": "req_1", "run": {"id": "run_1"}}, 202)
    assert ("invalid_response", "run_1") == (interpretation.outcome, interpretation.resource_id)
