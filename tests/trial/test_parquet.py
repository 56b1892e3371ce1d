"""Reading Parquet: chosen columns and rows, and other encodings of the same names."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.errors import TrialError
from harness.trial import parquet
from harness.trial.schema import ATTEMPTS
from harness.trial.store import open_trial
from tests.trials import attempt, event, finding, rate_limited, write_trial


@pytest.fixture
def path(tmp_path):
    """A small finished trial."""
    rows = [attempt(call_id=1), rate_limited(call_id=2, operation="queue_run")]
    return write_trial(
        tmp_path / "trial",
        rows,
        events=[event(1.5, "note", text="hello")],
        findings=[finding()],
    )


def test_only_the_columns_and_operations_asked_for_are_read(path):
    """A projection has just its columns, in the order asked for, and just its rows."""
    table = open_trial(path).attempts_table(["outcome", "call_id"], ["queue_run"])

    assert ["outcome", "call_id"] == table.column_names
    assert [{"outcome": "rate_limited", "call_id": 2}] == table.to_pylist()


def test_an_operation_that_never_occurred_gives_an_empty_table(path):
    """No row is not an error, and the columns are still there."""
    table = open_trial(path).attempts_table(["status"], ["cdp"])

    assert (0, ["status"]) == (len(table), table.column_names)


def test_only_the_phases_asked_for_are_read(tmp_path):
    """Of probes the evidence, whatever else is in the log; of no such phase nothing."""
    rows = [
        attempt(call_id=n, phase=phase, operation=operation, evidence=f"{phase} {n}")
        for n, (phase, operation) in enumerate(
            [("steady", "get_run"), ("probe", "get_run"), ("probe", "queue_run")]
        )
    ]
    trial = open_trial(write_trial(tmp_path / "t", rows))

    told = trial.attempts_table(["evidence"], phases={"probe"})
    both = trial.attempts_table(["evidence"], ["queue_run"], phases={"probe"})

    assert ["probe 1", "probe 2"] == told["evidence"].to_pylist()
    assert ["probe 2"] == both["evidence"].to_pylist()
    assert 0 == len(trial.attempts_table(["evidence"], phases={"cleanup"}))


def test_names_may_be_plain_strings_in_the_file(path):
    """Another writer's plain strings are as good as dictionaries."""
    plain = pa.schema(
        [
            pa.field(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type)
            for f in ATTEMPTS
        ]
    )
    table = pq.read_table(path / "attempts.parquet").cast(plain)
    pq.write_table(table, path / "attempts.parquet", store_schema=False)

    read = open_trial(path).attempts_table(["operation"])

    assert ["create_session", "queue_run"] == read["operation"].to_pylist()
    assert pa.types.is_dictionary(read["operation"].type)


def test_batches_with_other_dictionaries_are_one_table(tmp_path, monkeypatch):
    """Names keep their meaning however the file is cut into batches."""
    rows = [attempt(call_id=n, operation=f"op_{n % 7}") for n in range(100)]
    path = write_trial(tmp_path / "trial", rows)
    monkeypatch.setattr(parquet, "_BATCH_ROWS", 9)

    read = open_trial(path).attempts_table(["operation"])

    assert [row.operation for row in rows] == read["operation"].to_pylist()


@pytest.mark.parametrize("column", ["evidence", "code"])
def test_text_that_is_no_utf8_is_damage(path, column):
    """Arrow does not look; we do, before a renderer falls over it."""
    table = pq.read_table(path / "attempts.parquet")
    text = pa.array([b"\xff\xfe"] * len(table)).view(pa.string())
    table = table.set_column(table.schema.get_field_index(column), column, text)
    pq.write_table(table, path / "attempts.parquet", store_schema=False)

    with pytest.raises(TrialError, match="not a readable Parquet file"):
        open_trial(path).attempts_table([column])
