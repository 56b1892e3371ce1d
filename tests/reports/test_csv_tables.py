"""CSV files hold the report's numbers and no formula."""

from __future__ import annotations

import csv
import io

import pandas as pd
import pytest

from reports import csv_tables, tables
from reports.section import Table
from tests.reports.conftest import build
from tests.trials import T0, attempt, finding, rate_limited


def read(model):
    """Every file as a frame."""
    return {
        name: pd.read_csv(io.BytesIO(data), keep_default_na=False, na_values=[""])
        for name, data in csv_tables.render(model).items()
    }


def test_the_numbers_are_those_of_the_summary(story_model):
    """Read back, they say what summary.json says."""
    files = read(story_model)

    operations = files["operations.csv"].set_index("operation")
    expected = story_model.summary["operations"]["create_session"]
    assert expected["attempts"] == operations.loc["create_session", "attempts"]
    assert expected["service_ms"]["p99"] == operations.loc["create_session", "service p99, ms"]
    assert [50] == files["errors.csv"]["count"].tolist()
    assert 1052 == files["outcomes.csv"]["count"].sum()
    assert ["fail", "unknown", "pass"] == files["findings.csv"]["verdict"].tolist()


def test_what_probes_were_answered_is_no_error_of_the_load(tmp_path):
    """It is in the file of all, and in no table of a page; no code is told by the outcome."""
    rows = [rate_limited(call_id=1, code="", outcome="connection_lost", status=0)]
    rows += [rate_limited(call_id=2, phase="probe")]
    model = build(tmp_path / "t", rows)

    assert 2 == len(read(model)["errors.csv"])
    told = [row[:2] for row in tables.errors_table(model).rows]
    assert [("(connection_lost)", None)] == told


def test_columns_of_numbers_alone_stand_to_the_right():
    """A dash among numbers is one of them; words among numbers are read as words."""
    rows = ((1, "a", 2, None), (None, 3.0, 4, None))

    assert (True, False, True, False) == Table("t", tuple("abcd"), rows).numeric


def test_a_witness_tells_seconds_of_the_load_and_no_empty_column(tmp_path):
    """A second of the clock says nothing to a reader, and an empty column less."""
    witness = ({"second": T0 + 7, "code": "", "max_ms": 3.5}, {"second": T0 + 9, "code": None})
    model = build(tmp_path / "t", [attempt()], findings=[finding("fail", witness=witness)])
    table = tables.evidence_table(model, model.findings[0])

    assert ("second of the load", "max, ms") == table.head
    assert ((12, 3.5), (14, None)) == table.rows


def test_probes_have_rows_of_their_own(tmp_path):
    """After the load's; of a refusal that was asked for no share of ok is told."""
    rows = [attempt(call_id=1)]
    rows += [attempt(call_id=2, phase="probe"), rate_limited(call_id=3, phase="probe")]
    rows += [attempt(call_id=4, operation="get_run", phase="probe")]
    operations = read(build(tmp_path / "t", rows))["operations.csv"]

    assert [
        ("create_session", 1, 100.0),
        ("probe: create_session", 2, None),
        ("probe: get_run", 1, None),
    ] == [
        (row.operation, row.attempts, None if pd.isna(row[3]) else row[3])
        for row in operations.iloc[:, :4].rename(columns={"ok, %": "ok"}).itertuples(index=False)
    ]


def test_the_timeline_holds_every_attempt(story_model):
    """Outcomes and latencies side by side, seconds since the load's start."""
    timeline = read(story_model)["timeline.csv"]

    assert 1002 == timeline["ok"].sum()
    assert 50 == timeline["rate_limited"].sum()
    assert 5 == timeline["second"].min()  # the first 5 s were a warm-up without traffic
    assert timeline["service_max_ms"].max() == pytest.approx(1000, rel=1e-3)


def test_no_cell_begins_a_formula(hostile_model):
    """What a spreadsheet would evaluate has an apostrophe in front."""
    for data in csv_tables.render(hostile_model).values():
        for row in csv.reader(io.StringIO(data.decode(), newline="")):
            assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@"))]
    assert b"'=HYPERLINK(1)" in csv_tables.render(hostile_model)["errors.csv"]


def test_an_empty_trial_has_tables_with_heads(empty_model):
    """Every file is there and can be read."""
    assert all(len(frame.columns) for frame in read(empty_model).values())
