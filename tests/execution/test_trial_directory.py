"""A trial's directory: taken only where it is free, given back, pointed at."""

from __future__ import annotations

import os

import pytest

from harness.errors import UsageError
from harness.execution.trial_directory import (
    create_directory,
    discard_directory,
    has_started,
    link_latest,
)


def test_a_file_in_its_place_is_refused(tmp_path):
    """Below a file there is no directory: one line, no traceback."""
    (tmp_path / "file").write_text("mine")

    for out in (tmp_path / "file", tmp_path / "file" / "trial"):
        with pytest.raises(UsageError, match=f"--out {out}: "):
            create_directory(out)
    assert "mine" == (tmp_path / "file").read_text()


def test_a_directory_that_cannot_be_written_is_refused(tmp_path, monkeypatch):
    """Before anything is sent, and the directory stays."""
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK or path != tmp_path)

    with pytest.raises(UsageError, match="cannot be written; name a directory"):
        create_directory(tmp_path)
    assert tmp_path.is_dir()


def test_what_was_taken_is_given_back_whole(tmp_path):
    """Nothing is left; a trial has begun when its manifest is there."""
    out = tmp_path / "a" / "trial"
    create_directory(out)
    (out / "parts").mkdir()
    (out / "parts" / "local.ledger").write_text("")
    begun = has_started(out)
    (out / "manifest.json").write_text("{}")

    assert [False, True] == [begun, has_started(out)]
    discard_directory(out)
    assert not out.exists()


def test_latest_points_at_the_newest(tmp_path):
    """One link, renewed."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        link_latest(tmp_path / name)

    assert "two" == os.readlink(tmp_path / "latest")  # noqa: PTH115  the text of the link
    assert {"one", "two", "latest"} == {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_called_latest_and_is_no_link_stays(tmp_path, kind):
    """``--out`` may name any folder; what lies there is somebody's."""
    latest = tmp_path / "latest"
    latest.write_text("mine") if kind == "file" else latest.mkdir()
    (tmp_path / "trial").mkdir()
    link_latest(tmp_path / "trial")

    assert not latest.is_symlink()
    assert kind == "folder" or "mine" == latest.read_text()
