"""Part files: complete batches are read, damage is an error."""

from __future__ import annotations

import pytest

from harness.errors import TrialError
from harness.trial.finalize import finalize_trial
from harness.trial.parts import PARTS, PartWriter, count_batches, read_batches
from tests.trials import running_trial


def tear(path, by=1):
    """Cut the end of a file off."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - by])


def test_only_complete_batches_are_read(tmp_path):
    """A torn one, whichever part of it is there, ends the reading."""
    path = running_trial(tmp_path / "t") / PARTS / "local.attempts"
    whole = list(read_batches(path))
    for by in (1, 2, 3):
        tear(path, by)

        assert whole[:2] == list(read_batches(path))
        assert 2 == count_batches(path)
    assert 3 == len(whole)


def test_an_absurd_length_is_damage(tmp_path):
    """A length that no batch has is not a torn end."""
    trial = running_trial(tmp_path / "t")
    path = trial / PARTS / "local.attempts"
    path.write_bytes(path.read_bytes() + b"\xff" * 8)

    with pytest.raises(TrialError, match="damaged at byte"):
        list(read_batches(path))
    with pytest.raises(TrialError, match="damaged at byte"):
        count_batches(path)
    with pytest.raises(TrialError, match="damaged at byte"):
        finalize_trial(trial)


def test_one_file_that_cannot_be_closed_keeps_no_other_from_being(tmp_path):
    """A full disk under one part: what is in memory of the others is written all the same."""
    writer = PartWriter(tmp_path)
    writer.append("w0", b"a", b"b")
    writer.append("w1", b"c", b"d")

    def full():
        raise OSError(28, "No space left on device")

    writer._stack.callback(full)
    with pytest.raises(OSError, match="No space"):
        writer.close()

    assert [[b"a"], [b"b"], [b"c"], [b"d"]] == [
        list(read_batches(tmp_path / PARTS / name))
        for name in ("w0.attempts", "w0.buckets", "w1.attempts", "w1.buckets")
    ]
