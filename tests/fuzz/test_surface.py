"""The stand-in's whole surface, by its own document: whatever is sent, never a 5xx."""

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
    """A stand-in of this module's own."""
    with Standin(StandinConfig()) as running:
        yield running


@schema.parametrize()
@settings(max_examples=25, deadline=None)
def test_no_request_makes_it_fail(standin, case):
    """Paths, queries, headers and bodies, as the document allows them and as it does not."""
    answer = case.call(base_url=standin.url, headers={"x-api-key": "osk_fuzz"})

    assert answer.status_code < 500, (case.as_curl_command(), answer.text)
