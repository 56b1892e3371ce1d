"""Every file of a report is read back by a program that had no part in writing it."""

from __future__ import annotations

import copy
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import cmarkgfm
import duckdb
import pandas as pd
import pytest
from cmarkgfm.cmark import Options

from harness.trial.histograms import new_histogram
from reports import csv_tables, hdr, junit, markdown
from tests.fuzz.test_documents import COMPARISON, SESSIONS, THROUGHPUT
from tests.reports.conftest import HOSTILE
from tests.reports.test_rate_limit import LAB
from tests.schemas import NAMES, schema_errors, schema_errors_of_file, validator

ROOT = Path(__file__).resolve().parents[2]


def test_duckdb_reads_the_attempts_as_the_summary_counts_them(story_path, story_model):
    """A second implementation of Parquet: names, counts, and a percentile of the raw times."""
    attempts = duckdb.read_parquet(str(story_path / "attempts.parquet"))
    counted = attempts.aggregate("operation, outcome, count(*)").fetchall()
    good = attempts.filter("outcome = 'ok' and phase = 'steady'")
    ((p99_us,),) = good.aggregate("quantile_disc(service_us, 0.99)").fetchall()
    operations = story_model.summary["operations"]

    assert {name: row["outcomes"] for name, row in operations.items()} == {
        operation: {o: n for op, o, n in counted if op == operation} for operation, *_ in counted
    }
    assert operations["create_session"]["service_ms"]["p99"] == pytest.approx(
        p99_us / 1000, rel=1e-3
    )


def test_duckdb_reads_the_intervals_as_many_as_the_attempts(story_path):
    """Each attempt stands once under each metric."""
    intervals = duckdb.read_parquet(str(story_path / "intervals.parquet"))
    counted = intervals.aggregate("metric, sum(count)").fetchall()

    assert {("service", 1052), ("response", 1052)} == set(counted)


def test_duckdb_finds_the_same_tables_in_the_csv_files(story_model, tmp_path):
    """Its sniffer sees the heads and the types, and every row."""
    for name, data in csv_tables.render(story_model).items():
        path = tmp_path / name
        path.write_bytes(data)
        found, ours = duckdb.read_csv(str(path)).df(), pd.read_csv(io.BytesIO(data))

        assert list(ours.columns) == list(found.columns)
        assert len(ours) == len(found)
        numeric = list(ours.select_dtypes("number"))
        assert numeric == list(found.select_dtypes("number"))
        assert ours[numeric].sum().tolist() == pytest.approx(found[numeric].sum().tolist())


class Page(HTMLParser):
    """What GitHub's own parser made of a page: tags, and the tables' cells as text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.tables, self.open = set(), [], False
        options = Options.CMARK_OPT_UNSAFE
        self.feed(cmarkgfm.github_flavored_markdown_to_html(text, options))

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"th", "td"}:
            self.tables[-1][-1].append("")
            self.open = True

    def handle_endtag(self, tag):
        self.open &= tag not in {"th", "td"}

    def handle_data(self, data):
        if self.open:
            self.tables[-1][-1][-1] += data


def test_githubs_parser_reads_the_tables_of_the_page(story_model):
    """Operations, findings and codes, each a table with a head and its rows."""
    page = Page(markdown.render(story_model))
    operations = page.tables[0]
    expected = story_model.summary["operations"]["create_session"]

    assert ["operation", "attempts", "per second", "ok, %"] == operations[0][:4]
    assert ["create_session", f"{expected['attempts']:,}"] == operations[1][:2]
    assert [["❌ fail", "idempotency.exactly_once"], ["❔ unknown", "webhooks.once"]] == [
        row[:2] for row in page.tables[1][1:3]
    ]
    assert all(len({len(row) for row in table}) == 1 for table in page.tables)


def test_githubs_parser_sees_untrusted_text_as_text(hostile_model):
    """No element that a name could have brought, and the name itself can be read."""
    page = Page(markdown.render(hostile_model))
    shown = " ".join("".join(c if c.isprintable() else "\ufffd" for c in HOSTILE).split())

    assert page.tags <= {
        *("h1", "h2", "p", "strong", "em", "code", "details", "summary"),
        *("table", "thead", "tbody", "tr", "th", "td"),
    }  # fmt: skip
    assert shown in {cell for table in page.tables for row in table for cell in row}


def test_an_xml_parser_sees_in_junit_what_the_findings_say(story_model):
    """What every CI counts: cases, failures and errors, on the suite and in it."""
    root = ET.fromstring(junit.render(story_model))  # noqa: S314  our own bytes
    (suite,) = root.iter("testsuite")
    seen = {kind: len(list(suite.iter(kind))) for kind in ("testcase", "failure", "error")}

    assert ("testsuites", "3", "1", "1") == (
        root.tag, *(root.get(name) for name in ("tests", "failures", "errors")),
    )  # fmt: skip
    assert {"testcase": 3, "failure": 1, "error": 1} == seen
    assert [f.name for f in story_model.findings] == [c.get("name") for c in suite.iter("testcase")]


def test_hdrhistograms_own_printer_agrees_on_the_distribution(story_model):
    """Wherever both print a value, its count; the ends; and of the footer mean, maximum, total.

    Our levels are those of the Java reference; hdrh's come a little closer by each step.
    """
    reference, text = new_histogram(), io.BytesIO()
    for value_us in (*range(1000, 1_001_000, 1000), 20_000):
        reference.record_value(value_us)
    reference.output_percentile_distribution(text, 1000)
    ours = hdr.render_percentiles(story_model)["create_session-service.hgrm"].decode()

    def read(page):
        lines = [line.split() for line in page.splitlines()]
        counts = {float(line[0]): int(line[2]) for line in lines if line and line[0][0].isdigit()}
        numbers = re.findall(r"(Mean|Max|TotalCount) *= *([0-9.]+)", page)
        return counts, {name: float(number) for name, number in numbers}

    (theirs, their_foot), (found, foot) = read(text.getvalue().decode()), read(ours)
    common = theirs.keys() & found.keys()
    assert len(common) > 10
    assert {value: theirs[value] for value in common} == {value: found[value] for value in common}
    assert (min(theirs), max(theirs)) == (min(found), max(found))
    assert their_foot == pytest.approx(foot, rel=1e-3)


def test_pandas_reads_a_distribution_as_its_plotters_do(story_model):
    """Four columns by white space, and comments."""
    data = hdr.render_percentiles(story_model)["create_session-service.hgrm"]
    frame = pd.read_csv(io.BytesIO(data), sep=r"\s+", comment="#")

    assert ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"] == list(frame.columns)
    assert 1001 == frame["TotalCount"].iloc[-1]
    assert frame["Value"].is_monotonic_increasing


@pytest.mark.parametrize("name", ["story_model", "hostile_model", "empty_model"])
def test_the_summary_keeps_its_schema(name, request):
    """Whatever was observed, and nothing."""
    model = request.getfixturevalue(name)

    assert schema_errors("summary", json.loads(json.dumps(model.summary))) == []


def test_files_of_a_trial_keep_their_schemas(story_path):
    """As they lie there; of events each line."""
    for name in ("manifest.json", "findings.json", "events.jsonl"):
        assert schema_errors_of_file(story_path / name) == [], name


def test_the_committed_sample_keeps_its_schema():
    """The figures that the README links to."""
    assert schema_errors_of_file(ROOT / "reports/sample/summary.json") == []


BASELINE = {
    "name": "main", "plan": "smoke", "scenario": "mixed", "model": "open", "host": "http://h",
    "embedded": False, "measured_s": 60.0, "started": "2026-11-24T10:15:30Z", "trial_id": "t",
    "response_ms": {"health": {"ok": 1, "p50": 1.0, "p90": 1.0, "p99": 1.0, "p99_9": None, "max": 1.0}},
}  # fmt: skip
DOCTOR = {"exit_code": 0, "diagnostics": [{"name": "disk", "state": "ok", "detail": "9 GB free"}]}
TREND = {
    "schema": 1, "plan": "smoke", "trials": ["a"],
    "series": [{"operation": "o", "metric": "throughput", "unit": "per_s", "values": [1.0],
                "shifts": [{"from_trial": "a", "before": 1, "after": 2, "change": 1}]}],
}  # fmt: skip


@pytest.fixture(scope="module")
def examples(story_path, story_model):
    """A good document of each schema."""
    lines = (story_path / "events.jsonl").read_text().splitlines()
    return {
        "manifest": json.loads((story_path / "manifest.json").read_text()),
        "event": json.loads(lines[0]),
        "findings": json.loads((story_path / "findings.json").read_text()),
        "summary": story_model.summary,
        "compare": COMPARISON,
        "rate_limit": LAB,
        "capacity": [SESSIONS, THROUGHPUT],
        "trend": TREND,
        "baseline": BASELINE,
        "doctor": DOCTOR,
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_promised_key_that_is_missing_is_no_longer_conform(examples, name):
    """At every depth; the schemas are no rubber stamp."""
    whole = examples[name]
    for document in whole if name == "capacity" else [whole]:
        assert schema_errors(name, document) == []
        spoilt = list(without_a_required_key(validator(name).schema, document))
        assert spoilt
        assert [path for path, one in spoilt if not schema_errors(name, one)] == []


def without_a_required_key(schema, document):
    """Path and document, once for each key that the schema demands where it stands."""
    demands, places = list(required_in(schema)), [((), document)]
    while places:
        path, place = places.pop()
        if isinstance(place, list):
            places += [((*path, n), inner) for n, inner in enumerate(place[:1])]
        elif isinstance(place, dict):
            keys = place.keys()
            for key in {k for demanded in demands if demanded <= keys for k in demanded}:
                spoilt = copy.deepcopy(document)
                target = spoilt
                for step in path:
                    target = target[step]
                del target[key]
                yield (*path, key), spoilt
            places += [((*path, key), inner) for key, inner in place.items()]


def required_in(schema):
    """The demanded keys of every object schema in it."""
    if isinstance(schema, dict):
        if "required" in schema:
            yield set(schema["required"])
        for inner in schema.values():
            yield from required_in(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from required_in(inner)


def test_the_page_of_formats_names_tests_and_schemas_that_there_are():
    """docs/reference/formats.md; that it lists every file is seen on a whole trial, in tests/e2e."""
    page = (ROOT / "docs/reference/formats.md").read_text()
    tests = set(re.findall(r"`(tests/\S+\.py)` \|$", page, re.MULTILINE))

    assert len(tests) > 10
    assert [name for name in sorted(tests) if not (ROOT / name).is_file()] == []
    assert set(NAMES) == set(re.findall(r"\(\.\./schemas/(\w+)\.schema\.json\)", page))
