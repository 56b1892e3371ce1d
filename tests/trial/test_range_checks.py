"""Tables with values that no trial has are one line, before anything is made of them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.analysis.distributions import latencies
from harness.errors import TrialError
from harness.experiments.compare.samples import STEPS_MAX, TrialSample, build_sides
from harness.trial.store import open_trial
from tests.trials import NS, T0, attempt, write_trial

DAY_S = 86_400


def spoil(trial, name, column, value):
    """Put a value into the first cell of a column of one of the trial's tables."""
    path = trial / f"{name}.parquet"
    table = pq.read_table(path)
    cells = table[column].to_pylist()
    field = table.schema.field(column)
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    new = pa.array([value, *cells[1:]], kind)
    pq.write_table(table.set_column(table.schema.names.index(column), column, new), path)


@pytest.fixture
def trial(tmp_path):
    """Its directory; two attempts, 20 s."""
    return write_trial(tmp_path / "t", [attempt(), attempt(call_id=2, at_s=14)])


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("second", None, "empty cells in second"),
        ("operation", None, "empty cells in operation"),
        ("hdr", None, "empty cells in hdr"),
        ("second", 0, "second 0 is outside"),
        ("second", T0 + 15 + DAY_S + 1, "is outside"),
        ("second", 2**63 - 1, "is outside"),
        ("count", 0, "count 0 is outside"),
        ("count", -5, "count -5 is outside"),
        ("count", 2**62, "is outside"),
    ],
)
def test_intervals_beyond_reason_are_refused(trial, column, value, message):
    """The file, the column and the value are named."""
    spoil(trial, "intervals", column, value)
    with pytest.raises(TrialError, match=message) as raised:
        open_trial(trial).intervals_table()

    assert str(raised.value).startswith(f"{trial}/intervals.parquet: ")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("status", None, "empty cells in status"),
        ("outcome", None, "empty cells in outcome"),
        ("end_ns", 2**63 - 1, "is outside"),
        ("start_ns", 0, "start_ns 0 is outside"),
        ("intended_ns", (T0 - 5 - DAY_S) * NS - 1, "is outside"),
    ],
)
def test_attempts_beyond_reason_are_refused(trial, column, value, message):
    """As far as their columns are read."""
    spoil(trial, "attempts", column, value)
    opened = open_trial(trial)
    with pytest.raises(TrialError, match=message):
        opened.attempts_table()

    assert 2 == opened.attempts_table(["worker"]).num_rows


def test_what_lies_within_a_day_is_believed(trial):
    """A preflight before the load, an answer long after it."""
    spoil(trial, "attempts", "end_ns", (T0 + 15 + DAY_S) * NS)
    spoil(trial, "intervals", "second", T0 - 5 - DAY_S)

    assert 2 == open_trial(trial).attempts_table().num_rows
    assert 4 == open_trial(trial).intervals_table().num_rows


def test_a_histogram_holds_as_many_values_as_its_row_says(trial):
    """Else throughput and percentiles would describe two trials."""
    spoil(trial, "intervals", "count", 2)
    table = open_trial(trial).intervals_table()

    with pytest.raises(TrialError, match="total differs from its row"):
        latencies(table, {"steady"})


def test_an_answer_that_comes_a_day_late_makes_no_more_steps(trial):
    """Steps are as long as it takes to have a bounded number of them."""
    path = trial / "intervals.parquet"
    table = pq.read_table(path)
    late = pa.array(
        [T0 + DAY_S if second > T0 else second for second in table["second"].to_pylist()]
    )
    pq.write_table(table.set_column(0, "second", late), path)
    opened = open_trial(trial)
    run = TrialSample(opened.manifest, opened.intervals_table())
    side, _ = build_sides([run], [run])

    assert 2 < side.steps <= STEPS_MAX + 1
    assert 2 == sum(counts.sum() for counts in side.outcomes["create_session"].values())
