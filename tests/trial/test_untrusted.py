"""Untrusted trial directories: nothing is read or written outside of them."""

from __future__ import annotations

import os
import socket

import pytest

from harness.errors import TrialError
from harness.trial import untrusted
from harness.trial.finalize import finalize_trial
from harness.trial.store import open_trial, write_atomically
from harness.trial.untrusted import create_beside, require_plain_entries
from reports.write import write_reports
from tests.trials import ladder, write_trial


@pytest.fixture
def trial(tmp_path):
    return write_trial(tmp_path / "trial", ladder()[:10])


@pytest.mark.parametrize(
    "name", ["attempts.tmp", "report.html", "summary.json", "tables", "percentiles", "a/b/c"]
)
def test_a_link_anywhere_is_refused_and_not_followed(trial, tmp_path, name):
    """Also one that leads nowhere yet; the file that it names stays as it is."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (trial / name).parent.mkdir(parents=True, exist_ok=True)
    (trial / name).unlink(missing_ok=True)
    (trial / name).symlink_to(victim)

    for use in (open_trial, finalize_trial, write_reports):
        with pytest.raises(TrialError, match=f"{name} is a symbolic link"):
            use(trial)
    assert "mine" == victim.read_text()


def test_a_link_to_a_directory_is_refused(trial, tmp_path):
    """`tables` that leads elsewhere would put our files there."""
    (tmp_path / "elsewhere").mkdir()
    (trial / "tables").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(TrialError, match="tables is a symbolic link"):
        write_reports(trial)
    assert [] == list((tmp_path / "elsewhere").iterdir())


def test_special_files_are_refused(trial):
    """Reading a FIFO never ends."""
    os.mkfifo(trial / "load.log")
    with pytest.raises(TrialError, match=r"load\.log is a FIFO"):
        open_trial(trial)

    (trial / "load.log").unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(trial / "s"))
        with pytest.raises(TrialError, match="s is a socket"):
            open_trial(trial)


def test_the_trial_itself_may_be_named_by_a_link(trial, tmp_path):
    """``trials/latest`` is one."""
    (tmp_path / "latest").symlink_to(trial)

    assert open_trial(trial).manifest == open_trial(tmp_path / "latest").manifest


def test_a_name_cannot_draw_on_the_terminal(trial):
    """An escape sequence in a file's name is shown, not sent."""
    (trial / "\x1b]52;c;eA\x07").symlink_to("x")

    with pytest.raises(TrialError) as caught:
        open_trial(trial)
    assert "\x1b" not in str(caught.value)


def test_entries_and_levels_are_bounded(tmp_path, monkeypatch):
    """A directory of a million files or levels ends the look, not the memory."""
    (tmp_path / "a/b/c/d/e").mkdir(parents=True)
    with pytest.raises(TrialError, match="4 levels"):
        require_plain_entries(tmp_path)

    monkeypatch.setattr(untrusted, "ENTRIES_MAX", 3)
    monkeypatch.setattr(untrusted, "_DEPTH_MAX", 9)
    with pytest.raises(TrialError, match="over 3 entries"):
        require_plain_entries(tmp_path)


def test_a_link_in_the_place_of_a_result_is_replaced(tmp_path):
    """Whoever puts one there after the look gains nothing: the rename takes its place."""
    victim, target = tmp_path / "victim", tmp_path / "report.html"
    victim.write_text("mine")
    target.symlink_to(victim)

    write_atomically(target, b"ours")

    assert ("mine", "ours", False) == (
        victim.read_text(),
        target.read_text(),
        target.is_symlink(),
    )


def test_a_file_that_could_not_be_completed_leaves_nothing(tmp_path):
    """Neither a temporary file nor a torn result."""
    target = tmp_path / "x"
    with pytest.raises(FileNotFoundError), create_beside(target) as temporary:
        (temporary.parent / "nowhere" / "x").write_bytes(b"fails")

    assert [] == list(tmp_path.iterdir())
