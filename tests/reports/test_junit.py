"""JUnit says what failed, and calls no doubt a success."""

from __future__ import annotations

from junitparser import Error, Failure, JUnitXml

from reports import junit
from tests.reports.conftest import HOSTILE


def read(model):
    """The cases of the rendered file as (name, kind of result)."""
    document = JUnitXml.fromstring(junit.render(model))
    return document, [
        (case.name, [type(result) for result in case.result])
        for suite in document
        for case in suite
    ]


def test_fail_is_a_failure_and_unknown_an_error(story_model):
    """A pass has no result; failures come first; the totals agree."""
    document, cases = read(story_model)

    assert [
        ("idempotency.exactly_once", [Failure]),
        ("webhooks.once", [Error]),
        ("create_session.p99<2s", []),
    ] == cases
    assert (3, 1, 1) == (document.tests, document.failures, document.errors)
    assert [20.0] == [suite.time for suite in document]


def test_the_witness_is_in_the_text(story_model):
    """Whoever reads the CI's page sees the rows that show it."""
    assert b"key=k-12, session=s-2, attempt=2" in junit.render(story_model)


def test_nothing_checked_is_an_error(empty_model):
    """A pipeline without checks must not look green."""
    assert [("harness.checked", [Error])] == read(empty_model)[1]


def test_hostile_text_stays_text(hostile_model):
    """The file parses, and what XML cannot write is replaced."""
    clean = HOSTILE.replace("\x00", "\ufffd").replace("\x1b", "\ufffd")

    assert [(clean, [Failure])] == read(hostile_model)[1]
