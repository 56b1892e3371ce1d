"""Finishing a trial from its parts: whatever its writer left behind."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
from hdrh.histogram import HdrHistogram

from harness.errors import StorageError, TrialError
from harness.trial import finalize
from harness.trial.batches import attempts_table, bucket_table, to_ipc
from harness.trial.finalize import finalize_trial
from harness.trial.parts import PARTS, PartWriter
from harness.trial.schema import WorkerSummary
from tests.trials import NS, T0, attempt, event, manifest, running_trial


def tear(path, by=1):
    """Cut the end of a file off."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - by])


def counts(trial):
    """(attempts, attempts in the service histograms) of a finished trial."""
    intervals = pq.read_table(trial / "intervals.parquet").to_pylist()
    told = [
        HdrHistogram.decode(row["hdr"]).get_total_count()
        for row in intervals
        if row["metric"] == "service"
    ]
    return pq.read_metadata(trial / "attempts.parquet").num_rows, sum(told)


def test_a_trial_in_order_is_complete(tmp_path):
    """All batches, the worker's summary, and no parts afterwards."""
    trial = running_trial(
        tmp_path / "t", state="measured", workers=[WorkerSummary("local", attempts=12)]
    )
    done = finalize_trial(trial)

    assert done.state == "complete"
    assert counts(trial) == (12, 12)
    assert not (trial / PARTS).exists()


def test_attempts_of_a_frequent_operation_stand_together(tmp_path, monkeypatch):
    """A window's rows: a group for each of the frequent ones, then the rest, each in order."""
    monkeypatch.setattr(finalize, "_CHUNK_ROWS", 100)
    monkeypatch.setattr(finalize, "_GROUP_ROWS_MIN", 20)
    names = ["get_run"] * 5 + ["queue_run"] * 4 + ["create_session"]
    with PartWriter(tmp_path) as writer:
        for first in range(0, 200, 50):
            rows = [attempt(call_id=n, operation=names[n % 10]) for n in range(first, first + 50)]
            table = attempts_table(rows)
            writer.append("local", to_ipc(table), to_ipc(bucket_table(table)))
    (tmp_path / "manifest.json").write_bytes(msgspec.json.encode(manifest(state="measured")))

    finalize_trial(tmp_path)

    file = pq.ParquetFile(tmp_path / "attempts.parquet")
    groups = [
        file.read_row_group(n, ["operation", "call_id"]).to_pydict()
        for n in range(file.num_row_groups)
    ]
    told = [(len(g["call_id"]), set(map(str, g["operation"]))) for g in groups]
    assert 2 * [(50, {"get_run"}), (40, {"queue_run"}), (10, {"create_session"})] == told
    assert all(sorted(g["call_id"]) == g["call_id"] for g in groups)
    assert set(range(200)) == {n for g in groups for n in g["call_id"]}


def test_the_parts_go_when_the_tables_are_on_the_disk(tmp_path, monkeypatch):
    """A machine that loses its power at the worst moment has one or the other."""
    trial = running_trial(tmp_path / "t")
    seen = []
    sync = os.fsync

    def watched(handle):
        path = Path(f"/proc/self/fd/{handle}").readlink()
        seen.append((path.stem, (trial / PARTS).exists()))
        sync(handle)

    monkeypatch.setattr(os, "fsync", watched)
    finalize_trial(trial)

    assert {".attempts.parquet", ".intervals.parquet"} <= {stem for stem, _ in seen}
    assert all(there for _, there in seen)


@pytest.mark.parametrize("torn", ["attempts", "buckets"])
def test_a_torn_batch_is_left_out_of_both_tables(tmp_path, torn):
    """Killed between the two files of a batch: attempts and histograms still agree."""
    trial = running_trial(tmp_path / "t")
    tear(trial / PARTS / f"local.{torn}")
    done = finalize_trial(trial)

    assert counts(trial) == (8, 8)
    assert done.state == "interrupted"
    assert [(end.worker, end.state) for end in done.workers] == [("local", "lost")]


def test_a_summary_that_names_more_attempts_than_arrived_is_a_loss(tmp_path):
    """A worker that recorded 13 attempts, of which 12 came, is lost."""
    trial = running_trial(
        tmp_path / "t", state="measured", workers=[WorkerSummary("local", attempts=13)]
    )
    done = finalize_trial(trial)

    assert done.workers[0].state == "lost"
    assert done.state == "interrupted"


def test_the_end_of_a_load_that_never_wrote_it_is_its_last_answer(tmp_path):
    """The manifest was last written at the start; the load ended when its last answer came."""
    trial = running_trial(tmp_path / "t", ended_ns=(T0 - 5) * NS)

    assert finalize_trial(trial).ended_ns == T0 * NS + 2 * NS + 10_000_000


def test_a_full_disk_keeps_the_parts(tmp_path, monkeypatch):
    """Nothing is lost: finishing can be repeated, and the message says so."""
    trial = running_trial(tmp_path / "t")

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pq, "write_table", full)
        with pytest.raises(StorageError, match=r"make room on the disk.*harness report"):
            finalize_trial(trial)

    assert not list(trial.glob("*.tmp"))
    assert finalize_trial(trial).state == "interrupted"
    assert counts(trial) == (12, 12)


def test_a_trial_that_is_being_made_is_not_finished(tmp_path):
    """Its parts would go from under its writer; when that has ended, it is finished."""
    trial = running_trial(tmp_path / "t")
    with PartWriter(trial), pytest.raises(TrialError, match="another process"):
        finalize_trial(trial)

    assert (trial / PARTS / "local.attempts").is_file()
    assert finalize_trial(trial).state == "interrupted"
    assert counts(trial) == (12, 12)


def test_events_are_written_once_however_often_finalizing_was_cut_off(tmp_path, monkeypatch):
    """Killed between its last two steps: what it had added is not added again."""
    trial = running_trial(tmp_path / "t")
    lines = [msgspec.json.encode(event(at_s, "webhook", "inbox")) for at_s in (1.0, 2.0)]
    (trial / PARTS / "webhooks.events").write_bytes(b"\n".join([*lines, b""]))

    def killed(*_given):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(finalize, "_final_manifest", killed)
        with pytest.raises(KeyboardInterrupt):
            finalize_trial(trial)
    before = (trial / "events.jsonl").read_bytes()
    finalize_trial(trial)

    assert before == (trial / "events.jsonl").read_bytes() == b"\n".join([*lines, b""])


@pytest.mark.parametrize("line", [b"\x80\n", b"[" * 5000 + b"\n", b"{}\n"])
def test_a_line_that_is_no_event_is_one_line_of_error(tmp_path, line):
    """No UTF-8, nested beyond measure, or without a time."""
    trial = running_trial(tmp_path / "t")
    (trial / "events.jsonl").write_bytes(line)

    with pytest.raises(TrialError, match=r"events\.jsonl: a line that is not an event"):
        finalize_trial(trial)
