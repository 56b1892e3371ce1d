"""The stand-in's complete API, from its own document: no request causes a 5xx."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import settings

from harness.standin.api_docs.openapi import openapi_document
from harness.standin.config import StandinConfig
from harness.standin.launch import Standin

schema = schemathesis.openapi.from_dict(openapi_document())


@pytest.fixture(scope="module")
def standin():
    """A stand-in for this module."""
    with Standin(StandinConfig()) as running:
        yield running


@schema.parametrize()
@settings(max_examples=25, deadline=None)
def test_no_request_makes_it_fail(standin, case):
    """Paths, queries, headers and bodies, valid and invalid ones."""
    answer = case.call(base_url=standin.url, headers={"x-api-key": "osk_fuzz"})

    assert answer.status_code < 500, (case.as_curl_command(), answer.text)
