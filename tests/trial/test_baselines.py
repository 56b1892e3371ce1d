"""Baselines are small trials that everything but the attempt log can be read from."""

from __future__ import annotations

import pytest

from harness.analysis.distributions import latencies, measured_phases
from harness.errors import TrialError, UsageError
from harness.trial.baselines import find_trial, read_baselines, save_baseline
from harness.trial.store import open_trial
from tests.trials import attempt, ladder, write_trial


@pytest.fixture
def trial(tmp_path):
    rows = [*ladder(), attempt(call_id=5000, phase="warm-up", at_s=-1.0)]
    return open_trial(write_trial(tmp_path / "trial", rows))


def test_a_baseline_says_what_its_trial_said(trial, tmp_path):
    root = tmp_path / "baselines"
    path = save_baseline(trial, "v12", ["steady"], root)
    kept = open_trial(path)
    assert kept.manifest == trial.manifest
    assert {file.name for file in path.iterdir()} == {"manifest.json", "intervals.parquet"}
    phases = measured_phases(trial.manifest)
    one, other = (latencies(t.intervals_table(), phases).distributions for t in (trial, kept))
    assert {k: s.describe_ms() for k, s in one.items()} == {
        k: s.describe_ms() for k, s in other.items()
    }
    assert "warm-up" not in kept.intervals_table()["phase"].to_pylist()
    assert [found.path for found in read_baselines(root)[0]] == [path]


def test_a_taken_name_is_kept(trial, tmp_path):
    save_baseline(trial, "v12", ["steady"], tmp_path)
    with pytest.raises(UsageError, match="exists already"):
        save_baseline(trial, "v12", ["steady"], tmp_path)


@pytest.mark.parametrize("name", ["", "../v12", ".hidden", "a/b", "x" * 65, "a b"])
def test_a_name_cannot_leave_the_directory(trial, tmp_path, name):
    with pytest.raises(UsageError, match="not a valid baseline name"):
        save_baseline(trial, name, ["steady"], tmp_path)


def test_only_complete_trials_with_something_measured_are_kept(trial, tmp_path):
    with pytest.raises(UsageError, match="nothing was measured"):
        save_baseline(trial, "v12", [], tmp_path)
    cut = open_trial(write_trial(tmp_path / "cut", ladder(), state="interrupted"))
    with pytest.raises(UsageError, match="complete trial"):
        save_baseline(cut, "v12", ["steady"], tmp_path)


def test_a_baseline_is_found_by_name_after_a_directory(trial, tmp_path):
    root = tmp_path / "baselines"
    save_baseline(trial, "v12", ["steady"], root)
    from pathlib import Path

    assert find_trial(Path("v12"), root) == root / "v12"
    assert find_trial(trial.path, root) == trial.path
    with pytest.raises(TrialError, match=r"known: v12"):
        find_trial(Path("v13"), root)
