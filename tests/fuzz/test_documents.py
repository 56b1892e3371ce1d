"""Any lab document of a trial leads to findings and a report."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.checks.capacity import check_capacity
from harness.verdicts import Verdict
from reports.prose import sentences
from reports.sections import build_sections
from tests.examples import scaled_settings
from tests.fuzz.test_readers import JSON
from tests.reports.conftest import build
from tests.reports.test_rate_limit import LAB
from tests.trials import attempt

SIDE = {"trials": ["t"], "measured_s": 20.0}
SESSIONS = {
    "schema": 1, "kind": "sessions", "ceiling": 5, "ceiling_low": 5, "ceiling_high": 5,
    "bounded": True, "refusal_code": "CLOUD_CAPACITY_FULL", "release_ms": {"p50": 1, "p99": 2},
    "refusal": {"count": 3, "clean": True, "code": "CLOUD_CAPACITY_FULL", "codes": {}},
    "over_admitted": 0, "races": 2, "slots_lost": 1, "slots_lost_after": 1,
    "failed_creates": 0, "lost_answers": 0, "opened": 9, "leaked": 0, "notes": ["A note."],
}  # fmt: skip
STEP = {
    "number": 1, "purpose": "bracket", "rate_per_s": 100.0, "completed_per_s": 99.0,
    "p50_ms": 20.0, "p99_ms": 40.0, "p99_low_ms": 36.0, "p99_high_ms": 44.0, "decision": "pass",
}  # fmt: skip
THROUGHPUT = {
    "schema": 1, "kind": "throughput", "slo": "p99<250ms", "gives_way": "latency",
    "max_rate_per_s": {"estimate": 150.0, "low": 140.0, "high": 160.0},
    "knee": {"rate_per_s": 145.0}, "usl": {"lambda": 1.0, "sigma": 0.1, "kappa": 0.0},
    "notes": ["A note."], "steps": [STEP, {**STEP, "number": 2, "rate_per_s": 200.0,
                                           "decision": "fail"}],
}  # fmt: skip
COMPARISON = {
    "schema": 1, "verdict": "pass", "baseline": SIDE, "candidate": SIDE,
    "metrics": [{"operation": "get_run", "metric": "service.p50", "unit": "ms", "verdict": "pass",
                 "threshold": 0.1, "baseline": 1.0, "candidate": 1.0, "change": 0.0,
                 "ci_low": -0.1, "ci_high": 0.1}],
}  # fmt: skip
WHOLE = [
    ("rate_limit", LAB),
    ("capacity", SESSIONS),
    ("capacity", THROUGHPUT),
    ("compare", COMPARISON),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A trial of one attempt, without a lab."""
    return build(tmp_path_factory.mktemp("labs") / "t", [attempt()])


def changed(data, document):
    """The document with some members removed or replaced."""
    document = copy.deepcopy(document)
    for _ in range(data.draw(st.integers(1, 3))):
        place = document
        while True:
            keys = sorted(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            deeper = isinstance(place[key], dict | list) and data.draw(st.booleans())
            if not deeper:
                if isinstance(place, dict) and data.draw(st.booleans()):
                    del place[key]
                else:
                    place[key] = data.draw(JSON)
                break
            place = place[key]
    return document


def read_lab(model, name, document):
    """Everything that reads the document."""
    findings = check_capacity(document) if name == "capacity" else []
    model = replace(model, labs={name: document})
    sentences(model)
    return findings, build_sections(model)


@scaled_settings(12)
@given(st.data())
def test_a_changed_document_is_reported_as_far_as_it_is_readable(model, data):
    """Members that are missing, of another type, or out of range."""
    name, whole = data.draw(st.sampled_from(WHOLE))

    read_lab(model, name, changed(data, whole))


@scaled_settings(12)
@given(
    st.sampled_from(["rate_limit", "capacity", "compare"]),
    st.dictionaries(st.sampled_from(["kind", "schema", "steps", "refusal", "metrics"]), JSON),
)
def test_any_document_leaves_a_report(model, name, document):
    """Documents of no lab."""
    read_lab(model, name, document)


def test_a_lab_that_cannot_be_read_is_shown_plainly_and_passes_nothing(model):
    """Its numbers are listed below a sentence that says so; the verdict is unknown."""
    findings, sections = read_lab(model, "capacity", {"kind": "sessions", "release_ms": 5})
    (section,) = [section for section in sections if section.name == "capacity"]

    assert [Verdict.UNKNOWN] == [finding.verdict for finding in findings]
    assert "capacity.json has another form than this version writes" in findings[0].detail
    assert "unknown format" in section.prose[0]
    assert ("release_ms", 5) in section.tables[0].rows
