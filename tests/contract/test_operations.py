"""Operations and their request targets."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.contract.operations import OPERATIONS, request_target


def test_the_operations_are_those_of_the_contract():
    """Eight operations, with method and path as documented."""
    assert {
        "health": ("GET", "/health"),
        "create_session": ("POST", "/sessions"),
        "get_session": ("GET", "/sessions/{id}"),
        "delete_session": ("DELETE", "/sessions/{id}"),
        "import_selector_cache": ("POST", "/selector-cache/import"),
        "queue_run": ("POST", "/scrapers/{id}/runs"),
        "get_run": ("GET", "/runs/{id}"),
        "get_run_logs": ("GET", "/runs/{id}/logs"),
    } == {name: (op.method, op.path) for name, op in OPERATIONS.items()}


def test_a_call_is_either_repeatable_or_keyed():
    """POSTs need a key to be sent twice; nothing else does."""
    for op in OPERATIONS.values():
        assert (op.method != "POST", op.method == "POST") == (op.repeatable, op.keyed)


def test_targets_hold_id_and_query():
    """Known targets."""
    assert "/health" == request_target("health")
    assert "/sessions/ses_1" == request_target(OPERATIONS["get_session"], "ses_1")
    assert "/scrapers/my-slug/runs" == request_target("queue_run", "my-slug")
    assert "/runs/r/logs?logLimit=10&beforeLogCursor=a%2Fb" == request_target(
        "get_run_logs", "r", logLimit=10, beforeLogCursor="a/b"
    )
    assert "/runs/r/logs" == request_target("get_run_logs", "r", beforeLogCursor=None)


@given(st.text(min_size=1))
@settings(max_examples=150, deadline=None)
def test_no_id_leaves_its_segment(resource_id):
    """Whatever a server calls its session, it stays one path segment of ASCII."""
    head, segment = request_target("get_session", resource_id).rsplit("/", 1)
    assert "/sessions" == head
    assert segment.isascii()
    assert segment not in {"", ".", ".."}
    assert not set(segment) & set(" ?#/\\\r\n")


@pytest.mark.parametrize("resource_id", [".", ".."])
def test_directory_names_are_escaped(resource_id):
    """An id of dots would otherwise climb out of its path."""
    assert "%2E" in request_target("get_run", resource_id)


def test_misuse_is_refused():
    """A missing id, an id out of place, and an unknown parameter raise."""
    with pytest.raises(ValueError, match="does not fit"):
        request_target("get_run")
    with pytest.raises(ValueError, match="does not fit"):
        request_target("health", "x")
    with pytest.raises(ValueError, match="'limit'"):
        request_target("get_run_logs", "r", limit=3)
    with pytest.raises(KeyError):
        request_target("nothing")
