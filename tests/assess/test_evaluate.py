"""The evaluation of a trial reads each of its files once."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext

from harness.assess import opened_trial
from harness.assess.evaluate import evaluate_trial
from harness.plan.file import build_plan
from harness.trial import baselines, finalize, store
from harness.trial.baselines import save_baseline
from harness.trial.store import Trial, open_trial
from tests.trials import NS, T0, ladder, write_trial


def test_manifest_plan_and_intervals_are_read_once(tmp_path, monkeypatch):
    """Also with a baseline to compare with: its own files are read once, too."""
    monkeypatch.chdir(tmp_path)
    early = write_trial(
        tmp_path / "old" / "one", ladder(), trial_id="one", started_ns=(T0 - 999) * NS
    )
    kept = save_baseline(open_trial(early), "v1", {"steady"})
    trial = write_trial(tmp_path / "new" / "two", ladder(), trial_id="two")
    reads = Counter()
    read_intervals = Trial.intervals_table

    def count_open(path):
        reads["manifest", store.Path(path).name] += 1
        return open_trial(path)

    def count_intervals(self):
        reads["intervals", self.path.name] += 1
        return read_intervals(self)

    def count_plan(document, source, *rest):
        reads["plan", source.rpartition("/manifest")[0].rpartition("/")[2]] += 1
        return build_plan(document, source, *rest)

    for module in (finalize, baselines, opened_trial):
        monkeypatch.setattr(module, "open_trial", count_open)
    monkeypatch.setattr("harness.assess.history.open_trial", count_open)
    monkeypatch.setattr(Trial, "intervals_table", count_intervals)
    monkeypatch.setattr(opened_trial, "build_plan", count_plan)
    evaluation = evaluate_trial(trial, nullcontext)

    assert (trial / "compare.json").exists()
    assert (trial / "trend.json").exists()
    assert "two" == evaluation.summary["trial_id"]
    assert reads == {
        (what, name): 1 for what in ("manifest", "plan", "intervals") for name in ("two", kept.name)
    }
