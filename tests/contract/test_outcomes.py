"""The code table, against the documents, by hand."""

from __future__ import annotations

import json

import pytest

from harness.contract.interpretation import interpret
from harness.contract.outcomes import (
    ALIASES,
    CODES,
    DOCUMENTED_CODES,
    SDK_CODES,
    Outcome,
    code_fits_status,
    outcome_of_status,
)
from tests.codes import ALIAS_TABLE, SDK_ONLY, TABLE

STATUSES = (400, 401, 403, 404, 405, 408, 409, 410, 422, 429, 500, 501, 502, 503, 504)
FITTING = {
    "auth_failed": {401},
    "contract_mismatch": {409},
    "rate_limited": {429},
    "server_error": {500, 501, 502, 503, 504},
    "not_found": {400, 403, 404, 405, 408, 409, 410, 422},
    "session_closed": {400, 403, 404, 405, 408, 409, 410, 422},
    "config_invalid": {400, 403, 404, 405, 408, 409, 410, 422},
    "capacity_full": set(STATUSES) - {401},
}
"""Statuses a code may come with; where no document speaks, all but 401 and 429."""
BY_STATUS = {401: "auth_failed", 404: "not_found", 410: "session_closed", 429: "rate_limited"}


def test_the_documented_codes_are_the_seventeen():
    """The seed text lists 17 codes, each with its outcome."""
    assert 17 == len(TABLE)
    assert TABLE == {code: outcome.value for code, outcome in DOCUMENTED_CODES.items()}


def test_the_aliases_are_the_seven_of_the_sdk():
    """Seven names of the SDK mean what a documented code means."""
    assert ALIAS_TABLE == {alias: CODES[alias].value for alias in ALIASES}
    assert set(TABLE) | set(ALIAS_TABLE) == set(CODES)
    assert SDK_ONLY == set(SDK_CODES)
    assert not SDK_ONLY & set(CODES)


def test_every_outcome_has_the_name_the_contract_gives_it():
    """21 outcomes: those with a code, and those without."""
    without_code = {"ok", "connection_refused", "invalid_response", "client_error"}
    assert set(TABLE.values()) | without_code == {outcome.value for outcome in Outcome}
    assert [o.value.upper() for o in Outcome] == [o.name for o in Outcome]


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("code", sorted(TABLE | ALIAS_TABLE))
def test_the_code_decides_whatever_the_status(code, status):
    """Each code and alias keeps its outcome under each status; a clash is reported."""
    outcome = (TABLE | ALIAS_TABLE)[code]
    body = json.dumps({"error": "no", "code": code}).encode()
    interpretation = interpret("get_session", status, body, "1")
    fits = status in FITTING.get(outcome, set(STATUSES) - {401, 429})
    said = "" if fits else f"code {code} with status {status}"
    assert (outcome, code, said) == (
        interpretation.outcome,
        interpretation.code,
        interpretation.violation,
    )


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("code", sorted(SDK_ONLY))
def test_codes_of_the_sdk_alone_are_classified_by_status(code, status):
    """They are known, kept, and no violation; the status says the outcome."""
    body = json.dumps({"error": "no", "code": code, "details": {"a": 1}}).encode()
    interpretation = interpret("create_session", status, body, "1")
    other = "client_error" if status < 500 else "server_error"
    assert (BY_STATUS.get(status, other), code) == (interpretation.outcome, interpretation.code)
    assert "" == interpretation.violation


def test_an_undocumented_status_is_nobodys_fault():
    """Where no document ties a status to a code, any error status will do."""
    assert code_fits_status("CLOUD_CAPACITY_FULL", 503)
    assert code_fits_status("CLOUD_CAPACITY_FULL", 429)
    assert code_fits_status("CLOUD_LAUNCH_FAILED", 502)
    assert not code_fits_status("CLOUD_LAUNCH_FAILED", 302)


def test_410_is_a_closed_session_only_for_sessions():
    """A run that is gone is no closed session."""
    assert outcome_of_status(410, "delete_session") is Outcome.SESSION_CLOSED
    assert outcome_of_status(410, "get_run") is Outcome.CLIENT_ERROR
    assert outcome_of_status(302) is Outcome.INVALID_RESPONSE
