"""A trial directory is believed only after it was checked."""

from __future__ import annotations

import json
import os

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import TrialError
from harness.trial import store
from harness.trial.schema import ATTEMPTS, Event, WorkerSummary
from harness.trial.store import open_trial, write_atomically, write_json
from harness.verdicts import Verdict
from tests.trials import T0, attempt, event, finding, ladder, rate_limited, write_trial


def _write_other_columns(path):
    table = pq.read_table(path / "attempts.parquet")
    pq.write_table(table.drop_columns(["worker"]), path / "attempts.parquet")


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


def test_everything_that_was_written_is_read_back(path):
    """Manifest, attempts, events and findings come back as they were."""
    trial = open_trial(path)

    assert "session_churn" == trial.manifest.scenario
    assert [WorkerSummary("local", attempts=1000, planned=1000, cpu_max_fraction=0.25)] == (
        trial.manifest.workers
    )
    assert [1, 2] == trial.attempts_table()["call_id"].to_pylist()
    assert ATTEMPTS.names == trial.attempts_table().column_names
    assert [Event(T0 * 10**9 + 1_500_000_000, "note", "local", {"text": "hello"})] == (
        trial.events()
    )
    assert [Verdict.PASS] == [found.verdict for found in trial.findings()]


def test_missing_findings_are_no_findings(path):
    """A trial that was not checked yet can be read."""
    (path / "findings.json").unlink()

    assert [] == open_trial(path).findings()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda p: (p / "manifest.json").unlink(), "is not a trial: it has no manifest.json"),
        (lambda p: (p / "manifest.json").write_text('{"schema": 2}'), "written in schema 2"),
        (lambda p: (p / "manifest.json").write_text("{}"), "written in schema None"),
        (lambda p: (p / "manifest.json").write_text('{"schema": 1}'), "missing required field"),
        (lambda p: (p / "manifest.json").write_text('{"sch'), "truncated"),
        (lambda p: (p / "manifest.json").write_text("[" * 100_000), "not as expected"),
        (lambda p: (p / "manifest.json").write_bytes(b"\xff"), "not as expected"),
        (lambda p: (p / "attempts.parquet").unlink(), "attempts.parquet is missing"),
        (lambda p: _cut(p / "attempts.parquet"), "not a readable Parquet file"),
        (lambda p: (p / "attempts.parquet").write_bytes(b""), "not a readable Parquet file"),
        (_write_other_columns, "wrong columns worker (absent)"),
        (lambda p: (p / "intervals.parquet").unlink(), "intervals.parquet is missing"),
        (lambda p: (p / "events.jsonl").unlink(), "events.jsonl is missing"),
        (lambda p: _append(p, b'{"time_ns": 1'), "line 2: not an event"),
        (lambda p: _append(p, b'{"time_ns": "x", "kind": ""}\n'), "line 2: not an event"),
        (lambda p: _append(p, b"x" * (1 << 20) + b"y\n"), "line 2: longer than 1048576 bytes"),
        (lambda p: (p / "findings.json").write_text("{}"), "findings.json: not as expected"),
        (
            lambda p: (p / "findings.json").write_text(
                '[{"name": "", "kind": "slo", "verdict": "good", "detail": ""}]'
            ),
            "Invalid enum value 'good'",
        ),
    ],
)
def test_damage_is_reported_in_one_line(path, damage, said):
    """Whatever is wrong with a directory, the error names it and fits one line."""
    damage(path)

    with pytest.raises(TrialError) as caught:
        _read_all(path)

    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_directory_is_said_to_be_none(tmp_path):
    """The error of a wrong path says what it is."""
    (tmp_path / "file").touch()

    with pytest.raises(TrialError, match="does not exist"):
        open_trial(tmp_path / "nowhere")
    with pytest.raises(TrialError, match="is a file"):
        open_trial(tmp_path / "file")


def test_too_many_events_are_refused(path, monkeypatch):
    """The reader stops at its bound instead of filling the memory."""
    monkeypatch.setattr(store, "EVENTS_MAX", 3)
    _append(path, b'{"time_ns": 1, "kind": "note"}\n' * 2)

    assert 3 == len(open_trial(path).events())
    _append(path, b'{"time_ns": 1, "kind": "note"}\n')
    with pytest.raises(TrialError, match="more than 3 events"):
        open_trial(path).events()


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner),
            max_leaves=12,
        ).map(lambda value: json.dumps(value).encode()),
    ),
    st.sampled_from(["manifest.json", "events.jsonl", "findings.json", "attempts.parquet"]),
)
def test_no_bytes_do_more_than_raise_a_trial_error(tmp_path_factory, data, name):
    """Whatever a file holds, reading ends in a result or in a TrialError."""
    path = write_trial(tmp_path_factory.mktemp("fuzz") / "trial", [attempt()])
    (path / name).write_bytes(data)

    try:
        _read_all(path)
    except TrialError as error:
        assert "\n" not in str(error)  # noqa: PT017  both ways out are allowed


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_flipped_byte_does_more_than_raise_a_trial_error(tmp_path_factory, data):
    """A damaged Parquet file is an error of the trial, not of the harness."""
    path = write_trial(tmp_path_factory.mktemp("flip") / "trial", ladder()[:20])
    file = path / data.draw(st.sampled_from(["attempts.parquet", "intervals.parquet"]))
    raw = bytearray(file.read_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    file.write_bytes(raw)

    try:
        _read_all(path)
    except TrialError as error:
        assert "\n" not in str(error)  # noqa: PT017  both ways out are allowed


def test_a_written_file_is_complete_without_leftovers(tmp_path):
    """The file is there under its name, readable by others, and nothing beside it."""
    written = write_json(tmp_path / "deep" / "a.json", {"ms": 1.5, "name": "é"})

    assert {"ms": 1.5, "name": "é"} == json.loads(written.read_bytes())
    assert ["a.json"] == [f.name for f in (tmp_path / "deep").iterdir()]
    assert 0o666 & ~_umask() == written.stat().st_mode & 0o777


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    """When the disk gives up, what was there before is still there."""
    write_atomically(tmp_path / "a", b"old")

    def fail(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(TrialError, match="No space left on device"):
        write_atomically(tmp_path / "a", b"new")

    assert b"old" == (tmp_path / "a").read_bytes()
    assert ["a"] == [f.name for f in tmp_path.iterdir()]


def test_json_has_no_word_for_nan(tmp_path):
    """A NaN would make a document that no other program reads."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"p99": float("nan")})


def _read_all(path):
    trial = open_trial(path)
    trial.attempts_table()
    trial.intervals_table()
    trial.events()
    trial.findings()


def _append(path, data):
    with (path / "events.jsonl").open("ab") as file:
        file.write(data)


def _cut(file):
    file.write_bytes(file.read_bytes()[:-20])


def _umask():
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
