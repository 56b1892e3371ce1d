"""Frames and closes of the two sockets, as the harness reads them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.contract.outcomes import CODES, SDK_CODES, Outcome
from harness.contract.sockets import (
    action_frame,
    command_frame,
    read_action_frame,
    read_cdp_message,
    read_close,
    read_upgrade,
)


def test_a_request_has_the_documented_members():
    """id, method, args, sessionId, token; a command the protocol's own."""
    request = json.loads(action_frame(3, "goto", {"url": "https://a.example/"}, "s", "t"))
    assert {
        "id": 3, "method": "goto", "args": {"url": "https://a.example/"},
        "sessionId": "s", "token": "t",
    } == request  # fmt: skip
    command = json.loads(command_frame(4, "Page.enable", {}, "S1"))
    assert {"id": 4, "method": "Page.enable", "params": {}, "sessionId": "S1"} == command
    assert "sessionId" not in json.loads(command_frame(4, "Page.enable", {}))


def test_success_is_read():
    """An ok frame has its id and result."""
    heard = read_action_frame(b'{"id":7,"ok":true,"result":[1]}')
    assert (7, Outcome.OK, [1]) == (
        heard.id,
        heard.interpretation.outcome,
        heard.interpretation.value.result,
    )


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_has_its_outcome_in_a_frame(code):
    """The 17 documented ones and the SDK's aliases."""
    body = {"id": 1, "ok": False, "error": "no", "code": code}
    interpretation = read_action_frame(json.dumps(body).encode()).interpretation
    assert (CODES[code], code, "") == (
        interpretation.outcome,
        interpretation.code,
        interpretation.violation,
    )


def test_other_codes_are_kept():
    """The SDK's codes are known, others are reported; both are the server's fault."""
    for code, violation in (
        (min(SDK_CODES), ""),
        ("CLOUD_X", "unknown code CLOUD_X"),
        ("a secret <b>", "`code` is not a name"),
    ):
        body = {"id": 1, "ok": False, "error": "no", "code": code}
        interpretation = read_action_frame(json.dumps(body).encode()).interpretation
        assert (Outcome.SERVER_ERROR, violation) == (
            interpretation.outcome,
            interpretation.violation,
        )


def test_an_action_failure_says_why():
    """The reason is reported with the code, if it is a word."""
    details = {"actionFailure": {"code": "TARGET_STALE", "retryable": True}}
    body = {
        "id": 1,
        "ok": False,
        "error": "x",
        "code": "CLOUD_ACTION_FAILED",
        "details": details,
    }
    assert "TARGET_STALE" == read_action_frame(json.dumps(body).encode()).interpretation.state


@pytest.mark.parametrize(
    ("frame", "number"),
    [
        (b"", 0),
        (b"{", 0),
        (b"[]", 0),
        (b'{"id":5}', 5),
        (b'{"id":5,"ok":"yes"}', 5),
        (b'{"ok":true}', 0),
        (b'{"id":true,"ok":1}', 0),
        (b"\xff", 0),
        (b"[" * 100_000, 0),
    ],
)
def test_what_is_no_frame_is_an_invalid_response(frame, number):
    """With the id, where it can be saved: its request need not wait for the deadline."""
    for read in (read_action_frame, read_cdp_message):
        heard = read(frame)
        assert (Outcome.INVALID_RESPONSE, number) == (heard.interpretation.outcome, heard.id)
        assert heard.interpretation.violation


@given(st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
def test_no_bytes_break_the_readers(data):
    """Whatever comes is read as something."""
    assert read_action_frame(data).interpretation.outcome
    assert read_cdp_message(data).interpretation.outcome


def test_devtools_messages_are_told_apart():
    """Answers, errors with and without a code, events."""
    ok = read_cdp_message(b'{"id":1,"result":{"a":1},"sessionId":"S"}')
    assert (1, {"a": 1}) == (ok.id, ok.interpretation.value.result)
    refused = read_cdp_message(b'{"id":2,"error":{"code":-32000,"message":"No target"}}')
    assert (Outcome.ACTION_FAILED, "") == (
        refused.interpretation.outcome,
        refused.interpretation.code,
    )
    named = read_cdp_message(b'{"id":2,"error":{"code":-32000,"message":"CLOUD_RUNTIME_GONE"}}')
    assert (Outcome.RUNTIME_GONE, "CLOUD_RUNTIME_GONE") == (
        named.interpretation.outcome, named.interpretation.code,
    )  # fmt: skip
    event = read_cdp_message(b'{"method":"Page.loadEventFired","params":{"timestamp":1}}')
    assert (0, "Page.loadEventFired", {"timestamp": 1}) == (
        event.id,
        event.method,
        event.params,
    )


@pytest.mark.parametrize(
    ("status", "reason", "outcome"),
    [
        (1011, "", Outcome.CONNECTION_LOST),
        (1006, "the connection ended", Outcome.CONNECTION_LOST),
        (1002, "invalid opcode", Outcome.INVALID_RESPONSE),
        (1007, "", Outcome.INVALID_RESPONSE),
        (1012, "restart", Outcome.CONNECTION_LOST),
        (1009, "a message over the size limit", Outcome.INVALID_RESPONSE),
        (1000, "", Outcome.SESSION_CLOSED),
        (1001, "bye", Outcome.SESSION_CLOSED),
        (1008, "", Outcome.AUTH_FAILED),
        (1000, "CLOUD_RUNTIME_GONE", Outcome.RUNTIME_GONE),
        (1011, "CLOUD_CONNECTION_LOST", Outcome.CONNECTION_LOST),
    ],
)
def test_a_close_is_an_outcome(status, reason, outcome):
    """A code in the reason decides, else the status."""
    assert outcome is read_close(status, reason).outcome


def test_upgrades_are_read_like_any_answer():
    """101 is ok; refusals by code; another success is none."""
    assert Outcome.OK is read_upgrade("action.connect", 101, b"").outcome
    body = b'{"error":"no","code":"CLOUD_SESSION_STALE"}'
    stale = read_upgrade("action.connect", 409, body)
    assert (Outcome.SESSION_CLOSED, "") == (stale.outcome, stale.violation)
    assert Outcome.INVALID_RESPONSE is read_upgrade("cdp.connect", 200, b"{}").outcome
    assert Outcome.SESSION_CLOSED is read_upgrade("cdp.connect", 410, b'{"error":"x"}').outcome
    body = b'{"error":"slow down","code":"CLOUD_RATE_LIMITED"}'
    limited = [read_upgrade("action.connect", 429, body, wait) for wait in ("7", "7.5", None)]
    assert [7.0, 7.5, "nan"] == [each.retry_after_s for each in limited[:2]] + [
        str(limited[2].retry_after_s)
    ]
    assert [
        "",
        "Retry-After is not a whole number of seconds",
        "rate limited without Retry-After",
    ] == [each.violation for each in limited]


def test_half_a_character_is_read_as_a_replaced_one():
    """JavaScript's texts may hold what UTF-8 cannot, and Chromium sends them."""
    title = read_cdp_message(b'{"id":3,"result":{"value":"a\\ud800b"}}')
    assert (3, Outcome.OK, "") == (
        title.id,
        title.interpretation.outcome,
        title.interpretation.violation,
    )
    assert {"value": "a?b"} == title.interpretation.value.result
    event = read_cdp_message(b'{"method":"Target.targetInfoChanged","params":{"t":"\\udfff"}}')
    assert ("Target.targetInfoChanged", Outcome.OK) == (
        event.method,
        event.interpretation.outcome,
    )
    action = read_action_frame(b'{"id":1,"ok":true,"result":"\\ud800"}')
    assert (1, Outcome.OK) == (action.id, action.interpretation.outcome)
    for cut in (b'{"id":3,"result":{"value":"a\\ud8', b'{"id":3,"result":"\\ud800"'):
        assert Outcome.INVALID_RESPONSE is read_cdp_message(cut).interpretation.outcome
