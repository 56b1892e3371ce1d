"""CSV files hold the report's numbers and no formula."""

from __future__ import annotations

import csv
import io

import pandas as pd
import pytest

from reports import tables
from tests.reports.conftest import build
from tests.trials import attempt, refused


def read(model):
    """Every file as a frame."""
    return {
        name: pd.read_csv(io.BytesIO(data), keep_default_na=False, na_values=[""])
        for name, data in tables.render(model).items()
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


def test_probes_have_rows_of_their_own(tmp_path):
    """After the load's; of a refusal that was asked for no share of ok is told."""
    rows = [attempt(call_id=1)]
    rows += [attempt(call_id=2, phase="probe"), refused(call_id=3, phase="probe")]
    rows += [attempt(call_id=4, operation="get_run", phase="probe")]
    operations = read(build(tmp_path / "t", rows))["operations.csv"]

    assert [
        ("create_session", 1, 100.0),
        ("probe: create_session", 2, None),
        ("probe: get_run", 1, None),
    ] == [
        (row.operation, row.attempts, None if pd.isna(row[3]) else row[3])
        for row in operations.iloc[:, :4]
        .rename(columns={"ok, %": "ok"})
        .itertuples(index=False)
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
    for data in tables.render(hostile_model).values():
        for row in csv.reader(io.StringIO(data.decode(), newline="")):
            assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@"))]
    assert b"'=HYPERLINK(1)" in tables.render(hostile_model)["errors.csv"]


def test_an_empty_trial_has_tables_with_heads(empty_model):
    """Every file is there and can be read."""
    assert all(len(frame.columns) for frame in read(empty_model).values())
