"""Success bodies: every accepted shape, and every required field."""

from __future__ import annotations

import math

import pytest

from harness.contract.response_models import (
    CreatedSession,
    FoundSession,
    ImportCounts,
    LogPage,
    Run,
)
from tests.contract.bodies import (
    COUNTS,
    CREATED,
    LINE,
    QUEUED,
    RUN,
    SESSION,
    ask,
    replaced,
    without,
)


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
    """A logged response shows no secret."""
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
    """Without it the response is invalid, and the violation names it."""
    interpretation = ask(operation, without(body, path))
    assert "invalid_response" == interpretation.outcome
    assert f"missing required field `{path[-1]}`" in interpretation.violation


@pytest.mark.parametrize(("operation", "body", "path"), REQUIRED)
@pytest.mark.parametrize("value", [[], -1.5, True])
def test_every_field_has_its_type(operation, body, path, value):
    """A list, a negative fraction or a boolean is accepted only by a field of its type."""
    fits = (path, value) in [(("replayed",), True), (("logs",), [])] or (
        (path[-1], value) == ("createdAt", -1.5)
    )
    interpretation = ask(operation, replaced(body, path, value))
    assert ("ok" if fits else "invalid_response") == interpretation.outcome
    assert fits == (interpretation.violation == "")


@pytest.mark.parametrize("length", [1000, 1001])
@pytest.mark.parametrize(
    ("operation", "body", "path"),
    [("create_session", CREATED, ("sessionId",)),
     ("get_session", {"cloudSession": SESSION}, ("cloudSession", "sessionId")),
     ("queue_run", QUEUED, ("run", "id")),
     ("get_run", {"run": RUN}, ("run", "id"))],
)  # fmt: skip
def test_an_id_has_at_most_1000_characters(operation, body, path, length):
    """A longer one would be in every request target, record and ledger."""
    interpretation = ask(operation, replaced(body, path, "x" * length))
    if length > 1000:
        assert "invalid_response" == interpretation.outcome
        assert interpretation.violation.startswith("Expected `str` of length <= 1000 - at `$.")
        assert "" == interpretation.resource_id or len(interpretation.resource_id) < 10
    else:
        assert ("ok", "x" * 1000) == (interpretation.outcome, interpretation.resource_id)


@pytest.mark.parametrize("name", ["cursor", "nextBeforeLogCursor"])
def test_a_cursor_has_at_most_1000_characters(name):
    """The same limit as for ids."""
    seen = []
    for length in (1000, 1001):
        page = {"logs": [LINE | {"cursor": "x" * length}]}
        if name != "cursor":
            page = {"logs": [], name: "x" * length}
        seen.append(ask("get_run_logs", page).outcome)
    assert ["ok", "invalid_response"] == seen


def test_the_inner_id_is_the_resources():
    """An id beside the run may be the request's own."""
    interpretation = ask("queue_run", {"id": "req_1", "run": {"id": "run_1"}}, 202)
    assert ("invalid_response", "run_1") == (interpretation.outcome, interpretation.resource_id)
